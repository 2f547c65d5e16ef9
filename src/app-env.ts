/** Hono's Bindings and Variables: what travels with a request through the middleware to its handler. */

import type { RequestIdVariables } from "hono/request-id";
import type { Principal } from "./auth/permissions.ts";
import type { Env } from "./env.ts";
import type { ErrorCode } from "./http/errors.ts";
import type { Hops } from "./http/hops.ts";

export interface AppEnv {
  Bindings: Env;
  Variables: RequestIdVariables & {
    hops: Hops;
    /** Set when an API token was accepted. Callbacks have no principal. */
    principal: Principal;
    errorCode?: ErrorCode;
    /** The callback token is genuine, but its run's deadline has passed. */
    isLate?: boolean;
  };
}

/** Hono's Bindings and Variables: what travels with one request through the middleware to its handler. */

import type { RequestIdVariables } from "hono/request-id";
import type { Principal } from "./auth/permissions.ts";
import type { Env } from "./env.ts";
import type { ErrorCode } from "./http/errors.ts";
import type { Hops } from "./http/hops.ts";

export interface AppEnv {
  Bindings: Env;
  /** `isLate`: the callback token is genuine, but its run's time was up. */
  Variables: RequestIdVariables & {
    hops: Hops;
    /** Set once an API token was found good; callbacks have none. */
    principal: Principal;
    errorCode?: ErrorCode;
    isLate?: boolean;
  };
}

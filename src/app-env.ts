/** What travels with one request through the front door. */

import type { RequestIdVariables } from "hono/request-id";
import type { Principal } from "./auth/api-token.ts";
import type { Env } from "./env.ts";
import type { ErrorCode } from "./http/errors.ts";

/** Round trips this request has made; they explain nearly all of what it costs. */
export interface Hops {
  d1: number;
  coordinator: number;
}

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

/**
 * Hono's Bindings and Variables: what travels with a request through the middleware to its handler. A middleware of a
 * room above adds its own variables to Hono's ContextVariableMap.
 */

import type { RequestIdVariables } from "hono/request-id";
import type { Env } from "../settings/env.ts";
import type { ErrorCode } from "./errors.ts";

/** The round trips of one request so far. They explain nearly all of its cost. */
export interface Hops {
  d1: number;
  coordinator: number;
}

export interface AppEnv {
  Bindings: Env;
  Variables: RequestIdVariables & {
    hops: Hops;
    /** The id of the API token that was accepted, for the log. */
    tokenId?: string;
    /** The id of the session that was accepted, for the log. */
    sessionId?: string;
    errorCode?: ErrorCode;
  };
}

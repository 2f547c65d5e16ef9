/**
 * What a run's callback token opens: the run, its callback and its heartbeat. The token is verified before the body is
 * read and before any storage is asked, so a forged token costs an HMAC for each key at most and learns nothing.
 */

import type { Context, MiddlewareHandler } from "hono";
import { authorize, bearerToken } from "../../auth/bearer.ts";
import { type CallbackGrant, isCallbackToken, verifyCallbackToken } from "../../auth/callback-token.ts";
import { CALLBACK_REPLAY_GRACE_MS } from "../../base/limits.ts";
import { parseUuid } from "../../base/uuid.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { scopeOf, usableRing } from "../../http/environment.ts";
import { ApiError, errorResponse } from "../../http/errors.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** The callback token is genuine, but its run's deadline has passed. */
    isLate?: boolean;
    /** The request has the run's callback token, and no principal. */
    isOfJob?: boolean;
  }
}

const EXPIRED = "This callback token has expired at the run's deadline.";

/**
 * Lets a genuine token through. An expired token is 401. If `opensReplay`, there is one exception: for a day after the
 * expiry, the holder may repeat a report that came in time, with the same key.
 */
export function requiresCallbackToken({ opensReplay }: { readonly opensReplay: boolean }): MiddlewareHandler<AppEnv> {
  return async function requiresCallbackToken(c, next) {
    const lateMs = Date.now() - (await genuineGrant(c)).expiresAt;
    const isLate = lateMs >= 0;
    const { headers } = c.req.raw;
    const hasKey = headers.has("Idempotency-Key") || headers.has("webhook-id");
    if (isLate && !(opensReplay && lateMs < CALLBACK_REPLAY_GRACE_MS && hasKey)) {
      throw new ApiError("token_expired", EXPIRED);
    }
    c.set("isLate", isLate);
    await next();
    if (isLate && c.res.status >= 400 && c.res.status < 500) {
      c.res = errorResponse(c, new ApiError("token_expired", EXPIRED));
    }
  };
}

/** Lets the run's own callback token through, and everybody who has `data:read`. */
export function requiresReaderOrJob(): MiddlewareHandler<AppEnv> {
  return async function requiresReaderOrJob(c, next) {
    const isOfJob = c.req.header("Authorization") !== undefined && isCallbackToken(bearerToken(c));
    if (!isOfJob) await authorize(c, "data:read");
    else if (Date.now() >= (await genuineGrant(c)).expiresAt) throw new ApiError("token_expired", EXPIRED);
    c.set("isOfJob", isOfJob);
    await next();
  };
}

/** What the token of the request grants. Throws 401 if it is not genuine for the run in the path. */
async function genuineGrant(c: Context<AppEnv>): Promise<CallbackGrant> {
  const token = bearerToken(c);
  // A path without a valid id gets 401, not 404, like every path that the token does not open.
  const id = parseUuid(c.req.param("id") ?? "") ?? "";
  const grant = await verifyCallbackToken(usableRing(c), token, scopeOf(c), id);
  if (grant === null) throw new ApiError("token_invalid", "This callback token is not valid for this run.");
  return grant;
}

/**
 * POST …/action-runs/{id}/callback and …/heartbeat, which require the run's callback token. The token is verified
 * before the body is read and before any storage is asked, so a forged token costs an HMAC for each key at most and
 * learns nothing.
 */

import { Hono, type MiddlewareHandler } from "hono";
import { bearerToken } from "../../auth/bearer.ts";
import { verifyCallbackToken } from "../../auth/callback-token.ts";
import { CALLBACK_REPLAY_GRACE_MS, REPORT_MAX_BYTES } from "../../base/limits.ts";
import { rfc3339 } from "../../base/time.ts";
import { parseUuid } from "../../base/uuid.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { scopeOf, usableRing } from "../../http/environment.ts";
import { ApiError, errorResponse } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/idempotency-key.ts";
import { validBody } from "../../http/validate.ts";
import { withTruncated } from "../action-run.ts";
import type { CancelOrder } from "../run-answer.ts";
import type { RunEvent } from "../transition.ts";
import { BOOKMARK_HEADER } from "./bookmark/bookmark.ts";
import { changeKeyOf } from "./change-key.ts";
import { heartbeat, type Report, report } from "./request-schemas.ts";
import { askForChange, environmentOf, isGenuine, runIdOf } from "./run-environment.ts";
import { refusalError, sendChanged } from "./run-response.ts";
import { shortened, withoutHugeOutput } from "./shortened-report.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** The callback token is genuine, but its run's deadline has passed. */
    isLate?: boolean;
  }
}

/**
 * Lets a genuine token through. An expired token is 401. If `opensReplay`, there is one exception: for a day after the
 * expiry, the holder may repeat a report that came in time, with the same key.
 */
function requiresCallbackToken({ opensReplay }: { opensReplay: boolean }): MiddlewareHandler<AppEnv> {
  return async function requiresCallbackToken(c, next) {
    const token = bearerToken(c);
    // A path without a valid id gets 401, not 404, like every path that the token does not open.
    const id = parseUuid(c.req.param("id") ?? "") ?? "";
    const grant = await verifyCallbackToken(usableRing(c), token, scopeOf(c), id);
    if (grant === null) throw new ApiError("token_invalid", "This callback token is not valid for this run.");
    const lateMs = Date.now() - grant.expiresAt;
    const isLate = lateMs >= 0;
    const expired = () =>
      new ApiError("token_expired", "This callback token has expired because the run timed out.");
    const { headers } = c.req.raw;
    const hasKey = headers.has("Idempotency-Key") || headers.has("webhook-id");
    if (isLate && !(opensReplay && lateMs < CALLBACK_REPLAY_GRACE_MS && hasKey)) throw expired();
    c.set("isLate", isLate);
    await next();
    if (isLate && c.res.status >= 400 && c.res.status < 500) {
      // The new response keeps the headers of the first one. A bookmark is only for callers whose token still opens the
      // run.
      c.header(BOOKMARK_HEADER, undefined);
      c.res = errorResponse(c, expired());
    }
  };
}

const REPORT_BODY = { maxBytes: REPORT_MAX_BYTES, pruned: withoutHugeOutput };

export const callbackRoutes = new Hono<AppEnv>()
  .post(
    "/:id/callback",
    requiresCallbackToken({ opensReplay: true }),
    validBody(report, REPORT_BODY),
    async (c) => {
      const environment = environmentOf(c);
      const id = runIdOf(c);
      const body = c.req.valid("json");
      const key = idempotencyKey(c);
      // Of what was sent, because a later release may keep more or less of it.
      const changeKey = await changeKeyOf("callback", key, body);
      const { report, truncated } = shortened(body);
      const options = c.get("isLate") ? { replayOnly: true } : undefined;
      const [answer] = await Promise.all([
        askForChange(environment, id, (coordinator) =>
          coordinator.applyEvent(id, toEvent(report), changeKey, options),
        ),
        // The bookmark needs this. Checked while the coordinator works.
        isGenuine(environment, id),
      ]);
      const isWhole = !answer.ok || truncated.length === 0;
      const told = isWhole ? answer : { ...answer, actionRun: withTruncated(answer.actionRun, truncated) };
      return sendChanged(c, environment, id, told, key);
    },
  )
  .post(
    "/:id/heartbeat",
    requiresCallbackToken({ opensReplay: false }),
    validBody(heartbeat, { mayBeEmpty: true }),
    async (c) => {
      const id = runIdOf(c);
      const news = c.req.valid("json");
      const answer = await askForChange(environmentOf(c), id, (coordinator) =>
        coordinator.heartbeat(id, news),
      );
      if (!answer.ok) throw refusalError(answer.reason);
      // Not the whole run, because a job's token must not read the run's inputs. No bookmark, because the token can't
      // list runs.
      const { status, deadlineAt, cancel = null, externalUrlRefused } = answer;
      const order = cancel && toWire(cancel);
      return c.json({ status, deadlineAt: rfc3339(deadlineAt), cancel: order, externalUrlRefused });
    },
  );

function toWire({ reason, requestedAt, until, remainingMs }: CancelOrder) {
  return { reason, requestedAt: rfc3339(requestedAt), until: rfc3339(until), remainingMs };
}

function toEvent(body: Report): RunEvent {
  const output = body.output === undefined ? null : JSON.stringify(body.output);
  return body.status === "succeeded"
    ? { type: "succeeded", output }
    : { type: "failed", error: body.error, output };
}

/**
 * POST …/action-runs/{id}/callback and …/heartbeat: what a callback token opens. The token is judged before the body
 * is read and before anything is asked, so a forged one costs nothing and learns nothing.
 */

import { Hono, type MiddlewareHandler } from "hono";
import type { AppEnv } from "../../app-env.ts";
import { bearerToken } from "../../auth/bearer.ts";
import { verifyCallbackToken } from "../../auth/callback-token.ts";
import { errorResponse, unauthorized } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/idempotency-key.ts";
import { CALLBACK_REPLAY_GRACE_MS } from "../../http/limits.ts";
import { validBody } from "../../http/validate.ts";
import { parseUuid } from "../../uuid.ts";
import { statusOf } from "../action-run.ts";
import type { RunEvent } from "../run.ts";
import { readRunId } from "../run-id.ts";
import { refusalError, sendChanged } from "./answers.ts";
import { askCoordinator } from "./ask-coordinator.ts";
import { changeKey } from "./change-key.ts";
import { heartbeat, type Report, report } from "./request-schemas.ts";
import { runIdOf, scopeOf, usableRing } from "./run-routes.ts";

/**
 * Lets a genuine token through. A late one is 401, but for one thing where `opensReplay`: what it reported in time,
 * asked for with the same key within a day.
 */
function requiresCallbackToken({ opensReplay }: { opensReplay: boolean }): MiddlewareHandler<AppEnv> {
  return async function requiresCallbackToken(c, next) {
    const token = bearerToken(c);
    // A path that names no run at all is one that the token does not open: 401 comes before 404.
    const id = parseUuid(c.req.param("id") ?? "") ?? "";
    const grant = await verifyCallbackToken(usableRing(c), token, scopeOf(c), id);
    if (!grant.ok) throw unauthorized("This callback token does not open this run.", "token_invalid");
    const lateMs = Date.now() - grant.value.expiresAt;
    const isLate = lateMs >= 0;
    const expired = unauthorized("This callback token has expired: the run's time was up.", "token_expired");
    const mayReplay = opensReplay && lateMs < CALLBACK_REPLAY_GRACE_MS && hasKey(c.req.raw.headers);
    if (isLate && !mayReplay) throw expired;
    c.set("isLate", isLate);
    await next();
    if (isLate && c.res.status >= 400 && c.res.status < 500) {
      c.set("errorCode", expired.code);
      c.res = errorResponse(c, expired);
    }
  };
}

function hasKey(headers: Headers): boolean {
  return headers.has("Idempotency-Key") || headers.has("webhook-id");
}

export const callbackRoutes = new Hono<AppEnv>()
  .post("/:id/callback", requiresCallbackToken({ opensReplay: true }), validBody(report), async (c) => {
    const id = runIdOf(c);
    const body = c.req.valid("json");
    const key = idempotencyKey(c);
    const change = await changeKey("callback", key, body);
    const { coordinator } = readRunId(id);
    const answer = await askCoordinator(c.env, c.get("hops"), scopeOf(c), coordinator, (stub) =>
      stub.change(id, toEvent(body), change, c.get("isLate")),
    );
    if (!answer.ok) throw refusalError(answer.reason);
    return sendChanged(c, answer, key !== null);
  })
  .post(
    "/:id/heartbeat",
    requiresCallbackToken({ opensReplay: false }),
    validBody(heartbeat, { mayBeEmpty: true }),
    async (c) => {
      const id = runIdOf(c);
      const news = c.req.valid("json");
      const { coordinator } = readRunId(id);
      const answer = await askCoordinator(c.env, c.get("hops"), scopeOf(c), coordinator, (stub) =>
        stub.heartbeat(id, news),
      );
      if (!answer.ok) throw refusalError(answer.reason);
      // Not the run: a job's token must not read the run's inputs by a sign of life. And no bookmark: it can read nothing.
      const deadlineAt = new Date(answer.deadlineAt).toISOString();
      return c.json({ status: answer.status ?? statusOf(answer.actionRun), deadlineAt });
    },
  );

function toEvent(body: Report): RunEvent {
  const output = body.output === undefined ? null : JSON.stringify(body.output);
  return body.status === "succeeded"
    ? { type: "succeeded", output }
    : { type: "failed", error: body.error, output };
}

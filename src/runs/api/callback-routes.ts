/** POST …/action-runs/{id}/callback and …/heartbeat, which require the run's callback token. */

import { Hono } from "hono";
import { REPORT_MAX_BYTES } from "../../base/limits.ts";
import { rfc3339 } from "../../base/time.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { idempotencyKey } from "../../http/idempotency-key.ts";
import { validBody } from "../../http/validate.ts";
import { withTruncated } from "../action-run.ts";
import type { CancelOrder } from "../run-answer.ts";
import type { RunEvent } from "../transition.ts";
import { requiresCallbackToken } from "./callback-access.ts";
import { changeKeyOf } from "./change-key.ts";
import { heartbeat, type Report, report } from "./request-schemas.ts";
import { ask, environmentOf, runIdOf } from "./run-environment.ts";
import { refusalError, sendChanged } from "./run-response.ts";
import { shortened, withoutHugeOutput } from "./shortened-report.ts";

const REPORT_BODY = { maxBytes: REPORT_MAX_BYTES, pruned: withoutHugeOutput };

export const callbackRoutes = new Hono<AppEnv>()
  .post("/:id/callback", requiresCallbackToken({ opensReplay: true }), validBody(report, REPORT_BODY), async (c) => {
    const id = runIdOf(c);
    const body = c.req.valid("json");
    const key = idempotencyKey(c);
    // Of what was sent, because a later release may keep more or less of it.
    const changeKey = await changeKeyOf("callback", key, body);
    const { report, truncated } = shortened(body);
    const options = c.get("isLate") ? { replayOnly: true } : undefined;
    const answer = await ask(environmentOf(c), (coordinator) =>
      coordinator.runs.applyEvent(id, toEvent(report), changeKey, options),
    );
    const isWhole = !answer.ok || truncated.length === 0;
    const told = isWhole ? answer : { ...answer, actionRun: withTruncated(answer.actionRun, truncated) };
    return sendChanged(c, told, key);
  })
  .post(
    "/:id/heartbeat",
    requiresCallbackToken({ opensReplay: false }),
    validBody(heartbeat, { mayBeEmpty: true }),
    async (c) => {
      const id = runIdOf(c);
      const news = c.req.valid("json");
      const answer = await ask(environmentOf(c), (coordinator) => coordinator.runs.heartbeat(id, news));
      if (!answer.ok) throw refusalError(answer.reason);
      // Not the whole run, because a run can be large and heartbeats are many.
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
  return body.status === "succeeded" ? { type: "succeeded", output } : { type: "failed", error: body.error, output };
}

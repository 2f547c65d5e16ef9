/** The run of a message that only tries an endpoint out. PURE but for its fresh id. */

import { mintUuidV7 } from "../../base/uuid.ts";
import { toActionRun } from "../../runs/action-run.ts";
import { detailsOf } from "../../runs/details.ts";
import type { Run } from "../../runs/run.ts";
import type { EventType, MessageAttempt } from "../../runs/telling.ts";

const RAN_MS = 83_000;

/** A run of the action `test` that has just ended with this event. No other run has its id. */
export function madeUpRun(
  type: EventType,
  now: number,
): Pick<MessageAttempt, "runId" | "kind" | "type" | "at" | "actionRun" | "details" | "previousStatus"> {
  const status = type.slice("action_run.".length) as Run["status"];
  const createdAt = now - RAN_MS;
  const run: Run = {
    id: mintUuidV7(createdAt),
    ...{ version: 3, status, actionName: "test", entityId: null, triggeredBy: "test" },
    ...{ parameters: "{}", recommendations: "{}", labels: "[]", source: "none" },
    ...{ createdAt, startedAt: createdAt, completedAt: now, deadlineAt: now + RAN_MS },
    error: status === "failed" ? "This run is made up, to test the webhook endpoint." : null,
    output: status === "succeeded" ? "{}" : null,
    endCause: status === "cancelled" ? "cancel" : "callback",
    ...{ heartbeatTimeoutMs: null, silentSince: null, actionVersion: null, retryOf: null, traceparent: null },
    ...{ cancelBy: null, cancelReason: null, cancelRequestedAt: null, cancelUntil: null },
    ...{ externalUrl: null, externalUrlChanges: 0 },
  };
  return {
    ...{ runId: run.id, kind: "ended", type, at: now, previousStatus: null },
    actionRun: toActionRun(run),
    details: detailsOf(run),
  };
}

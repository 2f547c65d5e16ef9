/**
 * A made-up run that ended just now, for a person who tries an endpoint out. PURE. No coordinator has it, and its id is
 * fresh, so that the receiver does not drop its message as a repetition.
 */

import { DAY_MS } from "../../base/time.ts";
import { mintUuidV7 } from "../../base/uuid.ts";
import { toActionRun } from "../../runs/action-run.ts";
import { detailsOf } from "../../runs/details.ts";
import { begin, type Run } from "../../runs/run.ts";
import { type EndpointKey, EVENT_TYPES, type EventType, type MessageAttempt } from "../../runs/telling.ts";
import type { EndpointDefinition } from "../definition.ts";

const TOOK_MS = 42_000;

/** How the run of each event ended. */
const ENDS: Readonly<Record<EventType, Pick<Run, "status" | "error" | "output" | "endCause">>> = {
  "action_run.succeeded": {
    status: "succeeded",
    error: null,
    output: '{"example":true}',
    endCause: "callback",
  },
  "action_run.failed": {
    status: "failed",
    error: "This run is made up.",
    output: null,
    endCause: "callback",
  },
  "action_run.cancelled": { status: "cancelled", error: null, output: null, endCause: "cancel" },
};

interface Trial {
  readonly scope: string;
  readonly endpoint: EndpointKey;
  readonly definition: Pick<EndpointDefinition, "events" | "actionNames" | "labels">;
  /** Default: the first event that the endpoint hears of. */
  readonly type?: EventType | undefined;
  /** The name of the token that asks. */
  readonly triggeredBy: string;
  readonly now: number;
}

export function madeUpAttempt({
  scope,
  endpoint,
  definition,
  triggeredBy,
  now,
  ...trial
}: Trial): MessageAttempt {
  const { events, actionNames: [actionName = "example"] = [], labels = [] } = definition;
  const heard = EVENT_TYPES.find((type) => events.includes("action_run.*") || events.includes(type));
  const type = trial.type ?? heard ?? "action_run.succeeded";
  const createdAt = now - TOOK_MS;
  const run: Run = {
    ...begin(
      {
        ...{ id: mintUuidV7(now), actionName, triggeredBy, createdAt },
        ...{ entityId: "example", parameters: "{}", recommendations: "{}", labels: JSON.stringify(labels) },
        ...{ source: "none", actionVersion: null, retryOf: null, traceparent: null },
        ...{ deadlineAt: now + DAY_MS, heartbeatTimeoutMs: null },
        ...{ via: null, timeoutMs: DAY_MS, gates: null },
      },
      now,
    ),
    ...ENDS[type],
    startedAt: createdAt,
    completedAt: now,
  };
  return {
    ...{ scope, endpoint, runId: run.id, kind: "ended", type, at: now },
    ...{ actionRun: toActionRun(run), details: detailsOf(run) },
    ...{ previousStatus: null, isTest: true },
  };
}

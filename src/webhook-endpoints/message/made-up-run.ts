/**
 * A made-up run that ended just now, or that waits for approval, for a person who tries an endpoint out. PURE. No
 * coordinator has it, and its id is fresh, so that the receiver does not drop its delivery as a repetition.
 */

import { DAY_MS } from "../../base/time.ts";
import { newUuidV7 } from "../../base/uuid.ts";
import { toActionRun } from "../../runs/action-run.ts";
import { detailsOf } from "../../runs/details.ts";
import type { Gates } from "../../runs/gates.ts";
import { begin, type Run } from "../../runs/run.ts";
import { type DeliveryAttempt, type EndpointKey, EVENT_TYPES, type EventType, eventOf } from "../../runs/telling.ts";
import type { EndpointDefinition } from "../definition.ts";

const TOOK_MS = 42_000;
const WAITS_MS = 7 * DAY_MS;

/** How the run of each event ended. The run that waits for approval has not. */
const ENDS: Readonly<Partial<Record<EventType, Pick<Run, "status" | "error" | "output" | "endCause">>>> = {
  "action_run.succeeded": { status: "succeeded", error: null, output: '{"example":true}', endCause: "callback" },
  "action_run.failed": { status: "failed", error: "This run is made up.", output: null, endCause: "callback" },
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

export function madeUpAttempt({ scope, endpoint, definition, triggeredBy, now, ...trial }: Trial): DeliveryAttempt {
  const { events, actionNames: [actionName = "example"] = [], labels = [] } = definition;
  const heard = EVENT_TYPES.find((type) => events.includes("action_run.*") || events.includes(type));
  const type = trial.type ?? heard ?? "action_run.succeeded";
  const end = ENDS[type];
  const createdAt = end === undefined ? now : now - TOOK_MS;
  const begun = begin(
    {
      id: newUuidV7(now),
      actionName,
      triggeredBy,
      createdAt,
      entityId: "example",
      parameters: "{}",
      recommendations: "{}",
      labels: JSON.stringify(labels),
      retryOf: null,
      traceparent: null,
      via: null,
      deadlineAt: now + DAY_MS,
      timeoutMs: DAY_MS,
      heartbeatTimeoutMs: null,
      ...(end === undefined ? startOf(triggeredBy, now) : NOT_STORED),
    },
    now,
  );
  const run = end === undefined ? begun : { ...begun, ...end, startedAt: createdAt, completedAt: now };
  const event = eventOf(run);
  if (event === null) throw new Error(`no run has the event ${type}`);
  return {
    scope,
    endpoint,
    runId: run.id,
    ...event,
    actionRun: toActionRun(run),
    details: detailsOf({ ...run, createKey: "" }),
    previousStatus: null,
    isTest: true,
  };
}

const NOT_STORED = { source: "none", actionVersion: null, gates: null } as const;

/** Of a run that waits for approval. Only runs of stored actions do. */
function startOf(tokenName: string, now: number): Pick<Run, "source" | "actionVersion" | "gates"> {
  const gates: Gates = {
    notBefore: null,
    concurrency: null,
    waitUntil: now + WAITS_MS,
    sealedUnder: null,
    approval: { required: 1, allowSelf: false },
    creator: { tokenId: "", tokenName, parents: [], person: null },
  };
  return { source: "action", actionVersion: 1, gates };
}

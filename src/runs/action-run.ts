/** The JSON of a run: the contract's ActionRun, and its `details`. D1 keeps both, but no heartbeat. PURE. */
import { rfc3339 } from "../base/time.ts";
import type { AttemptState } from "../webhooks/dispatch.ts";
import { type Decided, type NextRetry, nameOf, type Run, viaOf } from "./run.ts";
import type { Tail } from "./run-calls.ts";
import { shownStart } from "./starts.ts";
import type { StoredEvent } from "./timeline.ts";

/** Both the caller and D1 need it, and printing up to 640 KB is slow. A change makes a new object. */
const printed = new WeakMap<Run, string>();

/** The twelve fields in the contract's order, as JSON text. */
export function toActionRun(run: Run): string {
  const text = printed.get(run) ?? print(run);
  printed.set(run, text);
  return text;
}

function print(run: Run): string {
  return (
    `{"id":"${run.id}"` +
    `,"actionName":${JSON.stringify(run.actionName)}` +
    `,"entityId":${JSON.stringify(run.entityId)}` +
    `,"status":"${run.status}"` +
    `,"parameters":${run.parameters}` +
    `,"recommendations":${run.recommendations}` +
    `,"triggeredBy":${JSON.stringify(run.triggeredBy)}` +
    `,"createdAt":${JSON.stringify(rfc3339(run.createdAt))}` +
    `,"startedAt":${JSON.stringify(rfc3339(run.startedAt))}` +
    `,"completedAt":${JSON.stringify(rfc3339(run.completedAt))}` +
    `,"error":${JSON.stringify(run.error)}` +
    `,"output":${run.output ?? "null"}}`
  );
}

export function withCallback(
  actionRun: string,
  callback: Readonly<Record<"url" | "token" | "expiresAt", string>>,
): string {
  return `${actionRun.slice(0, -1)},"callback":${JSON.stringify(callback)}}`;
}

/** Only the answer to the report that was too long shows them. */
export function withTruncated(actionRun: string, truncated: readonly string[]): string {
  return `${actionRun.slice(0, -1)},"truncated":${JSON.stringify(truncated)}}`;
}

const ID_AT = '{"id":"'.length;
const ID_LENGTH = 36;

export function idOf(actionRun: string): string {
  return actionRun.slice(ID_AT, ID_AT + ID_LENGTH);
}

export interface ShownHeartbeat {
  readonly at: number;
  readonly message: string | null;
  readonly progress: number | null;
  readonly tail: string | null;
}

/** Where a run is in its concurrency queue: 1 comes next. `behind`: who is running. */
export interface QueuePosition {
  readonly position: number | null;
  readonly behind: readonly string[];
}

/** What D1 lacks, because it changes without a version of the run. Null: not known, or there is none. */
interface Passing {
  readonly heartbeat: ShownHeartbeat | null;
  readonly queuePosition: QueuePosition | null;
  readonly dispatch?: Pick<AttemptState, "attempt" | "nextAt"> | null;
}

/** JSON text. `createKey`: of the change that created the run. */
export function detailsOf(
  run: Run & { readonly createKey: string },
  { heartbeat, queuePosition, dispatch = null }: Passing = { heartbeat: null, queuePosition: null },
): string {
  const { title, subject, source, actionName, actionVersion, retryOf, labels, traceparent, externalUrl } = run;
  const { bulkOperationId, schedule, via, agent } = shownStart(run.createKey, run.via);
  const { cancelBy, cancelReason, cancelRequestedAt, cancelUntil } = run;
  const isStored = source === "action" && actionVersion !== null;
  const action = isStored ? { name: actionName, version: actionVersion } : null;
  const cancel =
    cancelRequestedAt === null
      ? null
      : { by: cancelBy, reason: cancelReason, requestedAt: rfc3339(cancelRequestedAt), until: rfc3339(cancelUntil) };
  return (
    `{"source":"${source}","action":${JSON.stringify(action)},"title":${JSON.stringify(title)}` +
    `,"subject":${JSON.stringify(subject)},"retryOf":${JSON.stringify(retryOf)}` +
    `,"bulkOperationId":${JSON.stringify(bulkOperationId)},"schedule":${JSON.stringify(schedule)},"labels":${labels}` +
    `,"traceparent":${JSON.stringify(traceparent)},"externalUrl":${JSON.stringify(externalUrl)}` +
    `,"heartbeat":${JSON.stringify(heartbeat && { ...heartbeat, at: rfc3339(heartbeat.at) })}` +
    `,"cancel":${JSON.stringify(cancel)},"via":${JSON.stringify(via)},"agent":${JSON.stringify(agent)}` +
    `,"waiting":${JSON.stringify(waitingOf(run, queuePosition))},"approval":${JSON.stringify(approvalOf(run))}` +
    `,"delivery":${JSON.stringify(deliveryOf(run, dispatch))}` +
    `,"retry":${JSON.stringify(run.nextRetry && shownRetry(run.nextRetry))}` +
    (!run.erasedAt ? "}" : `,"erasedAt":${JSON.stringify(rfc3339(run.erasedAt))}}`)
  );
}

/** The details of a run that was simply created. D1 keeps null instead of them. */
export const NO_DETAILS =
  '{"source":"none","action":null,"title":null,"subject":null,"retryOf":null,"bulkOperationId":null,"schedule":null,"labels":[]' +
  ',"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"agent":null,"waiting":null,"approval":null' +
  ',"delivery":null,"retry":null}';

function shownRetry({ runId, at, ...retry }: NextRetry) {
  return { runId, at: rfc3339(at), ...retry };
}

function deliveryOf({ status, failedAttempt }: Run, dispatch: Passing["dispatch"]) {
  if (status !== "pending" || failedAttempt === null) return null;
  const { attempt, nextAt } = dispatch ?? failedAttempt;
  return { attempts: attempt, reason: `${failedAttempt.reason}.`, nextAttemptAt: rfc3339(nextAt) };
}

function waitingOf(
  { gates, waitingFor, waitingSince, waitingReason, throughPause }: Run,
  queuePosition: QueuePosition | null,
) {
  if (gates === null || waitingFor === null) return null;
  const { notBefore, waitUntil, concurrency } = gates;
  return {
    for: waitingFor,
    since: rfc3339(waitingSince),
    until: rfc3339(waitUntil),
    notBefore: rfc3339(notBefore),
    group: concurrency?.group ?? null,
    key: concurrency?.key || null,
    reason: waitingReason,
    ...(throughPause !== null && { throughPause: shownDecision(throughPause) }),
    ...queuePosition,
  };
}

function approvalOf({ gates, approvals }: Run) {
  if (!gates?.approval) return null;
  return { required: gates.approval.required, approvals: approvals.map(shownDecision) };
}

export function shownDecision({ by, at, reason }: Decided) {
  return { by: nameOf(by), byId: by.tokenId, via: viaOf(by), at: rfc3339(at), reason };
}

export function shownHeartbeat(event: StoredEvent | null): ShownHeartbeat | null {
  if (event === null) return null;
  const { message = null, progress = null } = JSON.parse(event.data) as Partial<ShownHeartbeat>;
  return { at: event.at, message, progress, tail: null };
}

/** Each job that sent output also has a heartbeat on record. */
export function withTail(heartbeat: ShownHeartbeat | null, tail: Tail | null): ShownHeartbeat | null {
  if (heartbeat === null || tail === null) return heartbeat;
  return { ...heartbeat, at: Math.max(heartbeat.at, tail.at), tail: tail.text };
}

export function withDetails(actionRun: string, details: string): string {
  return `${actionRun.slice(0, -1)},"details":${details}}`;
}

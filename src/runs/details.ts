/**
 * The member `details` of a run, which only `?include=details` shows. It is not part of the contract's ActionRun. PURE.
 * D1 keeps this text beside the ActionRun, but without the heartbeat, because most heartbeats make no new version.
 */

import { rfc3339 } from "../base/time.ts";
import type { AttemptState } from "../webhooks/delivery.ts";
import { nameOf, viaOf } from "./actor.ts";
import { bulkIdOf } from "./bulk.ts";
import type { Approval } from "./gates.ts";
import type { Run } from "./run.ts";
import type { StoredEvent } from "./timeline-event.ts";

/** A heartbeat as `details` shows it. `at` in ms. */
export interface ShownHeartbeat {
  readonly at: number;
  readonly message: string | null;
  readonly progress: number | null;
}

/** Where a run is in its concurrency queue: 1 comes next. `behind`: who is running. */
export interface QueuePosition {
  readonly position: number | null;
  readonly behind: readonly string[];
}

/** What a run's row in D1 lacks, because it changes without a version of the run. Null: not known, or there is none. */
interface Passing {
  readonly heartbeat: ShownHeartbeat | null;
  readonly place: QueuePosition | null;
  readonly dispatch?: Pick<AttemptState, "attempt" | "nextAt"> | null;
}

/** A run with the key of the change that created it. */
type CreatedRun = Run & { readonly createKey: string };

/** JSON text. */
export function detailsOf(
  run: CreatedRun,
  { heartbeat, place, dispatch = null }: Passing = { heartbeat: null, place: null },
): string {
  const { source, actionName, actionVersion, retryOf, labels, traceparent, externalUrl } = run;
  const { cancelBy, cancelReason, cancelRequestedAt, cancelUntil } = run;
  const action = source === "action" ? { name: actionName, version: actionVersion } : null;
  const cancel =
    cancelRequestedAt === null
      ? null
      : { by: cancelBy, reason: cancelReason, requestedAt: rfc3339(cancelRequestedAt), until: rfc3339(cancelUntil) };
  return (
    `{"source":"${source}","action":${JSON.stringify(action)},"retryOf":${JSON.stringify(retryOf)}` +
    `,"bulkOperationId":${JSON.stringify(bulkIdOf(run.createKey))},"labels":${labels}` +
    `,"traceparent":${JSON.stringify(traceparent)},"externalUrl":${JSON.stringify(externalUrl)}` +
    `,"heartbeat":${JSON.stringify(heartbeat && { ...heartbeat, at: rfc3339(heartbeat.at) })}` +
    `,"cancel":${JSON.stringify(cancel)},"via":${JSON.stringify(run.via)}` +
    `,"waiting":${JSON.stringify(waitingOf(run, place))},"approval":${JSON.stringify(approvalOf(run))}` +
    `,"delivery":${JSON.stringify(deliveryOf(run, dispatch))}}`
  );
}

function deliveryOf({ status, failedAttempt }: Run, dispatch: Passing["dispatch"]) {
  if (status !== "pending" || failedAttempt === null) return null;
  const { attempt, nextAt } = dispatch ?? failedAttempt;
  return { attempts: attempt, reason: `${failedAttempt.reason}.`, nextAttemptAt: rfc3339(nextAt) };
}

function waitingOf({ gates, waitingFor, waitingSince, waitingReason }: Run, place: QueuePosition | null) {
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
    ...place,
  };
}

function approvalOf({ gates, approvals }: Run) {
  if (!gates?.approval) return null;
  return { required: gates.approval.required, approvals: approvals.map(shownApproval) };
}

/** An approval as `details` shows it. */
export function shownApproval({ by, at, reason }: Approval) {
  return { by: nameOf(by), byId: by.tokenId, via: viaOf(by), at: rfc3339(at), reason };
}

/** The last heartbeat of a run's timeline, as `details` shows it. */
export function shownHeartbeat(event: StoredEvent | null): ShownHeartbeat | null {
  if (event === null) return null;
  const { message = null, progress = null } = JSON.parse(event.data) as Partial<ShownHeartbeat>;
  return { at: event.at, message, progress };
}

/** Adds `details` to a printed run. */
export function withDetails(actionRun: string, details: string): string {
  return `${actionRun.slice(0, -1)},"details":${details}}`;
}

/** The details of a run that was simply created. D1 keeps null instead of them. */
export const NO_DETAILS =
  '{"source":"none","action":null,"retryOf":null,"bulkOperationId":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null,"via":null,"waiting":null,"approval":null,"delivery":null}';

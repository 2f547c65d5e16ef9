/** How a run may change: by `transition()`, and by `expire()` when its time is up. PURE: `now` is passed in. */

import { err, ok, type Result } from "../base/result.ts";
import { MINUTE_MS } from "../base/time.ts";
import { harmlessLink, linkRefusal } from "../base/visible-text.ts";
import {
  type Actor,
  type Approval,
  beganAt,
  type End,
  ended,
  type FailedAttempt,
  isOpen,
  isTimeUp,
  isWaiting,
  nameOf,
  nextGate,
  type Run,
  type Status,
  type ThroughPause,
  timeIsUpAt,
} from "./run.ts";

/**
 * `dispatched`: the receiver has the webhook, but only a heartbeat starts the run. `cancelled` needs a pending run.
 * `cancel_requested` lets a running job finish for `graceMs`. `start_failed`: nothing could be sent of a run that a
 * schedule created. `isOfGate`: the run waited so long that its request can't be sent any more. `mayHaveJob`: an
 * attempt may have begun the job.
 */
export type RunEvent =
  | { readonly type: "started" }
  | { readonly type: "dispatched" }
  | { readonly type: "attempt_failed"; readonly failure: FailedAttempt }
  | { readonly type: "heartbeat"; readonly externalUrl?: string | undefined }
  | { readonly type: "external_url"; readonly url: string }
  | { readonly type: "succeeded"; readonly output: string | null }
  | { readonly type: "failed"; readonly error: string; readonly output: string | null }
  | { readonly type: "cancelled"; readonly by?: string }
  | CancelRequest
  | {
      readonly type: "dispatch_failed";
      readonly reason: string;
      readonly isOfGate?: boolean;
      readonly mayHaveJob?: boolean;
    }
  | { readonly type: "start_failed"; readonly reason: string }
  | { readonly type: "deadline_passed" }
  | GateEvent;

export interface CancelRequest {
  readonly type: "cancel_requested";
  readonly by: string;
  readonly reason: string | null;
  /** From 0 to an hour. With 0, the run ends at once. */
  readonly graceMs: number;
}

/** How many versions may change `externalUrl`. A job that changes it with each heartbeat would flood D1. */
export const EXTERNAL_URL_CHANGES_MAX = 5;

/** The error code of the 409. */
export type Conflict =
  | "run_running"
  | "run_succeeded"
  | "run_failed"
  | "run_timed_out"
  | "run_cancelled"
  | "delivery_failed"
  | "run_waiting"
  | "not_waiting";

/** A run that is open when its time is up ends at that instant, however late anybody notices. */
export function expire(run: Run, now: number): Run {
  if (!isTimeUp(run, now)) return run;
  const at = timeIsUpAt(run);
  if (isWaiting(run)) {
    return ended(run, "failed", at, "gate", { error: `[gate] The run waited too long for ${gateText(run)}.` });
  }
  // A run that was asked to stop ends as cancelled, even at its deadline: the grace ends no later, and wins a tie.
  if (run.cancelUntil !== null) {
    return ended(run, "cancelled", at, at < run.cancelUntil ? "silence" : "cancel", {});
  }
  if (at < run.deadlineAt) {
    const minutes = (run.heartbeatTimeoutMs ?? 0) / MINUTE_MS;
    const error = `[timeout] The workflow was silent for ${minutes === 1 ? "a minute" : `${minutes} minutes`}: nothing was heard after ${new Date(run.silentSince ?? 0).toISOString()}.`;
    return ended(run, "failed", at, "silence", { error });
  }
  const error = `[timeout] No result was reported by ${new Date(at).toISOString()}.`;
  return ended(run, "failed", at, "deadline", { error });
}

/** A run whose time is up refuses every event, so callers write `expire(run, now)` first. */
export function transition(run: Run, event: RunEvent, now: number): Result<Run, Conflict> {
  if (isGateEvent(event) && !isWaiting(run)) return err("not_waiting");
  if (isTimeUp(run, now)) {
    if (event.type === "deadline_passed") return ok(expire(run, now));
    return err(run.cancelUntil === null ? "run_timed_out" : "run_cancelled");
  }
  if (isGateEvent(event)) return ok(transitionAtGate(run, event, now));
  if (isWaiting(run) && !WAITING_TAKES.has(event.type)) return err("run_waiting");
  const conflict = conflictOf(run);
  if (conflict !== null && !(conflict === "run_running" && RUNNING_TAKES.has(event.type))) return err(conflict);

  switch (event.type) {
    case "started":
      return ok(started(run, now));
    case "heartbeat":
      return ok(heard(run, event.externalUrl, now));
    case "external_url":
      return ok(withVersion(run, linked(run, event.url)));
    case "dispatched":
      return ok({ ...run, silentSince: signOfLife(run, now) });
    case "attempt_failed":
      return ok(withVersion(run, failing(run, event.failure)));
    case "succeeded":
      return ok(reported(run, "succeeded", now, { output: event.output }));
    case "failed": {
      // A job that was asked to stop reports that it failed. Its error says how far it came.
      const status = run.cancelUntil === null ? "failed" : "cancelled";
      return ok(reported(run, status, now, { error: event.error, output: event.output }));
    }
    case "cancelled":
      return ok(ended(run, "cancelled", now, "cancel", {}));
    case "cancel_requested":
      return ok(cancelRequested(run, event, now));
    case "dispatch_failed": {
      const cause = event.isOfGate ? "gate" : "delivery";
      return ok(ended(run, "failed", now, cause, { error: `[${cause}] ${event.reason}` }));
    }
    case "start_failed":
      return ok(ended(run, "failed", now, "start", { error: `[schedule] ${event.reason}` }));
    case "deadline_passed":
      return ok(run);
  }
}

const WAITING_TAKES: ReadonlySet<string> = new Set(["cancelled", "cancel_requested", "deadline_passed"]);

const RUNNING_TAKES: ReadonlySet<string> = new Set([
  "heartbeat",
  "external_url",
  "succeeded",
  "failed",
  "cancel_requested",
  "deadline_passed",
]);

export function endOf(run: Run): Conflict | null {
  return isOpen(run) ? null : conflictOf(run);
}

function conflictOf({ status, endCause }: Run): Conflict | null {
  if (status === "pending") return null;
  if (status !== "failed") return `run_${status}`;
  // The error can't say it, because a workflow may report any text, even one that begins with "[timeout] ".
  if (endCause === "callback" || endCause === "gate" || endCause === "start") return "run_failed";
  return endCause === "delivery" ? "delivery_failed" : "run_timed_out";
}

function started(run: Run, now: number): Run {
  const startedAt = Math.max(now, beganAt(run));
  const silentSince = signOfLife(run, now);
  return { ...run, version: run.version + 1, status: "running", startedAt, silentSince };
}

/** A heartbeat of a running run makes a version only if it changes the link, because D1 shows nothing else of it. */
function heard(run: Run, url: string | undefined, now: number): Run {
  const next = url === undefined ? run : linked(run, url);
  if (run.status === "pending") return started(next, now);
  return { ...withVersion(run, next), silentSince: signOfLife(run, now) };
}

/** The run as it is if the text is no harmless link, is no change, or is one change too many. */
function linked(run: Run, text: string): Run {
  const externalUrl = harmlessLink(text);
  if (externalUrl === run.externalUrl || externalUrlRefusal(run, text) !== null) return run;
  return { ...run, externalUrl, externalUrlChanges: run.externalUrlChanges + 1 };
}

/** Why this text does not become the run's link, and what to send. Null if it does, or is it already. */
export function externalUrlRefusal(run: Run, text: string): string | null {
  const refusal = linkRefusal(text);
  if (refusal !== null) return refusal;
  if (run.externalUrlChanges < EXTERNAL_URL_CHANGES_MAX || harmlessLink(text) === run.externalUrl) return null;
  return `The run keeps its link because the link was already set ${EXTERNAL_URL_CHANGES_MAX} times. Send one URL for the whole job.`;
}

/** A receiver that is down fails all its runs at once, so only another reason or a long wait makes a version. */
function failing(run: Run, failure: FailedAttempt): Run {
  const isLong = failure.nextAt - failure.at > MINUTE_MS;
  return isLong || failure.reason !== run.failedAttempt?.reason ? { ...run, failedAttempt: failure } : run;
}

function withVersion(run: Run, next: Run): Run {
  return next === run ? run : { ...next, version: run.version + 1 };
}

/** Without a grace, the run ends at once. Of two requests, the one counts whose grace ends first. */
function cancelRequested(run: Run, { by, reason, graceMs }: CancelRequest, now: number): Run {
  const { startedAt, silentSince, waitingSince } = run;
  const requestedAt = Math.max(now, startedAt ?? beganAt(run), silentSince ?? 0, waitingSince ?? 0);
  const until = Math.min(requestedAt + (run.status === "pending" ? 0 : graceMs), run.deadlineAt);
  if (run.cancelUntil !== null && run.cancelUntil <= until) return run;
  const record = { cancelBy: by, cancelReason: reason, cancelRequestedAt: requestedAt, cancelUntil: until };
  if (until <= requestedAt) return ended({ ...run, ...record }, "cancelled", now, "cancel", {});
  return { ...run, ...record, version: run.version + 1 };
}

function signOfLife(run: Run, now: number): number {
  return Math.max(now, run.silentSince ?? beganAt(run));
}

/** An end that the workflow reported. The workflow must have started, so a missing start is set to the same instant. */
function reported(run: Run, status: Status, at: number, end: End): Run {
  const next = ended(run, status, at, "callback", end);
  return { ...next, startedAt: next.startedAt ?? next.completedAt };
}

/**
 * What happens to a run at its gates. An approval counts from the creation on, so that nobody must be awake when the
 * time comes. `time_opened`: `by` opened the gate early. `let_through`: the pauses of now no longer hold the run back.
 * `held`: only a pause does. `queued`: the pause is over, and there is no room. `replaced`: `by` is the id of the newer
 * run. `approversUnchecked`: the run is released although D1 could not say whether its approvers' tokens were revoked.
 */
export type GateEvent = GateChange & { readonly approversUnchecked?: true };

type GateChange =
  | { readonly type: "time_opened"; readonly by?: Actor }
  | { readonly type: "approved"; readonly approval: Approval }
  | { readonly type: "approvals_withdrawn"; readonly approvals: readonly Approval[] }
  | { readonly type: "rejected"; readonly by: Actor; readonly reason: string | null }
  | ({ readonly type: "let_through" } & ThroughPause)
  | { readonly type: "released" }
  | { readonly type: "held"; readonly reason: string }
  | { readonly type: "queued" }
  | { readonly type: "refused"; readonly reason: string }
  | { readonly type: "replaced"; readonly by: string; readonly triggeredBy: string };

const GATE_EVENTS: ReadonlySet<string> = new Set<GateEvent["type"]>([
  "time_opened",
  "approved",
  "approvals_withdrawn",
  "rejected",
  "let_through",
  "released",
  "held",
  "queued",
  "refused",
  "replaced",
]);

export function isGateEvent<T extends { readonly type: string }>(event: T | GateEvent): event is GateEvent {
  return GATE_EVENTS.has(event.type);
}

function transitionAtGate(run: Run, event: GateEvent, now: number): Run {
  switch (event.type) {
    case "time_opened":
      return atGate(run, afterTime(run), null, now);
    case "approved":
      return approvedBy(run, [...run.approvals, event.approval], now);
    case "approvals_withdrawn": {
      const left = run.approvals.filter((approval) => !event.approvals.includes(approval));
      // Each withdrawal has an instant of its own, because a delivery is known by it.
      const withdrawnAt = Math.max(now, (run.withdrawnAt ?? run.createdAt) + 1);
      return { ...approvedBy(run, left, now), withdrawnAt };
    }
    case "rejected": {
      const rejected = { ...cancelledBy(run, nameOf(event.by), event.reason, now), rejectedBy: event.by };
      return ended(rejected, "cancelled", now, "rejected", {});
    }
    case "replaced": {
      const reason = `The newer run ${event.by} replaced this one.`;
      return ended(cancelledBy(run, event.triggeredBy, reason, now), "cancelled", now, "replaced", {});
    }
    case "let_through": {
      const { by, at, reason, pauses } = event;
      return { ...run, throughPause: { by, at, reason, pauses }, version: run.version + 1 };
    }
    case "held":
      return atGate(run, "pause", event.reason, now);
    case "queued":
      return atGate(run, "concurrency", null, now);
    case "refused":
      return ended(run, "failed", now, "gate", { error: `[gate] ${event.reason}` });
    case "released":
      return released(run, now);
  }
}

function gateText({ waitingFor, gates }: Run): string {
  switch (waitingFor) {
    case "time":
      return "its time to come";
    case "approval":
      return "approval";
    case "pause":
      return "the end of a pause";
    default:
      return gates?.concurrency ? `a slot of the concurrency group ${gates.concurrency.group}` : "its turn";
  }
}

/** Whatever the clock says now. */
function afterTime({ gates, approvals }: Run): Run["waitingFor"] {
  return gates && nextGate(gates, approvals, Number.POSITIVE_INFINITY);
}

function approvedBy(run: Run, approvals: readonly Approval[], now: number): Run {
  const next = { ...run, approvals };
  // The time gate comes first, and may still be closed.
  const waitingFor = run.waitingFor === "time" ? "time" : afterTime(next);
  return atGate(next, waitingFor, null, now);
}

function atGate(run: Run, waitingFor: Run["waitingFor"], waitingReason: string | null, now: number): Run {
  const isSame = waitingFor === run.waitingFor;
  const waitingSince = isSame ? run.waitingSince : Math.max(now, run.waitingSince ?? run.createdAt);
  return { ...run, version: run.version + 1, waitingFor, waitingReason, waitingSince };
}

function released(run: Run, now: number): Run {
  const releasedAt = Math.max(now, run.waitingSince ?? run.createdAt);
  const isOver = { waitingFor: null, waitingSince: null, waitingReason: null };
  // The silence counts from the end of the dispatch, and the dispatch begins now.
  const times = { releasedAt, deadlineAt: releasedAt + run.timeoutMs, silentSince: null };
  return { ...run, ...isOver, ...times, version: run.version + 1 };
}

function cancelledBy(run: Run, by: string, reason: string | null, now: number): Run {
  const at = Math.max(now, run.waitingSince ?? run.createdAt);
  return { ...run, cancelBy: by, cancelReason: reason, cancelRequestedAt: at, cancelUntil: at };
}

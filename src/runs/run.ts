/**
 * What a run is, and how it may change. PURE: no I/O and no clock; `now` is passed in. A run changes only by
 * `transition()`, and by `expire()` when its time is up.
 */

import { harmlessLink, linkRefusal } from "../base/harmless-link.ts";
import { err, ok, type Result } from "../base/result.ts";
import { DAY_MS, MINUTE_MS } from "../base/time.ts";

export const OPEN_STATUSES = ["pending", "running"] as const;
export const ENDED_STATUSES = ["succeeded", "failed", "cancelled"] as const;
export const STATUSES = [...OPEN_STATUSES, ...ENDED_STATUSES] as const;
export type Status = (typeof STATUSES)[number];

/** What a caller decides about a new run. Instants are ms since the epoch. JSON objects are opaque text. */
export interface NewRun {
  /** A lower-case UUID that sorts by creation. */
  readonly id: string;
  readonly actionName: string;
  readonly entityId: string | null;
  readonly parameters: string;
  readonly recommendations: string;
  readonly triggeredBy: string;
  readonly createdAt: number;
  /** The run is open only before this instant. */
  readonly deadlineAt: number;
  /** How long the workflow may go without a heartbeat; null if there is no limit. */
  readonly heartbeatTimeoutMs: number | null;
  /** What starts the work: a stored action, a trigger of the create, or somebody else. A retry depends on it. */
  readonly source: RunSource;
  /** The version of the stored action that started the run; null without one. Its name is `actionName`. */
  readonly actionVersion: number | null;
  /** The run that this one repeats; null if it repeats none. */
  readonly retryOf: string | null;
  /** A sorted JSON array of texts without repeats. */
  readonly labels: string;
  /** The caller's position in a trace, for the receiver; null if the caller sent none. */
  readonly traceparent: string | null;
}

export const RUN_SOURCES = ["action", "trigger", "none"] as const;
export type RunSource = (typeof RUN_SOURCES)[number];

export interface Run extends NewRun {
  /** 1 at creation, one more with every change. */
  readonly version: number;
  readonly status: Status;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  readonly error: string | null;
  readonly output: string | null;
  /** The last sign of life: creation, delivery, start, or heartbeat. Null while the delivery is under way. */
  readonly silentSince: number | null;
  /** What ended the run; null while it is open. */
  readonly endCause: EndCause | null;
  /** The name of the token that cancelled. All four `cancel…` members are null without a cancel, and after a DELETE. */
  readonly cancelBy: string | null;
  readonly cancelReason: string | null;
  readonly cancelRequestedAt: number | null;
  /** When the run ends as cancelled if it is still open; at most its deadline. */
  readonly cancelUntil: number | null;
  /** The page of the job that does the work. */
  readonly externalUrl: string | null;
  /** How many versions changed `externalUrl`. */
  readonly externalUrlChanges: number;
}

export type EndCause = "callback" | "cancel" | "delivery" | "deadline" | "silence";

/**
 * `delivered`: the receiver has the webhook, but only a heartbeat starts the run. `by`: the name of the caller's token.
 * `cancelled` needs a pending run. `cancel_requested` takes a running run too, and lets its job finish for `graceMs`.
 * `external_url`: the receiver's response names the job's page.
 */
export type RunEvent =
  | { readonly type: "started" }
  | { readonly type: "delivered" }
  | { readonly type: "heartbeat"; readonly externalUrl?: string | undefined }
  | { readonly type: "external_url"; readonly url: string }
  | { readonly type: "succeeded"; readonly output: string | null }
  | { readonly type: "failed"; readonly error: string; readonly output: string | null }
  | { readonly type: "cancelled"; readonly by?: string }
  | CancelRequest
  | { readonly type: "delivery_failed"; readonly reason: string }
  | { readonly type: "deadline_passed" };

export interface CancelRequest {
  readonly type: "cancel_requested";
  readonly by: string;
  readonly reason: string | null;
  /** From 0 to an hour. With 0, the run ends at once. */
  readonly graceMs: number;
}

/** How many versions may change `externalUrl`. A job that changes it with each heartbeat would flood D1. */
export const EXTERNAL_URL_CHANGES_MAX = 5;

/** Why an event can't happen: the error code of the 409. */
export type Conflict =
  | "run_running"
  | "run_succeeded"
  | "run_failed"
  | "run_timed_out"
  | "run_cancelled"
  | "delivery_failed";

/** A new run is pending. Its silence counts from its creation, or from the end of its delivery if there is one. */
export function begin(input: NewRun, { isDelivering = false } = {}): Run {
  return {
    ...input,
    silentSince: isDelivering ? null : input.createdAt,
    endCause: null,
    version: 1,
    status: "pending",
    startedAt: null,
    completedAt: null,
    error: null,
    output: null,
    cancelBy: null,
    cancelReason: null,
    cancelRequestedAt: null,
    cancelUntil: null,
    externalUrl: null,
    externalUrlChanges: 0,
  };
}

export function isOpen(run: Pick<Run, "status">): boolean {
  return run.status === "pending" || run.status === "running";
}

/**
 * When an open run ends by itself: at its deadline, at the end of a cancel's grace, or when it was silent for too long.
 */
export function timeIsUpAt({ deadlineAt, cancelUntil, silentSince, heartbeatTimeoutMs }: Run): number {
  const latest = Math.min(deadlineAt, cancelUntil ?? Number.POSITIVE_INFINITY);
  if (silentSince === null || heartbeatTimeoutMs === null) return latest;
  return Math.min(latest, silentSince + heartbeatTimeoutMs);
}

function isTimeUp(run: Run, now: number): boolean {
  return isOpen(run) && now >= timeIsUpAt(run);
}

/** A run that is open when its time is up ends at that instant, however late anybody notices. */
export function expire(run: Run, now: number): Run {
  if (!isTimeUp(run, now)) return run;
  const at = timeIsUpAt(run);
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

/**
 * The run after `event`, or why the event can't happen. The first end wins for ever. A run whose time is up
 * takes no event, so callers write `expire(run, now)` first. If they don't, an overdue run refuses the event as
 * `run_timed_out`, or as `run_cancelled` if the run was asked to stop.
 */
export function transition(run: Run, event: RunEvent, now: number): Result<Run, Conflict> {
  if (isTimeUp(run, now)) {
    if (event.type === "deadline_passed") return ok(expire(run, now));
    return err(run.cancelUntil === null ? "run_timed_out" : "run_cancelled");
  }
  const conflict = conflictOf(run);
  if (conflict !== null && !(conflict === "run_running" && RUNNING_TAKES.has(event.type)))
    return err(conflict);

  switch (event.type) {
    case "started":
      return ok(started(run, now));
    case "heartbeat":
      return ok(heard(run, event.externalUrl, now));
    case "external_url":
      return ok(withVersion(run, linked(run, event.url)));
    case "delivered":
      return ok({ ...run, silentSince: signOfLife(run, now) });
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
    case "delivery_failed":
      return ok(ended(run, "failed", now, "delivery", { error: `[delivery] ${event.reason}` }));
    case "deadline_passed":
      // The run's time is not up yet, or the first lines would have ended the run.
      return ok(run);
  }
}

/** The events that a running run takes as well as a pending one. */
const RUNNING_TAKES: ReadonlySet<string> = new Set([
  "heartbeat",
  "external_url",
  "succeeded",
  "failed",
  "cancel_requested",
  "deadline_passed",
]);

/** Why an event that needs a pending run can't happen; null for a pending run. */
function conflictOf({ status, endCause }: Run): Conflict | null {
  if (status === "pending") return null;
  if (status !== "failed") return `run_${status}`;
  // The error can't say it, because a workflow may report any text, even one that begins with "[timeout] ".
  if (endCause === "callback") return "run_failed";
  return endCause === "delivery" ? "delivery_failed" : "run_timed_out";
}

function started(run: Run, now: number): Run {
  const startedAt = Math.max(now, run.createdAt);
  const silentSince = signOfLife(run, now);
  return { ...run, version: run.version + 1, status: "running", startedAt, silentSince };
}

/**
 * A heartbeat of a running run makes a new version only if it changes the link, because D1 shows nothing else of it.
 */
function heard(run: Run, url: string | undefined, now: number): Run {
  const next = url === undefined ? run : linked(run, url);
  if (run.status === "pending") return started(next, now);
  return { ...withVersion(run, next), silentSince: signOfLife(run, now) };
}

/**
 * The run with this link. The run as it is if the text is not a harmless link, is no change, or is one change too many.
 */
function linked(run: Run, text: string): Run {
  const externalUrl = harmlessLink(text);
  if (externalUrl === run.externalUrl || externalUrlRefusal(run, text) !== null) return run;
  return { ...run, externalUrl, externalUrlChanges: run.externalUrlChanges + 1 };
}

/** Why this text does not become the run's `externalUrl`, and what to send. Null if it does, or is it already. */
export function externalUrlRefusal(run: Run, text: string): string | null {
  const refusal = linkRefusal(text);
  if (refusal !== null) return refusal;
  if (run.externalUrlChanges < EXTERNAL_URL_CHANGES_MAX || harmlessLink(text) === run.externalUrl)
    return null;
  return `The run keeps its link because the link was already set ${EXTERNAL_URL_CHANGES_MAX} times. Send one URL for the whole job.`;
}

function withVersion(run: Run, next: Run): Run {
  return next === run ? run : { ...next, version: run.version + 1 };
}

/**
 * A pending run ends at once, and so does a running one without a grace. Otherwise the run stays open for the grace, at
 * most until its deadline. Of two requests, the one counts whose grace ends first.
 */
function cancelRequested(run: Run, { by, reason, graceMs }: CancelRequest, now: number): Run {
  const requestedAt = Math.max(now, run.startedAt ?? run.createdAt, run.silentSince ?? 0);
  const until = Math.min(requestedAt + (run.status === "pending" ? 0 : graceMs), run.deadlineAt);
  if (run.cancelUntil !== null && run.cancelUntil <= until) return run;
  const record = { cancelBy: by, cancelReason: reason, cancelRequestedAt: requestedAt, cancelUntil: until };
  if (until <= requestedAt) return ended({ ...run, ...record }, "cancelled", now, "cancel", {});
  return { ...run, ...record, version: run.version + 1 };
}

function signOfLife(run: Run, now: number): number {
  return Math.max(now, run.silentSince ?? run.createdAt);
}

type End = Partial<Pick<Run, "error" | "output">>;

function ended(run: Run, status: Status, at: number, endCause: EndCause, end: End): Run {
  const { startedAt, createdAt, silentSince, cancelRequestedAt } = run;
  const completedAt = Math.max(at, startedAt ?? createdAt, silentSince ?? 0, cancelRequestedAt ?? 0);
  return { ...run, ...end, version: run.version + 1, status, completedAt, endCause };
}

/** An end that the workflow reported. The workflow must have started, so a missing start is set to the same instant. */
function reported(run: Run, status: Status, at: number, end: End): Run {
  const next = ended(run, status, at, "callback", end);
  return { ...next, startedAt: next.startedAt ?? next.completedAt };
}

/** When the run's retention is over. For an open run, the latest instant that this can be. */
export function purgeAt(run: Pick<Run, "completedAt" | "deadlineAt">, retentionDays: number): number {
  return (run.completedAt ?? run.deadlineAt) + retentionDays * DAY_MS;
}

/**
 * When the coordinator has something to do for this run next. Always a positive integer. `deliveryDueAt`: when its
 * delivery needs something; null if none is under way.
 */
export function dueAt(run: Run & { readonly purgeAt: number }, deliveryDueAt: number | null): number {
  const due = isOpen(run)
    ? Math.min(timeIsUpAt(run), deliveryDueAt ?? Number.POSITIVE_INFINITY)
    : run.purgeAt;
  if (!Number.isSafeInteger(due) || due <= 0) throw new RangeError(`run ${run.id} would be due at ${due}`);
  return due;
}

/**
 * What a run is and may become. PURE: no I/O, no clock; `now` is passed in.
 * The rules are DESIGN's table of statuses; every other module asks `transition()`.
 */

import { err, ok, type Result } from "../result.ts";

export const OPEN_STATUSES = ["pending", "running"] as const;
export const ENDED_STATUSES = ["succeeded", "failed", "cancelled"] as const;
export const STATUSES = [...OPEN_STATUSES, ...ENDED_STATUSES] as const;
export type Status = (typeof STATUSES)[number];

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** A run as the coordinator keeps it. Instants are ms since the epoch; JSON objects are opaque text. */
export interface Run {
  /** Lower-case uuid; sorts by creation. */
  readonly id: string;
  /** 1 at creation, one more with every change. */
  readonly version: number;
  readonly status: Status;
  readonly actionName: string;
  readonly entityId: string | null;
  readonly parameters: string;
  readonly recommendations: string;
  readonly triggeredBy: string;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  readonly error: string | null;
  readonly output: string | null;
  /** Open while now < deadlineAt. */
  readonly deadlineAt: number;
  /** How long the workflow may be silent, in ms; null: for as long as it likes. */
  readonly heartbeatTimeoutMs: number | null;
  /** The last sign of life: the creation, the delivery, the start, a heartbeat. Null while its delivery is under way. */
  readonly silentSince: number | null;
  /** What ended it; null while it is open, and for runs that ended before this was kept. */
  readonly endCause: EndCause | null;
}

export type EndCause = "callback" | "cancel" | "delivery" | "deadline" | "silence";

/** `delivered`: the receiver has it, but only a heartbeat starts the run. `by`: the name of the token that asked. */
export type RunEvent =
  | { readonly type: "started" }
  | { readonly type: "delivered" }
  | { readonly type: "heartbeat" }
  | { readonly type: "succeeded"; readonly output: string | null }
  | { readonly type: "failed"; readonly error: string; readonly output: string | null }
  | { readonly type: "cancelled"; readonly by?: string }
  | { readonly type: "delivery_failed"; readonly reason: string }
  | { readonly type: "deadline_passed" };

/** Why an event can't happen: the code that the wire shows with 409. */
export type Conflict =
  | "run_running"
  | "run_succeeded"
  | "run_failed"
  | "run_timed_out"
  | "run_cancelled"
  | "delivery_failed";

/** What is known of a run before it begins. */
export type NewRun = Pick<
  Run,
  | "id"
  | "actionName"
  | "entityId"
  | "parameters"
  | "recommendations"
  | "triggeredBy"
  | "createdAt"
  | "deadlineAt"
> & { readonly heartbeatTimeoutMs?: number | null };

/** A run as it is created: pending. Silence counts from now, or from when its delivery is done. */
export function begin(input: NewRun, isDelivering = false): Run {
  return {
    ...input,
    heartbeatTimeoutMs: input.heartbeatTimeoutMs ?? null,
    silentSince: isDelivering ? null : input.createdAt,
    endCause: null,
    version: 1,
    status: "pending",
    startedAt: null,
    completedAt: null,
    error: null,
    output: null,
  };
}

export function isOpen(run: Pick<Run, "status">): boolean {
  return run.status === "pending" || run.status === "running";
}

/** Whether the deadline decides this run: it is open and its time is up. */
export function isOverdue(run: Pick<Run, "status" | "deadlineAt">, now: number): boolean {
  return isOpen(run) && now >= run.deadlineAt;
}

/** When an open run ends by itself unless something happens: at its deadline, or when it was silent for too long. */
export function timeIsUpAt(run: Run): number {
  return Math.min(run.deadlineAt, silentTooLongAt(run));
}

function silentTooLongAt(run: Run): number {
  if (run.heartbeatTimeoutMs === null || run.silentSince === null) return Number.POSITIVE_INFINITY;
  return run.silentSince + run.heartbeatTimeoutMs;
}

function isTimeUp(run: Run, now: number): boolean {
  return isOpen(run) && now >= timeIsUpAt(run);
}

/** A run that has reached no end when its time is up ends there, whoever notices and however late. */
export function expire(run: Run, now: number): Run {
  if (!isTimeUp(run, now)) return run;
  const at = timeIsUpAt(run);
  if (at < run.deadlineAt) {
    const minutes = (run.heartbeatTimeoutMs ?? 0) / MINUTE_MS;
    const error = `[timeout] The workflow was silent for ${minutes === 1 ? "a minute" : `${minutes} minutes`}: nothing was heard after ${new Date(run.silentSince ?? 0).toISOString()}.`;
    return ended(run, "failed", at, "silence", { error });
  }
  const error = `[timeout] No result was reported by ${new Date(at).toISOString()}.`;
  return ended(run, "failed", at, "deadline", { error });
}

/**
 * The run after `event`, or why it can't happen. The first end wins, for ever.
 * A passed deadline comes before any event: callers write `expire(run, now)` first and then ask.
 * Given an overdue run it does so itself, and refuses the event as `run_timed_out`.
 */
export function transition(run: Run, event: RunEvent, now: number): Result<Run, Conflict> {
  if (isTimeUp(run, now)) {
    return event.type === "deadline_passed" ? ok(expire(run, now)) : err("run_timed_out");
  }
  const conflict = conflictOf(run);
  if (conflict !== null && conflict !== "run_running") return err(conflict);

  switch (event.type) {
    case "started":
      if (conflict !== null) return err(conflict);
      return ok({
        ...run,
        version: run.version + 1,
        status: "running",
        startedAt: Math.max(now, run.createdAt),
        silentSince: signOfLife(run, now),
      });
    case "delivered":
      if (conflict !== null) return err(conflict);
      return ok({ ...run, silentSince: signOfLife(run, now) });
    case "heartbeat":
      // A sign of life alone is no new version: nothing that D1 shows has changed.
      return conflict === null
        ? transition(run, { type: "started" }, now)
        : ok({ ...run, silentSince: signOfLife(run, now) });
    case "succeeded":
      return ok(reported(run, "succeeded", now, { output: event.output }));
    case "failed":
      return ok(reported(run, "failed", now, { error: event.error, output: event.output }));
    case "cancelled":
      if (conflict !== null) return err(conflict);
      return ok(ended(run, "cancelled", now, "cancel", {}));
    case "delivery_failed":
      if (conflict !== null) return err(conflict);
      return ok(ended(run, "failed", now, "delivery", { error: `[delivery] ${event.reason}` }));
    case "deadline_passed":
      // Not yet, or it would have been overdue above.
      return ok(run);
  }
}

/** What stands in the way of an event that wants a pending run. */
function conflictOf(run: Run): Conflict | null {
  switch (run.status) {
    case "pending":
      return null;
    case "running":
      return "run_running";
    case "succeeded":
      return "run_succeeded";
    case "cancelled":
      return "run_cancelled";
    case "failed":
      return CONFLICT_AFTER[causeOfFailure(run)];
  }
}

const CONFLICT_AFTER: Readonly<Record<EndCause, Conflict>> = {
  callback: "run_failed",
  cancel: "run_cancelled",
  delivery: "delivery_failed",
  deadline: "run_timed_out",
  silence: "run_timed_out",
};

/**
 * What failed it. Never told by its error, for a workflow may report any text, "[timeout] " included. Of a run that
 * ended before the cause was kept, its instants tell: a report came before the deadline, and set startedAt.
 */
function causeOfFailure(run: Run): EndCause {
  if (run.endCause !== null) return run.endCause;
  if (run.completedAt !== null && run.completedAt >= run.deadlineAt) return "deadline";
  return run.startedAt === null ? "delivery" : "callback";
}

function signOfLife(run: Run, now: number): number {
  return Math.max(now, run.silentSince ?? run.createdAt);
}

type End = Partial<Pick<Run, "error" | "output">>;

function ended(run: Run, status: Status, at: number, endCause: EndCause, end: End): Run {
  const completedAt = Math.max(at, run.startedAt ?? run.createdAt, run.silentSince ?? 0);
  return { ...run, ...end, version: run.version + 1, status, completedAt, endCause };
}

/** An end that the workflow reported: it must have begun, so a missing start is that same instant. */
function reported(run: Run, status: Status, at: number, end: End): Run {
  const next = ended(run, status, at, "callback", end);
  return { ...next, startedAt: next.startedAt ?? next.completedAt };
}

/** When nothing of the run may be kept any longer; for an open run, the latest that this can be. */
export function purgeAt(run: Pick<Run, "completedAt" | "deadlineAt">, retentionDays: number): number {
  return (run.completedAt ?? run.deadlineAt) + retentionDays * DAY_MS;
}

/**
 * The next instant at which the coordinator has something to do for this run. Always a positive integer.
 * `deliveryDueAt`: when its delivery needs something, null where none is under way.
 */
export function dueAt(run: Run & { readonly purgeAt: number }, deliveryDueAt: number | null): number {
  const due = isOpen(run)
    ? Math.min(timeIsUpAt(run), deliveryDueAt ?? Number.POSITIVE_INFINITY)
    : run.purgeAt;
  if (!Number.isSafeInteger(due) || due <= 0) throw new RangeError(`run ${run.id} would be due at ${due}`);
  return due;
}

/** Which queued runs start. PURE: the caller reads from the journal who runs and who waits. */
import type { OnConflict } from "./run.ts";

/** A run that counts against the limit: also one that has ended while an attempt or its job may be under way. */
export interface RunningInQueue {
  readonly id: string;
  readonly actionName: string;
  readonly limit: number;
  readonly isStopping: boolean;
}

export interface QueuedRun {
  readonly id: string;
  readonly actionName: string;
  readonly limit: number;
  readonly onConflict: OnConflict;
  /** Whether D1 must say first whether its approvals still count. */
  readonly isUnchecked: boolean;
  /** The reason of the pause that the run shows, if it waits only for that. */
  readonly heldFor: string | null;
  /** Null if no pause holds the run back now, or if it was released through them. */
  readonly pausedFor: string | null;
}

export interface QueueState {
  readonly running: readonly RunningInQueue[];
  readonly queued: readonly QueuedRun[];
}

/**
 * `hold`: it would start, but there is a pause. `queue`: a pause held it, and now there is no room. `refuse`: there is
 * none, and its action does not wait. `cancel`: a newer run needs the room of a running one. `check`: it would start,
 * replace or stop a run, but it is not checked.
 */
export type SchedulingDecision =
  | { readonly id: string; readonly type: "release" | "queue" | "refuse" | "check" }
  | { readonly id: string; readonly type: "hold"; readonly reason: string }
  | { readonly id: string; readonly type: "replace" | "cancel"; readonly by: string };

/**
 * First come, first served: a run starts while fewer are running than the least limit among them and the run. Conflicts
 * are judged here and not at create, so that a run which waits for approval stops nobody. A run that a pause holds back
 * neither starts nor stops another, and those that were released through the pause overtake it. A run that is not
 * checked keeps its position and its room, and changes nothing.
 */
export function schedule({ running, queued }: QueueState): readonly SchedulingDecision[] {
  const ends: SchedulingDecision[] = [];
  let staying = queued;
  for (;;) {
    const passing = staying.filter(({ pausedFor }) => pausedFor === null);
    const paused = staying.filter(({ pausedFor }) => pausedFor !== null);
    const free = fitting(running, passing);
    const freeInPause = fitting([...running, ...passing], paused);
    const leaving =
      replacedIn(staying, fitting(running, staying)) ??
      refusedIn([...passing.slice(free), ...paused.slice(freeInPause).filter((run) => !isHeld(run))]);
    if (leaving.length === 0) {
      return [...ends, ...settled(running, passing, free, staying), ...settledInPause(paused, freeInPause)];
    }
    ends.push(...leaving);
    const left = new Set(leaving.map(({ id }) => id));
    staying = staying.filter(({ id }) => !left.has(id));
  }
}

/** How many of the first queued runs can start. Of all that would be running then, the least limit counts. */
function fitting(running: readonly { readonly limit: number }[], queued: readonly QueuedRun[]): number {
  let least = running.reduce((limit, run) => Math.min(limit, run.limit), Number.POSITIVE_INFINITY);
  let taken = running.length;
  for (const [i, { limit }] of queued.entries()) {
    least = Math.min(least, limit);
    if (taken >= least) return i;
    taken++;
  }
  return queued.length;
}

/** The queued runs that the newest run of their action replaces, also those that a pause holds; null if there are none. */
function replacedIn(queued: readonly QueuedRun[], free: number): readonly SchedulingDecision[] | null {
  for (let i = queued.length - 1; i >= free; i--) {
    const newest = queued[i];
    if (newest?.onConflict !== "cancel_running" || newest.isUnchecked || newest.pausedFor !== null) continue;
    const older = queued.slice(0, i).filter(({ actionName }) => actionName === newest.actionName);
    if (older.length > 0) return older.map(({ id }) => ({ id, type: "replace", by: newest.id }));
  }
  return null;
}

/** Only the first is refused, because the next may start without it and its limit. `waiting`: those without room. */
function refusedIn(waiting: readonly QueuedRun[]): readonly SchedulingDecision[] {
  const refused = waiting.find(({ onConflict }) => onConflict === "reject");
  return refused === undefined ? [] : [{ id: refused.id, type: "refuse" }];
}

/** When nobody leaves the queue any more. `free`: how many of those that no pause holds can start. */
function settled(
  running: readonly RunningInQueue[],
  passing: readonly QueuedRun[],
  free: number,
  queued: readonly QueuedRun[],
): readonly SchedulingDecision[] {
  const waiting = passing.slice(free);
  const stopping = waiting.filter(({ onConflict }) => onConflict === "cancel_running");
  const stoppers = new Map(
    stopping.filter(({ isUnchecked }) => !isUnchecked).map(({ id, actionName }) => [actionName, id]),
  );
  return [
    ...started(passing.slice(0, free)),
    ...stopping.filter((run) => mustKnow(run, running, queued)).map(({ id }) => ({ id, type: "check" }) as const),
    ...waiting.filter(isHeld).map(({ id }) => ({ id, type: "queue" }) as const),
    ...running.flatMap(({ id, actionName, isStopping }) => {
      const by = isStopping ? undefined : stoppers.get(actionName);
      return by === undefined ? [] : [{ id, type: "cancel", by } as const];
    }),
  ];
}

/** A group's runs wait for one before them that is not checked. Runs without a group have no limit and no order. */
function started(first: readonly QueuedRun[]): readonly SchedulingDecision[] {
  const unchecked = first.findIndex(({ isUnchecked, limit }) => isUnchecked && Number.isFinite(limit));
  return first
    .filter((run, i) => run.isUnchecked || unchecked < 0 || i < unchecked)
    .map(({ id, isUnchecked }) => ({ id, type: isUnchecked ? "check" : "release" }));
}

/** Whether a queued run that wants to cancel runs of its action would replace or stop one, and is not checked. */
function mustKnow(
  { id, isUnchecked, actionName }: QueuedRun,
  running: readonly RunningInQueue[],
  queued: readonly QueuedRun[],
): boolean {
  if (!isUnchecked) return false;
  const older = queued.slice(
    0,
    queued.findIndex((one) => one.id === id),
  );
  const changed = [...older, ...running.filter(({ isStopping }) => !isStopping)];
  return changed.some((one) => one.actionName === actionName);
}

/** The same for those that a pause holds. One that is held already is held again if the reason has changed. */
function settledInPause(paused: readonly QueuedRun[], free: number): readonly SchedulingDecision[] {
  return paused.flatMap((run, i) => {
    const { id, heldFor, pausedFor } = run;
    if (pausedFor === null || pausedFor === heldFor || !(i < free || isHeld(run))) return [];
    return [{ id, type: "hold", reason: pausedFor } as const];
  });
}

function isHeld({ heldFor }: QueuedRun): boolean {
  return heldFor !== null;
}

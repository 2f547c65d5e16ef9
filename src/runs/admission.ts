/**
 * Which runs of a group and key get a slot. PURE. No slot is counted: the caller reads the holders and the waiters from
 * the journal each time.
 */

import type { OnConflict } from "./gates.ts";

/** A run that holds a slot. `limit`: the one of its action, as it is now. */
export interface Holder {
  readonly id: string;
  readonly actionName: string;
  readonly limit: number;
  /** Whether it was asked to stop. */
  readonly isStopping: boolean;
}

/** A run whose other gates are open. */
export interface Waiter {
  readonly id: string;
  readonly actionName: string;
  readonly limit: number;
  readonly onConflict: OnConflict;
  /** Whether it may do nothing yet, because D1 must say first whether its approvals still count. */
  readonly isUnchecked: boolean;
  /** The reason of the pause, as the run shows it, if the run waits only for its end. Otherwise null. */
  readonly heldFor: string | null;
}

/** `waiters`: in the order in which they got to the slot. `pause`: the reason of the pause; null if there is none. */
export interface Line {
  readonly holders: readonly Holder[];
  readonly waiters: readonly Waiter[];
  readonly pause: string | null;
}

/**
 * What happens to a run. `release`: a waiter gets a slot. `hold`: a waiter would get a slot, but there is this pause.
 * `queue`: a waiter was held, and there is no free slot now. `refuse`: there is no free slot, and its action does not
 * wait. `replace`: a newer run of the same action takes the waiter's place. `cancel`: a newer run of the same action
 * wants the holder's slot. `check`: the waiter would get a slot, replace or stop a run, but it is not checked.
 */
export type Admission =
  | { readonly id: string; readonly type: "release" | "hold" | "queue" | "refuse" | "check" }
  | { readonly id: string; readonly type: "replace" | "cancel"; readonly by: string };

/**
 * First come, first served: a run gets a slot while there are fewer holders than the least limit among the holders and
 * the run, and nobody overtakes. What a conflict leads to is judged here, and not at create, so that a run which waits
 * for its approval stops nobody. During a pause nothing starts and nothing is stopped. A waiter that is not checked keeps
 * its place and its slot, and changes nothing.
 */
export function admit({ holders, waiters, pause }: Line): readonly Admission[] {
  const ends: Admission[] = [];
  let line = waiters;
  for (;;) {
    const free = fitting(holders, line);
    const leaving = replacedIn(line, free, pause) ?? refusedIn(line, free, pause);
    if (leaving.length === 0) {
      return [...ends, ...(pause === null ? settled(holders, line, free) : settledInPause(line, free, pause))];
    }
    ends.push(...leaving);
    const left = new Set(leaving.map(({ id }) => id));
    line = line.filter(({ id }) => !left.has(id));
  }
}

/** How many of the first waiters get a slot. Of all that would hold a slot then, the least limit counts. */
function fitting(holders: readonly Holder[], waiters: readonly Waiter[]): number {
  let least = holders.reduce((limit, holder) => Math.min(limit, holder.limit), Number.POSITIVE_INFINITY);
  let held = holders.length;
  for (const [i, { limit }] of waiters.entries()) {
    least = Math.min(least, limit);
    if (held >= least) return i;
    held++;
  }
  return waiters.length;
}

/** The waiters that the newest run of their action replaces; null if there are none. */
function replacedIn(line: readonly Waiter[], free: number, pause: string | null): readonly Admission[] | null {
  if (pause !== null) return null;
  for (let i = line.length - 1; i >= free; i--) {
    const newest = line[i];
    if (newest?.onConflict !== "cancel_running" || newest.isUnchecked) continue;
    const older = line.slice(0, i).filter(({ actionName }) => actionName === newest.actionName);
    if (older.length > 0) return older.map(({ id }) => ({ id, type: "replace", by: newest.id }));
  }
  return null;
}

/**
 * Only the first one is refused, because the next one may get a slot without it and its limit. During a pause, a waiter
 * that is held stays, even if a limit was lowered.
 */
function refusedIn(line: readonly Waiter[], free: number, pause: string | null): readonly Admission[] {
  const refused = line
    .slice(free)
    .find((waiter) => waiter.onConflict === "reject" && (pause === null || !isHeld(waiter)));
  return refused === undefined ? [] : [{ id: refused.id, type: "refuse" }];
}

/** What happens when nobody leaves the line any more. `free`: how many of its first waiters get a slot. */
function settled(holders: readonly Holder[], line: readonly Waiter[], free: number): readonly Admission[] {
  const waiting = line.slice(free);
  const stopping = waiting.filter(({ onConflict }) => onConflict === "cancel_running");
  const stoppers = new Map(
    stopping.filter(({ isUnchecked }) => !isUnchecked).map(({ id, actionName }) => [actionName, id]),
  );
  return [
    ...started(line.slice(0, free)),
    ...stopping.filter((waiter) => mustKnow(waiter, holders, line)).map(({ id }) => ({ id, type: "check" }) as const),
    ...waiting.filter(isHeld).map(({ id }) => ({ id, type: "queue" }) as const),
    ...holders.flatMap(({ id, actionName, isStopping }) => {
      const by = isStopping ? undefined : stoppers.get(actionName);
      return by === undefined ? [] : [{ id, type: "cancel", by } as const];
    }),
  ];
}

/**
 * Those that get a slot, in their order. The runs of a group wait for one before them that is not checked. Runs without
 * a group have no limit and no order.
 */
function started(first: readonly Waiter[]): readonly Admission[] {
  const unchecked = first.findIndex(({ isUnchecked, limit }) => isUnchecked && Number.isFinite(limit));
  return first
    .filter((waiter, place) => waiter.isUnchecked || unchecked < 0 || place < unchecked)
    .map(({ id, isUnchecked }) => ({ id, type: isUnchecked ? "check" : "release" }));
}

/** Whether a waiter that wants to cancel runs of its action would replace or stop one, and is not checked. */
function mustKnow(
  { id, isUnchecked, actionName }: Waiter,
  holders: readonly Holder[],
  line: readonly Waiter[],
): boolean {
  if (!isUnchecked) return false;
  const older = line.slice(
    0,
    line.findIndex((one) => one.id === id),
  );
  const changed = [...older, ...holders.filter(({ isStopping }) => !isStopping)];
  return changed.some((one) => one.actionName === actionName);
}

/** The same during a pause. A waiter that is held is held again if the reason of the pause has changed. */
function settledInPause(line: readonly Waiter[], free: number, pause: string): readonly Admission[] {
  return line
    .filter((waiter, place) => (place < free || isHeld(waiter)) && waiter.heldFor !== pause)
    .map(({ id }) => ({ id, type: "hold" }));
}

function isHeld({ heldFor }: Waiter): boolean {
  return heldFor !== null;
}

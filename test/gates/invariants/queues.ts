/** What must be true of a concurrency queue: how many are running, who is next, and that no room is left. */

import { endsAt, isOpen, isQueued, queueNameOf, type Row } from "../rows.ts";
import { fail, type Known } from "./known.ts";

/** A run was released: there was room, no pause held it back, and it was next. */
export function requireRelease(known: Known, row: Row): void {
  const name = queueNameOf(row) ?? "";
  if (row.gates === null) return;
  if (known.pausesOf(row).length > 0) fail(`${row.id} was released during a pause`);
  const first = known.queuedIn(name).find((one) => !known.isDeferred(one) && known.pausesOf(one).length === 0);
  const hasOrder = row.gates.concurrency !== null || first === undefined || !isAsked(known, first);
  if (hasOrder && first !== undefined && (first.readySeq ?? 0) < (row.readySeq ?? 0))
    fail(`${row.id} overtook ${first.id}`);
  if (row.gates.concurrency === null) return;
  const running = known.runningIn(name);
  const least = Math.min(...running.map((one) => known.limitOf(one)));
  if (running.length > least && isOpen(row)) {
    fail(`${running.length} runs are running in ${name}, of ${least}, after the release of ${row.id}`);
  }
}

/** Nobody waits while there is room. */
export function requireNoRoom(known: Known, isRung: boolean): void {
  const names = new Set(known.open.filter(isQueued).map((row) => queueNameOf(row) ?? ""));
  for (const name of names) {
    const running = known.runningIn(name);
    const queued = known.queuedIn(name);
    const passing = queued.filter((row) => known.pausesOf(row).length === 0);
    const paused = queued.filter((row) => !passing.includes(row));
    requireNoRoomFor(known, isRung, running, passing);
    requireNoRoomFor(known, isRung, [...running, ...passing], paused);
  }
}

/** `ahead`: those that hold a slot, or that get one first. */
function requireNoRoomFor(known: Known, isRung: boolean, ahead: readonly Row[], queued: readonly Row[]): void {
  const at = queued.findIndex((row) => !known.isDeferred(row) && endsAt(row) > known.now);
  const first = queued[at];
  if (first === undefined) return;
  // A write of those before has failed. They are deferred only if there was room for them.
  const limits = [...ahead, ...queued.slice(0, at + 1)].map((row) => known.limitOf(row));
  const least = Math.min(...limits);
  const pauses = known.pausesOf(first);
  const isFree = ahead.length < least;
  if (pauses.length === 0 && isAsked(known, first)) return;
  if (isFree && pauses.length === 0) {
    fail(`${first.id} waits although ${ahead.length} of ${least} are running`);
  }
  if (isRung && at === 0) requireShown(known, first, isFree);
}

/** Whether it may wait because D1 has not said yet whether its approvals count. */
function isAsked({ stage }: Known, { approvals }: Row): boolean {
  return stage.isAsking && approvals > 0;
}

/** The first of a queue shows a pause only if nothing else holds it back. */
function requireShown(known: Known, row: Row, isFree: boolean): void {
  const { id, waitingFor, waitingReason, gates } = row;
  const pauses = known.pausesOf(row);
  if (isFree && waitingFor !== "pause") fail(`${id} is paused and shows ${waitingFor}`);
  if (pauses.length === 0 && waitingFor === "pause") fail(`${id} waits for a pause that is over`);
  const ends = pauses.map(({ until }) => until ?? Number.POSITIVE_INFINITY);
  const last = pauses.filter((_, i) => ends[i] === Math.max(...ends));
  // No alarm rings when a planned pause begins. So until the next look, the run shows what held it back before.
  const shown = last.some(({ from }) => from !== null) ? known.holding(row) : last;
  if (waitingFor === "pause" && !shown.some(({ reason }) => reason === waitingReason))
    fail(`${id} shows ${waitingReason}`);
  if (!isFree && gates?.concurrency?.onConflict === "reject" && waitingFor !== "pause") {
    fail(`${id} does not want to wait`);
  }
}

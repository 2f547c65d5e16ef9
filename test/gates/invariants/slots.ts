/** What must be true of the slots of a group and key: how many are held, who is next, and that no free one is left. */

import { endsAt, isOpen, isWaiter, type Row, slotNameOf } from "../rows.ts";
import type { Known, KnownPause } from "./known.ts";
import { fail } from "./violation.ts";

/** A run was released: it had a slot, no pause held it back, and it was next. */
export function requireRelease(known: Known, row: Row): void {
  const name = slotNameOf(row) ?? "";
  if (row.gates === null) return;
  if (known.pauseAt(name)) fail(`${row.id} was released during a pause`);
  const first = known.waitersOf(name).find((waiter) => !known.isPutOff(waiter));
  const hasOrder = row.gates.concurrency !== null || first === undefined || !isAsked(known, first);
  if (hasOrder && first !== undefined && (first.readySeq ?? 0) < (row.readySeq ?? 0))
    fail(`${row.id} overtook ${first.id}`);
  if (row.gates.concurrency === null) return;
  const holders = known.holdersOf(name);
  const least = Math.min(...holders.map((holder) => known.limitOf(holder)));
  if (holders.length > least && isOpen(row)) {
    fail(`${holders.length} runs hold slots of ${name}, of ${least}, after the release of ${row.id}`);
  }
}

/** Nobody waits while there is room. */
export function requireNoRoom(known: Known, isRung: boolean): void {
  const names = new Set(known.open.filter(isWaiter).map((row) => slotNameOf(row) ?? ""));
  for (const name of names) {
    const line = known.waitersOf(name);
    const at = line.findIndex((waiter) => !known.isPutOff(waiter) && endsAt(waiter) > known.now);
    const first = line[at];
    if (first === undefined) continue;
    const holders = known.holdersOf(name);
    // A write of those before has failed. They are put off only if there was room for them.
    const limits = [...holders, ...line.slice(0, at + 1)].map((row) => known.limitOf(row));
    const least = Math.min(...limits);
    const pause = known.pauseAt(name);
    const isFree = holders.length < least;
    if (pause === undefined && isAsked(known, first)) continue;
    if (isFree && pause === undefined) {
      fail(`${first.id} waits at ${name} although ${holders.length} of ${least} hold slots`);
    }
    if (isRung && at === 0) requireShown(first, isFree, pause);
  }
}

/** Whether it may wait because D1 has not said yet whether its approvals count. */
function isAsked({ stage }: Known, { approvals }: Row): boolean {
  return stage.isAsking && approvals > 0;
}

/** The first of a line shows a pause only if nothing else holds it back. */
function requireShown(row: Row, isFree: boolean, pause: KnownPause | undefined): void {
  const { id, waitingFor, waitingReason, gates } = row;
  if (isFree && waitingFor !== "pause") fail(`${id} is paused and shows ${waitingFor}`);
  if (pause === undefined && waitingFor === "pause") fail(`${id} waits for a pause that is over`);
  if (waitingFor === "pause" && waitingReason !== pause?.reason) fail(`${id} shows ${waitingReason}`);
  if (!isFree && gates?.concurrency?.onConflict === "reject" && waitingFor !== "pause") {
    fail(`${id} does not want to wait`);
  }
}

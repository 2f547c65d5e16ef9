/** What must be true of a concurrency queue: how many are running, who is next, and that no room is left. */

import { endsAt, isOpen, isQueued, queueNameOf, type Row } from "../rows.ts";
import { fail, type Known, type KnownPause } from "./known.ts";

/** A run was released: there was room, no pause held it back, and it was next. */
export function requireRelease(known: Known, row: Row): void {
  const name = queueNameOf(row) ?? "";
  if (row.gates === null) return;
  if (known.pauseAt(name)) fail(`${row.id} was released during a pause`);
  const first = known.queuedIn(name).find((row) => !known.isDeferred(row));
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
    const queued = known.queuedIn(name);
    const at = queued.findIndex((row) => !known.isDeferred(row) && endsAt(row) > known.now);
    const first = queued[at];
    if (first === undefined) continue;
    const running = known.runningIn(name);
    // A write of those before has failed. They are deferred only if there was room for them.
    const limits = [...running, ...queued.slice(0, at + 1)].map((row) => known.limitOf(row));
    const least = Math.min(...limits);
    const pause = known.pauseAt(name);
    const isFree = running.length < least;
    if (pause === undefined && isAsked(known, first)) continue;
    if (isFree && pause === undefined) {
      fail(`${first.id} waits in ${name} although ${running.length} of ${least} are running`);
    }
    if (isRung && at === 0) requireShown(first, isFree, pause);
  }
}

/** Whether it may wait because D1 has not said yet whether its approvals count. */
function isAsked({ stage }: Known, { approvals }: Row): boolean {
  return stage.isAsking && approvals > 0;
}

/** The first of a queue shows a pause only if nothing else holds it back. */
function requireShown(row: Row, isFree: boolean, pause: KnownPause | undefined): void {
  const { id, waitingFor, waitingReason, gates } = row;
  if (isFree && waitingFor !== "pause") fail(`${id} is paused and shows ${waitingFor}`);
  if (pause === undefined && waitingFor === "pause") fail(`${id} waits for a pause that is over`);
  if (waitingFor === "pause" && waitingReason !== pause?.reason) fail(`${id} shows ${waitingReason}`);
  if (!isFree && gates?.concurrency?.onConflict === "reject" && waitingFor !== "pause") {
    fail(`${id} does not want to wait`);
  }
}

/** What must be true of a coordinator's gates after each step, whatever happened. Each is read from the journal. */

import { endsAt, isOpen, type Row } from "../rows.ts";
import { AFTER_FAILURE_MS } from "../stage.ts";
import { noteGrace, requireFreeAfterAttempt, requireGraces } from "./attempts.ts";
import { fail, type Known } from "./known.ts";
import { requireChange, requireProcessed } from "./one-run.ts";
import { requireNoRoom, requireRelease } from "./queues.ts";

/** Reads what has changed, and checks it. `isRung`: every alarm that was due has rung. */
export function requireInvariants(known: Known, sql: SqlStorage, alarmAt: number | null, isRung: boolean): void {
  const { before, changed } = known.read(sql);
  for (const row of changed) {
    const old = before.get(row.id);
    if (old?.version !== row.version) requireChange(known, old, row);
    noteGrace(known, old, row);
    requireFreeAfterAttempt(known, row);
    if (isRung && !known.hasFailed(row)) requireProcessed(row, known.now);
  }
  requireGraces(known);
  const released = changed.filter(
    ({ id, releasedAt }) => releasedAt !== null && (before.get(id)?.releasedAt ?? null) === null,
  );
  for (const row of released) requireRelease(known, row);
  if (isRung || known.isCalm) requireNoRoom(known, isRung);
  if (known.isArmed) requireAlarm(known, alarmAt);
  known.mustRing = false;
  known.forgetEnded(changed);
}

/** It is set for what comes next, at the latest. */
function requireAlarm(known: Known, alarmAt: number | null): void {
  const { now } = known;
  const next = Math.min(
    ...[...known.rows.values()].filter((row) => !known.hasFailed(row)).map(nextOf),
    ...[...known.pauses.values()].map(({ until }) => until ?? Number.POSITIVE_INFINITY),
  );
  const notBefore = known.stage.alarmFailedAt + AFTER_FAILURE_MS;
  if (known.mustRing && (alarmAt === null || alarmAt > Math.max(now, notBefore)))
    fail("a new limit counts, and the alarm does not ring at once");
  if (next === Number.POSITIVE_INFINITY) return;
  if (alarmAt === null || alarmAt > Math.max(next, now, notBefore)) {
    fail(
      `the alarm is set for ${alarmAt === null ? "never" : alarmAt - now} ms from now, and must ring in ${next - now}`,
    );
  }
}

function nextOf(row: Row): number {
  if (!isOpen(row)) return row.occupiedUntil ?? Number.POSITIVE_INFINITY;
  const opensAt = row.waitingFor === "time" ? (row.gates?.notBefore ?? null) : null;
  return Math.min(endsAt(row), opensAt ?? Number.POSITIVE_INFINITY, row.leaseUntil ?? Number.POSITIVE_INFINITY);
}

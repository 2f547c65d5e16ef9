/** What must be true of a coordinator's gates after each step, whatever happened. Each is read from the journal. */

import { requireAlarm } from "./alarm.ts";
import { noteGrace, requireFreeAfterAttempt, requireGraces } from "./attempts.ts";
import type { Known } from "./known.ts";
import { requireChange, requireProcessed } from "./one-run.ts";
import { requireNoRoom, requireRelease } from "./slots.ts";

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

/** What must be true of the alarm: it is set for what comes next, at the latest. */

import { endsAt, isOpen, type Row } from "../rows.ts";
import { AFTER_FAILURE_MS } from "../stage.ts";
import type { Known } from "./known.ts";
import { fail } from "./violation.ts";

export function requireAlarm(known: Known, alarmAt: number | null): void {
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

/** A coordinator whose clock only the test moves, with ended runs whose retention is over. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, vi } from "vitest";
import { coordinator, DAY_MS, direct, HOUR_MS, journal, until } from "../support/direct.ts";
import { fillJournal } from "../support/rows-in-journal.ts";

/** Retention in these tests. */
export const RETENTION_MS = 30 * DAY_MS;
/** Noon, so that a day of ends is known. */
export const NOON = Date.UTC(2031, 4, 20, 12);
export const DAY = "2031/05/20";

/** Lets the clock stand at noon, and moves it on. Call it once in a file. */
export function useClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: NOON });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

/** Moves the clock on, or back. */
export function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Rings the alarm now. */
export async function ring(path: string, n = 0): Promise<void> {
  await runDurableObjectAlarm(coordinator(path, n));
}

/** Runs that ended at noon, and that no D1 ever had. Returns their ids. */
export async function ended(path: string, rows: number, { endedAt = NOON, n = 0 } = {}): Promise<string[]> {
  const before = new Set(await keptIds(path, n));
  await fillJournal(path, n, { rows, landed: true, endedAt });
  await direct(path, n).poke();
  return (await keptIds(path, n)).filter((id) => !before.has(id));
}

export async function keptIds(path: string, n = 0): Promise<string[]> {
  return (await journal<{ id: string }>(path, n, "SELECT id FROM runs ORDER BY run_key")).map(({ id }) => id);
}

/** What the journal notes about the archive. */
export function marks(path: string, n = 0) {
  return journal<{ name: string; value: string }>(
    path,
    n,
    "SELECT name, value FROM marks WHERE name IN ('archiving', 'deleted_to') ORDER BY name",
  );
}

/** Rings until the journal keeps `left` runs. The clock stands still. */
export async function archiveUntil(path: string, left: number, n = 0): Promise<void> {
  await until(async () => {
    await ring(path, n);
    return (await keptIds(path, n)).length === left;
  });
}

/** Past retention, and past the day for which a run waits for others. */
export const DUE_MS = RETENTION_MS + DAY_MS + HOUR_MS;

/** A coordinator whose clock only the test moves, with ended runs whose retention is over. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, vi } from "vitest";
import type { Batch } from "../../src/runs/journal/archive-rows.ts";
import { coordinator, DAY_MS, direct, HOUR_MS, journal, until } from "../support/direct.ts";
import { fillJournal } from "../support/rows-in-journal.ts";

/** Retention in these tests. */
export const RETENTION_MS = 30 * DAY_MS;
/** Noon, so that a day of ends is known. */
export const NOON = Date.UTC(2031, 4, 20, 12);
export const DAY = "2031/05/20";

/** Lets the clock stand at noon. Call it once in a file. */
export function useClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: NOON });
  });
}

/** Lets the time limits of what hangs end 40 times sooner. The clock stands still all the same. */
export function hurryTimeLimits(): void {
  const { setTimeout } = globalThis;
  const hurried = (handler: (...args: unknown[]) => void, ms = 0) => setTimeout(handler, ms < 10_000 ? ms : ms / 40);
  vi.spyOn(globalThis, "setTimeout").mockImplementation(hurried as unknown as typeof setTimeout);
}

/** Calls `look` with each text before it is compressed, and with null at the end. It may throw, or take its time. */
export function compressWith(look: (text: string | null) => Promise<void>): void {
  const Compression = CompressionStream;
  const decoder = new TextDecoder();
  class Watched {
    readonly #watching = new TransformStream<Uint8Array, Uint8Array>({
      async transform(chunk, controller) {
        await look(decoder.decode(chunk));
        controller.enqueue(chunk);
      },
      flush: () => look(null),
    });
    readonly writable = this.#watching.writable;
    readonly readable = this.#watching.readable.pipeThrough(new Compression("gzip"));
  }
  vi.stubGlobal("CompressionStream", Watched);
}

/** Holds back the end of what is compressed, until `release` is called. `isHeld`: whether there is something. */
export function holdCompression(): { isHeld: boolean; release: () => void } {
  let isReleased = false;
  const release = () => {
    isReleased = true;
  };
  const hold = { isHeld: false, release };
  compressWith(async (text) => {
    hold.isHeld ||= text === null;
    while (text === null && !isReleased) await scheduler.wait(1);
  });
  return hold;
}

/** The object dies as in a crash: nothing that it had begun goes on in it. */
export async function die(path: string): Promise<void> {
  await runInDurableObject(coordinator(path), (_, state) => state.abort("killed")).catch(() => {});
}

/** The lines of the log that tell of errors, as they come. */
export function errorLines(): readonly string[] {
  const lines: string[] = [];
  vi.spyOn(console, "error").mockImplementation((line) => lines.push(String(line)));
  return lines;
}

/** Moves the clock on, or back. */
export function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Rings the alarm now. */
export async function ring(path: string): Promise<void> {
  await runDurableObjectAlarm(coordinator(path));
}

/** Runs that ended at noon, and that no D1 ever had. Returns their ids. */
export async function ended(path: string, rows: number, { endedAt = NOON } = {}): Promise<string[]> {
  const before = new Set(await keptIds(path));
  await fillJournal(path, { rows, isReplicated: true, endedAt });
  await direct(path).upkeep.poke();
  return (await keptIds(path)).filter((id) => !before.has(id));
}

export async function keptIds(path: string): Promise<string[]> {
  return (await journal<{ id: string }>(path, "SELECT id FROM runs ORDER BY run_key")).map(({ id }) => id);
}

async function metadata<T>(path: string, name: string): Promise<T | null> {
  const [row] = await journal<{ value: string }>(path, "SELECT value FROM metadata WHERE name = ?", name);
  return row === undefined ? null : (JSON.parse(row.value) as T);
}

/** The runs that the next object must have. */
export function archivingBatch(path: string): Promise<Batch | null> {
  return metadata(path, "archiving");
}

/** Lets retention pass, and the deletions in D1. The archive comes a day later. */
export async function deletedFromD1(path: string): Promise<void> {
  pass(RETENTION_MS);
  await deletedUpTo(path, (await keptIds(path)).at(-1));
}

/** Rings until D1's rows are deleted up to this run. */
export async function deletedUpTo(path: string, id: string | undefined): Promise<void> {
  await until(async () => {
    await ring(path);
    return (await metadata<{ id: string }>(path, "deleted_to"))?.id === id;
  });
}

/** Rings until the journal keeps `left` runs. The clock stands still. */
export async function archiveUntil(path: string, left: number): Promise<void> {
  await until(async () => {
    await ring(path);
    return (await keptIds(path)).length === left;
  });
}

/** Past retention, and past the day for which a run waits for others. */
export const DUE_MS = RETENTION_MS + DAY_MS + HOUR_MS;

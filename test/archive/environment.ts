/**
 * A coordinator whose clock only the test moves, with ended runs whose retention is over. Its archive is a bucket whose
 * puts a test can watch, hold and refuse.
 */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, vi } from "vitest";
import type { Batch } from "../../src/runs/journal/due-rows.ts";
import { coordinator, DAY_MS, direct, HOUR_MS, journal, until } from "../support/direct.ts";
import { scopeOfPath } from "../support/requests.ts";
import { fillJournal } from "../support/runs/rows-in-journal.ts";
import { changed } from "../support/settings.ts";

/** Retention in these tests. */
export const RETENTION_MS = 30 * DAY_MS;
/** Noon, so that a day of ends is known. */
export const NOON = Date.UTC(2031, 4, 20, 12);
export const DAY = "2031/05/20";

/** `committed_then_silence`: the object is written, and nobody hears of it. */
type BucketFault = "down" | "hang" | "committed_then_silence";

interface Bucket {
  fault: BucketFault | null;
  /** Keys that somebody has tried to write, in order. */
  puts: string[];
  /** Puts that hang, to be carried out late. */
  late: (() => Promise<unknown>)[];
}

/** One for the isolate, shared by the Worker and the tests. */
export const bucket: Bucket = { fault: null, puts: [], late: [] };

/** Lets the clock stand at noon, and gives the service an archive. Call it once in a file. */
export function useArchive(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: NOON });
    Object.assign(bucket, { fault: null, puts: [], late: [] });
    changed.ARCHIVE = {
      head: (key: string) => (bucket.fault === null ? env.ARCHIVE.head(key) : refuse(bucket.fault)),
      put: async (key: string, body: Uint8Array, options: R2PutOptions) => {
        bucket.puts.push(key);
        const put = () => env.ARCHIVE.put(key, body, options);
        const { fault } = bucket;
        if (fault === "hang") bucket.late.push(put);
        if (fault === "committed_then_silence") await put();
        return fault === null ? put() : refuse(fault);
      },
    };
  });
}

function refuse(fault: BucketFault): Promise<never> {
  return fault === "down" ? Promise.reject(new Error("put: Internal Error (10001)")) : new Promise(() => {});
}

interface ArchivedLine {
  readonly id: string;
  readonly status: string;
  readonly completedAt: string;
  readonly details: Record<string, unknown>;
  readonly timeline: readonly Record<string, unknown>[];
}

/** The lines of each object of the environment, by its key. */
export async function objectsOf(path: string): Promise<Map<string, ArchivedLine[]>> {
  const prefix = `v1/${scopeOfPath(path)}/`;
  const objects = new Map<string, ArchivedLine[]>();
  for (const { key } of (await env.ARCHIVE.list({ prefix })).objects) {
    const object = await env.ARCHIVE.get(key);
    if (object === null) throw new Error(`${key} is gone`);
    const gzip = new DecompressionStream("gzip");
    const text = await new Response(object.body.pipeThrough(gzip)).text();
    if (!text.endsWith("\n")) throw new Error(`${key} does not end with a line`);
    const lines = text.slice(0, -1).split("\n");
    objects.set(
      key,
      lines.map((line) => JSON.parse(line)),
    );
  }
  return objects;
}

/** Ids of the archived runs, those of each object in its order. An id in two objects is there twice. */
export async function archivedIds(path: string): Promise<string[]> {
  return [...(await objectsOf(path)).values()].flat().map(({ id }) => id);
}

/** Holds back the end of what is compressed, until `release` is called. `isHeld`: whether there is something. */
export function holdCompression(): { isHeld: boolean; release: () => void } {
  const Compression = CompressionStream;
  let isReleased = false;
  const release = () => {
    isReleased = true;
  };
  const hold = { isHeld: false, release };
  class Held {
    readonly #holding = new TransformStream<Uint8Array, Uint8Array>({
      async flush() {
        hold.isHeld = true;
        while (!isReleased) await scheduler.wait(1);
      },
    });
    readonly writable = this.#holding.writable;
    readonly readable = this.#holding.readable.pipeThrough(new Compression("gzip"));
  }
  vi.stubGlobal("CompressionStream", Held);
  return hold;
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

/** A crash at each step, and tries that are given up and come late: each run is in one object, and goes once. */

import { expect, it, vi } from "vitest";
import { DAY_MS, journal, restart, spyOnCalls, until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { newRunsPath } from "../support/requests.ts";
import {
  archivedIds,
  archiveUntil,
  archivingBatch,
  bucket,
  deletedFromD1,
  ended,
  errorLines,
  holdCompression,
  keptIds,
  objectsOf,
  pass,
  ring,
  useArchive,
} from "./environment.ts";

useArchive();

const LOST_MS = 71_000;

/** Lets the journal forget no run while it keeps `kept` or fewer. */
async function keep(path: string, kept: number): Promise<void> {
  const refuse = `(SELECT count(*) FROM runs) <= ${kept} BEGIN SELECT RAISE(ABORT, 'no'); END`;
  await journal(path, `CREATE TRIGGER kept BEFORE DELETE ON runs WHEN ${refuse}`);
}

/** Whether a step is reached. `errors`: lines of the log. */
type IsThere = (path: string, errors: readonly string[]) => boolean | Promise<boolean>;

const hasFailed: IsThere = (_path, errors) => errors.some((line) => line.includes('"archive_failed"'));

interface Crash {
  readonly at: string;
  /** How often the bucket is asked to write in all. */
  readonly puts: number;
  /** Makes the archive stop at the step. */
  readonly stop: (path: string) => IsThere | Promise<IsThere>;
}

it.each<Crash>([
  {
    at: "while D1 deletes",
    puts: 1,
    stop: () => {
      Object.assign(faults, { writes: "hang", calls: 0 });
      return () => faults.calls > 0;
    },
  },
  {
    at: "before the object's runs are noted",
    puts: 1,
    stop: () => {
      const hold = holdCompression();
      return () => hold.isHeld;
    },
  },
  {
    at: "while the bucket writes",
    puts: 2,
    stop: () => {
      bucket.fault = "hang";
      return () => bucket.puts.length === 1;
    },
  },
  {
    at: "after the bucket has written, before anybody knows",
    puts: 2,
    stop: () => {
      bucket.fault = "committed_then_silence";
      return async (path) => (await objectsOf(path)).size === 1;
    },
  },
  {
    at: "before the first run is forgotten",
    puts: 2,
    stop: async (path) => {
      await keep(path, 500);
      return hasFailed;
    },
  },
  {
    at: "when some of the object's runs are forgotten",
    puts: 1,
    stop: async (path) => {
      await keep(path, 300);
      return hasFailed;
    },
  },
])("a crash $at: each run is in one object, and nothing is left", async ({ puts, stop }) => {
  const path = newRunsPath();
  const ids = await ended(path, 500);
  await deletedFromD1(path);
  const errors = errorLines();
  const isThere = await stop(path);
  pass(DAY_MS);
  await ring(path);
  await until(async () => isThere(path, errors));
  const kept = (await keptIds(path)).length;
  expect(kept).toBe((await archivingBatch(path))?.isWritten ? 300 : 500);

  await journal(path, "DROP TRIGGER IF EXISTS kept");
  await restart(path);
  vi.unstubAllGlobals();
  faults.writes = null;
  bucket.fault = null;
  pass(LOST_MS);
  await archiveUntil(path, 0);
  for (const write of bucket.late) await write();
  expect((await archivedIds(path)).toSorted()).toEqual(ids);
  expect(bucket.puts.length).toBe(puts);
  expect(new Set(bucket.puts).size).toBe(1);
  expect(await archivingBatch(path)).toBeNull();
});

it("a try that was given up can't write while the next one is under way", async () => {
  const path = newRunsPath();
  const ids = await ended(path, 3);
  await deletedFromD1(path);
  pass(DAY_MS);
  const first = holdCompression();
  await ring(path);
  await until(async () => first.isHeld);
  vi.unstubAllGlobals();
  const second = holdCompression();
  pass(LOST_MS);
  await ring(path);
  await until(async () => second.isHeld);
  const seals = spyOnCalls("archive", "seal");
  first.release();
  await until(async () => seals.mock.results.length > 0);
  expect(await seals.mock.results[0]?.value).toBeNull();
  expect(await archivingBatch(path)).toBeNull();
  second.release();
  await archiveUntil(path, 0);
  expect(bucket.puts.length).toBe(1);
  expect(await archivedIds(path)).toEqual(ids);
});

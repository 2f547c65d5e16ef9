/** What the archive does when something stays broken: the bucket, D1, or one run. It never holds up the rest. */

import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { archiveStatus } from "../../src/runs/api/run-archive.ts";
import { alarmAt, DAY_MS, direct, journal, MINUTE_MS, until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { replicatedRow } from "../support/landed.ts";
import { ask, createRun, newRunsPath, rowOf, scopeOfPath } from "../support/requests.ts";
import { changed } from "../support/settings.ts";
import { archivedIds, bucket, objectsOf, useBucket } from "./bucket.ts";
import {
  archiveUntil,
  archivingBatch,
  DUE_MS,
  deletedFromD1,
  die,
  ended,
  errorLines,
  keptIds,
  NOON,
  pass,
  RETENTION_MS,
  ring,
  useClock,
} from "./environment.ts";

useClock();
useBucket();

const failuresIn = (errors: readonly string[]) =>
  errors.filter((line) => line.includes('"archive_failed"')).map((line) => JSON.parse(line));

it("with a bucket that is down for an hour, D1's rows go and the journal waits, longer after each failure", async () => {
  const path = newRunsPath();
  const run = await createRun(path, { actionName: "deploy" });
  await ask("DELETE", `${path}/${run.id}`);
  await replicatedRow(path, run.id);
  const errors = errorLines();
  bucket.fault = "down";
  pass(DUE_MS);
  await ring(path);
  const waits = [10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 600];
  for (const [i, seconds] of waits.entries()) {
    await until(async () => failuresIn(errors).length > i);
    expect(await alarmAt(path)).toBe(Date.now() + seconds * 1000);
    pass(seconds * 1000);
    await ring(path);
  }
  await until(async () => failuresIn(errors).length > waits.length);
  expect(failuresIn(errors)[1]).toMatchObject({ coordinator: scopeOfPath(path), runs: 1, failures: 2 });
  expect(await rowOf(run.id)).toBeNull();
  expect(await keptIds(path)).toEqual([run.id]);
  expect(await archiveStatus({ ARCHIVE: changed.ARCHIVE as R2Bucket })).toBe("not_answering");

  bucket.fault = null;
  expect(await archiveStatus({ ARCHIVE: changed.ARCHIVE as R2Bucket })).toBe("ready");
  pass(10 * MINUTE_MS);
  await archiveUntil(path, 0);
  expect(await archivedIds(path)).toEqual([run.id]);
  // The runs were noted before the first try.
  expect(new Set(bucket.puts).size).toBe(1);
});

it("writes a run that can't be printed as a line that says so, and holds up no other", async () => {
  const path = newRunsPath();
  const ids = await ended(path, 3);
  const broken = ids[1] ?? "";
  await journal(path, "UPDATE runs SET started_at = 9e15 WHERE id = ?", broken);
  await deletedFromD1(path);
  const errors = errorLines();
  pass(DAY_MS);
  await archiveUntil(path, 0);
  expect(await archivedIds(path)).toEqual(ids);
  const lines = [...(await objectsOf(path)).values()].flat();
  expect(lines[1]).toEqual({ id: broken, unprintable: "RangeError" });
  expect(lines[2]).toMatchObject({ id: ids[2], status: "cancelled", timeline: expect.any(Array) });
  expect(errors).toEqual([expect.stringContaining(`"event":"run_unprintable"`)]);
});

it("ends an object at 8 MB, so that runs of 1000 events with 1 KiB each take several", async () => {
  const path = newRunsPath();
  const ids = await ended(path, 16);
  await journal(
    path,
    `WITH RECURSIVE seqs (seq) AS (SELECT 2 UNION ALL SELECT seq + 1 FROM seqs WHERE seq < 1000)
     INSERT INTO events (run_id, seq, type, at, data)
     SELECT id, seq, 'heartbeat', created_at, json_object('message', hex(randomblob(512))) FROM runs, seqs`,
  );
  await deletedFromD1(path);
  pass(DAY_MS);
  await archiveUntil(path, 0);
  const objects = [...(await objectsOf(path)).values()];
  expect(
    objects
      .flat()
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual(ids);
  expect(objects.flat().every(({ timeline }) => timeline.length === 1000)).toBe(true);
  const { objects: stored } = await env.ARCHIVE.list({ prefix: `v1/${scopeOfPath(path)}/` });
  expect(stored.length).toBe(2);
  expect(Math.max(...stored.map(({ size }) => size))).toBeLessThan(9_000_000);
});

it("waits until webhook endpoints were notified of a run, and counts each run first", async () => {
  const path = newRunsPath();
  const [notified = "", pending = ""] = await ended(path, 2);
  const number = "UPDATE runs SET change_seq = ?1, event_seq = ?1, ended_seq = ?1 WHERE id = ?2";
  await journal(path, number, 1, notified);
  await die(path);
  await direct(path).upkeep.counts();
  await journal(path, number, 2, pending);
  await journal(path, "INSERT INTO metadata (name, value) VALUES ('endpoints_noted', ?)", `${NOON}:0:1`);
  await die(path);
  faults.reads = "down";
  errorLines();
  pass(DUE_MS);
  await archiveUntil(path, 1);
  expect(await archivedIds(path)).toEqual([notified]);
  expect(await keptIds(path)).toEqual([pending]);
  faults.reads = null;
  pass(DAY_MS);
  await ring(path);
  const noted = "SELECT 1 FROM metadata WHERE name = 'endpoints_noted'";
  await until(async () => (await journal(path, noted)).length === 0);
  pass(MINUTE_MS);
  await archiveUntil(path, 0);
  expect((await archivedIds(path)).toSorted()).toEqual([notified, pending]);
  expect((await direct(path).upkeep.counts()).ended.ended).toEqual({ "cancelled/cancel": 2 });
});

it("without a bucket, a purge is as it always was, also if there was an archive before", async () => {
  const path = newRunsPath();
  await ended(path, 3);
  await deletedFromD1(path);
  bucket.fault = "down";
  errorLines();
  pass(DAY_MS);
  await ring(path);
  await until(async () => (await archivingBatch(path)) !== null);
  changed.ARCHIVE = undefined;
  await die(path);
  await ring(path);
  await until(async () => (await keptIds(path)).length === 0);
  expect(await journal(path, "SELECT name FROM metadata WHERE name IN ('archiving', 'deleted_to')")).toEqual([]);

  const other = newRunsPath();
  await ended(other, 3);
  const before = await journal(other, "SELECT name FROM metadata");
  const { calls } = faults;
  pass(RETENTION_MS);
  await ring(other);
  await until(async () => (await keptIds(other)).length === 0);
  expect(faults.calls - calls).toBe(1);
  expect(await journal(other, "SELECT name FROM metadata")).toEqual(before);
  expect(await archiveStatus({})).toBeNull();
});

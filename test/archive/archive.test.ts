/** What the archive has of a run, when runs go there, and what stays if the bucket, D1 or one run is broken. */

import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { archiveStatus } from "../../src/runs/api/run-archive.ts";
import { alarmAt, DAY_MS, direct, HOUR_MS, journal, MINUTE_MS, restart, until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { replicatedRow } from "../support/replicated.ts";
import { ask, createRun, newRunsPath, report, rowOf, type Schemas, scopeOfPath } from "../support/requests.ts";
import { beat } from "../support/runs/stream.ts";
import { changed } from "../support/settings.ts";
import { grantToken } from "../support/tokens.ts";
import {
  archivedIds,
  archiveUntil,
  archivingBatch,
  bucket,
  DAY,
  DUE_MS,
  deletedFromD1,
  deletedUpTo,
  ended,
  errorLines,
  holdCompression,
  keptIds,
  NOON,
  objectsOf,
  pass,
  RETENTION_MS,
  ring,
  useArchive,
} from "./environment.ts";

useArchive();

const TRIGGER = {
  type: "webhook",
  url: "https://ci.example.com/hooks/{{ run.id }}",
  headers: { Authorization: "Bearer {{ secrets.api }}" },
  secrets: { api: "s3cret-of-the-api" },
  payload: { token: "{{ run.callbackToken }}" },
  cancel: { url: "https://ci.example.com/stop" },
  retry: { maxAttempts: 1 },
};

it("writes a run as a token with data:read sees it, and the run is 404 afterwards", async () => {
  const path = newRunsPath();
  const envName = scopeOfPath(path).split("/")[2] ?? "";
  const reader = (await grantToken("/acme/shop", { role: "viewer", envName })).token;
  const labels = ["team:payments"];
  const reported = await createRun(path, { actionName: "deploy", entityId: crypto.randomUUID(), labels });
  await beat(reported, { message: "compiling", progress: 40 });
  await report(reported, { status: "succeeded", output: { url: "https://ok.example", text: "line\nbreak" } });
  const refused = await createRun(path, { actionName: "deploy", trigger: TRIGGER });
  await until(async () => (await ask("GET", `${path}/${refused.id}`)).body.status === "failed");
  const ids = [reported.id, refused.id];

  const seen = await Promise.all(
    ids.map(async (id) => {
      const run = await ask<object>("GET", `${path}/${id}?include=details`, { token: reader });
      const timeline = await ask<object[]>("GET", `${path}/${id}/events`, { token: reader });
      return { ...run.body, timeline: timeline.body };
    }),
  );
  // The operator sees what the receiver answered.
  expect((await ask<object[]>("GET", `${path}/${refused.id}/events`)).body).toContainEqual(
    expect.objectContaining({ type: "attempt_answered", excerpt: "no network" }),
  );
  for (const id of ids) expect(await replicatedRow(path, id)).not.toBeNull();

  pass(DUE_MS);
  await archiveUntil(path, 0);
  const objects = await objectsOf(path);
  expect([...objects.values()].flat()).toEqual(expect.arrayContaining(seen));
  for (const key of objects.keys()) {
    expect(key).toMatch(new RegExp(`^v1/acme/shop/${envName}/${DAY}/[0-9a-f]{32}\\.ndjson\\.gz$`));
  }
  const text = JSON.stringify([...objects.values()]);
  for (const secret of ["no network", "s3cret", "excerpt", refused.callback.token]) {
    expect(text).not.toContain(secret);
  }
  for (const id of ids) {
    expect(await rowOf(id)).toBeNull();
    expect((await ask("GET", `${path}/${id}`)).status).toBe(404);
  }
});

it("writes one object a day, which has the runs that ended on one day", async () => {
  const path = newRunsPath();
  const today = await ended(path, 3);
  const tonight = await ended(path, 2, { endedAt: NOON + 11 * HOUR_MS });
  const tomorrow = await ended(path, 2, { endedAt: NOON + 13 * HOUR_MS });
  pass(RETENTION_MS + DAY_MS - MINUTE_MS);
  await deletedUpTo(path, tomorrow.at(-1));
  expect(await alarmAt(path)).toBe(NOON + RETENTION_MS + DAY_MS);
  expect(bucket.puts).toEqual([]);
  pass(MINUTE_MS);
  await archiveUntil(path, tomorrow.length);
  const objects = await objectsOf(path);
  expect([...objects.values()].map((lines) => lines.map(({ id }) => id))).toEqual([[...today, ...tonight]]);
  expect(await keptIds(path)).toEqual(tomorrow);
  pass(DAY_MS);
  await archiveUntil(path, 0);
  expect([...(await objectsOf(path)).keys()].map((key) => key.split("/").slice(4, 7).join("/"))).toEqual([
    "2031/05/20",
    "2031/05/21",
  ]);
});

it("writes at once when 1000 runs are due, 1000 in each object", async () => {
  const path = newRunsPath();
  const ids = await ended(path, 2300);
  pass(RETENTION_MS);
  await archiveUntil(path, 300);
  const objects = await objectsOf(path);
  expect([...objects.values()].map(({ length }) => length)).toEqual([1000, 1000]);
  expect(new Set(await archivedIds(path)).size).toBe(2000);
  pass(DAY_MS);
  await archiveUntil(path, 0);
  expect((await archivedIds(path)).toSorted()).toEqual(ids);
  expect(await archivingBatch(path)).toBeNull();
});

it("with a shorter retention meanwhile, runs that ended later can be due first, and each is in one object", async () => {
  const path = newRunsPath();
  const old = await ended(path, 3);
  const short = await ended(path, 3, { endedAt: NOON + 2 * DAY_MS });
  const due = NOON + 5 * DAY_MS;
  await journal(path, "UPDATE runs SET purge_at = ?1, due_at = ?1 WHERE completed_at > ?2", due, NOON);
  pass(5 * DAY_MS + DAY_MS);
  await archiveUntil(path, 3);
  expect(await archivedIds(path)).toEqual(short);
  pass(DUE_MS);
  await archiveUntil(path, 0);
  expect((await archivedIds(path)).toSorted()).toEqual([...old, ...short].toSorted());
});

it("a run that was due before it ended loses its row in D1 with the archive, whatever was deleted before", async () => {
  const path = newRunsPath();
  const { id } = await createRun(path, { actionName: "late" });
  await replicatedRow(path, id);
  // Its alarm was dropped, so its deadline passed unseen. Deletions in D1 have come further.
  const deletedTo = JSON.stringify({ dueAt: NOON + RETENTION_MS + DAY_MS, id: "" });
  await journal(path, "INSERT INTO metadata (name, value) VALUES ('deleted_to', ?)", deletedTo);
  await restart(path);
  pass(RETENTION_MS + 2 * HOUR_MS);
  await ring(path);
  expect(await replicatedRow(path, id)).toMatchObject({ status: "failed" });
  pass(DAY_MS);
  await archiveUntil(path, 0);
  expect(await rowOf(id)).toBeNull();
  expect(await archivedIds(path)).toEqual([id]);
});

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
  expect((await archivedIds(path)).toSorted()).toEqual(ids);
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
  await restart(path);
  await direct(path).upkeep.counts();
  await journal(path, number, 2, pending);
  await journal(path, "INSERT INTO metadata (name, value) VALUES ('endpoints_noted', ?)", `${NOON}:0:1`);
  await restart(path);
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
  await restart(path);
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

it("writes no text of a run that was erased after the object had read the run", async () => {
  const path = newRunsPath();
  const [erased = "", other = ""] = await ended(path, 2);
  await journal(path, `UPDATE runs SET parameters = '{"of":"Ada"}'`);
  await deletedFromD1(path);
  const compression = holdCompression();
  pass(DAY_MS);
  await ring(path);
  await until(async () => compression.isHeld);
  const stranger = { tokenId: "other", tokenName: "other", parents: [], person: null };
  expect(await direct(path).runs.erase(erased, stranger)).toMatchObject({ ok: true, archived: [] });
  compression.release();
  errorLines();
  await until(async () => {
    pass(MINUTE_MS);
    await ring(path);
    return (await keptIds(path)).length === 0;
  });
  const lines = [...(await objectsOf(path)).values()].flat() as unknown as Schemas["ActionRun"][];
  expect(lines.map(({ id, parameters }) => [id, parameters])).toEqual([
    [erased, {}],
    [other, { of: "Ada" }],
  ]);
});

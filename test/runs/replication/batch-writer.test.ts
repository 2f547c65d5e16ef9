/** Group writer on real objects and a real D1. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { utf8Bytes } from "../../../src/base/limits.ts";
import { GROUP_MAX_BYTES, toGroupRow } from "../../../src/runs/d1/store.ts";
import { RunRows } from "../../../src/runs/journal/run-rows.ts";
import { BatchWriter } from "../../../src/runs/replication/batch-writer.ts";

import {
  alarmAt,
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  givenAged,
  journal,
  MINUTE_MS,
  restart,
  until,
} from "../../support/direct.ts";
import { faults, holdWrites, queueBatches } from "../../support/faults.ts";
import { givenReplicated, replicated } from "../../support/replicated.ts";
import { ask, createRun, newRunsPath, report, rowOf, scopeOfPath } from "../../support/requests.ts";
import { writeRows } from "../../support/rows.ts";
import { APPROVAL, gatedRun } from "../../support/runs/gated.ts";

async function versionOf(path: string, id: string): Promise<number | undefined> {
  const [row] = await journal<{ version: number }>(path, "SELECT version FROM runs WHERE id = ?", id);
  return row?.version;
}

it("replicates a newer version that was journalled during a batch, even if the next batch fails", async () => {
  const { path, id } = await givenReplicated();
  const batches = queueBatches(scopeOfPath(path));
  expect(await change(path, id, { type: "started" })).toMatchObject({ ok: true });
  await until(async () => batches.held === 1);
  expect(await change(path, id, { type: "succeeded", output: null })).toMatchObject({ ok: true });
  expect(await versionOf(path, id)).toBe(3);
  // The batch under way met no fault; the next, with version 3, meets it.
  const failed = vi.spyOn(console, "error").mockImplementation(() => {});
  faults.writes = "down";
  batches.open();
  await until(async () => failed.mock.calls.length > 0);
  expect(await rowOf(id)).toMatchObject({ version: 2, status: "running" });
  expect(await direct(path).runs.read(id)).toMatchObject({ status: "succeeded" });
  faults.writes = null;
  await alarmIn(61_000, coordinator(path));
  await until(async () => (await rowOf(id))?.version === 3);
  expect(await rowOf(id)).toMatchObject({ status: "succeeded" });
});

it("notes with the next alarm what is replicated, and then rests", async () => {
  const path = newRunsPath();
  const deadlineAt = Date.now() + 60 * MINUTE_MS;
  await createAged(path, { deadlineAt });
  await replicated(path);
  const query = "SELECT name, value FROM metadata WHERE name NOT IN ('name', 'epoch') ORDER BY name";
  const metadata = () => journal(path, query);
  expect(await metadata()).toEqual([{ name: "replication_retry_at", value: expect.any(String) }]);
  expect(await runDurableObjectAlarm(coordinator(path))).toBe(true);
  expect(await metadata()).toEqual([{ name: "replica:0", value: expect.stringContaining('"replicatedSeq":1,') }]);
  expect(await alarmAt(path)).toBe(deadlineAt);
});

it("replicates every run but the one that D1 refuses, logs that one, and retries it later", async () => {
  const path = newRunsPath();
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  faults.writes = { refuse: (bound) => bound.includes("poison") };
  const gate = holdWrites();
  const names = ["a", "b", "c", "poison", "d", "e", "f"];
  const ids = await Promise.all(names.map((actionName) => createAged(path, { actionName })));
  gate.open();
  const culprit = ids[3] ?? "";
  const onlyCulpritIsLacking = () =>
    until(async () => {
      const reply = await direct(path).upkeep.lacking({ limit: 10 });
      return reply.ok && reply.ids.join() === culprit;
    });
  await onlyCulpritIsLacking();
  for (const id of ids) {
    if (id !== culprit) expect(await rowOf(id)).toMatchObject({ version: 1 });
  }
  expect(await rowOf(culprit)).toBeNull();
  const lines = logged.mock.calls.map(([line]) => JSON.parse(String(line)));
  expect(lines).toContainEqual(expect.objectContaining({ event: "run_quarantined", run: culprit, quarantined: 1 }));
  logged.mockRestore();

  // Not before its time.
  faults.writes = null;
  await runDurableObjectAlarm(coordinator(path));
  await onlyCulpritIsLacking();
  expect(await rowOf(culprit)).toBeNull();
  await alarmIn(61_000, coordinator(path));
  await until(async () => (await rowOf(culprit)) !== null);
});

it("does not restore a removed run, however late its batch arrives", async () => {
  const path = newRunsPath();
  const createdAt = Date.now() - 40 * DAY_MS;
  const gate = holdWrites(/INSERT/);
  const id = await createAged(path, { createdAt, deadlineAt: createdAt + MINUTE_MS });
  // The alarm is due at once: it ends the overdue run, and the purge takes it, while the batch is still under way.
  await until(async () => (await journal(path, "SELECT id FROM runs")).length === 0);
  gate.open();
  await replicated(path);
  expect(await rowOf(id)).toBeNull();
  // And D1 itself refuses it, whoever sends it.
  const late = await createAged(path, { createdAt, deadlineAt: createdAt + MINUTE_MS });
  await replicated(path);
  expect(await rowOf(late)).toBeNull();
});

it("ignores an older version that arrives late", async () => {
  const { path, id } = await givenAged();
  const older = await runInDurableObject(coordinator(path), (_instance, state) => {
    const run = new RunRows(state.storage.sql).byId(id);
    return run === null ? "" : toGroupRow(run);
  });
  await change(path, id, { type: "cancelled" });
  await replicated(path);
  await writeRows(scopeOfPath(path), [older]);
  expect(await rowOf(id)).toMatchObject({ version: 2, status: "cancelled" });
});

it("keeps an earlier alarm after a restart", async () => {
  const path = newRunsPath();
  const soon = Date.now() + 30 * MINUTE_MS;
  await createAged(path, { deadlineAt: soon });
  await replicated(path);
  await runDurableObjectAlarm(coordinator(path));
  expect(await alarmAt(path)).toBe(soon);
  await restart(path);
  await createAged(path, { deadlineAt: soon + 60 * MINUTE_MS });
  await replicated(path);
  await runDurableObjectAlarm(coordinator(path));
  expect(await alarmAt(path)).toBe(soon);
});

it("does not postpone the retry of a pending row after a restart", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  await createAged(path);
  const retryAt = await alarmAt(path);
  expect(retryAt).not.toBeNull();
  await restart(path);
  faults.writes = "hang";
  await createAged(path);
  expect(await alarmAt(path)).toBeLessThanOrEqual(retryAt ?? 0);
});

it("sets the retry in the same critical section that makes a row pending", async () => {
  const path = newRunsPath();
  const gate = holdWrites();
  await createAged(path);
  const at = await alarmAt(path);
  expect(at).toBeGreaterThan(Date.now() - MINUTE_MS);
  expect(at).toBeLessThanOrEqual(Date.now() + MINUTE_MS);
  expect(await journal(path, "SELECT name FROM metadata ORDER BY name")).toEqual([
    { name: "epoch" },
    { name: "name" },
    { name: "replication_retry_at" },
  ]);
  gate.open();
});

it("rings once in a minute while batches are written", async () => {
  const path = newRunsPath();
  const gate = holdWrites();
  await createAged(path);
  const now = Date.now();
  await alarmIn(MINUTE_MS + 1000, coordinator(path));
  expect(await alarmAt(path)).toBeGreaterThan(now + 1.5 * MINUTE_MS);
  gate.open();
});

it("replicates a few seconds after its start what a restarted object had not, without an alarm", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  const id = await createAged(path);
  await restart(path);
  faults.writes = null;
  await runInDurableObject(coordinator(path), (_instance, { storage }) => storage.deleteAlarm());
  await until(async () => (await rowOf(id)) !== null);
});

it("replicates at once what waits when the sweep calls, although the interval between batches is not over", async () => {
  const { path } = await givenReplicated();
  // No interval ends.
  const { setTimeout } = globalThis;
  const without = (go: () => void, ms = 0) => (ms > 500 && ms < 1500 ? 0 : setTimeout(go, ms));
  vi.spyOn(globalThis, "setTimeout").mockImplementation(without as unknown as typeof setTimeout);
  const id = await createAged(path);
  await direct(path).upkeep.poke();
  await until(async () => (await rowOf(id)) !== null);
});

it("hurries a change of a run that waits at a gate, or did", async () => {
  const path = newRunsPath();
  const urgent: boolean[] = [];
  vi.spyOn(BatchWriter.prototype, "changed").mockImplementation((_entry, isUrgent) => {
    urgent.push(isUrgent === true);
  });
  const plain = await createRun(path);
  await report(plain, { status: "succeeded" });
  const gated = await gatedRun(path, APPROVAL);
  expect((await ask("DELETE", `${path}/${gated.id}`)).status).toBe(200);
  expect(urgent).toEqual([false, false, true, true]);
});

it("replicates a run that is at every limit at once, byte by byte", async () => {
  const path = newRunsPath();
  // Quotes double in the JSON of JSON.
  const quotes = (bytes: number) => ({ q: '"'.repeat((bytes - 8) / 2) });
  const sizes: number[] = [];
  faults.writes = { refuse: (bound) => sizes.push(utf8Bytes(bound)) === 0 };
  const created = await createRun(path, {
    actionName: '"'.repeat(255),
    parameters: quotes(128 * 1024),
    recommendations: quotes(128 * 1024),
  });
  const error = '"'.repeat(4 * 1024 - 8);
  const done = await report(created, { status: "failed", error, output: quotes(256 * 1024) });
  expect(done.status).toBe(200);
  await until(async () => (await rowOf(created.id))?.version === 2);
  const row = await env.DB.prepare("SELECT body FROM runs WHERE id = ?").bind(created.id).first<{ body: string }>();
  expect(JSON.parse(row?.body ?? "")).toEqual(done.body);
  // Over our own cap, so it was written alone, and within D1's.
  const largest = Math.max(...sizes);
  expect(largest).toBeGreaterThan(GROUP_MAX_BYTES);
  expect(largest).toBeLessThan(2_000_000);
});

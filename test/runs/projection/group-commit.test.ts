/** Group commit on real objects and a real D1. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { utf8Bytes } from "../../../src/http/limits.ts";
import { GROUP_MAX_BYTES, toGroupRow } from "../../../src/runs/d1/store.ts";
import { LandingRows } from "../../../src/runs/journal/landing-rows.ts";
import { RunRows } from "../../../src/runs/journal/run-rows.ts";
import {
  alarmAt,
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  hurryTimers,
  journal,
  MINUTE_MS,
  until,
} from "../../support/direct.ts";
import { faults, holdWrites } from "../../support/faults.ts";
import { ask, createRun, newRunsPath, report, rowOf, scopeOfPath } from "../../support/requests.ts";
import { landRows } from "../../support/rows.ts";

afterEach(() => vi.restoreAllMocks());

interface Landed extends Record<string, SqlStorageValue> {
  version: number;
  landed_version: number;
}

async function versions(path: string, id: string): Promise<Landed | undefined> {
  const [row] = await journal<Landed>(path, 0, "SELECT version, landed_version FROM runs WHERE id = ?", id);
  return row;
}

it("lands a newer version that was written during a flight, even if the next flight fails", async () => {
  const path = newRunsPath();
  const id = await createAged(path);
  const gate = holdWrites();
  const started = change(path, id, { type: "started" });
  await until(async () => (await versions(path, id))?.version === 2);
  const ended = change(path, id, { type: "succeeded", output: null });
  await until(async () => (await versions(path, id))?.version === 3);
  // The flight that is up was let go before the fault; the next, with version 3, meets it.
  faults.writes = "down";
  gate.open();
  expect(await started).toMatchObject({ ok: true });
  expect(await ended).toMatchObject({ ok: true, bookmark: "coordinator" });
  expect(await rowOf(id)).toMatchObject({ version: 2, status: "running" });
  faults.writes = null;
  await alarmIn(10_000, coordinator(path, 0));
  await until(async () => (await rowOf(id))?.version === 3);
  expect(await rowOf(id)).toMatchObject({ status: "succeeded" });
});

it("writes a confirmation with the next change, and never lowers it", async () => {
  const path = newRunsPath();
  const id = await createAged(path);
  expect(await rowOf(id)).toMatchObject({ version: 1 });
  expect(await versions(path, id)).toEqual({ version: 1, landed_version: 0 });
  await createAged(path);
  expect(await versions(path, id)).toEqual({ version: 1, landed_version: 1 });
  await change(path, id, { type: "cancelled" });
  await createAged(path);
  expect(await versions(path, id)).toEqual({ version: 2, landed_version: 2 });
  await runInDurableObject(coordinator(path, 0), (_instance, state) => {
    new LandingRows(state.storage.sql).confirm(new Map([[id, 1]]));
  });
  expect(await versions(path, id)).toEqual({ version: 2, landed_version: 2 });
});

it("writes a confirmation with the next alarm if no change follows, and then rests", async () => {
  const path = newRunsPath();
  const deadlineAt = Date.now() + 60 * MINUTE_MS;
  const id = await createAged(path, { deadlineAt });
  expect(await runDurableObjectAlarm(coordinator(path, 0))).toBe(true);
  expect(await versions(path, id)).toEqual({ version: 1, landed_version: 1 });
  expect(await alarmAt(path, 0)).toBe(deadlineAt);
});

it("lands every run but the one that D1 refuses, logs that one, and retries it later", async () => {
  const path = newRunsPath();
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  faults.writes = { refuse: (bound) => bound.includes("poison") };
  const gate = holdWrites();
  const names = ["a", "b", "c", "poison", "d", "e", "f"];
  const creating = names.map((actionName) => createAged(path, { actionName }));
  await until(async () => (await journal(path, 0, "SELECT id FROM runs")).length === names.length);
  gate.open();
  const ids = await Promise.all(creating);
  const culprit = ids[3] ?? "";
  for (const id of ids) {
    if (id !== culprit) expect(await rowOf(id)).toMatchObject({ version: 1 });
  }
  expect(await rowOf(culprit)).toBeNull();
  const lines = logged.mock.calls.map(([line]) => JSON.parse(String(line)));
  expect(lines).toContainEqual(expect.objectContaining({ event: "run_put_aside", run: culprit, aside: 1 }));
  logged.mockRestore();

  // Who comes after it waits for a landing as ever.
  const later = await createAged(path);
  expect(await rowOf(later)).toMatchObject({ version: 1 });

  // Not before its time.
  faults.writes = null;
  await runDurableObjectAlarm(coordinator(path, 0));
  expect(await rowOf(culprit)).toBeNull();
  await alarmIn(20_000, coordinator(path, 0));
  await until(async () => (await rowOf(culprit)) !== null, 2000);
});

it("answers a create from the journal while a flight hangs", async () => {
  const path = newRunsPath();
  faults.writes = "hang";
  hurryTimers();
  const created = await createRun(path);
  expect(created.status).toBe("pending");
  expect(await rowOf(created.id)).toBeNull();
  expect((await ask("GET", `${path}/${created.id}`)).body).toMatchObject({ id: created.id });
});

it("does not restore a removed run, however late its flight arrives", async () => {
  const path = newRunsPath();
  const createdAt = Date.now() - 40 * DAY_MS;
  const gate = holdWrites(/INSERT/);
  const creating = createAged(path, { createdAt, deadlineAt: createdAt + MINUTE_MS });
  // The alarm is due at once: it ends the overdue run, and retention takes it, while the flight is still up.
  await until(async () => (await journal(path, 0, "SELECT id FROM runs")).length === 0);
  gate.open();
  expect(await rowOf(await creating)).toBeNull();
  // And D1 itself refuses it, whoever sends it.
  const late = await createAged(path, { createdAt, deadlineAt: createdAt + MINUTE_MS });
  expect(await rowOf(late)).toBeNull();
});

it("ignores an older version that arrives late", async () => {
  const path = newRunsPath();
  const id = await createAged(path);
  const older = await runInDurableObject(coordinator(path, 0), (_instance, state) => {
    const run = new RunRows(state.storage.sql).byId(id);
    return run === null ? "" : toGroupRow(run);
  });
  await change(path, id, { type: "cancelled" });
  await landRows(scopeOfPath(path), [older]);
  expect(await rowOf(id)).toMatchObject({ version: 2, status: "cancelled" });
});

it("keeps an earlier alarm after an eviction", async () => {
  const path = newRunsPath();
  const soon = Date.now() + 30 * MINUTE_MS;
  await createAged(path, { deadlineAt: soon });
  await runDurableObjectAlarm(coordinator(path, 0));
  expect(await alarmAt(path, 0)).toBe(soon);
  await evictDurableObject(coordinator(path, 0));
  await createAged(path, { deadlineAt: soon + 60 * MINUTE_MS });
  await runDurableObjectAlarm(coordinator(path, 0));
  expect(await alarmAt(path, 0)).toBe(soon);
});

it("does not postpone the repair of an unlanded row after an eviction", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  await createAged(path);
  const repairAt = await alarmAt(path, 0);
  expect(repairAt).not.toBeNull();
  await evictDurableObject(coordinator(path, 0));
  faults.writes = "hang";
  hurryTimers();
  const another = createAged(path);
  await until(async () => (await journal(path, 0, "SELECT id FROM runs")).length === 2);
  expect(await alarmAt(path, 0)).toBeLessThanOrEqual(repairAt ?? 0);
  await another;
});

it("sets the repair in the same turn that makes a row unlanded", async () => {
  const path = newRunsPath();
  const gate = holdWrites();
  const creating = createAged(path);
  await until(async () => (await journal(path, 0, "SELECT id FROM runs")).length === 1);
  const at = await alarmAt(path, 0);
  expect(at).toBeGreaterThan(Date.now() - 1000);
  expect(at).toBeLessThanOrEqual(Date.now() + 5000);
  expect(await journal(path, 0, "SELECT name FROM marks ORDER BY name")).toEqual([
    { name: "name" },
    { name: "repair_at" },
  ]);
  gate.open();
  await creating;
});

it("lands with its alarm what an evicted object had not landed", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  const id = await createAged(path);
  await evictDurableObject(coordinator(path, 0));
  faults.writes = null;
  expect(await rowOf(id)).toBeNull();
  await alarmIn(10_000, coordinator(path, 0));
  await until(async () => (await rowOf(id)) !== null);
});

it("binds at most the maximum number of bytes when bodies have many-byte characters", async () => {
  const path = newRunsPath();
  const sizes: number[] = [];
  const gate = holdWrites();
  const euros = JSON.stringify({ note: "€".repeat(85_000) });
  const creating = Array.from({ length: 9 }, () => createAged(path, { parameters: euros }));
  await until(async () => (await journal(path, 0, "SELECT id FROM runs")).length === 9);
  faults.writes = {
    refuse: (bound) => {
      const [first = ""] = bound.split("\u0001").filter((value) => value.startsWith("[["));
      sizes.push(utf8Bytes(first));
      return false;
    },
  };
  gate.open();
  const ids = await Promise.all(creating);
  for (const id of ids) {
    expect((await ask("GET", `${path}/${id}`)).body.parameters).toEqual({ note: "€".repeat(85_000) });
    expect(await rowOf(id)).toMatchObject({ version: 1 });
  }
  for (const size of sizes) expect(size).toBeLessThanOrEqual(GROUP_MAX_BYTES);
  // Three fit in a flight; the first left with one run.
  expect(sizes.length).toBeGreaterThanOrEqual(3);
  expect(sizes.length).toBeLessThanOrEqual(4);
});

it("lands a run that is at every limit at once, byte by byte", async () => {
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
  const row = await env.DB.prepare("SELECT body FROM runs WHERE id = ?")
    .bind(created.id)
    .first<{ body: string }>();
  expect(JSON.parse(row?.body ?? "")).toEqual(done.body);
  // Over our own cap, so it flew alone, and within D1's.
  const largest = Math.max(...sizes);
  expect(largest).toBeGreaterThan(GROUP_MAX_BYTES);
  expect(largest).toBeLessThan(2_000_000);
});

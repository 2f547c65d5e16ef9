/** Labels are replicated with their run, in the same batch, and go with it, whatever deletes it. */

import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { type D1RowStore, DELETE_LABELS, hasLabels, toGroupRow, WRITE_LABELS } from "../../../src/runs/d1/store.ts";
import { alarmIn, change, coordinator, createAged, DAY_MS, direct, MINUTE_MS, until } from "../../support/direct.ts";
import { faults, faulty, holdWrites } from "../../support/faults.ts";
import { replicated, walkedTo } from "../../support/replicated.ts";
import { type ActionRun, ask, newRunsPath, rowOf, scopeOfPath } from "../../support/requests.ts";
import { idAt, insertRows, rowStore, toJournaledRun } from "../../support/rows.ts";

const PAST_RETENTION_MS = 30 * DAY_MS + 61 * MINUTE_MS;

/** The statements that write to D1 from now on, by what they begin with. */
function noteStatements(): string[] {
  const noted: string[] = [];
  faults.writes = {
    refuse: (_bound, sql) => {
      noted.push(sql.slice(0, sql.indexOf("(")).trim());
      return false;
    },
  };
  return noted;
}

async function idsByLabel(path: string, label: string): Promise<string[]> {
  const { body } = await ask<ActionRun[]>("GET", `${path}?label=${label}`);
  return body.map(({ id }) => id);
}

/** Creates a run with these labels; its id. */
function createLabelled(path: string, labels: readonly string[], createdAt = Date.now()): Promise<string> {
  return createAged(path, { createdAt, labels: JSON.stringify([...labels].sort()) });
}

/** All labels of an environment in D1, as `label id`. */
async function labelsInD1(path: string): Promise<string[]> {
  const { results } = await env.DB.prepare("SELECT label, id FROM run_labels WHERE scope = ? ORDER BY id, label")
    .bind(scopeOfPath(path))
    .all<{ label: string; id: string }>();
  return results.map(({ label, id }) => `${label} ${id}`);
}

/** Waits until a resync is over. */
async function resynced(path: string): Promise<void> {
  await direct(path).upkeep.resync();
  await until(async () => (await walkedTo(path)) === null);
}

function storeOf(path: string): D1RowStore {
  return rowStore(scopeOfPath(path));
}

it("a run's labels are replicated with it, and the next version writes none again", async () => {
  const path = newRunsPath();
  const id = await createLabelled(path, ["b", "a"]);
  await replicated(path);
  expect(await labelsInD1(path)).toEqual([`a ${id}`, `b ${id}`]);
  await change(path, id, { type: "cancelled" });
  await replicated(path);
  expect(await rowOf(id)).toMatchObject({ version: 2 });
  expect(await labelsInD1(path)).toEqual([`a ${id}`, `b ${id}`]);
  expect(await idsByLabel(path, "a")).toEqual([id]);
});

it("they are replicated with a later version if no batch brought the first", async () => {
  const path = newRunsPath();
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  faults.writes = "down";
  const id = await createLabelled(path, ["a"]);
  await until(async () => logged.mock.calls.length > 0);
  await change(path, id, { type: "cancelled" });
  faults.writes = null;
  await alarmIn(61_000, coordinator(path));
  await replicated(path);
  logged.mockRestore();
  expect(await rowOf(id)).toMatchObject({ version: 2 });
  expect(await labelsInD1(path)).toEqual([`a ${id}`]);
});

const LABELS = "INSERT OR IGNORE INTO run_labels";

it("a batch of runs without labels has no statement for labels", async () => {
  const path = newRunsPath();
  const plain = await createAged(path);
  await replicated(path);
  const noted = noteStatements();
  await change(path, plain, { type: "cancelled" });
  await replicated(path);
  expect([noted.includes("INSERT INTO runs"), noted.includes(LABELS)]).toEqual([true, false]);
  noted.length = 0;
  const gate = holdWrites();
  const ids = [await createAged(path), await createLabelled(path, ["a"]), await createAged(path)];
  gate.open();
  await replicated(path);
  expect(noted.filter((statement) => statement === LABELS)).toHaveLength(1);
  expect(await labelsInD1(path)).toEqual([`a ${ids[1]}`]);
});

it("a run and its labels are written together or not at all", async () => {
  const path = newRunsPath();
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  await env.DB.prepare("ALTER TABLE run_labels RENAME TO away").run();
  const id = await createLabelled(path, ["a"]);
  await until(async () => logged.mock.calls.length > 0);
  expect(await rowOf(id)).toBeNull();
  await env.DB.prepare("ALTER TABLE away RENAME TO run_labels").run();
  await alarmIn(61_000, coordinator(path));
  await replicated(path);
  logged.mockRestore();
  expect(await labelsInD1(path)).toEqual([`a ${id}`]);
});

it("labels are purged with their run, and no others", async () => {
  const path = newRunsPath();
  const id = await createLabelled(path, ["a", "b"]);
  await change(path, id, { type: "cancelled" });
  const open = await createLabelled(path, ["a"], Date.now() + 40 * DAY_MS);
  const elsewhere = newRunsPath();
  const stranger = await createLabelled(elsewhere, ["a"]);
  await replicated(path);
  await replicated(elsewhere);
  await alarmIn(PAST_RETENTION_MS, coordinator(path));
  await until(async () => (await rowOf(id)) === null);
  expect(await labelsInD1(path)).toEqual([`a ${open}`]);
  expect(await labelsInD1(elsewhere)).toEqual([`a ${stranger}`]);
});

it("a deletion that fails removes neither the run nor its labels", async () => {
  const path = newRunsPath();
  const id = await createLabelled(path, ["a"]);
  await change(path, id, { type: "cancelled" });
  await replicated(path);
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  faults.writes = { refuse: (_bound, sql) => sql.startsWith("DELETE FROM runs") };
  await alarmIn(PAST_RETENTION_MS, coordinator(path));
  await until(async () => logged.mock.calls.length > 0);
  logged.mockRestore();
  expect([(await rowOf(id)) !== null, await labelsInD1(path)]).toEqual([true, [`a ${id}`]]);
});

it("a late batch brings back neither a removed run nor its labels", async () => {
  const path = newRunsPath();
  const run = { ...toJournaledRun({ id: idAt(Date.now()), labels: '["a"]' }), purgeAt: Date.now() - 1 };
  expect(hasLabels(run)).toBe(true);
  await storeOf(path).write([toGroupRow(run)], [run.id]);
  expect(await rowOf(run.id)).toBeNull();
  expect(await labelsInD1(path)).toEqual([]);
});

it("a resync brings lost labels back with their runs, and lost labels alone", async () => {
  const path = newRunsPath();
  const ids = [await createLabelled(path, ["a", "b"]), await createLabelled(path, ["a"])];
  await replicated(path);
  const expected = [`a ${ids[0]}`, `b ${ids[0]}`, `a ${ids[1]}`].sort();
  const before = await ask<ActionRun[]>("GET", `${path}?include=details`);
  for (const tables of [["run_labels"], ["run_labels", "runs"]]) {
    for (const table of tables) {
      await env.DB.prepare(`DELETE FROM ${table} WHERE scope = ?`).bind(scopeOfPath(path)).run();
    }
    expect(await idsByLabel(path, "a")).toEqual([]);
    await resynced(path);
    await until(async () => (await labelsInD1(path)).length === 3);
    expect((await labelsInD1(path)).toSorted()).toEqual(expected);
    expect((await ask<ActionRun[]>("GET", `${path}?include=details`)).body).toEqual(before.body);
  }
});

it("a resync deletes the rows of runs that the journal lacks with their labels", async () => {
  const path = newRunsPath();
  const kept = await createLabelled(path, ["a"]);
  const ghost = idAt(Date.now() - DAY_MS);
  await insertRows(scopeOfPath(path), [{ id: ghost, labels: '["a","b"]' }]);
  await replicated(path);
  await resynced(path);
  await until(async () => (await rowOf(ghost)) === null);
  expect(await labelsInD1(path)).toEqual([`a ${kept}`]);
});

it("a run with ten of the longest labels is replicated, is found by each, and goes", async () => {
  const path = newRunsPath();
  const labels = Array.from({ length: 10 }, (_, i) => `${i}${"\u{1f600}".repeat(62)}"`);
  const id = await createLabelled(path, labels);
  await replicated(path);
  for (const label of labels) expect(await idsByLabel(path, encodeURIComponent(label))).toEqual([id]);
  const all = labels.map((label) => `label=${encodeURIComponent(label)}`).join("&");
  expect((await ask<ActionRun[]>("GET", `${path}?${all}`)).body).toMatchObject([{ id }]);
  await storeOf(path).delete([id]);
  expect(await labelsInD1(path)).toEqual([]);
});

it("what writes and deletes labels searches keys, and walks no table", async () => {
  const plans = await env.DB.batch<{ detail: string }>([
    env.DB.prepare(`EXPLAIN QUERY PLAN ${WRITE_LABELS}`).bind("[]", "a/b/c"),
    env.DB.prepare(`EXPLAIN QUERY PLAN ${DELETE_LABELS}`).bind("a/b/c", "[]"),
  ]);
  for (const { results } of plans) {
    const steps = results.map(({ detail }) => detail).filter((step) => /\b(runs|run_labels)\b/.test(step));
    expect(steps.length).toBeGreaterThan(0);
    for (const step of steps) expect(step).toMatch(/^SEARCH (runs|run_labels) USING .*\(scope=\? AND .*id=\?\)/);
  }
});

it("an erasure also takes the labels that a late batch has written in the middle of it", async () => {
  const path = newRunsPath();
  const store = rowStore(scopeOfPath(path), faulty(env.DB));
  const id = idAt(Date.now());
  const held = holdWrites(/DELETE FROM runs WHERE/);
  const erased = toJournaledRun({ id, version: 2, erasedAt: Date.now() });
  const erasing = store.write([toGroupRow(erased)], [], [id]);
  await until(async () => faults.gatedCalls === 1);
  await store.write([toGroupRow(toJournaledRun({ id, version: 1, labels: '["Ada"]' }))], [id]);
  expect(await labelsInD1(path)).toEqual([`Ada ${id}`]);
  held.open();
  await erasing;
  expect(await labelsInD1(path)).toEqual([]);
  expect(await rowOf(id)).toMatchObject({ version: 2 });
});

it("an erasure that was cut off behind its first statement writes over freed pages when it is repeated", async () => {
  const path = newRunsPath();
  const store = rowStore(scopeOfPath(path), faulty(env.DB));
  const id = idAt(Date.now());
  await store.write([toGroupRow(toJournaledRun({ id, version: 1, title: "Ada" }))], []);
  const erase = () => store.write([toGroupRow(toJournaledRun({ id, version: 2, erasedAt: Date.now() }))], [], [id]);
  faults.writes = { refuse: (_bound, sql) => sql.includes("INSERT INTO runs ") };
  await expect(erase()).rejects.toThrow();
  const noted = noteStatements();
  await erase();
  expect(noted).toContain("INSERT OR REPLACE INTO filler");
  noted.length = 0;
  // Once it is there, it costs no more, as in a resync.
  await erase();
  expect(noted).not.toContain("INSERT OR REPLACE INTO filler");
});

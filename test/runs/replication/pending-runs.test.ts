/** Runs that D1 lacks: in memory while they are few, read from the journal when they are many. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Journal } from "../../../src/runs/journal/journal.ts";
import { LackingIds, PendingRuns, QuarantinedRuns } from "../../../src/runs/replication/pending-runs.ts";
import {
  alarmIn,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  journal,
  MINUTE_MS,
  restart,
  until,
} from "../../support/direct.ts";
import { faults, holdWrites, queueBatches } from "../../support/faults.ts";
import { replicated } from "../../support/replicated.ts";
import { type ActionRun, ask, createRun, newRunsPath, report, rowOf, scopeOfPath } from "../../support/requests.ts";
import { toJournaledRun } from "../../support/rows.ts";

const IN_MEMORY_MAX_BYTES = 2_000_000;

/** Everything that D1 has of an environment, by id. */
async function replicatedRows(path: string): Promise<Map<unknown, Record<string, unknown>>> {
  const { results } = await env.DB.prepare("SELECT * FROM runs WHERE scope = ? ORDER BY id")
    .bind(scopeOfPath(path))
    .all();
  return new Map(results.map((row) => [row.id, row]));
}

/** Resolves once D1 has every run as the journal has it, though a caller may have had its answer before. */
async function allReplicated(path: string): Promise<void> {
  await until(async () => {
    const replicated = [...(await replicatedRows(path)).values()].map(({ id, version }) => ({ id, version }));
    return JSON.stringify(replicated) === JSON.stringify(await versionsInJournal(path));
  });
}

function versionsInJournal(path: string): Promise<{ id: string; version: number }[]> {
  return journal(path, "SELECT id, version FROM runs ORDER BY id");
}

/** Runs of about so many bytes each, journalled while D1 holds a batch with the first run. */
async function createHeld(path: string, count: number, bytes: number) {
  const batches = queueBatches(scopeOfPath(path));
  await createAged(path, { actionName: "first" });
  await until(async () => batches.held === 1);
  const parameters = JSON.stringify({ text: "x".repeat(bytes) });
  for (let n = 0; n < count; n++) await createAged(path, { actionName: `as-created-${n}`, parameters });
  return batches;
}

describe("a pending run", () => {
  const text = { actionName: `é"\\€😀`, error: `"exit 1"\n\t\u0001€`, value: { "é\ud800": [1e-7, "\u0000", '"'] } };

  it("is replicated from memory exactly as it is from the journal", async () => {
    const path = newRunsPath();
    const { actionName, error, value } = text;
    const entityId = crypto.randomUUID();
    const bodies = [
      { actionName: "plain" },
      { actionName, entityId, parameters: value, recommendations: value, timeout: 43_200 },
      { actionName, heartbeatTimeout: 5 },
    ];
    const made = [];
    for (const body of [...bodies, ...bodies, ...bodies]) made.push(await createRun(path, body));
    for (const run of made.slice(3, 6)) await report(run, { status: "failed", error, output: value });
    for (const run of made.slice(6, 8)) await report(run, { status: "succeeded" });
    for (const { callback } of made.slice(8)) {
      const { token } = callback;
      await ask("POST", callback.url.replace(/callback$/, "heartbeat"), { token, body: {} });
    }
    await replicated(path);
    const fromMemory = await replicatedRows(path);
    expect(fromMemory.size).toBe(9);

    await env.DB.prepare("DELETE FROM runs WHERE scope = ?").bind(scopeOfPath(path)).run();
    await direct(path).upkeep.resync();
    await until(async () => (await replicatedRows(path)).size === 9);
    expect(await replicatedRows(path)).toEqual(fromMemory);
  });

  it("is in memory up to 2 MB, and beyond that it is read when its batch starts", async () => {
    const path = newRunsPath();
    const batches = await createHeld(path, 12, 250_000);
    // What is replicated with this name was read from the journal.
    await journal(path, "UPDATE runs SET action_name = 'as-journalled'");
    batches.open();
    await allReplicated(path);
    const rows = [...(await replicatedRows(path)).values()];
    expect(rows).toHaveLength(13);
    const names = rows.map((row) => String(row.action_name));
    expect(names.filter((name) => name.startsWith("as-created-")).sort()).toEqual(
      Array.from({ length: 7 }, (_, n) => `as-created-${n}`),
    );
    expect(names.filter((name) => name === "as-journalled")).toHaveLength(5);
    for (const row of rows) expect(JSON.parse(String(row.body)).actionName).toBe(row.action_name);
  });

  it("is read from the journal after a restart", async () => {
    const path = newRunsPath();
    faults.writes = "down";
    const id = await createAged(path, { actionName: "as-created" });
    await restart(path);
    await journal(path, "UPDATE runs SET action_name = 'as-journalled'");
    faults.writes = null;
    await alarmIn(61_000, coordinator(path));
    await until(async () => (await replicatedRows(path)).has(id));
    expect((await replicatedRows(path)).get(id)).toMatchObject({ action_name: "as-journalled" });
  });

  it("is not sent from memory after the purge removed it", async () => {
    const path = newRunsPath();
    const bound: string[] = [];
    faults.writes = { refuse: (text) => bound.push(text) === 0 };
    const gate = holdWrites(/INSERT/);
    const firstId = await createAged(path);
    const createdAt = Date.now() - 40 * DAY_MS;
    const takenId = await createAged(path, { createdAt, deadlineAt: createdAt + MINUTE_MS });
    // The alarm is due at once: it ends the overdue run, and the purge takes it, while the first batch is still under
    // way.
    const isTaking = () => bound.some((text) => text.startsWith(`${scopeOfPath(path)}\u0001["`));
    await until(async () => isTaking() && (await versionsInJournal(path)).length === 1);
    gate.open();
    expect((await versionsInJournal(path)).map(({ id }) => id)).toEqual([firstId]);
    // Whatever is written from here on, its group holds nothing of it.
    const nextId = await createAged(path);
    await allReplicated(path);
    const groups = bound.filter((text) => text.startsWith("[["));
    for (const id of [firstId, nextId]) expect(groups.some((text) => text.includes(id))).toBe(true);
    expect(groups.filter((text) => text.includes(takenId))).toEqual([]);
  });
});

describe("the list of pending runs", () => {
  let seq = 0;
  const entry = (id: string, bytes: number, version = 1) => {
    return { id, version, seq: ++seq, bytes, changedAt: 1, run: toJournaledRun({ id }) };
  };

  it("keeps exactly 2 MB in memory and counts every run once", () => {
    const pending = new PendingRuns();
    const waiting = (id: string) => [...pending.waiting()].find((entry) => entry.id === id);
    const isInMemory = (id: string) => waiting(id)?.run?.id === id;
    pending.add(entry("a", IN_MEMORY_MAX_BYTES - 1000));
    pending.add(entry("b", 1000));
    pending.add(entry("c", 1));
    expect(["a", "b", "c"].map(isInMemory)).toEqual([true, true, false]);
    expect([pending.size, pending.bytes]).toEqual([3, IN_MEMORY_MAX_BYTES + 1]);
    // A newer version takes the place of the older.
    pending.add(entry("a", 500, 2));
    expect(waiting("a")).toMatchObject({ version: 2, bytes: 500 });
    expect(isInMemory("a")).toBe(true);
    pending.forget("a");
    pending.forget("a");
    expect([pending.size, pending.bytes]).toEqual([2, 1001]);
    for (const id of ["b", "c"]) pending.replicated(id, 1);
    expect([pending.size, pending.bytes]).toEqual([0, 0]);
  });

  it("counts a run once, the bytes of what is in a batch and of what waits, and keeps 2 MB of both in memory", () => {
    const pending = new PendingRuns();
    for (const id of ["a", "b"]) pending.add(entry(id, IN_MEMORY_MAX_BYTES / 2));
    pending.takeIntoBatch([...pending.waiting()]);
    expect([pending.size, pending.bytes, pending.isAnyWaiting]).toEqual([2, IN_MEMORY_MAX_BYTES, false]);
    pending.add(entry("a", 10, 2));
    pending.add(entry("c", 10));
    expect([pending.size, pending.bytes]).toEqual([3, IN_MEMORY_MAX_BYTES + 20]);
    expect([...pending.waiting()].map(({ id, run }) => [id, run])).toEqual([
      ["a", null],
      ["c", null],
    ]);
    pending.replicated("a", 1);
    expect([pending.size, pending.bytes]).toEqual([3, IN_MEMORY_MAX_BYTES / 2 + 20]);
    // The batch has ended without b: it waits again, in front.
    pending.batchEnded();
    expect([...pending.waiting()].map(({ id, version }) => `${id}@${version}`)).toEqual(["b@1", "a@2", "c@1"]);
    expect([pending.size, pending.bytes]).toEqual([3, IN_MEMORY_MAX_BYTES / 2 + 20]);
    for (const id of ["a", "b", "c"]) pending.replicated(id, 2);
    expect([pending.size, pending.bytes, pending.firstSeq]).toEqual([0, 0, Number.POSITIVE_INFINITY]);
  });

  it("keeps the order of the numbers, in whatever order the writes come, start and succeed", () => {
    const at = (seq: number, version = 1) => ({ ...entry(`run-${seq}`, 1, version), seq });
    const pending = new PendingRuns([3, 5, 1, 4, 2].map((seq) => at(seq)));
    const order = () => [...pending.waiting()].map(({ id }) => id);
    expect([pending.firstSeq, order()]).toEqual([1, [1, 2, 3, 4, 5].map((seq) => `run-${seq}`)]);
    pending.takeIntoBatch([at(3), at(4)]);
    for (const seq of [1, 2]) pending.replicated(`run-${seq}`, 1);
    expect([pending.firstSeq, order()]).toEqual([3, ["run-5"]]);
    pending.add(at(1));
    expect([pending.firstSeq, order()]).toEqual([1, ["run-1", "run-5"]]);
    pending.batchEnded();
    expect([pending.firstSeq, order()]).toEqual([1, ["run-1", "run-3", "run-4", "run-5"]]);
    for (const seq of [1, 4]) pending.replicated(`run-${seq}`, 1);
    expect([pending.firstSeq, order()]).toEqual([3, ["run-3", "run-5"]]);
  });
});

it("a quarantined run stays quarantined if an older version of it is replicated late", async () => {
  const path = newRunsPath();
  await createAged(path);
  await runInDurableObject(coordinator(path), (_, { storage }) => {
    const quarantined = new QuarantinedRuns(new Journal(storage, scopeOfPath(path)).replicaIn(0));
    const listed = () => [quarantined.size, [...storage.sql.exec("SELECT run_id FROM quarantined_runs")].length];
    quarantined.put({ id: "a", version: 2, seq: 1, bytes: 1, changedAt: 1, run: null }, 0);
    quarantined.replicated("a", 1);
    expect(listed()).toEqual([1, 1]);
    quarantined.replicated("a", 2);
    expect(listed()).toEqual([0, 0]);
  });
});

it("a journalled run that can't be printed does not prevent others from being listed and replicated", async () => {
  const path = newRunsPath();
  const broken = await createRun(path, { actionName: "broken" });
  const other = await createRun(path, { actionName: "whole" });
  const stub = coordinator(path);
  await until(async () => (await rowOf(broken.id)) !== null);
  await runInDurableObject(stub, (_instance, state) => {
    state.storage.sql.exec("UPDATE runs SET started_at = 9000000000000000, version = 2 WHERE id = ?", broken.id);
  });
  await restart(path);

  const { body, headers } = await ask<ActionRun[]>("GET", path);
  expect([body, headers.get("Action-Runs-Stale")]).toEqual([[expect.objectContaining({ id: other.id })], null]);
  expect((await report(other, { status: "succeeded" })).status).toBe(200);
  await until(async () => (await rowOf(other.id))?.status === "succeeded");
  expect((await rowOf(broken.id))?.version).toBe(1);
});

const id = fc.stringMatching(/^[0-9a-f]{3}$/);

it("the ids of runs that a database lacks are those that were added and are not replicated, within the bounds and in the order that is asked for", () => {
  const steps = fc.array(fc.record({ id, isReplicated: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, id, id, (steps, lower, upper) => {
      const lacking = new Set<string>();
      const ids = new LackingIds(
        (id) => lacking.has(id),
        () => lacking.size,
      );
      for (const { id, isReplicated } of steps) {
        lacking.add(id);
        ids.add(id);
        if (isReplicated) lacking.delete(id);
      }
      const expected = [...lacking].filter((id) => id >= lower && id < upper).sort();
      expect([...ids.between(lower, upper, "oldest")]).toEqual(expected);
      expect([...ids.between(lower, upper, "newest")]).toEqual(expected.reverse());
    }),
  );
});

it("the ids of runs that are replicated are forgotten, so that they stay as few as the database lacks", () => {
  const lacking = new Set<string>();
  let looks = 0;
  const ids = new LackingIds(
    (id) => {
      looks++;
      return lacking.has(id);
    },
    () => lacking.size,
  );
  for (let n = 0; n < 10_000; n++) ids.add(String(n).padStart(5, "0"));
  lacking.add("last");
  ids.add("last");
  looks = 0;
  expect([...ids.between("", "~", "newest")]).toEqual(["last"]);
  expect(looks).toBeLessThan(1100);
});

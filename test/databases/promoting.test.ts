/** The instant of a move at which the new database becomes the one that lists read, and what can go wrong around it. */

import { describe, expect, it, vi } from "vitest";
import { PendingRuns } from "../../src/runs/replication/pending-runs.ts";
import { forgetNumbers } from "../../src/settings/databases.ts";

import { cursorOf } from "../support/changes.ts";
import {
  change,
  createAged,
  DAY_MS,
  direct,
  HOUR_MS,
  hurryTimers,
  journal,
  MINUTE_MS,
  until,
} from "../support/direct.ts";
import { breakD1, faults, holdReads, holdWrites, resetFaults } from "../support/faults.ts";
import { walkedTo } from "../support/landed.ts";
import { ask } from "../support/requests.ts";
import { fillJournal } from "../support/rows-in-journal.ts";
import { plantRun, writeHome } from "../support/several-databases.ts";
import { useSettings } from "../support/use-settings.ts";
import {
  beginMove,
  copyingTo,
  databaseOf,
  driveUntil,
  holdRunsIn,
  homeOf,
  idsIn,
  kill,
  lackingOf,
  livingIn,
  moveOf,
  moveTo,
  replicatedIn,
  ringNext,
  ringUntil,
  row,
  watchFailures,
} from "./moves.ts";

await useSettings("databases");

const failures = watchFailures();

/** After all runs. */
const LAST = "ffffffff-ffff-8fff-bfff-ffffffffffff";
const NEW = { database: 2, generation: 2 };

/** Whether the journal keeps the run. */
async function isKept(path: string, id: string): Promise<boolean> {
  return (await journal(path, "SELECT 1 FROM runs WHERE id = ?", id)).length === 1;
}

/** Ids of the runs whose rows database 2 must still delete. */
async function owed(path: string): Promise<string[]> {
  const rows = await journal<{ id: string }>(path, "SELECT run_id AS id FROM owed_deletions WHERE database = 2");
  return rows.map(({ id }) => id);
}

/** Begins another instance, in which the copy has walked all runs up to this id. */
async function walked(path: string, id: string): Promise<void> {
  await journal(path, "UPDATE metadata SET value = json_set(value, '$.walkedTo', ?) WHERE name = 'replica:2'", id);
  await kill(path);
}

/** Lists the ids of all runs, as a caller does. */
async function listed(path: string): Promise<string[]> {
  const { status, headers, body } = await ask<{ id: string }[]>("GET", path);
  expect([status, headers.get("Action-Runs-Stale")]).toEqual([200, null]);
  return body.map(({ id }) => id).sort();
}

describe("a copy", () => {
  it("is primary as soon as it has every run, but for a few, and lists show those few all the same", async () => {
    const { path, ids } = await livingIn(1);
    const { open } = await copyingTo(path, 2);
    const created = await Promise.all([createAged(path), createAged(path)]);
    expect(await lackingOf(path)).toMatchObject({ home: { database: 1 } });
    expect(await listed(path)).toEqual([...ids, ...created].sort());
    open();
    await until(async () => (await homeOf(path))?.database === 2);
    const held = holdRunsIn(2);
    const late = await createAged(path);
    expect(await lackingOf(path)).toMatchObject({ home: NEW, isStale: false, ids: expect.arrayContaining([late]) });
    expect(await listed(path)).toEqual([...ids, ...created, late].sort());
    held.open();
    await replicatedIn(path, 2, [...ids, ...created, late]);
    expect(await idsIn(1, path)).not.toContain(late);
  });

  it("is not primary before all runs were walked", async () => {
    const { path } = await livingIn(1);
    const older = await fillJournal(path, { rows: 1500, isReplicated: true });
    faults.only = 2;
    const { open } = holdReads();
    await beginMove(path, 2);
    const created = await createAged(path);
    await replicatedIn(path, 2, [created]);
    await ringNext(path);
    expect([await homeOf(path), (await moveOf(path))?.status]).toMatchObject([{ database: 1 }, "copying"]);
    open();
    await driveUntil(path, "resting");
    expect(await idsIn(2, path)).toEqual(expect.arrayContaining([...older, created]));
  });

  it("is not primary while it lacks 500 runs", async () => {
    const { path } = await livingIn(1);
    const { open } = await copyingTo(path, 2);
    const size = vi.spyOn(PendingRuns.prototype, "size", "get").mockReturnValue(500);
    open();
    await until(async () => (await walkedTo(path, 2)) === null);
    await ringNext(path);
    expect(await homeOf(path)).toMatchObject({ database: 1 });
    size.mockReturnValue(499);
    await ringNext(path);
    size.mockRestore();
    expect(await homeOf(path)).toEqual(NEW);
  });

  it("that lacks too many runs is made anew, so that they don't fill the memory", async () => {
    const { path, ids } = await livingIn(1);
    faults.only = 2;
    const { open } = breakD1("down");
    await beginMove(path, 2);
    await walked(path, LAST);
    const size = vi.spyOn(PendingRuns.prototype, "size", "get").mockReturnValue(50_000);
    await change(path, ids[1] ?? "", { type: "cancelled" });
    size.mockRestore();
    expect(await moveOf(path)).toMatchObject({ status: "copying", remaining: ids.length });
    open();
    await driveUntil(path, "resting");
    const status = databaseOf(2).prepare("SELECT status FROM runs WHERE id = ?").bind(ids[1]);
    await until(async () => (await status.first("status")) === "cancelled");
  });

  it("is nothing to those who follow the feed, unless the old primary was being rebuilt", async () => {
    const { path } = await livingIn(1);
    const before = await cursorOf(path);
    await moveTo(path, 2);
    expect(await cursorOf(path)).toBe(before);
    const { open } = await copyingTo(path, 3);
    faults.only = 2;
    const reads = holdReads();
    await direct(path).upkeep.resync();
    open();
    faults.only = 2;
    await driveUntil(path, "resting");
    expect(await cursorOf(path)).not.toBe(before);
    reads.open();
  });
});

describe("a deletion", () => {
  /** A run to purge, of which the copy has a row. The copy has walked it, but not all runs. */
  async function purging() {
    const { path } = await livingIn(1);
    // The alarm purges it when a test rings the alarm, and not before.
    const endedAt = Date.now() - 30 * DAY_MS + 10 * MINUTE_MS;
    const [old = ""] = await fillJournal(path, { rows: 1, isReplicated: true, endedAt });
    await fillJournal(path, { rows: 1500, isReplicated: true, deadlineAt: Date.now() + HOUR_MS });
    const { open } = await copyingTo(path, 2);
    await plantRun(databaseOf(2), path, { id: old });
    return { path, old, open };
  }

  it("that fails in the copy keeps no run in the journal, and the copy is not primary before it has made up for it", async () => {
    const { path, old, open } = await purging();
    faults.writes = { refuse: (bound, sql) => sql.startsWith("DELETE") && bound.includes(old) };
    await ringUntil(path, async () => !(await isKept(path, old)));
    expect(await owed(path)).toEqual([old]);
    // The walk has passed the run.
    await walked(path, old);
    const { writes } = faults;
    open();
    faults.only = 2;
    faults.writes = writes;
    await ringUntil(path, async () => (await walkedTo(path, 2)) === null);
    await ringUntil(path, async () => failures.some((line) => line.includes("deletion_failed")));
    expect([await homeOf(path), await idsIn(2, path)]).toMatchObject([{ database: 1 }, expect.arrayContaining([old])]);
    resetFaults();
    await driveUntil(path, "resting");
    expect([await owed(path), (await idsIn(2, path)).includes(old)]).toEqual([[], false]);
  });

  it("comes once more if a batch was under way that can bring the row back", async () => {
    const { path, old, open } = await purging();
    await ringUntil(path, async () => !(await isKept(path, old)));
    expect(await owed(path)).toEqual([old]);
    open();
    await driveUntil(path, "resting");
    expect(await idsIn(2, path)).not.toContain(old);
  });

  it("that fails in the primary keeps the run", async () => {
    const { path, old, open } = await purging();
    // So the copy stays a copy.
    const size = vi.spyOn(PendingRuns.prototype, "size", "get").mockReturnValue(500);
    open();
    faults.only = 1;
    faults.writes = { refuse: (_bound, sql) => sql.startsWith("DELETE") };
    await ringUntil(path, async () => failures.some((line) => line.includes("purge_failed")));
    expect([await isKept(path, old), await owed(path)]).toEqual([true, []]);
    resetFaults();
    size.mockRestore();
    await ringUntil(path, async () => !(await isKept(path, old)));
  });

  it("counts if the replica has made it that is primary when the journal forgets the run", async () => {
    const { path, old, open } = await purging();
    await walked(path, LAST);
    open();
    faults.only = 2;
    const reads = holdReads();
    // The old primary deletes the row. Meanwhile the copy becomes primary, and its deletion fails.
    const held = holdWrites(/DELETE FROM runs WHERE scope = \?1 AND id IN/);
    faults.writes = { refuse: (bound, sql) => sql.startsWith("DELETE") && bound.includes(old) };
    await ringUntil(path, async () => faults.gatedCalls > 0);
    expect(await homeOf(path)).toMatchObject({ database: 1 });
    reads.open();
    await until(async () => (await homeOf(path))?.database === 2);
    held.open();
    await until(async () => failures.some((line) => line.includes("purge_failed")));
    expect(await isKept(path, old)).toBe(true);
    resetFaults();
    await ringUntil(path, async () => !(await isKept(path, old)));
    expect(await idsIn(2, path)).not.toContain(old);
  });

  it("of too many runs that fail makes the copy anew, so that they don't fill the journal", async () => {
    const { path, old, open } = await purging();
    await journal(
      path,
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
       INSERT INTO owed_deletions (database, run_id) SELECT 2, 'gone-' || i FROM n`,
    );
    await walked(path, LAST);
    faults.writes = { refuse: (_bound, sql) => sql.startsWith("DELETE") };
    await ringUntil(path, async () => !(await isKept(path, old)));
    expect([await owed(path), await walkedTo(path, 2)]).toEqual([[], ""]);
    open();
    resetFaults();
    await driveUntil(path, "resting");
    expect(await idsIn(2, path)).not.toContain(old);
  });

  it("that a copy makes up for while it is made anew does not keep it from being primary", async () => {
    const { path, ids } = await livingIn(1);
    const copying = await copyingTo(path, 2);
    const owe = (id: string) => journal(path, `INSERT INTO owed_deletions (database, run_id) VALUES (2, '${id}')`);
    await owe("gone-1");
    const reads = holdReads();
    await kill(path);
    copying.open();
    faults.only = 2;
    const deletion = holdWrites(/DELETE FROM runs/);
    await ringUntil(path, async () => faults.gatedCalls > 0);
    const size = vi.spyOn(PendingRuns.prototype, "size", "get").mockReturnValue(50_000);
    await change(path, ids[1] ?? "", { type: "cancelled" });
    size.mockRestore();
    expect(await owed(path)).toEqual([]);
    await owe("gone-2");
    // Now the new copy has counted what is owed.
    await change(path, ids[2] ?? "", { type: "cancelled" });
    deletion.open();
    reads.open();
    await until(async () => (await walkedTo(path, 2)) === null);
    await ringUntil(path, async () => (await owed(path)).length === 0);
    await ringNext(path);
    expect(await homeOf(path)).toEqual(NEW);
  });
});

describe("until the control database is told of the new primary", () => {
  /** Moves until the control database would have to name the new home, which it does not. */
  async function switching() {
    const { path, ids } = await livingIn(1);
    const held = holdWrites(/INTO environments/);
    await beginMove(path, 2);
    await until(async () => faults.gatedCalls > 0);
    expect(await homeOf(path)).toEqual(NEW);
    return { path, ids, held };
  }

  it("the move can't be cancelled, no other begins, and the old rows stay", async () => {
    const { path, ids, held } = await switching();
    expect(await moveOf(path)).toMatchObject({ status: "switching", switchedAt: null });
    const refused = { ok: false, reason: "move_under_way" };
    expect([await direct(path).moves.cancel(), await beginMove(path, 3)]).toEqual([refused, refused]);
    await ringNext(path);
    expect([await idsIn(1, path), await row(path)]).toEqual([[...ids].sort(), { database: 1, generation: 1 }]);
    held.open();
    await driveUntil(path, "resting");
    expect([await row(path), await homeOf(path)]).toEqual([NEW, NEW]);
    expect(await direct(path).moves.cancel()).toBeNull();
  });

  it("the object may die: the next instance tells it, although nothing else is left to do", async () => {
    const { path, ids, held } = await switching();
    await kill(path);
    held.open();
    await ringUntil(path, async () => (await row(path))?.database === 2);
    await driveUntil(path, null);
    expect([await idsIn(1, path), await idsIn(2, path)]).toEqual([[], [...ids].sort()]);
  });

  it("it is told by the alarm if it is the new primary itself, although nothing is left to replicate there", async () => {
    const { path } = await livingIn(1);
    const fails = (bound: string, sql: string) => sql.includes("INTO environments") && bound.endsWith("\u00012");
    faults.writes = { refuse: fails };
    await beginMove(path, 0);
    await until(async () => failures.some((line) => line.includes("registration_failed")));
    await ringNext(path);
    await kill(path);
    expect([await row(path), await homeOf(path)]).toMatchObject([{ database: 1 }, { database: 0 }]);
    faults.writes = null;
    await ringUntil(path, async () => (await row(path))?.database === 0);
    expect(await journal(path, "SELECT 1 FROM runs WHERE version > 1")).toEqual([]);
  });

  it("a resync that the row tells of the new home takes no other way there", async () => {
    const { path, ids, held } = await switching();
    expect(await direct(path).upkeep.resync(NEW)).toEqual(expect.any(Number));
    expect(await moveOf(path)).toMatchObject({ status: "switching", isCancelled: false });
    held.open();
    await driveUntil(path, "resting");
    await replicatedIn(path, 2, ids);
  });
});

it("a list that reads another database than the object has spoken of is marked as stale", async () => {
  const { path } = await livingIn(1);
  expect(await listed(path)).toHaveLength(4);
  // The object was restored to before its last move.
  await writeHome(path, { database: 3, generation: 2 });
  await ask("GET", path.replace(/action-runs$/, "database"));
  expect((await ask("GET", path)).headers.get("Action-Runs-Stale")).toBe("true");
});

it("a promotion that the journal can't write changes nothing, and comes with the next alarm", async () => {
  const { path, ids } = await livingIn(1);
  const { open } = await copyingTo(path, 2);
  await journal(
    path,
    `CREATE TRIGGER full BEFORE UPDATE ON metadata WHEN new.value LIKE '%"leaving"%'
     BEGIN SELECT RAISE(ABORT, 'SQLITE_FULL'); END`,
  );
  open();
  await until(async () => failures.some((line) => line.includes("move_failed")));
  expect([await homeOf(path), await moveOf(path)]).toMatchObject([{ database: 1 }, { status: "copying" }]);
  const created = await createAged(path);
  await replicatedIn(path, 1, [created]);
  await journal(path, "DROP TRIGGER full");
  await driveUntil(path, "resting");
  await replicatedIn(path, 2, [...ids, created]);
});

it.each(["reads", "writes"] as const)(
  "a database whose %s hang when its rows are to be deleted holds up no other move",
  async (what) => {
    const { path } = await livingIn(1);
    // The object's isolate has not asked database 2 for its number yet, and from now on it hangs.
    forgetNumbers();
    faults.only = 2;
    faults[what] = "hang";
    await beginMove(path, 2);
    expect(await direct(path).moves.cancel()).toMatchObject({ ok: true, move: { status: "cleaning" } });
    hurryTimers(8000, 8001);
    await ringNext(path);
    expect(await beginMove(path, 3)).toMatchObject({ ok: true, move: { status: "copying" } });
    await until(async () => (await row(path))?.database === 3);
  },
);

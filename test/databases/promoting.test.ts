/** The instant of a move at which the new database becomes the one that lists read, and what can go wrong around it. */

import { describe, expect, it, vi } from "vitest";
import { PendingRuns } from "../../src/runs/replication/pending-runs.ts";
import { forgetNumbers } from "../../src/settings/databases.ts";
import { plantRun, writeHome } from "../support/databases/several-databases.ts";
import { change, DAY_MS, HOUR_MS, hurryTimers, MINUTE_MS, until } from "../support/direct.ts";
import { breakD1, faults, holdReads, holdWrites, resetFaults } from "../support/faults.ts";
import { ask } from "../support/requests.ts";
import { cursorOf } from "../support/runs/changes.ts";
import { fillJournal } from "../support/runs/rows-in-journal.ts";
import { useSettings } from "../support/use-settings.ts";
import { databaseOf, type Environment, holdRunsIn, livingIn, watchFailures } from "./moves.ts";

await useSettings("databases");

const failures = watchFailures();

/** After all runs. */
const LAST = "ffffffff-ffff-8fff-bfff-ffffffffffff";
const NEW = { database: 2, generation: 2 };

/** Whether the journal keeps the run. */
async function isKept(shop: Environment, id: string): Promise<boolean> {
  return (await shop.journal("SELECT 1 FROM runs WHERE id = ?", id)).length === 1;
}

/** Ids of the runs whose rows database 2 must still delete. */
async function owed(shop: Environment): Promise<string[]> {
  const rows = await shop.journal<{ id: string }>("SELECT run_id AS id FROM owed_deletions WHERE database = 2");
  return rows.map(({ id }) => id);
}

/** Begins another instance, in which the copy has walked all runs up to this id. */
async function walked(shop: Environment, id: string): Promise<void> {
  await shop.journal("UPDATE metadata SET value = json_set(value, '$.walkedTo', ?) WHERE name = 'replica:2'", id);
  await shop.restart();
}

/** Lists the ids of all runs, as a caller does. */
async function listed(shop: Environment): Promise<string[]> {
  const { status, headers, body } = await ask<{ id: string }[]>("GET", shop.path);
  expect([status, headers.get("Action-Runs-Stale")]).toEqual([200, null]);
  return body.map(({ id }) => id).sort();
}

describe("a copy", () => {
  it("is primary as soon as it has every run, but for a few, and lists show those few all the same", async () => {
    const shop = await livingIn(1);
    const { open } = await shop.copyingTo(2);
    const created = await Promise.all([shop.create(), shop.create()]);
    expect(await shop.lacking()).toMatchObject({ home: { database: 1 } });
    expect(await listed(shop)).toEqual([...shop.ids, ...created].sort());
    open();
    await until(async () => (await shop.home())?.database === 2);
    const held = holdRunsIn(2);
    const late = await shop.create();
    expect(await shop.lacking()).toMatchObject({ home: NEW, isStale: false, ids: expect.arrayContaining([late]) });
    expect(await listed(shop)).toEqual([...shop.ids, ...created, late].sort());
    held.open();
    await shop.replicatedIn(2, [...shop.ids, ...created, late]);
    expect(await shop.idsIn(1)).not.toContain(late);
  });

  it("is not primary before all runs were walked", async () => {
    const shop = await livingIn(1);
    const older = await fillJournal(shop.path, { rows: 1500, isReplicated: true });
    faults.only = 2;
    const { open } = holdReads();
    await shop.beginMove(2);
    const created = await shop.create();
    await shop.replicatedIn(2, [created]);
    await shop.ringNext();
    expect([await shop.home(), (await shop.move())?.status]).toMatchObject([{ database: 1 }, "copying"]);
    open();
    await shop.driveUntil("resting");
    expect(await shop.idsIn(2)).toEqual(expect.arrayContaining([...older, created]));
  });

  it("is not primary while it lacks 500 runs", async () => {
    const shop = await livingIn(1);
    const { open } = await shop.copyingTo(2);
    const size = vi.spyOn(PendingRuns.prototype, "size", "get").mockReturnValue(500);
    open();
    await until(async () => (await shop.walkedTo(2)) === null);
    await shop.ringNext();
    expect(await shop.home()).toMatchObject({ database: 1 });
    size.mockReturnValue(499);
    await shop.ringNext();
    size.mockRestore();
    expect(await shop.home()).toEqual(NEW);
  });

  it("that lacks too many runs is made anew, so that they don't fill the memory", async () => {
    const shop = await livingIn(1);
    faults.only = 2;
    const { open } = breakD1("down");
    await shop.beginMove(2);
    await walked(shop, LAST);
    const size = vi.spyOn(PendingRuns.prototype, "size", "get").mockReturnValue(50_000);
    await change(shop.path, shop.ids[1] ?? "", { type: "cancelled" });
    size.mockRestore();
    expect(await shop.move()).toMatchObject({ status: "copying", remaining: shop.ids.length });
    open();
    await shop.driveUntil("resting");
    const status = databaseOf(2).prepare("SELECT status FROM runs WHERE id = ?").bind(shop.ids[1]);
    await until(async () => (await status.first("status")) === "cancelled");
  });

  it("is nothing to those who follow the feed, unless the old primary was being rebuilt", async () => {
    const shop = await livingIn(1);
    const before = await cursorOf(shop.path);
    await shop.moveTo(2);
    expect(await cursorOf(shop.path)).toBe(before);
    const { open } = await shop.copyingTo(3);
    faults.only = 2;
    const reads = holdReads();
    await shop.calls.upkeep.resync();
    open();
    faults.only = 2;
    await shop.driveUntil("resting");
    expect(await cursorOf(shop.path)).not.toBe(before);
    reads.open();
  });
});

describe("a deletion", () => {
  /** A run to purge, of which the copy has a row. The copy has walked it, but not all runs. */
  async function purging() {
    const shop = await livingIn(1);
    // The alarm purges it when a test rings the alarm, and not before.
    const endedAt = Date.now() - 30 * DAY_MS + 2 * MINUTE_MS;
    const [old = ""] = await fillJournal(shop.path, { rows: 1, isReplicated: true, endedAt });
    await fillJournal(shop.path, { rows: 1500, isReplicated: true, deadlineAt: Date.now() + HOUR_MS });
    const { open } = await shop.copyingTo(2);
    await plantRun(databaseOf(2), shop.path, { id: old });
    return { shop, old, open };
  }

  it("that fails in the copy keeps no run in the journal, and the copy is not primary before it has made up for it", async () => {
    const { shop, old, open } = await purging();
    faults.writes = { refuse: (bound, sql) => sql.startsWith("DELETE") && bound.includes(old) };
    await shop.ringUntil(async () => !(await isKept(shop, old)));
    expect(await owed(shop)).toEqual([old]);
    // The walk has passed the run.
    await walked(shop, old);
    const { writes } = faults;
    open();
    faults.only = 2;
    faults.writes = writes;
    await shop.ringUntil(async () => (await shop.walkedTo(2)) === null);
    await shop.ringUntil(async () => failures.some((line) => line.includes("deletion_failed")));
    expect([await shop.home(), await shop.idsIn(2)]).toMatchObject([{ database: 1 }, expect.arrayContaining([old])]);
    resetFaults();
    await shop.driveUntil("resting");
    expect([await owed(shop), (await shop.idsIn(2)).includes(old)]).toEqual([[], false]);
  });

  it("comes once more if a batch was under way that can bring the row back", async () => {
    const { shop, old, open } = await purging();
    await shop.ringUntil(async () => !(await isKept(shop, old)));
    expect(await owed(shop)).toEqual([old]);
    open();
    await shop.driveUntil("resting");
    expect(await shop.idsIn(2)).not.toContain(old);
  });

  it("that fails in the primary keeps the run", async () => {
    const { shop, old, open } = await purging();
    // So the copy stays a copy.
    const size = vi.spyOn(PendingRuns.prototype, "size", "get").mockReturnValue(500);
    open();
    faults.only = 1;
    faults.writes = { refuse: (_bound, sql) => sql.startsWith("DELETE") };
    await shop.ringUntil(async () => failures.some((line) => line.includes("purge_failed")));
    expect([await isKept(shop, old), await owed(shop)]).toEqual([true, []]);
    resetFaults();
    size.mockRestore();
    await shop.ringUntil(async () => !(await isKept(shop, old)));
  });

  it("counts if the replica has made it that is primary when the journal forgets the run", async () => {
    const { shop, old, open } = await purging();
    await walked(shop, LAST);
    open();
    faults.only = 2;
    const reads = holdReads();
    // The old primary deletes the row. Meanwhile the copy becomes primary, and its deletion fails.
    const held = holdWrites(/DELETE FROM runs WHERE scope = \?1 AND id IN/);
    faults.writes = { refuse: (bound, sql) => sql.startsWith("DELETE") && bound.includes(old) };
    await shop.ringUntil(async () => faults.gatedCalls > 0);
    expect(await shop.home()).toMatchObject({ database: 1 });
    reads.open();
    await until(async () => (await shop.home())?.database === 2);
    held.open();
    await until(async () => failures.some((line) => line.includes("purge_failed")));
    expect(await isKept(shop, old)).toBe(true);
    resetFaults();
    await shop.ringUntil(async () => !(await isKept(shop, old)));
    expect(await shop.idsIn(2)).not.toContain(old);
  });

  it("of too many runs that fail makes the copy anew, so that they don't fill the journal", async () => {
    const { shop, old, open } = await purging();
    await shop.journal(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
       INSERT INTO owed_deletions (database, run_id) SELECT 2, 'gone-' || i FROM n`,
    );
    await walked(shop, LAST);
    faults.writes = { refuse: (_bound, sql) => sql.startsWith("DELETE") };
    await shop.ringUntil(async () => !(await isKept(shop, old)));
    expect([await owed(shop), await shop.walkedTo(2)]).toEqual([[], ""]);
    open();
    resetFaults();
    await shop.driveUntil("resting");
    expect(await shop.idsIn(2)).not.toContain(old);
  });

  it("that a copy makes up for while it is made anew does not keep it from being primary", async () => {
    const shop = await livingIn(1);
    const copying = await shop.copyingTo(2);
    const owe = (id: string) => shop.journal(`INSERT INTO owed_deletions (database, run_id) VALUES (2, '${id}')`);
    await owe("gone-1");
    const reads = holdReads();
    await shop.restart();
    copying.open();
    faults.only = 2;
    const deletion = holdWrites(/DELETE FROM runs/);
    await shop.ringUntil(async () => faults.gatedCalls > 0);
    const size = vi.spyOn(PendingRuns.prototype, "size", "get").mockReturnValue(50_000);
    await change(shop.path, shop.ids[1] ?? "", { type: "cancelled" });
    size.mockRestore();
    expect(await owed(shop)).toEqual([]);
    await owe("gone-2");
    // Now the new copy has counted what is owed.
    await change(shop.path, shop.ids[2] ?? "", { type: "cancelled" });
    deletion.open();
    reads.open();
    await until(async () => (await shop.walkedTo(2)) === null);
    await shop.ringUntil(async () => (await owed(shop)).length === 0);
    await shop.ringNext();
    expect(await shop.home()).toEqual(NEW);
  });
});

describe("until the control database is told of the new primary", () => {
  /** Moves until the control database would have to name the new home, which it does not. */
  async function switching() {
    const shop = await livingIn(1);
    const held = holdWrites(/INTO environments/);
    await shop.beginMove(2);
    await until(async () => faults.gatedCalls > 0);
    expect(await shop.home()).toEqual(NEW);
    return { shop, held };
  }

  it("the move can't be cancelled, no other begins, and the old rows stay", async () => {
    const { shop, held } = await switching();
    expect(await shop.move()).toMatchObject({ status: "switching", switchedAt: null });
    const refused = { ok: false, reason: "move_under_way" };
    expect([await shop.calls.moves.cancel(), await shop.beginMove(3)]).toEqual([refused, refused]);
    await shop.ringNext();
    expect([await shop.idsIn(1), await shop.row()]).toEqual([[...shop.ids].sort(), { database: 1, generation: 1 }]);
    held.open();
    await shop.driveUntil("resting");
    expect([await shop.row(), await shop.home()]).toEqual([NEW, NEW]);
    expect(await shop.calls.moves.cancel()).toBeNull();
  });

  it("the object may die: the next instance tells it, although nothing else is left to do", async () => {
    const { shop, held } = await switching();
    await shop.restart();
    held.open();
    await shop.ringUntil(async () => (await shop.row())?.database === 2);
    await shop.driveUntil(null);
    expect([await shop.idsIn(1), await shop.idsIn(2)]).toEqual([[], [...shop.ids].sort()]);
  });

  it("it is told by the alarm if it is the new primary itself, although nothing is left to replicate there", async () => {
    const shop = await livingIn(1);
    const fails = (bound: string, sql: string) => sql.includes("INTO environments") && bound.endsWith("\u00012");
    faults.writes = { refuse: fails };
    await shop.beginMove(0);
    await until(async () => failures.some((line) => line.includes("registration_failed")));
    await shop.ringNext();
    await shop.restart();
    expect([await shop.row(), await shop.home()]).toMatchObject([{ database: 1 }, { database: 0 }]);
    faults.writes = null;
    await shop.ringUntil(async () => (await shop.row())?.database === 0);
    expect(await shop.journal("SELECT 1 FROM runs WHERE version > 1")).toEqual([]);
  });

  it("a resync that the row tells of the new home takes no other way there", async () => {
    const { shop, held } = await switching();
    expect(await shop.calls.upkeep.resync(NEW)).toEqual(expect.any(Number));
    expect(await shop.move()).toMatchObject({ status: "switching", isCancelled: false });
    held.open();
    await shop.driveUntil("resting");
    await shop.replicatedIn(2, shop.ids);
  });
});

it("a list that reads another database than the object has spoken of is marked as stale", async () => {
  const shop = await livingIn(1);
  expect(await listed(shop)).toHaveLength(4);
  // The object was restored to before its last move.
  await writeHome(shop.path, { database: 3, generation: 2 });
  await ask("GET", shop.path.replace(/action-runs$/, "database"));
  expect((await ask("GET", shop.path)).headers.get("Action-Runs-Stale")).toBe("true");
});

it("a promotion that the journal can't write changes nothing, and comes with the next alarm", async () => {
  const shop = await livingIn(1);
  const { open } = await shop.copyingTo(2);
  await shop.journal(
    `CREATE TRIGGER full BEFORE UPDATE ON metadata WHEN new.value LIKE '%"leaving"%'
     BEGIN SELECT RAISE(ABORT, 'SQLITE_FULL'); END`,
  );
  open();
  await until(async () => failures.some((line) => line.includes("move_failed")));
  expect([await shop.home(), await shop.move()]).toMatchObject([{ database: 1 }, { status: "copying" }]);
  const created = await shop.create();
  await shop.replicatedIn(1, [created]);
  await shop.journal("DROP TRIGGER full");
  await shop.driveUntil("resting");
  await shop.replicatedIn(2, [...shop.ids, created]);
});

it.each(["reads", "writes"] as const)(
  "a database whose %s hang when its rows are to be deleted holds up no other move",
  async (what) => {
    const shop = await livingIn(1);
    // The object's isolate has not asked database 2 for its number yet, and from now on it hangs.
    forgetNumbers();
    faults.only = 2;
    faults[what] = "hang";
    await shop.beginMove(2);
    expect(await shop.calls.moves.cancel()).toMatchObject({ ok: true, move: { status: "cleaning" } });
    hurryTimers(8000, 8001);
    await shop.ringNext();
    expect(await shop.beginMove(3)).toMatchObject({ ok: true, move: { status: "copying" } });
    await until(async () => (await shop.row())?.database === 3);
  },
);

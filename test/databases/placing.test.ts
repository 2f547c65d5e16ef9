/** In which database a new environment lives, and what happens if the control database is down or was restored. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { Replicas } from "../../src/runs/replication/replica-set.ts";
import { forgetNumbers } from "../../src/settings/databases.ts";
import { plantRun, writeHome } from "../support/databases/several-databases.ts";
import { HOUR_MS, MINUTE_MS, until } from "../support/direct.ts";
import { breakD1, faults, holdReads, holdWrites } from "../support/faults.ts";
import { ask, newRunsPath, scopeOfPath } from "../support/requests.ts";
import { idAt } from "../support/rows.ts";
import { bindOneDatabase, changed, resetChanged } from "../support/settings.ts";
import { useSettings } from "../support/use-settings.ts";
import { databaseOf, Environment, livingIn, watchFailures } from "./moves.ts";

await useSettings("databases");

const failures = watchFailures();

/** Whether the control database lists the environment: 1 or 0. */
function registered(shop: Environment): Promise<number | null> {
  const count = env.DB.prepare("SELECT count(*) AS n FROM coordinators WHERE scope = ?");
  return count.bind(scopeOfPath(shop.path)).first<number>("n");
}

it("new environments are spread over the databases of NEW_ENVIRONMENTS", async () => {
  changed.NEW_ENVIRONMENTS = "1,3";
  const shops = Array.from({ length: 12 }, () => new Environment(newRunsPath()));
  const created = await Promise.all(shops.map((shop) => shop.create()));
  const found = new Set<number>();
  for (const [i, shop] of shops.entries()) {
    await until(async () => (await shop.home()) !== null);
    const home = await shop.home();
    expect(home?.generation).toBe(1);
    expect(await shop.row()).toEqual(home);
    await shop.replicatedIn(home?.database ?? 0, [created[i] ?? ""]);
    found.add(home?.database ?? 0);
  }
  expect([...found].sort()).toEqual([1, 3]);
});

it("without NEW_ENVIRONMENTS, a new environment lives in database 0", async () => {
  const shop = await livingIn(0);
  expect(await shop.row()).toEqual({ database: 0, generation: 1 });
});

it("an environment from before the second database stays in database 0", async () => {
  bindOneDatabase();
  const shop = new Environment(newRunsPath());
  await shop.replicatedIn(0, [await shop.create()]);
  expect([await shop.metadata(), await shop.row()]).toEqual([
    expect.not.arrayContaining([expect.stringContaining("replica:")]),
    null,
  ]);
  resetChanged();
  changed.NEW_ENVIRONMENTS = "2";
  await shop.restart();
  await shop.replicatedIn(0, [await shop.create()]);
  expect(await shop.home()).toEqual({ database: 0, generation: 0 });
  expect(await shop.idsIn(2)).toEqual([]);
});

it("while the control database is down, all environments are replicated, and it hears of a new one when it is back", async () => {
  const shop = await livingIn(2);
  faults.only = 0;
  const { open } = breakD1("down");
  const id = await shop.create();
  await shop.replicatedIn(2, [id]);

  changed.NEW_ENVIRONMENTS = "1";
  const fresh = new Environment(newRunsPath());
  const first = await fresh.create();
  await fresh.replicatedIn(1, [first]);
  await fresh.restart();
  expect(await fresh.row()).toBeNull();
  open();
  await fresh.alarmIn(61_000);
  await until(async () => (await fresh.row()) !== null);
  expect(await fresh.row()).toEqual({ database: 1, generation: 1 });
});

it("a registration that the control database refused is made up for, although nothing else is left to do", async () => {
  const shop = await livingIn(3);
  await until(async () => (await registered(shop)) === 1);
  await env.DB.prepare("DELETE FROM coordinators WHERE scope = ?").bind(scopeOfPath(shop.path)).run();
  await shop.calls.upkeep.poke();
  faults.only = 0;
  const { open } = breakD1("down");
  const id = await shop.create();
  await shop.replicatedIn(3, [id]);
  // Notes what is replicated, so that no batch is left to register.
  await shop.alarmIn(61_000);
  await shop.restart();
  open();
  await shop.ringUntil(async () => (await registered(shop)) === 1);
  // Then no retry is set.
  await shop.ringUntil(
    async () => (await shop.journal("SELECT 1 FROM metadata WHERE name = 'replication_retry_at'")).length === 0,
  );
});

/** Moves the environment from database 1 to 2. Its second home has the generation 2. */
async function moved(shop: Environment): Promise<void> {
  await shop.beginMove(2);
  await shop.driveUntil(null);
}

it.each([
  ["the row", null],
  ["the last move", { database: 1, generation: 1 }],
])("a restore of the control database that lost %s heals with the next registration", async (_what, restored) => {
  const shop = await livingIn(1);
  await moved(shop);
  await env.DB.prepare("DELETE FROM environments WHERE scope = ?").bind(scopeOfPath(shop.path)).run();
  if (restored !== null) await writeHome(shop.path, restored);
  await shop.calls.upkeep.poke();
  await shop.replicatedIn(2, [await shop.create()]);
  await until(async () => (await shop.row())?.database === 2);
  expect(await shop.row()).toEqual({ database: 2, generation: 2 });
});

describe("an object that was restored to before its move", () => {
  /** The object knows its old home again, and nothing of the new one. The row has the new one. */
  async function restored() {
    const shop = await livingIn(1);
    await moved(shop);
    await shop.journal("DELETE FROM metadata WHERE name = 'replica:2'");
    const primary = { role: "primary", generation: 1, replicatedSeq: 0, walkedTo: null, move: null };
    await shop.journal("INSERT INTO metadata (name, value) VALUES ('replica:1', ?)", JSON.stringify(primary));
    await shop.restart();
    expect([await shop.home(), await shop.row()]).toMatchObject([{ database: 1 }, { database: 2 }]);
    await databaseOf(2).prepare("DELETE FROM runs WHERE scope = ?").bind(scopeOfPath(shop.path)).run();
    // A run from after the restored moment.
    await plantRun(databaseOf(2), shop.path, { id: idAt(Date.now() - 2 * HOUR_MS) });
    return shop;
  }

  it("lives in the new home after a resync, with all its runs, and the old one is cleaned", async () => {
    const shop = await restored();
    const id = await shop.create();
    await shop.replicatedIn(1, [...shop.ids, id]);
    faults.only = 2;
    const { open } = holdWrites(/INSERT INTO runs/);
    expect(await shop.resync()).toMatchObject({ status: 202 });
    expect(await shop.home()).toEqual({ database: 2, generation: 2 });
    await until(async () => faults.gatedCalls > 0);
    // Lists lack what is not replicated there yet.
    expect(await shop.lacking()).toMatchObject({ isStale: true, home: { database: 2 } });
    open();
    await shop.replicatedIn(2, [...shop.ids, id]);
    await until(async () => !(await shop.lacking()).isStale);
    // It has no row of a run that this journal lacks.
    expect(await shop.idsIn(2)).toEqual([...shop.ids, id].sort());
    await shop.restart();
    expect(await shop.move()).toMatchObject({ status: "resting", from: { database: 1 } });
    await shop.driveUntil(null);
    expect(await shop.idsIn(1)).toEqual([]);
  });

  it("does so too when it is asked to move, and then it moves on", async () => {
    const shop = await restored();
    const database = shop.path.replace(/action-runs$/, "database");
    faults.only = 2;
    const { open } = holdWrites(/INSERT INTO runs/);
    expect(await ask("PUT", database, { body: { database: 3 } })).toMatchObject({ status: 202 });
    // A resync brings the runs there. All at once, they could fill the memory.
    expect(await shop.walkedTo(2)).not.toBeNull();
    open();
    expect((await shop.calls.moves.state()).moves).toMatchObject([
      { status: "resting", from: { database: 1 }, target: { database: 2 } },
      { status: "copying", from: { database: 2 }, target: { database: 3, generation: 3 } },
    ]);
    await shop.driveUntil(null);
    expect([await shop.idsIn(1), await shop.idsIn(2)]).toEqual([[], []]);
    expect(await shop.idsIn(3)).toEqual([...shop.ids].sort());
  });

  it("stays where it is if it had moved away and back", async () => {
    const shop = await livingIn(1);
    await writeHome(shop.path, { database: 1, generation: 3 });
    await databaseOf(1).prepare("DELETE FROM runs WHERE scope = ?").bind(scopeOfPath(shop.path)).run();
    await shop.resync();
    expect(await shop.calls.moves.state()).toMatchObject({ home: { database: 1, generation: 3 }, moves: [] });
    await shop.replicatedIn(1, [...shop.ids, await shop.create()]);
  });

  it("gives up a move that is older than the row", async () => {
    const shop = await restored();
    const { open } = await shop.copyingTo(3);
    await writeHome(shop.path, { database: 2, generation: 7 });
    await shop.resync();
    open();
    expect((await shop.calls.moves.state()).moves).toMatchObject([
      { status: "cleaning", isCancelled: true, target: { database: 3 } },
      { status: "resting", from: { database: 1 }, target: { database: 2, generation: 7 } },
    ]);
    await shop.replicatedIn(2, shop.ids);
    await shop.driveUntil(null);
    expect([await shop.idsIn(1), await shop.idsIn(3)]).toEqual([[], []]);
  });
});

it("one database that is down delays only its environments", async () => {
  const [down, other] = [await livingIn(1), await livingIn(3)];
  faults.only = 1;
  const { open } = breakD1("down");
  const [waits, works] = await Promise.all([down.create(), other.create()]);
  await other.replicatedIn(3, [works]);
  expect(await down.lacking()).toMatchObject({ ids: [waits] });
  open();
  await down.alarmIn(61_000);
  await down.replicatedIn(1, [waits]);
});

it.each([
  ["is not bound", undefined, /database 2 is not bound/],
  ["says another number", env.DB_3, /the binding of database 2 leads to database 3/],
])("runs of a database that %s wait until that is mended", async (_what, binding, sentence) => {
  const shop = await livingIn(2);
  changed.DB_2 = binding;
  forgetNumbers();
  await shop.restart();
  const id = await shop.create();
  expect(await shop.lacking()).toMatchObject({ ids: expect.arrayContaining([id]), home: { database: 2 } });
  await until(async () => failures.some((line) => line.includes("replication_failed")));
  const failed = failures.filter((line) => line.includes("replication_failed"));
  expect(failed.at(-1)).toMatch(/"database":2,/);
  expect(failed.at(-1)).toMatch(sentence);
  delete changed.DB_2;
  await shop.restart();
  await shop.alarmIn(61_000);
  await shop.replicatedIn(2, [id]);
  expect(await shop.idsIn(3)).toEqual([]);
});

it("a home that was adopted has its retry of replication, although the move is refused", async () => {
  const shop = await livingIn(1);
  await shop.ringUntil(
    async () => (await shop.journal("SELECT 1 FROM metadata WHERE name = 'replication_retry_at'")).length === 0,
  );
  faults.only = 2;
  const { open } = holdReads();
  const reply = await shop.calls.moves.begin({ database: 2, generation: 2 }, 1);
  const at = await shop.alarmAt();
  open();
  expect(reply).toEqual({ ok: false, reason: "moved_lately" });
  expect(at).toBeLessThan(Date.now() + 2 * MINUTE_MS);
});

it("a cleaning under way takes no rows of the home that a resync has adopted", async () => {
  const shop = await livingIn(1);
  await shop.moveTo(2);
  // The environment moved back later (generation 3), and then the object was restored to this moment.
  await env.DB.prepare("UPDATE environments SET database = 1, generation = 3 WHERE scope = ?")
    .bind(scopeOfPath(shop.path))
    .run();
  faults.only = 1;
  const { open } = holdWrites(/DELETE FROM runs/);
  await shop.ringUntil(async () => faults.gatedCalls > 0);
  // The operator does what the documents say after a restore.
  expect(await shop.resync()).toMatchObject({ status: 202 });
  expect(await shop.home()).toEqual({ database: 1, generation: 3 });
  await until(async () => (await shop.walkedTo(1)) === null);
  const id = await shop.create();
  await shop.replicatedIn(1, [...shop.ids, id]);
  const again = vi.spyOn(Replicas.prototype, "walkAgain");
  open();
  // The pass of the cleaning is over, without an alarm in between: the runs' deadlines must not pass.
  await until(async () => again.mock.calls.length > 0);
  await until(async () => (await shop.walkedTo(1)) === null);
  expect(await shop.lacking()).toMatchObject({ isStale: false, home: { database: 1 } });
  expect(await shop.idsIn(1)).toEqual([...shop.ids, id].sort());
});

it("after a restart, a list is still told that the adopted database lacks changes", async () => {
  const shop = await livingIn(1);
  await env.DB.prepare("UPDATE environments SET database = 2, generation = 2 WHERE scope = ?")
    .bind(scopeOfPath(shop.path))
    .run();
  const id = await shop.create();
  await shop.replicatedIn(1, [id]);
  faults.only = 2;
  const { open } = holdWrites(/INSERT INTO runs/);
  expect(await shop.resync()).toMatchObject({ status: 202 });
  await until(async () => faults.gatedCalls > 0);
  const lacking = async () => ({ isStale: (await shop.lacking()).isStale, rows: (await shop.idsIn(2)).length });
  expect(await lacking()).toMatchObject({ isStale: true, rows: 0 });
  await shop.restart();
  const then = await lacking();
  open();
  expect(then).toMatchObject({ isStale: true, rows: 0 });
  expect(await shop.move()).not.toBeNull();
});

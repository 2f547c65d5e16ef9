/** In which database a new environment lives, and what happens if the control database is down or was restored. */

import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { Replicas } from "../../src/runs/replication/replica-set.ts";
import { forgetNumbers } from "../../src/settings/databases.ts";

import {
  alarmAt,
  alarmIn,
  coordinator,
  createAged,
  direct,
  HOUR_MS,
  journal,
  MINUTE_MS,
  until,
} from "../support/direct.ts";
import { breakD1, faults, holdReads, holdWrites } from "../support/faults.ts";
import { walkedTo } from "../support/landed.ts";
import { ask, newRunsPath, scopeOfPath } from "../support/requests.ts";
import { idAt } from "../support/rows.ts";
import { bindOneDatabase, changed, resetChanged } from "../support/settings.ts";
import { plantRun, writeHome } from "../support/several-databases.ts";
import { useSettings } from "../support/use-settings.ts";
import {
  beginMove,
  copyingTo,
  databaseOf,
  driveUntil,
  homeOf,
  idsIn,
  kill,
  lackingOf,
  livingIn,
  metadataOf,
  moveOf,
  moveTo,
  replicatedIn,
  ringUntil,
  row,
  watchFailures,
} from "./moves.ts";

await useSettings("databases");

const failures = watchFailures();

/** Whether the control database lists the environment: 1 or 0. */
function registered(path: string): Promise<number | null> {
  const count = env.DB.prepare("SELECT count(*) AS n FROM coordinators WHERE scope = ?");
  return count.bind(scopeOfPath(path)).first<number>("n");
}

it("new environments are spread over the databases of NEW_ENVIRONMENTS", async () => {
  changed.NEW_ENVIRONMENTS = "1,3";
  const paths = Array.from({ length: 12 }, () => newRunsPath());
  const ids = await Promise.all(paths.map((path) => createAged(path)));
  const found = new Set<number>();
  for (const [i, path] of paths.entries()) {
    await until(async () => (await homeOf(path)) !== null);
    const home = await homeOf(path);
    expect(home?.generation).toBe(1);
    expect(await row(path)).toEqual(home);
    await replicatedIn(path, home?.database ?? 0, [ids[i] ?? ""]);
    found.add(home?.database ?? 0);
  }
  expect([...found].sort()).toEqual([1, 3]);
});

it("without NEW_ENVIRONMENTS, a new environment lives in database 0", async () => {
  const { path } = await livingIn(0);
  expect(await row(path)).toEqual({ database: 0, generation: 1 });
});

it("an environment from before the second database stays in database 0", async () => {
  bindOneDatabase();
  const path = newRunsPath();
  await replicatedIn(path, 0, [await createAged(path)]);
  expect([await metadataOf(path), await row(path)]).toEqual([
    expect.not.arrayContaining([expect.stringContaining("replica:")]),
    null,
  ]);
  resetChanged();
  changed.NEW_ENVIRONMENTS = "2";
  await evictDurableObject(coordinator(path));
  await replicatedIn(path, 0, [await createAged(path)]);
  expect(await homeOf(path)).toEqual({ database: 0, generation: 0 });
  expect(await idsIn(2, path)).toEqual([]);
});

it("while the control database is down, all environments are replicated, and it hears of a new one when it is back", async () => {
  const { path } = await livingIn(2);
  faults.only = 0;
  const { open } = breakD1("down");
  const id = await createAged(path);
  await replicatedIn(path, 2, [id]);

  changed.NEW_ENVIRONMENTS = "1";
  const fresh = newRunsPath();
  const first = await createAged(fresh);
  await replicatedIn(fresh, 1, [first]);
  await evictDurableObject(coordinator(fresh));
  expect(await row(fresh)).toBeNull();
  open();
  await alarmIn(61_000, coordinator(fresh));
  await until(async () => (await row(fresh)) !== null);
  expect(await row(fresh)).toEqual({ database: 1, generation: 1 });
});

it("a registration that the control database refused is made up for, although nothing else is left to do", async () => {
  const { path } = await livingIn(3);
  await until(async () => (await registered(path)) === 1);
  await env.DB.prepare("DELETE FROM coordinators WHERE scope = ?").bind(scopeOfPath(path)).run();
  await direct(path).upkeep.poke();
  faults.only = 0;
  const { open } = breakD1("down");
  const id = await createAged(path);
  await replicatedIn(path, 3, [id]);
  // Notes what is replicated, so that no batch is left to register.
  await alarmIn(61_000, coordinator(path));
  await evictDurableObject(coordinator(path));
  open();
  await ringUntil(path, async () => (await registered(path)) === 1);
  // Then no retry is set.
  await ringUntil(
    path,
    async () => (await journal(path, "SELECT 1 FROM metadata WHERE name = 'replication_retry_at'")).length === 0,
  );
});

/** Moves the environment from database 1 to 2. Its second home has the generation 2. */
async function moved(path: string): Promise<void> {
  await beginMove(path, 2);
  await driveUntil(path, null);
}

it.each([
  ["the row", null],
  ["the last move", { database: 1, generation: 1 }],
])("a restore of the control database that lost %s heals with the next registration", async (_what, restored) => {
  const { path } = await livingIn(1);
  await moved(path);
  await env.DB.prepare("DELETE FROM environments WHERE scope = ?").bind(scopeOfPath(path)).run();
  if (restored !== null) await writeHome(path, restored);
  await direct(path).upkeep.poke();
  await replicatedIn(path, 2, [await createAged(path)]);
  await until(async () => (await row(path))?.database === 2);
  expect(await row(path)).toEqual({ database: 2, generation: 2 });
});

describe("an object that was restored to before its move", () => {
  /** The object knows its old home again, and nothing of the new one. The row has the new one. */
  async function restored() {
    const { path, ids } = await livingIn(1);
    await moved(path);
    await journal(path, "DELETE FROM metadata WHERE name = 'replica:2'");
    const primary = { role: "primary", generation: 1, replicatedSeq: 0, walkedTo: null, move: null };
    await journal(path, "INSERT INTO metadata (name, value) VALUES ('replica:1', ?)", JSON.stringify(primary));
    await evictDurableObject(coordinator(path));
    expect([await homeOf(path), await row(path)]).toMatchObject([{ database: 1 }, { database: 2 }]);
    await databaseOf(2).prepare("DELETE FROM runs WHERE scope = ?").bind(scopeOfPath(path)).run();
    // A run from after the restored moment.
    await plantRun(databaseOf(2), path, { id: idAt(Date.now() - 2 * HOUR_MS) });
    return { path, ids };
  }

  it("lives in the new home after a resync, with all its runs, and the old one is cleaned", async () => {
    const { path, ids } = await restored();
    const id = await createAged(path);
    await replicatedIn(path, 1, [...ids, id]);
    faults.only = 2;
    const { open } = holdWrites(/INSERT INTO runs/);
    expect(await ask("POST", path.replace(/action-runs$/, "resync"))).toMatchObject({ status: 202 });
    expect(await homeOf(path)).toEqual({ database: 2, generation: 2 });
    await until(async () => faults.gatedCalls > 0);
    // Lists lack what is not replicated there yet.
    expect(await lackingOf(path)).toMatchObject({ isStale: true, home: { database: 2 } });
    open();
    await replicatedIn(path, 2, [...ids, id]);
    await until(async () => !(await lackingOf(path)).isStale);
    // It has no row of a run that this journal lacks.
    expect(await idsIn(2, path)).toEqual([...ids, id].sort());
    await evictDurableObject(coordinator(path));
    expect(await moveOf(path)).toMatchObject({ status: "resting", from: { database: 1 } });
    await driveUntil(path, null);
    expect(await idsIn(1, path)).toEqual([]);
  });

  it("does so too when it is asked to move, and then it moves on", async () => {
    const { path, ids } = await restored();
    const database = path.replace(/action-runs$/, "database");
    faults.only = 2;
    const { open } = holdWrites(/INSERT INTO runs/);
    expect(await ask("PUT", database, { body: { database: 3 } })).toMatchObject({ status: 202 });
    // A resync brings the runs there. All at once, they could fill the memory.
    expect(await walkedTo(path, 2)).not.toBeNull();
    open();
    expect((await direct(path).moves.state()).moves).toMatchObject([
      { status: "resting", from: { database: 1 }, target: { database: 2 } },
      { status: "copying", from: { database: 2 }, target: { database: 3, generation: 3 } },
    ]);
    await driveUntil(path, null);
    expect([await idsIn(1, path), await idsIn(2, path)]).toEqual([[], []]);
    expect(await idsIn(3, path)).toEqual([...ids].sort());
  });

  it("stays where it is if it had moved away and back", async () => {
    const { path, ids } = await livingIn(1);
    await writeHome(path, { database: 1, generation: 3 });
    await databaseOf(1).prepare("DELETE FROM runs WHERE scope = ?").bind(scopeOfPath(path)).run();
    await ask("POST", path.replace(/action-runs$/, "resync"));
    expect(await direct(path).moves.state()).toMatchObject({ home: { database: 1, generation: 3 }, moves: [] });
    await replicatedIn(path, 1, [...ids, await createAged(path)]);
  });

  it("gives up a move that is older than the row", async () => {
    const { path, ids } = await restored();
    const { open } = await copyingTo(path, 3);
    await writeHome(path, { database: 2, generation: 7 });
    await ask("POST", path.replace(/action-runs$/, "resync"));
    open();
    expect((await direct(path).moves.state()).moves).toMatchObject([
      { status: "cleaning", isCancelled: true, target: { database: 3 } },
      { status: "resting", from: { database: 1 }, target: { database: 2, generation: 7 } },
    ]);
    await replicatedIn(path, 2, ids);
    await driveUntil(path, null);
    expect([await idsIn(1, path), await idsIn(3, path)]).toEqual([[], []]);
  });
});

it("one database that is down delays only its environments", async () => {
  const [down, other] = [await livingIn(1), await livingIn(3)];
  faults.only = 1;
  const { open } = breakD1("down");
  const [waits, works] = await Promise.all([createAged(down.path), createAged(other.path)]);
  await replicatedIn(other.path, 3, [works]);
  expect(await lackingOf(down.path)).toMatchObject({ ids: [waits] });
  open();
  await alarmIn(61_000, coordinator(down.path));
  await replicatedIn(down.path, 1, [waits]);
});

it.each([
  ["is not bound", undefined, /database 2 is not bound/],
  ["says another number", env.DB_3, /the binding of database 2 leads to database 3/],
])("runs of a database that %s wait until that is mended", async (_what, binding, sentence) => {
  const { path } = await livingIn(2);
  changed.DB_2 = binding;
  forgetNumbers();
  await evictDurableObject(coordinator(path));
  const id = await createAged(path);
  expect(await lackingOf(path)).toMatchObject({ ids: expect.arrayContaining([id]), home: { database: 2 } });
  await until(async () => failures.some((line) => line.includes("replication_failed")));
  const failed = failures.filter((line) => line.includes("replication_failed"));
  expect(failed.at(-1)).toMatch(/"database":2,/);
  expect(failed.at(-1)).toMatch(sentence);
  delete changed.DB_2;
  await evictDurableObject(coordinator(path));
  await alarmIn(61_000, coordinator(path));
  await replicatedIn(path, 2, [id]);
  expect(await idsIn(3, path)).toEqual([]);
});

it("a home that was adopted has its retry of replication, although the move is refused", async () => {
  const { path } = await livingIn(1);
  await ringUntil(
    path,
    async () => (await journal(path, "SELECT 1 FROM metadata WHERE name = 'replication_retry_at'")).length === 0,
  );
  faults.only = 2;
  const { open } = holdReads();
  const reply = await direct(path).moves.begin({ database: 2, generation: 2 }, 1);
  const at = await alarmAt(path);
  open();
  expect(reply).toEqual({ ok: false, reason: "moved_lately" });
  expect(at).toBeLessThan(Date.now() + 2 * MINUTE_MS);
});

it("a cleaning under way takes no rows of the home that a resync has adopted", async () => {
  const { path, ids } = await livingIn(1);
  await moveTo(path, 2);
  // The environment moved back later (generation 3), and then the object was restored to this moment.
  await env.DB.prepare("UPDATE environments SET database = 1, generation = 3 WHERE scope = ?")
    .bind(scopeOfPath(path))
    .run();
  faults.only = 1;
  const { open } = holdWrites(/DELETE FROM runs/);
  await ringUntil(path, async () => faults.gatedCalls > 0);
  // The operator does what the documents say after a restore.
  expect(await ask("POST", path.replace(/action-runs$/, "resync"))).toMatchObject({ status: 202 });
  expect(await homeOf(path)).toEqual({ database: 1, generation: 3 });
  await until(async () => (await walkedTo(path, 1)) === null);
  const id = await createAged(path);
  await replicatedIn(path, 1, [...ids, id]);
  const again = vi.spyOn(Replicas.prototype, "walkAgain");
  open();
  // The pass of the cleaning is over, without an alarm in between: the runs' deadlines must not pass.
  await until(async () => again.mock.calls.length > 0);
  await until(async () => (await walkedTo(path, 1)) === null);
  expect(await lackingOf(path)).toMatchObject({ isStale: false, home: { database: 1 } });
  expect(await idsIn(1, path)).toEqual([...ids, id].sort());
});

it("after an eviction, a list is still told that the adopted database lacks changes", async () => {
  const { path } = await livingIn(1);
  await env.DB.prepare("UPDATE environments SET database = 2, generation = 2 WHERE scope = ?")
    .bind(scopeOfPath(path))
    .run();
  const id = await createAged(path);
  await replicatedIn(path, 1, [id]);
  faults.only = 2;
  const { open } = holdWrites(/INSERT INTO runs/);
  expect(await ask("POST", path.replace(/action-runs$/, "resync"))).toMatchObject({ status: 202 });
  await until(async () => faults.gatedCalls > 0);
  const lacking = async () => ({ isStale: (await lackingOf(path)).isStale, rows: (await idsIn(2, path)).length });
  expect(await lacking()).toMatchObject({ isStale: true, rows: 0 });
  await kill(path);
  const then = await lacking();
  open();
  expect(then).toMatchObject({ isStale: true, rows: 0 });
  expect(await moveOf(path)).not.toBeNull();
});

/** Moving an environment to another database: nothing is lost, nothing is left behind, and each step can be repeated. */

import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { MoveOrder } from "../../src/runs/move-calls.ts";
import { COORDINATORS } from "../../src/runs/run-id.ts";
import {
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  hurryTimers,
  journal,
  until,
} from "../support/direct.ts";
import { breakD1, faults, holdWrites } from "../support/faults.ts";
import { scopeOfPath } from "../support/requests.ts";
import { fillJournal } from "../support/rows-in-journal.ts";
import { changed } from "../support/settings.ts";
import {
  beginMove,
  databaseOf,
  driveUntil,
  idsIn,
  landedIn,
  livingIn,
  placements,
  ringNext,
  row,
} from "./moves.ts";

/** What the service logs as errors. */
let failures: string[] = [];

beforeEach(() => {
  failures = [];
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(console, "error").mockImplementation((line: unknown) => void failures.push(String(line)));
});
afterEach(() => {
  for (const name of Object.keys(changed)) delete changed[name as keyof typeof changed];
  vi.restoreAllMocks();
});

const NUMBERS = Array.from({ length: COORDINATORS }, (_, n) => n);
const homes = async (path: string) => (await placements(path)).map(({ home }) => home);
const marks = (path: string, n: number) => journal(path, "SELECT name, value FROM marks ORDER BY name");
const evictAll = (path: string) => Promise.all(NUMBERS.map((n) => evictDurableObject(coordinator(path))));

/** The messages of a move, without its driver. */
function orders(to: number, generation = 2): Record<MoveOrder["step"], MoveOrder> {
  const from = { database: 1, generation: 1 };
  const order = (step: MoveOrder["step"]) => ({ step, turn: 1, from, target: { database: to, generation } });
  return { copy: order("copy"), close: order("close"), switch: order("switch"), cancel: order("cancel") };
}

describe("a move", () => {
  it("brings all runs to the new database, and leaves none in the old one", async () => {
    const { path, ids } = await livingIn(1);
    expect(await beginMove(path, 2)).toMatchObject({ ok: true, move: { status: "copying" } });
    await driveUntil(path, "resting");
    expect(await row(path)).toEqual({ database: 2, generation: 2 });
    expect(new Set((await homes(path)).map((home) => JSON.stringify(home)))).toEqual(
      new Set([JSON.stringify({ database: 2, generation: 2 })]),
    );
    expect(await idsIn(2, path)).toEqual([...ids].sort());
    expect(await idsIn(1, path)).toEqual([...ids].sort());
    await driveUntil(path, "cleaned");
    expect(await idsIn(1, path)).toEqual([]);
    await driveUntil(path, null);
    expect(await idsIn(2, path)).toEqual([...ids].sort());
    // What the old database was known to have is forgotten, and a new instance lands in the new one.
    for (const n of NUMBERS) {
      const names = (await marks(path, n)).map(({ name }) => name);
      expect(names.filter((name) => /:1$|target|moves/.test(String(name)))).toEqual([]);
    }
    await evictAll(path);
    const more = await Promise.all(NUMBERS.map((n) => createAged(path, { n })));
    await landedIn(path, 2, more);
    expect(await idsIn(1, path)).toEqual([]);
  });

  it("copies labels, and deletes those of the old database", async () => {
    const { path } = await livingIn(1);
    const scope = scopeOfPath(path);
    await fillJournal(path, { rows: 3, landed: true, endedAt: Date.now() });
    await beginMove(path, 2);
    const insert = databaseOf(1).prepare("INSERT INTO run_labels (scope, label, id) VALUES (?, ?, ?)");
    await databaseOf(1).batch([1, 2, 3].map((i) => insert.bind(scope, `label-${i}`, `id-${i}`)));
    await driveUntil(path, "resting");
    await driveUntil(path, "cleaned");
    const left = databaseOf(1).prepare("SELECT count(*) AS n FROM run_labels WHERE scope = ?").bind(scope);
    expect(await left.first("n")).toBe(0);
  });

  it("takes along runs that change, are created and are purged meanwhile", async () => {
    const { path, ids } = await livingIn(1);
    await fillJournal(path, { rows: 5, landed: false, endedAt: Date.now() - 40 * DAY_MS });
    await beginMove(path, 3);
    await driveUntil(path, "copying");
    await until(async () => (await placements(path)).every(({ target }) => target !== null));
    const created = await createAged(path, { n: 3 });
    await change(path, ids[3] ?? "", { type: "cancelled" });
    expect(await direct(path).upkeep.settle()).toMatchObject({ isBehind: false, home: { database: 1 } });
    await driveUntil(path, "resting");
    await landedIn(path, 3, [...ids, created]);
    const cancelled = databaseOf(3).prepare("SELECT status FROM runs WHERE id = ?").bind(ids[3]);
    await until(async () => (await cancelled.first("status")) === "cancelled");
  });

  it("goes on after all objects were evicted at any step", async () => {
    const { path, ids } = await livingIn(1);
    await beginMove(path, 2);
    await evictAll(path);
    let steps = 0;
    await until(async () => {
      const move = await direct(path).moves.underWay();
      if (move?.status === "resting") return true;
      await ringNext(path);
      // The platform may evict whenever it likes. An object that does not run can't be evicted.
      if (steps++ % 3 === 0)
        await evictDurableObject(coordinator(path, steps % COORDINATORS)).catch(() => {});
      return false;
    });
    expect(await idsIn(2, path)).toEqual([...ids].sort());
  });

  it("leaves a database that takes nothing any more", async () => {
    const { path, ids } = await livingIn(1);
    faults.only = 1;
    faults.writes = { refuse: () => true };
    const stuck = await createAged(path, { n: 1 });
    await beginMove(path, 2);
    await driveUntil(path, "resting");
    await landedIn(path, 2, [...ids, stuck]);
    faults.writes = null;
    faults.only = null;
    await driveUntil(path, "cleaned");
    expect(await idsIn(1, path)).toEqual([]);
  });

  it("to a database that is down harms nobody, and can be cancelled", async () => {
    const { path, ids } = await livingIn(1);
    faults.only = 2;
    const { open } = breakD1("down");
    await beginMove(path, 2);
    await until(async () => (await placements(path)).every(({ target }) => target !== null));
    const id = await createAged(path, { n: 2 });
    await landedIn(path, 1, [id]);
    expect(await direct(path).upkeep.settle()).toMatchObject({ isBehind: false, home: { database: 1 } });
    expect(await direct(path).moves.cancel()).toMatchObject({ ok: true, move: { isCancelled: true } });
    open();
    await driveUntil(path, "cleaned");
    expect((await placements(path)).map(({ target }) => target)).toEqual([null, null, null, null]);
    expect(await idsIn(2, path)).toEqual([]);
    expect(await idsIn(1, path)).toEqual([...ids, id].sort());
    expect(await row(path)).toEqual({ database: 1, generation: 1 });
  });

  it("waits while the control database is down, and no list misses what is written meanwhile", async () => {
    const { path } = await livingIn(1);
    await beginMove(path, 2);
    await until(async () => (await placements(path)).every(({ target }) => target !== null));
    faults.only = 0;
    const { open } = breakD1("down");
    await driveUntil(path, "switching");
    const id = await createAged(path, { n: 1 });
    expect(await direct(path).upkeep.settle()).toMatchObject({
      isBehind: false,
      home: { database: 1 },
      alsoIn: 2,
    });
    expect(await idsIn(1, path)).toContain(id);
    expect(await idsIn(2, path)).toContain(id);
    open();
    await driveUntil(path, "resting");
    expect(await row(path)).toEqual({ database: 2, generation: 2 });
  });
});

describe("before the switch", () => {
  it("nothing lands in the old database that the new one lacks, once it is closing", async () => {
    const { path } = await livingIn(1);
    const one = direct(path);
    await one.move(orders(2).copy);
    await until(async () => (await one.move(orders(2).copy)).isReady);
    await one.move(orders(2).close);
    faults.only = 2;
    const { open } = holdWrites(/INSERT INTO runs/);
    const id = await createAged(path, { n: 1 });
    await until(async () => faults.gatedCalls > 0);
    const settled = one.upkeep.settle();
    await alarmIn(6000, coordinator(path));
    expect(await idsIn(1, path)).not.toContain(id);
    open();
    expect(await settled).toMatchObject({ isBehind: false, alsoIn: 2 });
    expect(await idsIn(1, path)).toContain(id);
    expect(await idsIn(2, path)).toContain(id);
    expect((await one.move(orders(2).close)).isClosed).toBe(true);
  });

  it("closing survives an eviction, and ends if the driver opens again", async () => {
    const { path } = await livingIn(1);
    const one = direct(path);
    await one.move(orders(2).copy);
    await one.move(orders(2).close);
    await evictDurableObject(coordinator(path));
    faults.only = 2;
    const { open } = breakD1("down");
    const id = await createAged(path, { n: 1 });
    hurryTimers();
    await direct(path).upkeep.settle();
    expect(await idsIn(1, path)).not.toContain(id);
    await direct(path).move(orders(2).copy);
    await landedIn(path, 1, [id]);
    open();
  });

  it("a run is purged only when both databases have deleted it", async () => {
    const { path } = await livingIn(1);
    const one = direct(path);
    const endedAt = Date.now() - 40 * DAY_MS;
    const [old = ""] = await fillJournal(path, { rows: 1, landed: true, endedAt });
    faults.only = 2;
    const { open } = breakD1("down");
    await one.move(orders(2).copy);
    const isKept = async () => (await journal(path, "SELECT 1 FROM runs WHERE id = ?", old)).length === 1;
    await until(async () => {
      await ringNext(path, 1);
      return failures.some((line) => line.includes("purge_failed"));
    });
    expect(await isKept()).toBe(true);
    open();
    await until(async () => {
      await ringNext(path, 1);
      return !(await isKept());
    });
  });

  it("a resync begins the copy again, because the target may have been restored", async () => {
    const { path, ids } = await livingIn(1);
    const one = direct(path);
    await one.move(orders(2).copy);
    await landedIn(path, 2, [ids[1] ?? ""]);
    await until(async () => (await one.moves.placement()).remaining === 0);
    await databaseOf(2).prepare("DELETE FROM runs WHERE scope = ?").bind(scopeOfPath(path)).run();
    await one.upkeep.resync();
    await landedIn(path, 2, [ids[1] ?? ""]);
  });
});

describe("a message", () => {
  it("that comes late or twice changes nothing", async () => {
    const { path, ids } = await livingIn(1);
    const one = direct(path);
    const { copy, close, cancel } = orders(2);
    await one.move(copy);
    await one.move(close);
    await one.move(orders(2).switch);
    const switched = { home: { database: 2, generation: 2 }, target: null };
    for (const late of [copy, close, cancel, orders(2).switch, orders(3, 1).switch]) {
      expect(await one.move(late)).toMatchObject(switched);
    }
    await one.move(orders(3, 5).copy);
    await one.move(orders(1, 4).copy);
    expect(await one.move(orders(1, 4).cancel)).toMatchObject({ target: { database: 3, generation: 5 } });
    await landedIn(path, 2, [ids[1] ?? ""]);
  });

  it("to switch, without a copy before it, lets all runs land in the new home", async () => {
    const { path, ids } = await livingIn(1);
    await direct(path).move(orders(3).switch);
    await landedIn(path, 3, [ids[1] ?? ""]);
  });

  it("to an object without runs decides where its first run will land", async () => {
    changed.NEW_ENVIRONMENTS = "1";
    const { path } = await livingIn(1);
    await journal(path, "DELETE FROM runs");
    await direct(path).move(orders(2).switch);
    const id = await createAged(path, { n: 2 });
    await landedIn(path, 2, [id]);
  });
});

describe("the operator", () => {
  it("gets the same move for the same request, and a refusal for another one", async () => {
    const { path } = await livingIn(1);
    const first = await beginMove(path, 2);
    expect(await beginMove(path, 2)).toEqual(first);
    expect(await beginMove(path, 3)).toEqual({ ok: false, reason: "move_under_way" });
  });

  it("can't move back to a database whose rows are not all deleted, but to another one", async () => {
    const { path, ids } = await livingIn(1);
    await beginMove(path, 2);
    await driveUntil(path, "resting");
    expect(await beginMove(path, 1)).toEqual({ ok: false, reason: "moved_lately" });
    expect(await beginMove(path, 3)).toMatchObject({ ok: true });
    await until(async () => {
      await ringNext(path);
      return (await row(path))?.database === 3;
    });
    await driveUntil(path, null);
    expect([await idsIn(1, path), await idsIn(2, path)]).toEqual([[], []]);
    expect(await idsIn(3, path)).toEqual([...ids].sort());
    expect(await beginMove(path, 1)).toMatchObject({ ok: true });
  });

  it("can't cancel when the switch is decided", async () => {
    const { path } = await livingIn(1);
    expect(await direct(path).moves.cancel()).toBeNull();
    await beginMove(path, 2);
    faults.only = 0;
    const { open } = breakD1("down");
    await driveUntil(path, "switching");
    expect(await direct(path).moves.cancel()).toEqual({ ok: false, reason: "move_under_way" });
    open();
    await driveUntil(path, "resting");
  });
});

it("a statement that was given up and runs late is cleaned away an hour later", async () => {
  const { path } = await livingIn(1);
  await beginMove(path, 2);
  await driveUntil(path, "resting");
  await driveUntil(path, "cleaned");
  await databaseOf(1)
    .prepare(
      `INSERT INTO runs (scope, id, version, status, action_name, triggered_by, purge_at, bytes, body)
       VALUES (?, 'late', 1, 'pending', 'deploy', 'root', 1, 1, '{}')`,
    )
    .bind(scopeOfPath(path))
    .run();
  await driveUntil(path, null);
  expect(await idsIn(1, path)).toEqual([]);
});

it("with one database, nothing of all this is written", async () => {
  for (const name of ["DB_1", "DB_2", "DB_3"] as const) changed[name] = undefined;
  const { path } = await livingIn(0);
  for (const n of NUMBERS) {
    const names = (await marks(path, n)).map(({ name }) => String(name));
    expect(names.filter((name) => !/^(name|repair_at|landed_seq:0)$/.test(name))).toEqual([]);
  }
  expect(await row(path)).toBeNull();
  expect(await env.DB.prepare("SELECT count(*) AS n FROM database_report").first("n")).toBe(0);
});

it("a move that makes coordinators agree again brings all runs together, and deletes none of the home", async () => {
  const { path, ids } = await livingIn(1);
  // As after a restore of the control database: one coordinator was placed anew.
  await direct(path).move({ ...orders(3).switch, target: { database: 3, generation: 1 + 1 } });
  await landedIn(path, 3, [ids[3] ?? ""]);
  const from = { database: 3, generation: 2 };
  await direct(path).moves.begin({ from, target: { database: 3, generation: 3 } });
  await driveUntil(path, null);
  expect(await homes(path)).toEqual(Array(COORDINATORS).fill({ database: 3, generation: 3 }));
  expect(await idsIn(3, path)).toEqual([...ids].sort());
});

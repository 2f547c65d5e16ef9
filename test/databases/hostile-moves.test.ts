/** What goes wrong between two steps of a move: an object gets its first run, a message is late, an answer hangs. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Journal } from "../../src/runs/journal/journal.ts";
import type { MoveCalls, MoveOrder } from "../../src/runs/move-calls.ts";
import { UNLANDED_MAX_ROWS } from "../../src/runs/projection/projection.ts";
import { UnlandedRuns } from "../../src/runs/projection/unlanded-runs.ts";
import { alarmIn, change, coordinator, createAged, direct, hurryTimers, until } from "../support/direct.ts";
import { faults, holdWrites } from "../support/faults.ts";
import { newRunsPath } from "../support/requests.ts";
import { changed } from "../support/settings.ts";
import { placeRow } from "../support/several-databases.ts";
import { databaseOf, idsIn, landedIn, livingIn } from "./moves.ts";

beforeEach(() => {
  for (const level of ["error", "log"] as const) vi.spyOn(console, level).mockImplementation(() => {});
});
afterEach(() => {
  for (const name of Object.keys(changed)) delete changed[name as keyof typeof changed];
  vi.restoreAllMocks();
});

const FROM = { database: 1, generation: 1 };
const TARGET = { database: 2, generation: 2 };
let turn = 0;
const order = (step: MoveOrder["step"]): MoveOrder => ({ step, turn: ++turn, from: FROM, target: TARGET });

describe("an object without runs", () => {
  it("lands its first runs after the row names the new home, before it is told to switch", async () => {
    changed.NEW_ENVIRONMENTS = "1";
    const path = newRunsPath();
    await landedIn(path, 1, [await createAged(path, { n: 1 })]);
    await direct(path).move(order("copy"));
    await direct(path).move(order("close"));
    await placeRow(path, TARGET);
    const first = await createAged(path, { n: 2 });
    await until(async () => (await direct(path).moves.placement()).home !== null);
    const second = await createAged(path, { n: 2 });
    expect(await direct(path).upkeep.settle()).toMatchObject({ isBehind: false, home: TARGET });
    expect(await idsIn(2, path)).toEqual([first, second].sort());
    expect(await direct(path).move(order("switch"))).toMatchObject({ home: TARGET, target: null });
    await evictDurableObject(coordinator(path));
    expect(await direct(path).moves.placement()).toMatchObject({ home: TARGET, target: null });
  });
});

describe("once it is closing", () => {
  it("a resync lets nothing land in the old home that the new one lacks", async () => {
    const { path } = await livingIn(1);
    const one = direct(path);
    await one.move(order("copy"));
    await until(async () => (await one.move(order("copy"))).isReady);
    expect(await one.move(order("close"))).toMatchObject({ isClosed: true });
    faults.only = 2;
    const { open } = holdWrites(/INSERT INTO runs/);
    const id = await createAged(path, { n: 1 });
    await until(async () => faults.gatedCalls > 0);
    await one.upkeep.resync();
    await alarmIn(6000, coordinator(path));
    hurryTimers();
    expect(await one.upkeep.settle()).toMatchObject({ isBehind: true });
    expect(await idsIn(1, path)).not.toContain(id);
    open();
    await until(async () => (await one.moves.placement()).isClosed);
    await landedIn(path, 1, [id]);
    expect(await idsIn(2, path)).toContain(id);
  });
});

describe("a run that only the new home has refused", () => {
  it("counts as refused once lists may read there, and a feed's cursor for now lies before it", async () => {
    const { path } = await livingIn(1);
    const one = direct(path);
    await one.move(order("copy"));
    await until(async () => (await one.move(order("copy"))).isReady);
    faults.only = 2;
    faults.writes = { refuse: (bound) => bound.includes("unloved") };
    const id = await createAged(path, { n: 1, actionName: "unloved" });
    await landedIn(path, 1, [id]);
    const asked = { after: null } as const;
    expect([await one.upkeep.settle(), await one.watches.changes(asked)]).toMatchObject([
      { lacksRefused: false },
      { readSeq: 2 },
    ]);
    await one.move(order("close"));
    await until(async () => (await one.moves.placement()).isClosed);
    expect([await one.upkeep.settle(), await one.watches.changes(asked)]).toMatchObject([
      { isBehind: false, lacksRefused: true, alsoIn: 2 },
      { readSeq: 1, newestSeq: 2 },
    ]);
  });
});

describe("a target that has fallen far behind", () => {
  it("keeps what the home must wait for, once it is closing", async () => {
    const { path, ids } = await livingIn(1);
    const one = direct(path);
    await one.move(order("copy"));
    await until(async () => (await one.move(order("copy"))).isReady);
    await one.move(order("close"));
    faults.only = 2;
    const { open } = holdWrites(/INSERT INTO runs/);
    const size = vi.spyOn(UnlandedRuns.prototype, "size", "get").mockReturnValue(UNLANDED_MAX_ROWS);
    await change(path, ids[1] ?? "", { type: "cancelled" });
    size.mockRestore();
    hurryTimers();
    await one.upkeep.settle();
    const status = databaseOf(1).prepare("SELECT status FROM runs WHERE id = ?").bind(ids[1]);
    expect(await status.first("status")).toBe("pending");
    open();
    await until(async () => (await status.first("status")) === "cancelled");
  });
});

describe("a message that comes late", () => {
  it("does not open again what a later one has closed, or take up what a later one has cancelled", async () => {
    const { path } = await livingIn(1);
    const one = direct(path);
    const late = order("copy");
    await one.move(order("copy"));
    await until(async () => (await one.move(order("copy"))).isReady);
    const close = order("close");
    expect(await one.move(close)).toMatchObject({ isClosed: true });
    expect(await one.move(late)).toMatchObject({ isClosed: true });
    expect(await one.move(order("cancel"))).toMatchObject({ target: null });
    expect(await one.move(close)).toMatchObject({ target: null });
    expect(await one.move(order("copy"))).toMatchObject({ target: TARGET });
  });
});

it.each(["cancel", "switch"] as const)(
  "a message that the journal can't write changes nothing, and both databases still get all runs: %s",
  async (step) => {
    const { path } = await livingIn(1);
    const one = direct(path);
    await one.move(order("copy"));
    const refuse = vi.spyOn(Journal.prototype, "transaction").mockImplementationOnce(() => {
      throw new Error("database or disk is full: SQLITE_FULL");
    });
    // In the object, because the runtime would also report an error that leaves it.
    await runInDurableObject(coordinator(path), (object: MoveCalls) =>
      expect(object.move(order(step))).rejects.toThrow("full"),
    );
    refuse.mockRestore();
    expect(await one.moves.placement()).toMatchObject({ home: FROM, target: TARGET });
    const id = await createAged(path, { n: 1 });
    await Promise.all([1, 2].map((database) => landedIn(path, database, [id])));
  },
);

it("an object that finds itself elsewhere is behind until all its runs have landed there", async () => {
  const { path, ids } = await livingIn(1);
  const one = direct(path);
  faults.only = 2;
  const { open } = holdWrites(/INSERT INTO runs/);
  await one.move(order("switch"));
  await until(async () => faults.gatedCalls > 0);
  hurryTimers();
  expect(await one.upkeep.settle()).toMatchObject({ isBehind: true, home: TARGET });
  expect(await one.runs.read(ids[1] ?? "")).toMatchObject({ ok: true, bookmark: null });
  open();
  await landedIn(path, 2, [ids[1] ?? ""]);
  await until(async () => !(await one.upkeep.settle()).isBehind);
});

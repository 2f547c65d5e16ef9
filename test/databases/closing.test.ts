/** The end of a move: what lands where while the target must have everything first, and what can go wrong then. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { UnlandedRuns } from "../../src/runs/projection/unlanded-runs.ts";
import { forgetNumbers } from "../../src/settings/bound-database.ts";
import { changesOf, seqOf } from "../support/changes.ts";
import { alarmIn, change, coordinator, createAged, direct, hurryTimers, until } from "../support/direct.ts";
import { breakD1, faults, holdWrites, resetFaults } from "../support/faults.ts";
import { changed } from "../support/settings.ts";
import {
  beginMove,
  closingTo,
  copyTo,
  databaseOf,
  driveUntil,
  homeOf,
  idsIn,
  kill,
  landedIn,
  livingIn,
  moveOf,
  ringNext,
  row,
  takeTurn,
} from "./moves.ts";

beforeEach(() => {
  for (const level of ["error", "log"] as const) vi.spyOn(console, level).mockImplementation(() => {});
});
afterEach(() => {
  for (const name of Object.keys(changed)) delete changed[name as keyof typeof changed];
  vi.restoreAllMocks();
});

const NEW = { database: 2, generation: 2 };

describe("while it is closing", () => {
  it("nothing lands in the old database that the new one lacks, also in a repair and a resync", async () => {
    const { path } = await livingIn(1);
    const { open } = await closingTo(path, 2);
    const id = await createAged(path);
    await alarmIn(6000, coordinator(path));
    await direct(path).upkeep.resync();
    hurryTimers(2000, 2001);
    expect(await direct(path).upkeep.settle()).toMatchObject({ isBehind: true, home: { database: 1 } });
    expect(await idsIn(1, path)).not.toContain(id);
    open();
    await driveUntil(path, "resting");
    expect(await idsIn(2, path)).toContain(id);
  });

  it("the home waits no longer if the target does not get everything in time, or the move is cancelled", async () => {
    const { path } = await livingIn(1);
    const { open } = await closingTo(path, 2);
    const id = await createAged(path);
    expect(await direct(path).upkeep.settle()).toMatchObject({ isBehind: true });
    expect(await idsIn(1, path)).not.toContain(id);
    expect(await direct(path).moves.cancel()).toMatchObject({ ok: true });
    await landedIn(path, 1, [id]);
    // The turn that waited does not hold up the next move.
    expect(await beginMove(path, 3)).toMatchObject({ ok: true, move: { status: "copying" } });
    open();
    await driveUntil(path, null);
    expect([await row(path), await homeOf(path)]).toEqual(Array(2).fill({ database: 3, generation: 3 }));

    hurryTimers(30_000);
    const { open: openAgain } = await closingTo(path, 2);
    const later = await createAged(path);
    await landedIn(path, 3, [later]);
    openAgain();
    await driveUntil(path, "resting");
  });

  it("the object may die: the move goes on", async () => {
    const { path } = await livingIn(1);
    const { open } = await closingTo(path, 2);
    const id = await createAged(path);
    await kill(path);
    open();
    await driveUntil(path, "resting");
    await landedIn(path, 2, [id]);
  });

  it("a target that has fallen far behind keeps what the home must wait for", async () => {
    const { path, ids } = await livingIn(1);
    const { open } = await closingTo(path, 2);
    const size = vi.spyOn(UnlandedRuns.prototype, "size", "get").mockReturnValue(50_000);
    await change(path, ids[1] ?? "", { type: "cancelled" });
    size.mockRestore();
    hurryTimers(2000, 2001);
    await direct(path).upkeep.settle();
    const status = databaseOf(1).prepare("SELECT status FROM runs WHERE id = ?").bind(ids[1]);
    expect(await status.first("status")).toBe("pending");
    open();
    await driveUntil(path, "resting");
    const moved = databaseOf(2).prepare("SELECT status FROM runs WHERE id = ?").bind(ids[1]);
    await until(async () => (await moved.first("status")) === "cancelled");
  });
});

it("a target that falls far behind is copied anew", async () => {
  const { path, ids } = await livingIn(1);
  await copyTo(path, 2);
  faults.only = 2;
  const { open } = breakD1("down");
  const size = vi.spyOn(UnlandedRuns.prototype, "size", "get").mockReturnValue(50_000);
  await change(path, ids[1] ?? "", { type: "cancelled" });
  size.mockRestore();
  expect(await moveOf(path)).toMatchObject({ status: "copying", remaining: ids.length });
  open();
  await driveUntil(path, "resting");
  const status = databaseOf(2).prepare("SELECT status FROM runs WHERE id = ?").bind(ids[1]);
  await until(async () => (await status.first("status")) === "cancelled");
});

describe("once the switch is decided", () => {
  /** Moves until the control database would have to name the new home, which it does not. */
  async function switching(path: string) {
    const held = holdWrites(/INTO environments/);
    await driveUntil(path, "switching");
    await until(async () => faults.gatedCalls > 0);
    return held;
  }

  it("it can't be cancelled, and nothing lands only in the old database, also after an eviction", async () => {
    const { path } = await livingIn(1);
    hurryTimers(2000, 8001);
    expect(await direct(path).moves.cancel()).toBeNull();
    await copyTo(path, 2);
    await switching(path);
    expect(await direct(path).moves.cancel()).toEqual({ ok: false, reason: "move_under_way" });
    const first = await createAged(path);
    expect(await direct(path).upkeep.settle()).toMatchObject({
      ...{ isBehind: false, home: { database: 1 }, alsoIn: 2 },
    });
    expect([await idsIn(1, path), await idsIn(2, path)]).toEqual(
      Array(2).fill(expect.arrayContaining([first])),
    );
    changed.DB_2 = undefined;
    await kill(path);
    const second = await createAged(path);
    expect(await direct(path).upkeep.settle()).toMatchObject({ isBehind: true, home: { database: 1 } });
    expect(await idsIn(1, path)).not.toContain(second);
    delete changed.DB_2;
    await kill(path);
    await landedIn(path, 1, [second]);
    expect(await idsIn(2, path)).toContain(second);
    resetFaults();
    await driveUntil(path, "resting");
    expect([await row(path), await homeOf(path)]).toEqual([NEW, NEW]);
  });

  it("a resync that the row tells of the new home takes no other way there", async () => {
    const { path, ids } = await livingIn(1);
    await copyTo(path, 2);
    const { open } = await switching(path);
    expect(await direct(path).upkeep.resync(NEW)).toEqual(expect.any(Number));
    expect(await moveOf(path)).toMatchObject({ status: "switching", isCancelled: false });
    open();
    await driveUntil(path, "resting");
    await landedIn(path, 2, ids);
  });

  it("a run that only the new home has refused counts as refused, and a feed's cursor for now lies before it", async () => {
    const { path } = await livingIn(1);
    const id = await createAged(path, { actionName: "unloved" });
    await landedIn(path, 1, [id]);
    faults.writes = { refuse: (bound) => bound.includes("unloved") };
    expect(await direct(path).upkeep.settle()).toMatchObject({ lacksRefused: false, alsoIn: null });
    await beginMove(path, 2);
    await switching(path);
    expect(await direct(path).upkeep.settle()).toMatchObject({
      ...{ isBehind: false, lacksRefused: true, alsoIn: 2 },
    });
    const { body } = await changesOf(path);
    expect([seqOf(body.cursor), body.caughtUp]).toEqual([4, false]);
  });
});

it("a list that waits for the old home when the environment switches reads the new one, which has everything", async () => {
  const { path } = await livingIn(1);
  await copyTo(path, 2);
  faults.only = 1;
  holdWrites(/INSERT INTO runs/);
  const id = await createAged(path);
  await landedIn(path, 2, [id]);
  const settled = direct(path).upkeep.settle();
  await driveUntil(path, "resting");
  expect(await settled).toMatchObject({ isBehind: false, home: NEW, bookmark: expect.stringMatching(/^2:/) });
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
    await until(async () => {
      await takeTurn(path);
      return (await row(path))?.database === 3;
    });
  },
);

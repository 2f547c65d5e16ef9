/** The driver of moves while a turn of it hangs: its alarm, and answers that come after a cancel. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { RunCoordinator } from "../../src/runs/coordinator/coordinator.ts";
import { registeredNumbers } from "../../src/runs/d1/registration.ts";
import type { MoveOrder } from "../../src/runs/move-calls.ts";
import { alarmAt, alarmIn, coordinator, createAged, direct, until } from "../support/direct.ts";
import { faults, holdWrites } from "../support/faults.ts";
import { ask, newRunsPath, scopeOfPath } from "../support/requests.ts";
import { changed } from "../support/settings.ts";
import { beginMove, driveUntil, landedIn, livingIn, ringNext, row } from "./moves.ts";

beforeEach(() => {
  for (const level of ["error", "log"] as const) vi.spyOn(console, level).mockImplementation(() => {});
});
afterEach(() => {
  for (const name of Object.keys(changed)) delete changed[name as keyof typeof changed];
  vi.restoreAllMocks();
});

/** Holds back each answer to a message of this step until `open` is called. */
function holdAnswers(step: MoveOrder["step"]) {
  const held = { answers: 0, isOpen: false };
  const { move } = RunCoordinator.prototype;
  vi.spyOn(RunCoordinator.prototype, "move").mockImplementation(async function (this: RunCoordinator, order) {
    const answer = await move.call(this, order);
    if (order.step === step && !held.isOpen) {
      held.answers++;
      while (!held.isOpen) await scheduler.wait(1);
    }
    return answer;
  });
  return held;
}

it("a turn that takes long does not let the alarm ring again and again", async () => {
  const { path } = await livingIn(1);
  await beginMove(path, 2);
  await driveUntil(path, "resting");
  faults.only = 1;
  const { open } = holdWrites(/DELETE FROM runs/);
  await until(async () => {
    await ringNext(path);
    return faults.gatedCalls > 0;
  });
  const now = Date.now();
  // Another move must be begun when the turn is over, and not before.
  expect(await beginMove(path, 3)).toMatchObject({ ok: true });
  expect(await alarmAt(path)).toBeGreaterThan(now + 2000);
  // A turn can have many statements.
  await alarmIn(25_000, coordinator(path));
  expect(await alarmAt(path)).toBeGreaterThan(now + 27_000);
  open();
  await driveUntil(path, null);
  expect(await row(path)).toMatchObject({ database: 3 });
});

it("what coordinators have answered to a move that was cancelled meanwhile does not count for the next one", async () => {
  const { path } = await livingIn(1);
  await beginMove(path, 2);
  const held = holdAnswers("close");
  await until(async () => {
    await ringNext(path);
    return held.answers === 3;
  });
  expect(await direct(path).moves.cancel()).toMatchObject({ ok: true });
  expect(await beginMove(path, 3)).toMatchObject({ ok: true, move: { status: "copying", remaining: null } });
  const told = vi.spyOn(RunCoordinator.prototype, "move");
  held.isOpen = true;
  await until(async () => told.mock.calls.some(([{ target }]) => target.database === 3));
  expect(told.mock.calls.map(([{ step }]) => step)).not.toContain("switch");
  await driveUntil(path, null);
  expect(await row(path)).toEqual({ database: 3, generation: 3 });
});

it("a request that has seen the environment where it was before the last move is refused", async () => {
  const { path } = await livingIn(1);
  await beginMove(path, 2);
  await driveUntil(path, "resting");
  const stale = { from: { database: 1, generation: 1 }, target: { database: 3, generation: 2 } };
  expect(await direct(path).moves.begin(stale)).toEqual({ ok: false, reason: "move_under_way" });
});

it("the sweep knows the object that drives the move, although it has no run", async () => {
  changed.NEW_ENVIRONMENTS = "1";
  const path = newRunsPath();
  await landedIn(path, 1, [await createAged(path, { n: 2 })]);
  const url = `${path.replace(/action-runs$/, "database")}`;
  expect(await ask("PUT", url, { body: { database: 2 } })).toMatchObject({ status: 202 });
  expect(await registeredNumbers(env.DB, scopeOfPath(path))).toContain(0);
  await driveUntil(path, "resting");
});

/** Steps of an operator who moves the environment to another database, and of coordinator 0, which drives the move. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { readHome } from "../../src/runs/d1/environments.ts";
import { newestHome } from "../../src/runs/home.ts";
import { databaseNumbered } from "../../src/settings/databases.ts";
import { coordinator, direct } from "../support/direct.ts";
import { scopeOfPath } from "../support/requests.ts";
import { moreDatabases } from "../support/settings.ts";
import type { Command } from "./command.ts";
import type { Model } from "./model.ts";

/** How long the driver waits between two turns. */
const TURN_MS = 10_000;
/** A copy, a close, a switch, two cleanings, and those that fail. */
const TURNS_MAX = 40;
/** Longer than the old rows stay, and longer than until they are deleted once more. */
const STEP_MS = 61 * 60_000;
const TURN_MAX_MS = 40;

/** The environment moves there, unless another move is under way or it has left that database lately. */
export const move = (database: number): Command => ({
  check: (model) => model.runs.length > 0,
  async run(model) {
    const placements = await Promise.all([0, 1, 2, 3].map((n) => direct(model.path).moves.placement()));
    const from = newestHome(placements.map(({ home }) => home));
    if (from === null || from.database === database) return;
    const generations = placements.flatMap(({ home, target }) => [home, target]);
    const generation = 1 + Math.max(...generations.map((home) => home?.generation ?? 0));
    await direct(model.path).moves.begin({ from, target: { database, generation } });
    model.moves = true;
  },
  toString: () => `move to ${database}`,
});

export const cancelMove: Command = {
  check: (model) => model.moves,
  async run(model) {
    await direct(model.path).moves.cancel();
  },
  toString: () => "cancel the move",
};

/** The alarm of the coordinator that drives. What its turn does goes on beside the next steps. */
export const drive: Command = {
  check: (model) => model.moves,
  async run(model) {
    vi.setSystemTime(Date.now() + TURN_MS);
    await runDurableObjectAlarm(coordinator(model.path));
  },
  toString: () => "drive",
};

/** The database where the environment lives. */
export async function homeOf(model: Model): Promise<D1Database> {
  const { database } = (await readHome(env.DB, scopeOfPath(model.path))) ?? { database: 0 };
  return databaseNumbered(env, database) ?? env.DB;
}

/** Ends each move by its alarms. Then no other database has a row of the environment. */
export async function finishMoves(model: Model): Promise<void> {
  if (!model.moves) return;
  const driver = direct(model.path);
  for (let turns = 0; turns < TURNS_MAX; turns++) {
    const move = await driver.moveUnderWay();
    if (move === null) break;
    const isOver = move.status === "resting" || move.status === "cleaned";
    vi.setSystemTime(Date.now() + (isOver ? STEP_MS : TURN_MS));
    await ringAll(model);
    await vi
      .waitFor(async () => expect((await driver.moveUnderWay())?.status).not.toBe(move.status), {
        timeout: TURN_MAX_MS,
        interval: 5,
      })
      .catch(() => {});
  }
  expect(await driver.moveUnderWay()).toBeNull();
  const home = await homeOf(model);
  for (const name of ["DB", ...moreDatabases()] as const) {
    const others = env[name].prepare("SELECT id FROM runs WHERE scope = ?").bind(scopeOfPath(model.path));
    const { results } = await others.all();
    expect([name, env[name] === home || results.length === 0]).toEqual([name, true]);
  }
}

async function ringAll(model: Model): Promise<void> {
  for (let n = 0; n < 4; n++) {
    const stub = coordinator(model.path);
    const at = await runInDurableObject(stub, (_, state) => state.storage.getAlarm());
    if (at !== null && at <= Date.now()) await runDurableObjectAlarm(stub);
  }
}

/** Steps of an operator who moves the environment to another database, and of the alarm that drives the move. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { readHome } from "../../src/runs/d1/environments.ts";
import { databaseNumbered } from "../../src/settings/databases.ts";

import { alarmAt, coordinator, direct } from "../support/direct.ts";
import { scopeOfPath } from "../support/requests.ts";
import { moreDatabases } from "../support/settings.ts";
import type { Command } from "./command.ts";
import type { Model } from "./model.ts";

/** How long the driver waits between two passes. */
const PASS_MS = 10_000;
/** A copy, a close, a switch, two cleanings, and those that fail. */
const PASSES_MAX = 40;
/** Longer than the old rows stay, and longer than until they are deleted once more. */
const STEP_MS = 61 * 60_000;
const PASS_MAX_MS = 40;

/** The environment moves there, unless another move is under way or it has left that database lately. */
export const move = (database: number): Command => ({
  check: (model) => model.runs.length > 0,
  async run(model) {
    const { moves } = direct(model.path);
    const { home } = await moves.state();
    if (home === null || home.database === database) return;
    await moves.begin(home, database);
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

/** The alarm, which goes on with the move. What it starts goes on beside the next steps. */
export const drive: Command = {
  check: (model) => model.moves,
  async run(model) {
    vi.setSystemTime(Date.now() + PASS_MS);
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
  const newest = async () => (await direct(model.path).moves.state()).moves.at(-1) ?? null;
  for (let passes = 0; passes < PASSES_MAX; passes++) {
    const move = await newest();
    if (move === null) break;
    const isOver = move.status === "resting" || move.status === "cleaned";
    vi.setSystemTime(Date.now() + (isOver ? STEP_MS : PASS_MS));
    await ringWhatIsDue(model);
    await vi
      .waitFor(async () => expect((await newest())?.status).not.toBe(move.status), {
        timeout: PASS_MAX_MS,
        interval: 5,
      })
      .catch(() => {});
  }
  expect(await newest()).toBeNull();
  const home = await homeOf(model);
  for (const name of ["DB", ...moreDatabases()] as const) {
    const others = env[name].prepare("SELECT id FROM runs WHERE scope = ?").bind(scopeOfPath(model.path));
    const { results } = await others.all();
    expect([name, env[name] === home || results.length === 0]).toEqual([name, true]);
  }
}

/** The alarm, if its time has come. */
export async function ringWhatIsDue({ path }: Model): Promise<void> {
  const at = await alarmAt(path);
  if (at !== null && at <= Date.now()) await runDurableObjectAlarm(coordinator(path));
}

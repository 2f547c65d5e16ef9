/** Environments in several databases, and moves that don't wait for real time. */

import { env } from "cloudflare:workers";
import { newestHome } from "../../src/runs/home.ts";
import type { Move, MoveReply, MoveStatus, Placement } from "../../src/runs/move-calls.ts";
import { COORDINATORS } from "../../src/runs/run-id.ts";
import { alarmAt, alarmIn, coordinator, createAged, direct, until } from "../support/direct.ts";
import { newRunsPath, scopeOfPath } from "../support/requests.ts";
import { changed } from "../support/settings.ts";

export const DATABASES = [env.DB, env.DB_1, env.DB_2, env.DB_3] as const;
const NUMBERS = Array.from({ length: COORDINATORS }, (_, n) => n);

/** A new environment that lives in this database, with one run in each coordinator. Returns its path. */
export async function livingIn(database: number): Promise<{ readonly path: string; readonly ids: string[] }> {
  const path = newRunsPath();
  changed.NEW_ENVIRONMENTS = String(database);
  const ids = await Promise.all(NUMBERS.map((n) => createAged(path, { n })));
  await landedIn(path, database, ids);
  delete changed.NEW_ENVIRONMENTS;
  return { path, ids };
}

/** Waits until this database has these runs. */
export function landedIn(path: string, database: number, ids: readonly string[]): Promise<void> {
  return until(async () => {
    const found = new Set(await idsIn(database, path));
    return ids.every((id) => found.has(id));
  });
}

/** Ids of the environment's runs in this database, in order. */
export async function idsIn(database: number, path: string): Promise<string[]> {
  const select = databaseOf(database).prepare("SELECT id FROM runs WHERE scope = ? ORDER BY id");
  return (await select.bind(scopeOfPath(path)).raw<[string]>()).map(([id]) => id);
}

export function databaseOf(database: number): D1Database {
  const db = DATABASES[database];
  if (db === undefined) throw new Error(`there is no database ${database}`);
  return db;
}

export function placements(path: string): Promise<Placement[]> {
  return Promise.all(NUMBERS.map((n) => direct(path).moves.placement()));
}

/** As the operator's request does it. */
export async function beginMove(path: string, database: number): Promise<MoveReply> {
  const from = newestHome((await placements(path)).map(({ home }) => home));
  if (from === null) throw new Error("the environment lives nowhere");
  return direct(path).moves.begin({ from, target: { database, generation: from.generation + 1 } });
}

/** An alarm that is due sooner rings by itself. */
const SOON_MS = 30;

/** Rings a coordinator's alarm as if its time had come. It goes on to the instant that is set, and no further. */
export async function ringNext(path: string, n = 0): Promise<void> {
  const at = await alarmAt(path);
  const ms = at === null ? 0 : at - Date.now();
  if (ms > SOON_MS) await alarmIn(ms, coordinator(path));
}

/** Rings coordinator 0's alarm until the move has this status; null: until no move is left. */
export async function driveUntil(path: string, status: MoveStatus | null): Promise<Move | null> {
  let move = await direct(path).moves.underWay();
  await until(async () => {
    move = await direct(path).moves.underWay();
    if ((move?.status ?? null) === status) return true;
    await ringNext(path);
    return false;
  });
  return move;
}

/** The row of the control database. */
export function row(path: string): Promise<{ database: number; generation: number } | null> {
  const select = env.DB.prepare("SELECT database, generation FROM environments WHERE scope = ?");
  return select.bind(scopeOfPath(path)).first();
}

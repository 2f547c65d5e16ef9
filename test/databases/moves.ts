/** Environments in several databases, and moves that don't wait for real time. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, vi } from "vitest";
import type { HomeState, Move, MoveReply, MoveStatus } from "../../src/runs/home.ts";
import type { Lacking } from "../../src/runs/protocol.ts";

import { alarmAt, alarmIn, coordinator, createAged, direct, journal, until } from "../support/direct.ts";
import { faults, holdWrites } from "../support/faults.ts";
import { newRunsPath, scopeOfPath } from "../support/requests.ts";
import { changed } from "../support/settings.ts";

export const DATABASES = [env.DB, env.DB_1, env.DB_2, env.DB_3] as const;

/** Keeps the service's log to itself. Returns what the service logs as errors in the test. */
export function watchFailures(): readonly string[] {
  const failures: string[] = [];
  beforeEach(() => {
    failures.length = 0;
    vi.spyOn(console, "log").mockImplementation(() => {});
    vi.spyOn(console, "error").mockImplementation((line: unknown) => void failures.push(String(line)));
  });
  return failures;
}

/** A new environment that lives in this database and has some runs. Returns its path. */
export async function livingIn(database: number): Promise<{ readonly path: string; readonly ids: string[] }> {
  const path = newRunsPath();
  changed.NEW_ENVIRONMENTS = String(database);
  const ids = await Promise.all(Array.from({ length: 4 }, () => createAged(path)));
  await replicatedIn(path, database, ids);
  delete changed.NEW_ENVIRONMENTS;
  return { path, ids };
}

/** Waits until this database has these runs, without waiting for the interval between batches. */
export function replicatedIn(path: string, database: number, ids: readonly string[]): Promise<void> {
  return until(async () => {
    const found = new Set(await idsIn(database, path));
    if (ids.every((id) => found.has(id))) return true;
    await direct(path).upkeep.poke();
    return false;
  });
}

/** What a list is told of all runs. */
export async function lackingOf(path: string): Promise<Lacking> {
  const reply = await direct(path).upkeep.lacking({ limit: 100 });
  if (!reply.ok) throw new Error(reply.reason);
  return reply;
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

export async function homeOf(path: string): Promise<HomeState["home"]> {
  return (await direct(path).moves.state()).home;
}

/** The newest move that is not over; null if there is none. */
export async function moveOf(path: string): Promise<Move | null> {
  return (await direct(path).moves.state()).moves.at(-1) ?? null;
}

/** As the operator's request does it. */
export async function beginMove(path: string, database: number): Promise<MoveReply> {
  const from = await homeOf(path);
  if (from === null) throw new Error("the environment lives nowhere");
  return direct(path).moves.begin(from, database);
}

/** The database takes no run until `open` is called. */
export function holdRunsIn(database: number): { readonly open: () => void } {
  faults.only = database;
  const { open } = holdWrites(/INSERT INTO runs/);
  return {
    open: () => {
      faults.only = null;
      open();
    },
  };
}

/** Begins a move. It goes no further until `open` is called. */
export async function copyingTo(path: string, database: number): Promise<{ readonly open: () => void }> {
  const held = holdRunsIn(database);
  await beginMove(path, database);
  await until(async () => faults.gatedCalls > 0);
  return held;
}

/** Ends the object as it is. One that waits for something can't be evicted. */
export async function kill(path: string): Promise<void> {
  await runInDurableObject(coordinator(path), (_, state) => state.abort("killed")).catch(() => {});
}

/** An alarm that is due sooner rings by itself. */
const SOON_MS = 30;

/** Rings the alarm as if its time had come. It goes on to the instant that is set, and no further. */
export async function ringNext(path: string): Promise<void> {
  const at = await alarmAt(path);
  const ms = at === null ? 0 : at - Date.now();
  if (ms > SOON_MS) await alarmIn(ms, coordinator(path));
}

/** Rings the alarm until this is so. */
export async function ringUntil(path: string, isSo: () => Promise<boolean>): Promise<void> {
  await until(async () => {
    if (await isSo()) return true;
    await ringNext(path);
    return false;
  });
}

/** Rings the alarm until the move has this status; null: until no move is left. */
export async function driveUntil(path: string, status: MoveStatus | null): Promise<Move | null> {
  let move = await moveOf(path);
  await ringUntil(path, async () => {
    move = await moveOf(path);
    return (move?.status ?? null) === status;
  });
  return move;
}

/** Moves the environment. The rows in the old database are still there. */
export async function moveTo(path: string, database: number): Promise<void> {
  await beginMove(path, database);
  await driveUntil(path, "resting");
}

/** The row of the control database. */
export function row(path: string): Promise<{ database: number; generation: number } | null> {
  const select = env.DB.prepare("SELECT database, generation FROM environments WHERE scope = ?");
  return select.bind(scopeOfPath(path)).first();
}

/** The names of the journal's metadata, in order. */
export async function metadataOf(path: string): Promise<string[]> {
  const metadata = await journal<{ name: string }>(path, "SELECT name FROM metadata ORDER BY name");
  return metadata.map(({ name }) => name);
}

/** Environments in several databases, and moves that don't wait for real time. */

import { env } from "cloudflare:workers";
import { beforeEach, vi } from "vitest";
import type { Home, Move, MoveReply, MoveStatus } from "../../src/runs/home.ts";
import type { Coordinator, Lacking } from "../../src/runs/protocol.ts";

import { alarmAt, alarmIn, coordinator, createAged, direct, journal, restart, until } from "../support/direct.ts";
import { faults, holdWrites } from "../support/faults.ts";
import { walkedTo } from "../support/replicated.ts";
import { type Answer, ask, newRunsPath, scopeOfPath } from "../support/requests.ts";
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

export function databaseOf(database: number): D1Database {
  const db = DATABASES[database];
  if (db === undefined) throw new Error(`there is no database ${database}`);
  return db;
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

/** A new environment that lives in this database and has some runs. */
export async function livingIn(database: number): Promise<Environment> {
  const environment = new Environment(newRunsPath());
  changed.NEW_ENVIRONMENTS = String(database);
  environment.ids.push(...(await Promise.all(Array.from({ length: 4 }, () => environment.create()))));
  await environment.replicatedIn(database, environment.ids);
  delete changed.NEW_ENVIRONMENTS;
  return environment;
}

/** An alarm that is due sooner rings by itself. */
const SOON_MS = 30;

/** `path`: of its runs. `ids`: of the runs that it began with. */
export class Environment {
  readonly ids: string[] = [];

  constructor(readonly path: string) {}

  get calls(): Coordinator {
    return direct(this.path);
  }

  create(age?: Parameters<typeof createAged>[1]): Promise<string> {
    return createAged(this.path, age);
  }

  journal<T extends Record<string, SqlStorageValue>>(query: string, ...bindings: (string | number)[]): Promise<T[]> {
    return journal<T>(this.path, query, ...bindings);
  }

  /** Waits until this database has these runs, without waiting for the interval between batches. */
  replicatedIn(database: number, ids: readonly string[]): Promise<void> {
    return until(async () => {
      const found = new Set(await this.idsIn(database));
      if (ids.every((id) => found.has(id))) return true;
      await this.calls.upkeep.poke();
      return false;
    });
  }

  /** What a list is told of all runs. */
  async lacking(): Promise<Lacking> {
    const reply = await this.calls.upkeep.lacking({ limit: 100 });
    if (!reply.ok) throw new Error(reply.reason);
    return reply;
  }

  /** Ids of the environment's runs in this database, in order. */
  async idsIn(database: number): Promise<string[]> {
    const select = databaseOf(database).prepare("SELECT id FROM runs WHERE scope = ? ORDER BY id");
    return (await select.bind(scopeOfPath(this.path)).raw<[string]>()).map(([id]) => id);
  }

  async home(): Promise<Home | null> {
    return (await this.calls.moves.state()).home;
  }

  /** The newest move that is not over; null if there is none. */
  async move(): Promise<Move | null> {
    return (await this.calls.moves.state()).moves.at(-1) ?? null;
  }

  /** As the operator's request does it. */
  async beginMove(database: number): Promise<MoveReply> {
    const from = await this.home();
    if (from === null) throw new Error("the environment lives nowhere");
    return this.calls.moves.begin(from, database);
  }

  /** Begins a move. It goes no further until `open` is called. */
  async copyingTo(database: number): Promise<{ readonly open: () => void }> {
    const held = holdRunsIn(database);
    await this.beginMove(database);
    await until(async () => faults.gatedCalls > 0);
    return held;
  }

  /** Moves the environment. The rows in the old database are still there. */
  async moveTo(database: number): Promise<void> {
    await this.beginMove(database);
    await this.driveUntil("resting");
  }

  resync(): Promise<Answer<unknown>> {
    return ask("POST", this.path.replace(/action-runs$/, "resync"));
  }

  /** The id up to which a walk over all runs has come in this database; null if none is under way. */
  walkedTo(database: number): Promise<string | null> {
    return walkedTo(this.path, database);
  }

  restart(): Promise<void> {
    return restart(this.path);
  }

  alarmAt(): Promise<number | null> {
    return alarmAt(this.path);
  }

  async alarmIn(ms: number): Promise<void> {
    await alarmIn(ms, coordinator(this.path));
  }

  /** Rings the alarm as if its time had come. It goes on to the instant that is set, and no further. */
  async ringNext(): Promise<void> {
    const at = await this.alarmAt();
    const ms = at === null ? 0 : at - Date.now();
    if (ms > SOON_MS) await this.alarmIn(ms);
  }

  /** Rings the alarm until this is so. */
  async ringUntil(isSo: () => Promise<boolean>): Promise<void> {
    await until(async () => {
      if (await isSo()) return true;
      await this.ringNext();
      return false;
    });
  }

  /** Rings the alarm until the move has this status; null: until no move is left. */
  async driveUntil(status: MoveStatus | null): Promise<void> {
    await this.ringUntil(async () => ((await this.move())?.status ?? null) === status);
  }

  /** The row of the control database. */
  row(): Promise<Home | null> {
    const select = env.DB.prepare("SELECT database, generation FROM environments WHERE scope = ?");
    return select.bind(scopeOfPath(this.path)).first();
  }

  /** The names of the journal's metadata, in order. */
  async metadata(): Promise<string[]> {
    const metadata = await this.journal<{ name: string }>("SELECT name FROM metadata ORDER BY name");
    return metadata.map(({ name }) => name);
  }
}

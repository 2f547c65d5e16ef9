/** The calls about where the environment lives. Each is one critical section: the replicas' roles are the move. */

import { logFailure } from "../../base/log.ts";
import { HOUR_MS, MINUTE_MS, msSinceOrLongAgo, within } from "../../base/time.ts";
import { boundDatabase, type Databases, NotBound } from "../../settings/databases.ts";
import { deleteLeftovers } from "../d1/environments.ts";
import {
  type Home,
  type HomeState,
  isUnderWay,
  leftDatabase,
  type Move,
  type MoveCalls,
  type MoveRecord,
  type MoveReply,
  type MoveStatus,
} from "../home.ts";
import type { Journal } from "../journal/journal.ts";
import type { ReplicaRows } from "../journal/replica-rows.ts";
import { changeMove, NEW_MOVE, type Replicas } from "../replication/replica-set.ts";
import type { DueWork } from "./alarm.ts";

/** How long the old rows stay for isolates that remember the old database: longer than they remember anything. */
export const REST_MS = 15 * MINUTE_MS;
/** A statement that was given up can run late, so the rows are deleted once more. */
export const CLEAN_AGAIN_MS = HOUR_MS;

export class MoveHandler implements MoveCalls {
  readonly #journal: Journal;
  readonly #replicas: Replicas;
  readonly #arm: (now: number) => void;

  constructor(journal: Journal, replicas: Replicas, arm: (now: number) => void) {
    this.#journal = journal;
    this.#replicas = replicas;
    this.#arm = arm;
  }

  async state(): Promise<HomeState> {
    const home = this.#replicas.primary?.home ?? null;
    return { home, moves: this.#moves(Date.now()), bytes: this.#journal.sql.databaseSize };
  }

  async chooseHome(database: number): Promise<Home> {
    return this.#replicas.chooseHome(database);
  }

  async begin(from: Home, database: number): Promise<MoveReply> {
    const now = Date.now();
    this.#replicas.adopt(from, now);
    // Even if the move is refused, the home that was adopted needs its retry of replication.
    this.#arm(now);
    const moves = this.#moves(now);
    const underWay = moves.find(isUnderWay);
    if (underWay !== undefined) {
      const isSame = underWay.target.database === database;
      return isSame ? { ok: true, move: underWay } : { ok: false, reason: "move_under_way" };
    }
    // Another move was over between the question where the environment lives and this request.
    const home = this.#replicas.primary?.home;
    if (home?.generation !== from.generation || home.database === database)
      return { ok: false, reason: "move_under_way" };
    if (moves.some((move) => leftDatabase(move) === database)) return { ok: false, reason: "moved_lately" };
    const generation = 1 + Math.max(from.generation, ...moves.map(({ target }) => target.generation));
    this.#replicas.beginCopy({ ...NEW_MOVE, from, target: { database, generation }, requestedAt: now });
    this.#arm(now);
    return this.#newest(now);
  }

  async cancel(): Promise<MoveReply | null> {
    const now = Date.now();
    if (this.#replicas.copy === null) {
      const isUnregistered = this.#moves(now).some(isUnderWay);
      return isUnregistered ? { ok: false, reason: "move_under_way" } : null;
    }
    this.#replicas.cancelCopy();
    this.#arm(now);
    return this.#newest(now);
  }

  /** Those that are not over, the oldest first. */
  #moves(now: number): Move[] {
    const { copy, leaving } = this.#replicas;
    const remaining = copy?.resync.remaining ?? null;
    return [...leaving, ...(copy === null ? [] : [copy.rows])]
      .flatMap(({ state: { move, role } }) => {
        if (move === null) return [];
        const isCopying = role === "copying";
        const status = isCopying ? "copying" : statusOf(move, now);
        return [{ ...move, status, remaining: isCopying ? remaining : null } as const];
      })
      .sort((a, b) => a.target.generation - b.target.generation);
  }

  #newest(now: number): MoveReply {
    const move = this.#moves(now).at(-1);
    if (move === undefined) throw new Error("there is no move, although it was written a moment ago");
    return { ok: true, move };
  }
}

/** Of a move whose old rows are not all gone, or that was cancelled. */
function statusOf(move: MoveRecord, now: number): MoveStatus {
  if (move.cleanedAt !== null) return "cleaned";
  if (move.isCancelled) return "cleaning";
  if (move.switchedAt === null) return "switching";
  return cleanableAt(move, now) > now ? "resting" : "cleaning";
}

/** When the rows in the database that was left may be deleted; Infinity if the control database must know it first. */
export function cleanableAt({ cleanedAt, isCancelled, switchedAt }: MoveRecord, now: number): number {
  if (cleanedAt !== null) return afterwards(cleanedAt, CLEAN_AGAIN_MS, now);
  if (isCancelled) return now;
  return switchedAt === null ? Number.POSITIVE_INFINITY : afterwards(switchedAt, REST_MS, now);
}

/** An instant that lies ahead was noted before the clock stepped back, so the time begins again now. */
function afterwards(at: number, ms: number, now: number): number {
  return Math.min(at, now) + ms;
}

/** The same for a database that the environment has left. */
export function leftUntil({ state: { move } }: ReplicaRows, now: number): number {
  return move === null ? now : cleanableAt(move, now);
}

/* SECTION: Deletes the environment's rows in the databases that it has left, twice. The alarm starts each pass. */

/** The timeout of a statement. */
const STATEMENT_MAX_MS = 8000;
/** How many statements a pass makes, and after how long it makes no other. It leaves D1 to others. */
const PASS_STATEMENTS = 20;
const PASS_MAX_MS = 20_000;
/** The pause after a pass that left rows, and after one that failed. */
const PAUSE_MS = 250;
const RETRY_MS = 10_000;

export class Cleaning implements DueWork {
  readonly #env: Databases;
  readonly #scope: string;
  readonly #replicas: Replicas;
  readonly #arm: (now: number) => void;
  /** The pass under way, or the pause after it. In memory only: a new instance starts a pass at once. */
  #busy: { readonly at: number; readonly ms: number } | null = null;
  #isUnderWay = false;

  constructor(env: Databases, scope: string, replicas: Replicas, arm: (now: number) => void) {
    this.#env = env;
    this.#scope = scope;
    this.#replicas = replicas;
    this.#arm = arm;
  }

  /** When the next pass is due; Infinity if there is nothing to clean. */
  nextAt(now: number): number {
    const due = Math.min(Number.POSITIVE_INFINITY, ...this.#replicas.leaving.map((rows) => leftUntil(rows, now)));
    if (this.#busy === null) return due;
    // If the clock steps, the alarm must not ring without a pause until the pass under way ends.
    const least = this.#isUnderWay ? PAUSE_MS : 0;
    return Math.max(due, now + Math.max(least, this.#busy.ms - msSinceOrLongAgo(this.#busy.at, now)));
  }

  /** Starts a pass if one is due. */
  start(now: number): void {
    if (this.#isUnderWay || this.nextAt(now) > now) return;
    this.#isUnderWay = true;
    // The pass ends before that.
    this.#busy = { at: now, ms: PASS_MAX_MS + STATEMENT_MAX_MS };
    const due = this.#replicas.leaving.filter((rows) => leftUntil(rows, now) <= now);
    void Promise.all(due.map((rows) => this.#clean(rows))).then((pauses) => {
      const ms = Math.max(...pauses);
      this.#isUnderWay = false;
      this.#busy = ms === 0 ? null : { at: Date.now(), ms };
      this.#arm(Date.now());
    });
  }

  /** Returns how long the next pass must wait. Never throws. */
  async #clean(rows: ReplicaRows): Promise<number> {
    try {
      const areGone = await this.#areGone(rows);
      // A restored object can find itself in this database, and the last deletion can have taken rows of it.
      if (!this.#isLeft(rows)) this.#replicas.walkAgain(rows.database);
      else if (!areGone) return PAUSE_MS;
      else if (rows.state.move?.cleanedAt == null) changeMove(rows, { cleanedAt: Date.now() });
      else this.#replicas.forget(rows);
      return 0;
    } catch (error) {
      const { database } = rows;
      logFailure("move_failed", error, { coordinator: this.#scope, database, status: "cleaning" });
      return RETRY_MS;
    }
  }

  /** Deletes rows, and returns whether none is left. A database that is not bound any more can't be cleaned. */
  async #areGone(rows: ReplicaRows): Promise<boolean> {
    const deleteSome = async () => deleteLeftovers(await boundDatabase(this.#env, rows.database), this.#scope);
    const beganAt = Date.now();
    try {
      for (let i = 0; i < PASS_STATEMENTS; i++) {
        if (!this.#isLeft(rows)) return true;
        if (msSinceOrLongAgo(beganAt, Date.now()) >= PASS_MAX_MS) return false;
        if (!(await within(STATEMENT_MAX_MS, deleteSome()))) return true;
      }
      return false;
    } catch (error) {
      if (error instanceof NotBound) return true;
      throw error;
    }
  }

  #isLeft({ state }: ReplicaRows): boolean {
    return state.role === "leaving";
  }
}

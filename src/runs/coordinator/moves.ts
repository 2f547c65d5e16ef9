/** Where the environment lives: the calls about it, each one critical section, and the cleaning of what it has left. */
import { HOUR_MS, MINUTE_MS, msSinceOrLongAgo, within } from "../../base/time.ts";
import { boundDatabase, NotBound } from "../../settings/databases.ts";
import { deleteLeftovers } from "../d1/environments.ts";
import {
  isUnderWay,
  leftDatabase,
  type Move,
  type MoveCalls,
  type MoveRecord,
  type MoveReply,
  type MoveStatus,
} from "../home.ts";
import type { ReplicaRows } from "../journal/replica-rows.ts";
import { changeMove, NEW_MOVE } from "../replication/replica-set.ts";
import type { DueWork } from "./alarm.ts";
import { Part } from "./context.ts";
import type { IsCurrent } from "./leased-call.ts";

/** How long the old rows stay for isolates that remember the old database: longer than they remember anything. */
const REST_MS = 15 * MINUTE_MS;
/** A statement that was given up can run late, so the rows are deleted once more. */
const CLEAN_AGAIN_MS = HOUR_MS;

export class MoveHandler extends Part {
  readonly calls: MoveCalls = {
    state: async () => {
      const { replicas, replication, journal } = this.context;
      const home = replicas.primary?.home ?? null;
      const isNew = journal.sequence.last === 0 && journal.replicas.length === 0;
      const { unreplicated } = replication;
      return { home, moves: this.#moves(Date.now()), bytes: journal.sql.databaseSize, isNew, unreplicated };
    },

    chooseHome: async (database) => this.context.replicas.chooseHome(database),

    begin: async (from, database) => {
      const now = Date.now();
      this.context.replicas.adopt(from, now);
      // Even if the move is refused, the home that was adopted needs its retry of replication.
      this.context.arm(now);
      const moves = this.#moves(now);
      const underWay = moves.find(isUnderWay);
      if (underWay !== undefined) {
        const isSame = underWay.target.database === database;
        return isSame ? { ok: true, move: underWay } : { ok: false, reason: "move_under_way" };
      }
      // Another move was over between the question where the environment lives and this request.
      const home = this.context.replicas.primary?.home;
      if (home?.generation !== from.generation || home.database === database)
        return { ok: false, reason: "move_under_way" };
      if (moves.some((move) => leftDatabase(move) === database)) return { ok: false, reason: "moved_lately" };
      const generation = 1 + Math.max(from.generation, ...moves.map(({ target }) => target.generation));
      this.context.replicas.beginCopy({ ...NEW_MOVE, from, target: { database, generation }, requestedAt: now });
      this.context.arm(now);
      return this.#newest(now);
    },

    cancel: async () => {
      const now = Date.now();
      if (this.context.replicas.copy === null) {
        const isUnregistered = this.#moves(now).some(isUnderWay);
        return isUnregistered ? { ok: false, reason: "move_under_way" } : null;
      }
      this.context.replicas.cancelCopy();
      this.context.arm(now);
      return this.#newest(now);
    },
  };

  #moves(now: number): Move[] {
    const { copy, leaving } = this.context.replicas;
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

function statusOf(move: MoveRecord, now: number): MoveStatus {
  if (move.cleanedAt !== null) return "cleaned";
  if (move.isCancelled) return "cleaning";
  if (move.switchedAt === null) return "switching";
  return cleanableAt(move, now) > now ? "resting" : "cleaning";
}

/** When the rows in the database that was left may be deleted; Infinity if the control database must know it first. */
function cleanableAt({ cleanedAt, isCancelled, switchedAt }: MoveRecord, now: number): number {
  if (cleanedAt !== null) return afterwards(cleanedAt, CLEAN_AGAIN_MS, now);
  if (isCancelled) return now;
  return switchedAt === null ? Number.POSITIVE_INFINITY : afterwards(switchedAt, REST_MS, now);
}

/** An instant that lies ahead was noted before the clock stepped back, so the time begins again now. */
function afterwards(at: number, ms: number, now: number): number {
  return Math.min(at, now) + ms;
}

const STATEMENT_MAX_MS = 8000;
/** How many statements a pass makes, and after how long it makes no other. It leaves D1 to others. */
const PASS_STATEMENTS = 20;
const PASS_MAX_MS = 20_000;
const PAUSE_MS = 250;
const CLEANING = { leaseMs: PASS_MAX_MS + STATEMENT_MAX_MS, retryFirstMs: 10_000, retryMaxMs: 60_000 };

/** Deletes the environment's rows in the databases that it has left, twice. */
export class Cleaning extends Part implements DueWork {
  readonly #call = this.leasedCall(CLEANING, "move_failed", { status: "cleaning" });

  nextAt(now: number): number {
    const due = this.context.replicas.leaving.map((rows) => leftUntil(rows, now));
    return Math.max(Math.min(...due), this.#call.nextAt(now));
  }

  takeBatch(now: number): number {
    if (this.nextAt(now) > now) return 0;
    const due = this.context.replicas.leaving.filter((rows) => leftUntil(rows, now) <= now);
    this.#call.start(now, async (isCurrent) => {
      const pauses = await Promise.all(due.map((rows) => this.#clean(rows, isCurrent)));
      return pauses.includes(null) ? null : Math.max(...pauses.map(Number));
    });
    return 0;
  }

  /** Returns how long the next pass must wait; null after a failure. Never throws. */
  async #clean(rows: ReplicaRows, isCurrent: IsCurrent): Promise<number | null> {
    const { replicas } = this.context;
    try {
      const areGone = await this.#areGone(rows, isCurrent);
      // A restored object can find itself in this database, and the last deletion can have taken rows of it.
      if (!isLeft(rows)) replicas.walkAgain(rows.database);
      else if (!isCurrent()) return null;
      else if (!areGone) return PAUSE_MS;
      else if (rows.state.move?.cleanedAt == null) changeMove(rows, { cleanedAt: Date.now() });
      else replicas.forget(rows);
      return 0;
    } catch (error) {
      this.logFailure("move_failed", error, { database: rows.database, status: "cleaning" });
      return null;
    }
  }

  /** A database that is not bound any more can't be cleaned. */
  async #areGone(rows: ReplicaRows, isCurrent: IsCurrent): Promise<boolean> {
    const { env, journal } = this.context;
    const deleteSome = async () => deleteLeftovers(await boundDatabase(env, rows.database), journal.scope);
    const beganAt = Date.now();
    try {
      for (let i = 0; i < PASS_STATEMENTS; i++) {
        if (!isCurrent() || !isLeft(rows)) return true;
        if (msSinceOrLongAgo(beganAt, Date.now()) >= PASS_MAX_MS) return false;
        if (!(await within(STATEMENT_MAX_MS, deleteSome()))) return true;
      }
      return false;
    } catch (error) {
      if (error instanceof NotBound) return true;
      throw error;
    }
  }
}

function leftUntil({ state: { move } }: ReplicaRows, now: number): number {
  return move === null ? now : cleanableAt(move, now);
}

function isLeft({ state }: ReplicaRows): boolean {
  return state.role === "leaving";
}

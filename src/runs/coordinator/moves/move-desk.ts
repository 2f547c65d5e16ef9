/** The calls about where the environment lives. Each is one critical section: the replicas' roles are the move. */

import { HOUR_MS, MINUTE_MS } from "../../../base/time.ts";
import type { Home } from "../../home.ts";
import type { Journal } from "../../journal/journal.ts";
import type { ReplicaRows } from "../../journal/landing-rows.ts";
import {
  type HomeState,
  isUnderWay,
  leftDatabase,
  type Move,
  type MoveCalls,
  type MoveRecord,
  type MoveReply,
  type MoveStatus,
} from "../../move-calls.ts";
import { NEW_MOVE, type Replicas } from "../../projection/replicas.ts";

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

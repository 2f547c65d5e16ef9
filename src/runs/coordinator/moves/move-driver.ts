/**
 * Drives the move of an environment to another database. The driver is in coordinator 0, and tells all four
 * coordinators what to do. It writes each decision to the journal before it tells anybody, and each message is safe to
 * repeat. So a move goes on after any crash.
 *
 * A list never misses a change that an earlier list has shown, because the steps have this order:
 * 1. All runs land in both databases. Older ones are copied.
 * 2. When the new database has everything, it gets each change first. From here on it shows at least what the old one
 *    shows.
 * 3. The control database names the new home, and then each coordinator makes it its home.
 */

import { log, logFailure } from "../../../base/log.ts";
import { HOUR_MS, MINUTE_MS, msSinceOrLongAgo, within } from "../../../base/time.ts";
import { boundDatabase, NotBound } from "../../../settings/bound-database.ts";
import type { Databases } from "../../../settings/databases.ts";
import { settleHome } from "../../d1/environments.ts";
import { deleteLeftovers } from "../../d1/leftover-rows.ts";
import type { Journal } from "../../journal/journal.ts";
import type { Move, MoveCalls, MoveOrder, MoveReply, MoveRequest, Placement } from "../../move-calls.ts";
import type { Projection } from "../../projection/projection.ts";
import type { DueWork } from "../alarm/alarm-clock.ts";
import { leftDatabase, MoveList, type StoredMove } from "./move-list.ts";

/** How long the driver waits between two messages to the coordinators. */
const POLL_MS = 10_000;
/** The same during closing. It is short, because closing delays lists. */
const POLL_CLOSING_MS = 250;
/** If not all coordinators can close in this time, they open again until the new database has caught up. */
const CLOSING_MAX_MS = 30_000;
/** The timeout of a message, and of a turn of the cleaning. */
const MESSAGE_MAX_MS = 8000;
/** How long the old rows stay for isolates that remember the old home: longer than they remember anything. */
export const REST_MS = 15 * MINUTE_MS;
/** A statement that was given up can run late, so the rows are deleted once more. */
export const CLEAN_AGAIN_MS = HOUR_MS;
/** How many statements a turn of the cleaning makes. */
const CLEANING_STATEMENTS = 20;

export interface Driving {
  readonly env: Databases;
  readonly projection: Projection;
  readonly arm: (now: number) => void;
}

type Step = MoveOrder["step"];

export class MoveDriver implements DueWork, MoveCalls {
  readonly #journal: Journal;
  readonly #driving: Driving;
  readonly #list: MoveList;
  /** When the last turn began, and how long until the next one. In memory only: a new instance has its turn at once. */
  #turn: { readonly at: number; readonly ms: number } | null = null;
  #isUnderWay = false;
  /** Since when the coordinators close; null if they don't. */
  #closingSince: number | null = null;
  #remaining: number | null = null;

  constructor(journal: Journal, driving: Driving) {
    this.#journal = journal;
    this.#driving = driving;
    this.#list = new MoveList(journal.marks);
  }

  get isIdle(): boolean {
    return this.#list.all.length === 0;
  }

  /** When the next turn is due; Infinity if no move needs one. */
  nextAt(now: number): number {
    const due = Math.min(Number.POSITIVE_INFINITY, ...this.#list.all.map((move) => dueAt(move, now)));
    if (due === Number.POSITIVE_INFINITY || this.#turn === null) return due;
    const since = msSinceOrLongAgo(this.#turn.at, now);
    if (!this.#isUnderWay) return Math.max(due, now + Math.max(0, this.#turn.ms - since));
    // The next turn begins when this one ends. Until then the alarm rings too, because this object may die.
    return Math.max(due, now + POLL_MS - (since === Number.POSITIVE_INFINITY ? 0 : since % POLL_MS));
  }

  /** Gives the moves their turn if one is due. Call it at each alarm. */
  start(now: number): void {
    if (this.#isUnderWay || this.nextAt(now) > now) return;
    this.#isUnderWay = true;
    this.#turn = { at: now, ms: POLL_MS };
    void this.#takeTurns(now).finally(() => {
      this.#isUnderWay = false;
      this.#driving.arm(Date.now());
    });
  }

  async placement(): Promise<Placement> {
    return this.#driving.projection.placement(this.#journal.sql.databaseSize);
  }

  async begin(request: MoveRequest): Promise<MoveReply> {
    const now = Date.now();
    const isNew = this.#list.underWay === null;
    // Another move was over between the question where the environment lives and this request.
    const isStale = (this.#driving.projection.home?.generation ?? 0) > request.from.generation;
    if (isNew && isStale) return { ok: false, reason: "move_under_way" };
    const begun = this.#list.begin(request, now);
    if (!begun.ok) return begun;
    if (isNew) this.#remaining = null;
    this.#soon(0);
    this.#driving.arm(now);
    return { ok: true, move: this.#shown(begun.move) };
  }

  async cancel(): Promise<MoveReply | null> {
    const now = Date.now();
    const { underWay } = this.#list;
    if (underWay === null) return null;
    if (underWay.status === "switching") return { ok: false, reason: "move_under_way" };
    const cancelled = this.#list.change(underWay, { status: "cleaning", isCancelled: true });
    this.#closingSince = null;
    this.#soon(0);
    this.#driving.arm(now);
    return { ok: true, move: this.#shown(cancelled) };
  }

  async underWay(): Promise<Move | null> {
    const move = this.#list.underWay ?? this.#list.all.at(-1);
    return move === undefined ? null : this.#shown(move);
  }

  async hasMoveOf(database: number): Promise<boolean> {
    return this.#list.all.some(({ from, target }) => [from.database, target.database].includes(database));
  }

  #shown({ turns: _, ...move }: StoredMove): Move {
    return { ...move, remaining: move.status === "copying" ? this.#remaining : null };
  }

  async #takeTurns(now: number): Promise<void> {
    for (const move of this.#list.all.filter((one) => dueAt(one, now) <= now)) {
      try {
        await this.#takeTurn(move);
      } catch (error) {
        logFailure("move_failed", error, { coordinator: this.#journal.scope, status: move.status });
      }
    }
  }

  async #takeTurn(move: StoredMove): Promise<void> {
    if (move.status === "copying") await this.#copy(move);
    else if (move.status === "switching") await this.#switch(move);
    else await this.#clean(move);
  }

  async #copy(move: StoredMove): Promise<void> {
    const isClosing =
      this.#closingSince !== null && msSinceOrLongAgo(this.#closingSince, Date.now()) < CLOSING_MAX_MS;
    if (!isClosing) this.#closingSince = null;
    const placements = this.#tellAll(move, isClosing ? "close" : "copy");
    // It was cancelled meanwhile, and the next one may have begun.
    if (this.#list.now(move)?.status !== "copying") return;
    this.#remaining = placements.reduce((sum, { remaining }) => sum + remaining, 0);
    const isThere = (state: "isReady" | "isClosed") =>
      placements.every((one) => one[state] || (one.home?.generation ?? 0) >= move.target.generation);
    if (isClosing && isThere("isClosed")) {
      // The decision comes first. From here on no coordinator opens again.
      await this.#switch(this.#list.change(move, { status: "switching" }));
    } else if (isClosing || isThere("isReady")) {
      this.#closingSince ??= Date.now();
      this.#soon();
    }
  }

  async #switch(move: StoredMove): Promise<void> {
    const { env } = this.#driving;
    await within(MESSAGE_MAX_MS, settleHome(env.DB, this.#journal.scope, move.target));
    this.#tellAll(move, "switch");
    this.#closingSince = null;
    this.#list.change(move, { status: "resting", switchedAt: Date.now() });
    const { from, target } = move;
    const { scope: name } = this.#journal;
    log("info", "moved", { coordinator: name, from: from.database, to: target.database });
  }

  async #clean(move: StoredMove): Promise<void> {
    // All have heard this before, unless the move was cancelled a moment ago. Only their answers are needed.
    const placements = this.#tellAll(move, move.isCancelled ? "cancel" : "switch");
    const { database } = leftDatabase(move);
    if (placements.some(({ home, target }) => home?.database === database || target?.database === database)) {
      // No environment moves back before its move is over. But a move can be a repair that ends where it began.
      this.#list.forget(move);
      return;
    }
    const cleaning = move.status === "cleaned" ? move : this.#list.change(move, { status: "cleaning" });
    if (!(await this.#areGone(database))) {
      this.#soon();
      return;
    }
    if (move.status === "cleaned") this.#list.forget(cleaning);
    else this.#list.change(cleaning, { status: "cleaned", cleanedAt: Date.now() });
  }

  /** Deletes rows, and returns whether none is left. A database that is not bound any more can't be cleaned. */
  async #areGone(database: number): Promise<boolean> {
    const { scope } = this.#journal;
    try {
      const db = await boundDatabase(this.#driving.env, database);
      for (let i = 0; i < CLEANING_STATEMENTS; i++) {
        if (!(await within(MESSAGE_MAX_MS, deleteLeftovers(db, scope)))) return true;
      }
      return false;
    } catch (error) {
      if (error instanceof NotBound) return true;
      throw error;
    }
  }

  #tellAll(move: StoredMove, step: Step): readonly Placement[] {
    const { from, target } = move;
    const order = { step, turn: this.#list.nextTurn(move), from, target };
    return [this.#driving.projection.move(order, this.#journal.sql.databaseSize, Date.now())];
  }

  /** The next turn comes soon, because this one has not done all. */
  #soon(ms = POLL_CLOSING_MS): void {
    this.#turn = { at: Date.now(), ms };
  }
}

function dueAt({ status, switchedAt, cleanedAt }: StoredMove, now: number): number {
  if (status === "resting") return afterwards(switchedAt, REST_MS, now);
  if (status === "cleaned") return afterwards(cleanedAt, CLEAN_AGAIN_MS, now);
  return 0;
}

/** An instant that lies ahead was noted before the clock stepped back, so the time begins again now. */
function afterwards(at: number | null, ms: number, now: number): number {
  return Math.min(at ?? now, now) + ms;
}

/**
 * Drives the moves of an environment to other databases. It writes each decision to the journal before it carries the
 * decision out, and each step is safe to repeat. So a move goes on after any crash.
 *
 * A list never misses a change that an earlier list has shown, because the steps have this order:
 * 1. All runs land in both databases. Older ones are copied.
 * 2. When the new database has everything, it gets each change first. From here on it shows at least what the old one
 *    shows.
 * 3. The control database names the new home, and then the coordinator makes it its home.
 */

import { log, logFailure } from "../../../base/log.ts";
import { HOUR_MS, MINUTE_MS, msSinceOrLongAgo, within } from "../../../base/time.ts";
import { boundDatabase, NotBound } from "../../../settings/bound-database.ts";
import type { Databases } from "../../../settings/databases.ts";
import { noteHome } from "../../d1/environments.ts";
import { deleteLeftovers } from "../../d1/leftover-rows.ts";
import type { Home } from "../../home.ts";
import type { Journal } from "../../journal/journal.ts";
import { leftDatabase, type Move, type MoveCalls, type MoveReply, type Placement } from "../../move-calls.ts";
import type { Homes } from "../../projection/homes.ts";
import type { DueWork } from "../alarm/alarm-clock.ts";
import { MoveList, type StoredMove } from "./move-list.ts";

/** How long the driver waits between two turns, and how long until it looks whether a turn was lost. */
const TURN_MS = 10_000;
/** If the target can't get everything first in this time, it must catch up again. */
const CLOSING_MAX_MS = 30_000;
/** The timeout of a statement. A turn makes a bounded number of them, so it always ends. */
const STATEMENT_MAX_MS = 8000;
/** How long the old rows stay for isolates that remember the old home: longer than they remember anything. */
export const REST_MS = 15 * MINUTE_MS;
/** A statement that was given up can run late, so the rows are deleted once more. */
export const CLEAN_AGAIN_MS = HOUR_MS;
/** How many statements a turn of the cleaning makes, and the pause before the next turn. It leaves D1 to others. */
const CLEANING_STATEMENTS = 20;
const CLEANING_PAUSE_MS = 250;

/** What a driver needs besides the journal. */
export interface Driving {
  readonly env: Databases;
  readonly homes: Homes;
  readonly arm: (now: number) => void;
}

export class MoveDriver implements DueWork, MoveCalls {
  readonly #journal: Journal;
  readonly #driving: Driving;
  readonly #list: MoveList;
  /** When the last turn began, and how long until the next one. In memory only: a new instance has its turn at once. */
  #turn: { readonly at: number; readonly ms: number } | null = null;
  #isUnderWay = false;

  constructor(journal: Journal, driving: Driving) {
    this.#journal = journal;
    this.#driving = driving;
    this.#list = new MoveList(journal.marks);
    const { underWay } = this.#list;
    if (underWay !== null) driving.homes.goOnTo(underWay.target, underWay.status === "switching");
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
    return Math.max(due, now + TURN_MS - (since === Number.POSITIVE_INFINITY ? 0 : since % TURN_MS));
  }

  /** Gives the moves their turn if one is due. Call it at each alarm. */
  start(now: number): void {
    if (this.#isUnderWay || this.nextAt(now) > now) return;
    this.#isUnderWay = true;
    this.#turn = { at: now, ms: TURN_MS };
    void this.#takeTurns(now).finally(() => {
      this.#isUnderWay = false;
      this.#driving.arm(Date.now());
    });
  }

  async placement(): Promise<Placement> {
    const moves = this.#list.all.map((move) => this.#shown(move));
    return { home: this.#driving.homes.home, moves, bytes: this.#journal.sql.databaseSize };
  }

  async begin(from: Home, database: number): Promise<MoveReply> {
    const now = Date.now();
    const { homes } = this.#driving;
    this.adopt(from, now);
    const isNew = this.#list.underWay === null;
    // Another move was over between the question where the environment lives and this request.
    const isStale = homes.home?.generation !== from.generation || homes.home.database === database;
    if (isNew && isStale) return { ok: false, reason: "move_under_way" };
    const begun = this.#journal.transaction(() => {
      const made = this.#list.begin(from, database, now);
      if (made.ok && isNew) homes.copyTo(made.move.target);
      return made;
    });
    if (!begun.ok) return begun;
    this.#soon(now);
    return { ok: true, move: this.#shown(begun.move) };
  }

  async cancel(): Promise<MoveReply | null> {
    const { underWay } = this.#list;
    if (underWay === null) return null;
    if (underWay.status === "switching") return { ok: false, reason: "move_under_way" };
    const cancelled = this.#cancel(underWay);
    this.#soon(Date.now());
    return { ok: true, move: this.#shown(cancelled) };
  }

  /**
   * Makes this the home if it has a higher generation than the coordinator knows. The control database knows more than
   * a coordinator that was restored to before a move. All runs land in the new home, and the old one is cleaned.
   */
  adopt(home: Home, now: number): void {
    const { homes } = this.#driving;
    const { underWay } = this.#list;
    const own = homes.home;
    // The control database names the target a moment before the move has switched.
    if (home.generation <= Math.max(own?.generation ?? 0, underWay?.target.generation ?? 0)) return;
    this.#journal.transaction(() => {
      if (underWay !== null) this.#cancel(underWay);
      if (own !== null && own.database !== home.database) this.#list.addSwitched(own, home, now);
      homes.adopt(home);
    });
    this.#soon(now);
  }

  #cancel(move: StoredMove): StoredMove {
    return this.#journal.transaction(() => {
      const cancelled = this.#list.change(move, { status: "cleaning", isCancelled: true });
      this.#driving.homes.leaveTarget();
      return cancelled;
    });
  }

  #shown(move: StoredMove): Move {
    const { target } = this.#driving.homes;
    const isCopying = move.status === "copying";
    return { ...move, remaining: isCopying ? (target?.landing.resync.remaining ?? null) : null };
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
    const { target } = this.#driving.homes;
    if (target === null || !target.hasCaughtUp(this.#journal.sequence.last)) return;
    target.close(this.#journal.sequence.last);
    await target.landing.commit.settle(CLOSING_MAX_MS);
    // It was cancelled meanwhile, and the next one may have begun.
    if (this.#list.now(move)?.status !== "copying") return;
    if (target.isClosed) {
      // The decision comes first. From here on the target is closing in each new instance.
      await this.#switch(this.#list.change(move, { status: "switching" }));
    } else this.#driving.homes.reopenTarget();
  }

  async #switch(move: StoredMove): Promise<void> {
    const { env, homes } = this.#driving;
    const { scope } = this.#journal;
    await within(STATEMENT_MAX_MS, noteHome(env.DB, scope, move.target).run());
    if (this.#list.now(move)?.status !== "switching") return;
    this.#journal.transaction(() => {
      this.#list.change(move, { status: "resting", switchedAt: Date.now() });
      homes.switch();
    });
    log("info", "moved", { coordinator: scope, from: move.from.database, to: move.target.database });
  }

  async #clean(move: StoredMove): Promise<void> {
    const database = leftDatabase(move);
    // No environment moves back before its move is over. But a coordinator that was restored can find itself there.
    if (this.#isUsed(database)) {
      this.#list.forget(move);
      return;
    }
    const cleaning = move.status === "cleaned" ? move : this.#list.change(move, { status: "cleaning" });
    const areGone = await this.#areGone(database);
    if (this.#isUsed(database)) {
      // The last deletion can have taken rows that have landed there meanwhile.
      this.#driving.homes.landAgain(database);
      this.#list.forget(cleaning);
    } else if (!areGone) this.#soon(Date.now(), CLEANING_PAUSE_MS);
    else if (move.status === "cleaned") this.#list.forget(cleaning);
    else this.#list.change(cleaning, { status: "cleaned", cleanedAt: Date.now() });
  }

  /** Whether runs land in this database. */
  #isUsed(database: number): boolean {
    const { home, target } = this.#driving.homes;
    return home?.database === database || target?.home.database === database;
  }

  /** Deletes rows, and returns whether none is left. A database that is not bound any more can't be cleaned. */
  async #areGone(database: number): Promise<boolean> {
    const { scope } = this.#journal;
    const deleteSome = async () => deleteLeftovers(await boundDatabase(this.#driving.env, database), scope);
    try {
      for (let i = 0; i < CLEANING_STATEMENTS; i++) {
        if (this.#isUsed(database)) return true;
        if (!(await within(STATEMENT_MAX_MS, deleteSome()))) return true;
      }
      return false;
    } catch (error) {
      if (error instanceof NotBound) return true;
      throw error;
    }
  }

  /** The next turn is due `ms` from now on. */
  #soon(now: number, ms = 0): void {
    this.#turn = { at: now, ms };
    this.#driving.arm(now);
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

/** Deletes the environment's rows in the databases that it has left, twice. The alarm starts each pass. */

import { logFailure } from "../../../base/log.ts";
import { msSinceOrLongAgo, within } from "../../../base/time.ts";
import { boundDatabase, NotBound } from "../../../settings/bound-database.ts";
import type { Databases } from "../../../settings/databases.ts";
import { deleteLeftovers } from "../../d1/leftover-rows.ts";
import type { ReplicaRows } from "../../journal/landing-rows.ts";
import { changeMove, type Replicas } from "../../projection/replicas.ts";
import type { DueWork } from "../alarm/alarm-clock.ts";
import { leftUntil } from "./move-desk.ts";

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

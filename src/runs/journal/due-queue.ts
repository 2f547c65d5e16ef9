/**
 * The order in which a coordinator's runs or requests get their turn. What is due but finds no free slot stays due in the
 * journal. This keeps, in memory, how far the alarm has looked, so that it does not select the same rows again and again. A
 * restarted object has free slots and looks at everything.
 */

import { LEASE_MS } from "../../webhooks/delivery.ts";

/** A row that is due. Rows that are due at the same instant are in the order of their ids. */
export interface Due {
  readonly dueAt: number;
  readonly id: string;
}

/** Before everything that can be due. */
export const BEGINNING: Due = { dueAt: 0, id: "" };

/** A table whose rows have a due instant, and another instant at which their time is up. */
export interface DueRows {
  /** The rows that are due behind `after`, in order: at most `limit`, and only what fits into one turn. */
  due(now: number, limit: number, after?: Due): Due[];
  /** The due rows whose time is up. Scans every row that is due. */
  overdue(now: number, limit: number): Due[];
  /** When the time of the first due row is up; Infinity if nothing is due. Scans every row that is due. */
  firstEndAt(now: number): number;
  /** When the first row behind `after` is due; Infinity if there is none. */
  nextDueAt(after?: Due): number;
  /** Postpones a row whose turn failed. */
  putOff(id: string, now: number): void;
}

export class DueQueue {
  readonly rows: DueRows;
  #isAnyWaiting = false;
  /** What is due up to here waits for a slot or is done. */
  #lookedUpTo = BEGINNING;
  #lookAgainAt = Number.POSITIVE_INFINITY;

  constructor(rows: DueRows) {
    this.rows = rows;
  }

  /** Whether anything waits for a slot. Then everything else waits behind it, even what is smaller. */
  get isAnyWaiting(): boolean {
    return this.#isAnyWaiting;
  }

  /** When the alarm has something to do; Infinity if there is nothing. A free slot, and no alarm, starts what waits. */
  nextAt(now: number): number {
    return Math.min(this.rows.nextDueAt(this.#lookAfter(now)), this.#lookAgainAt);
  }

  /**
   * Notes that a due row waits for a slot. `endsAt`: when its time is up. The alarm looks again then, and within half a minute
   * at the latest, so that an alarm is set even if the object dies and forgets that anything waits.
   */
  wait(endsAt: number, now: number): void {
    this.#isAnyWaiting = true;
    this.#lookAgainAt = Math.min(this.#lookAgainAt, endsAt, now + LEASE_MS);
  }

  /** The alarm's turn: what is due and does not wait, and what waits although its time is up. Returns how many there were. */
  takeTurns(now: number, limit: number, takeTurn: (id: string) => void): number {
    const mayEnd = this.#lookAgainAt <= now;
    const overdue = mayEnd ? this.rows.overdue(now, limit) : [];
    const due = this.rows.due(now, limit, this.#lookAfter(now));
    for (const { id } of [...overdue, ...due]) takeTurn(id);
    const last = due.at(-1);
    if (last !== undefined && this.#isAnyWaiting) this.#lookedUpTo = last;
    if (mayEnd) this.#lookAgainAt = Math.min(this.rows.firstEndAt(now), now + LEASE_MS);
    return overdue.length + due.length;
  }

  /** A slot is free: what waits gets its turn in order, at most `limit` rows, until one must wait again. */
  startWaiting(now: number, limit: number, takeTurn: (id: string) => void): void {
    this.#isAnyWaiting = false;
    let next: Due | undefined = BEGINNING;
    for (let n = 0; n < limit && !this.#isAnyWaiting; n++) {
      // Each row once: one whose turn fails may still be due.
      [next] = this.rows.due(now, 1, next);
      if (next === undefined) break;
      takeTurn(next.id);
    }
    if (this.#isAnyWaiting) return;
    this.#lookedUpTo = BEGINNING;
    this.#lookAgainAt = Number.POSITIVE_INFINITY;
  }

  #lookAfter(now: number): Due {
    // After the clock stepped back, rows may be due before the last place.
    return this.#isAnyWaiting && this.#lookedUpTo.dueAt <= now ? this.#lookedUpTo : BEGINNING;
  }
}

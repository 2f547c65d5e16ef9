/**
 * The order in which a coordinator's runs or stop requests get their turn. A row that is due but finds no free slot
 * stays due in the journal. The queue remembers how far the alarm has looked, so that the alarm does not select the
 * same rows again and again. That is in memory only: a restarted object has free slots and looks at everything.
 */

import { LEASE_MS } from "../../../webhooks/delivery.ts";
import { BEGINNING, type Due, type DueRows } from "../../journal/due-rows.ts";

export class DueQueue {
  readonly rows: DueRows;
  #isAnyWaiting = false;
  /** The alarm looks behind this row. Everything that is due up to it waits for a slot or is done. */
  #lookedUpTo = BEGINNING;
  #lookAgainAt = Number.POSITIVE_INFINITY;

  constructor(rows: DueRows) {
    this.rows = rows;
  }

  /** Whether anything waits for a slot. If so, later requests wait too, even if they would fit into a free slot. */
  get isAnyWaiting(): boolean {
    return this.#isAnyWaiting;
  }

  /**
   * When the alarm has something to do; Infinity if there is nothing. What waits needs no alarm: a free slot starts it.
   */
  nextAt(now: number): number {
    return Math.min(this.rows.nextDueAt(this.#lookAfter(now)), this.#lookAgainAt);
  }

  /**
   * Notes that a due row waits for a slot. `endsAt`: when its time is up. The alarm looks again then, and after
   * LEASE_MS at the latest. So an alarm is set even if the object dies and forgets that anything waits.
   */
  wait(endsAt: number, now: number): void {
    this.#isAnyWaiting = true;
    this.#lookAgainAt = Math.min(this.#lookAgainAt, endsAt, now + LEASE_MS);
  }

  /**
   * Gives one batch its turns: due rows that do not wait, and waiting rows whose time is up. Returns how many there
   * were.
   */
  takeBatch(now: number, limit: number, takeTurn: (id: string) => void): number {
    const mayEnd = this.#lookAgainAt <= now;
    const overdue = mayEnd ? this.rows.overdue(now, limit) : [];
    const due = this.rows.due(now, limit, this.#lookAfter(now));
    for (const { id } of [...overdue, ...due]) takeTurn(id);
    const last = due.at(-1);
    if (last !== undefined && this.#isAnyWaiting) this.#lookedUpTo = last;
    if (mayEnd) this.#lookAgainAt = Math.min(this.rows.firstEndAt(now), now + LEASE_MS);
    return overdue.length + due.length;
  }

  /**
   * Call this when a slot is free: waiting rows get their turn in order, at most `limit`, until one must wait again.
   */
  startWaiting(now: number, limit: number, takeTurn: (id: string) => void): void {
    this.#isAnyWaiting = false;
    let next: Due | undefined = BEGINNING;
    for (let n = 0; n < limit && !this.#isAnyWaiting; n++) {
      // Moves on even if the row's turn failed and the row is still due.
      [next] = this.rows.due(now, 1, next);
      if (next === undefined) break;
      takeTurn(next.id);
    }
    if (this.#isAnyWaiting) return;
    this.#lookedUpTo = BEGINNING;
    this.#lookAgainAt = Number.POSITIVE_INFINITY;
  }

  #lookAfter(now: number): Due {
    // After the clock stepped back, rows can be due before that row.
    return this.#isAnyWaiting && this.#lookedUpTo.dueAt <= now ? this.#lookedUpTo : BEGINNING;
  }
}

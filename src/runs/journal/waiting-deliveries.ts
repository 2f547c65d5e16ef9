/**
 * Deliveries that are due but find no room for their attempt. In the journal they stay due. This keeps, in memory, how far the
 * alarm has looked, so that it does not select them again and again. A restarted object has room and looks at everything.
 */

import { LEASE_MS } from "../../dispatch/delivery.ts";
import { BEGINNING, type DueRun } from "./due-runs.ts";

export class WaitingDeliveries {
  #isAny = false;
  /** What is due up to here waits for room or is done. */
  #lookedUpTo = BEGINNING;
  #lookAgainAt = Number.POSITIVE_INFINITY;

  /** Whether a delivery waits. Then every other waits behind it, even a smaller one. */
  get isAny(): boolean {
    return this.#isAny;
  }

  /** The place after which something may be due that does not wait. */
  lookAfter(now: number): DueRun {
    // After the clock stepped back, runs may be due before the place.
    return this.#isAny && this.#lookedUpTo.dueAt <= now ? this.#lookedUpTo : BEGINNING;
  }

  /**
   * When the alarm checks the deadlines of the runs that wait. At the latest in half a minute, so that an alarm is set even
   * if the object dies and forgets that anything waits.
   */
  get lookAgainAt(): number {
    return this.#isAny ? this.#lookAgainAt : Number.POSITIVE_INFINITY;
  }

  /** `firstDeadlineAt`: the first deadline of the runs that wait. */
  hasLooked(firstDeadlineAt: number, now: number): void {
    this.#lookAgainAt = Math.min(firstDeadlineAt, now + LEASE_MS);
  }

  add({ deadlineAt }: { readonly deadlineAt: number }, now: number): void {
    this.#isAny = true;
    this.#lookAgainAt = Math.min(this.#lookAgainAt, deadlineAt, now + LEASE_MS);
  }

  /** The alarm has taken the turn of every run that is due up to `place`. */
  lookedUpTo(place: DueRun): void {
    if (this.#isAny) this.#lookedUpTo = place;
  }

  /** Lets at most `limit` of those that wait try again, in order. `tryNext` returns whether there was one. */
  retry(tryNext: () => boolean, limit: number): void {
    this.#isAny = false;
    for (let n = 0; n < limit && !this.#isAny; n++) if (!tryNext()) break;
    if (this.#isAny) return;
    this.#lookedUpTo = BEGINNING;
    this.#lookAgainAt = Number.POSITIVE_INFINITY;
  }
}

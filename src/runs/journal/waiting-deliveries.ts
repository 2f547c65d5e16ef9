/**
 * Deliveries that are due and find no room for their attempt. Nothing is written about them: in the journal they stay due,
 * and here is only how far the alarm has looked, so that it does not find them again and again. In memory, because a
 * restarted object has room and looks at everything that is due.
 */

import { LEASE_MS } from "../../dispatch/delivery.ts";
import { BEGINNING, type DuePlace } from "./journal.ts";

export class WaitingDeliveries {
  #isAny = false;
  /** What is due up to here waits for room, or was taken care of. */
  #lookedUpTo = BEGINNING;
  #lookAgainAt = Number.POSITIVE_INFINITY;

  /** Whether some delivery waits: then all others wait behind it, however small they are. */
  get isAny(): boolean {
    return this.#isAny;
  }

  /** After which place something may be due that does not wait. */
  lookAfter(now: number): DuePlace {
    // A clock that stepped back makes things due before the place.
    return this.#isAny && this.#lookedUpTo.dueAt <= now ? this.#lookedUpTo : BEGINNING;
  }

  /**
   * When the alarm looks whether the time of some run that waits is up: at the first deadline, and in half a minute at the
   * latest, so that an alarm is set if the object dies and forgets that anybody waits.
   */
  get lookAgainAt(): number {
    return this.#isAny ? this.#lookAgainAt : Number.POSITIVE_INFINITY;
  }

  /** `firstDeadlineAt`: of those that wait. */
  hasLooked(firstDeadlineAt: number | null, now: number): void {
    this.#lookAgainAt = Math.min(firstDeadlineAt ?? Number.POSITIVE_INFINITY, now + LEASE_MS);
  }

  add({ deadlineAt }: { readonly deadlineAt: number }, now: number): void {
    this.#isAny = true;
    this.#lookAgainAt = Math.min(this.#lookAgainAt, deadlineAt, now + LEASE_MS);
  }

  /** The alarm has taken the turns of all that is due up to `place`. */
  lookedUpTo(place: DuePlace): void {
    if (this.#isAny) this.#lookedUpTo = place;
  }

  /** Lets those that wait try again, in order: `tryNext` says whether there was one. At most `limit`. */
  retry(tryNext: () => boolean, limit: number): void {
    this.#isAny = false;
    for (let n = 0; n < limit && !this.#isAny; n++) if (!tryNext()) break;
    if (this.#isAny) return;
    this.#lookedUpTo = BEGINNING;
    this.#lookAgainAt = Number.POSITIVE_INFINITY;
  }
}

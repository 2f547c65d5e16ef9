/**
 * A pass over the queues in which runs wait. What has changed in a queue is remembered in memory only, and an object
 * can die before it has scheduled. So each alarm goes on with a pass, and a new object makes a whole one at once.
 */

import type { ConcurrencyQueue } from "../../gates.ts";
import type { ConcurrencyQueueRows } from "../../journal/slot-rows.ts";

/** How many queues one batch has. */
const BATCH_QUEUES = 200;

export class QueuePass {
  readonly #queues: ConcurrencyQueueRows;
  /** The last queue that was looked at; null at the beginning. */
  #after: ConcurrencyQueue | null = null;
  /** Whether the alarm must go on at once. */
  #isUnderWay: boolean;

  constructor(queues: ConcurrencyQueueRows) {
    this.#queues = queues;
    this.#isUnderWay = queues.withQueued(null, 1).length > 0;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Looks at every queue again, from the first one on. */
  begin(): void {
    this.#after = null;
    this.#isUnderWay = true;
  }

  /** The next queues. After the last one comes the first. */
  next(): readonly ConcurrencyQueue[] {
    const queues = this.#queues.withQueued(this.#after, BATCH_QUEUES);
    const isWhole = queues.length < BATCH_QUEUES;
    this.#after = isWhole ? null : (queues.at(-1) ?? null);
    if (isWhole) this.#isUnderWay = false;
    return queues;
  }
}

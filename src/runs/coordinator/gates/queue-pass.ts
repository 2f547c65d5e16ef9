/** What the scheduler must look at again: the queues of a pass, and the runs with a decision that failed. */
import { msSinceOrLongAgo } from "../../../base/time.ts";
import type { ConcurrencyQueueRows } from "../../journal/concurrency-rows.ts";
import type { ConcurrencyQueue } from "../../run.ts";

const BATCH_QUEUES = 200;

/**
 * A pass over the queues in which runs wait. What has changed in a queue is in memory only, so each alarm goes on with
 * a pass, and a new object makes a whole one at once.
 */
export class QueuePass {
  readonly #queues: ConcurrencyQueueRows;
  /** The last queue that was looked at; null at the beginning. */
  #after: ConcurrencyQueue | null = null;
  #isUnderWay: boolean;

  constructor(queues: ConcurrencyQueueRows) {
    this.#queues = queues;
    this.#isUnderWay = queues.withQueued(null, 1).length > 0;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  begin(): void {
    this.#after = null;
    this.#isUnderWay = true;
  }

  next(): readonly ConcurrencyQueue[] {
    const queues = this.#queues.withQueued(this.#after, BATCH_QUEUES);
    const isWhole = queues.length < BATCH_QUEUES;
    this.#after = isWhole ? null : (queues.at(-1) ?? null);
    if (isWhole) this.#isUnderWay = false;
    return queues;
  }
}

const DEFERRED_MS = 10_000;

/**
 * Runs with a scheduling decision that failed. Each is deferred for a while, and meanwhile those behind it are tried.
 * In memory only: a new object tries all of them.
 */
export class Deferred {
  /** By the id of the run. `at`: when its decision failed. */
  readonly #runs = new Map<string, { readonly queue: ConcurrencyQueue; readonly at: number }>();
  added = 0;

  add(id: string, queue: ConcurrencyQueue, now: number): void {
    this.added++;
    this.#runs.set(id, { queue, at: now });
  }

  has(id: string, now: number): boolean {
    const run = this.#runs.get(id);
    return run !== undefined && msSinceOrLongAgo(run.at, now) < DEFERRED_MS;
  }

  take(now: number): readonly ConcurrencyQueue[] {
    const due = [...this.#runs].filter(([id]) => !this.has(id, now));
    for (const [id] of due) this.#runs.delete(id);
    return due.map(([, { queue }]) => queue);
  }

  /** When the first of them is to be tried again; Infinity if there is none. */
  nextAt(now: number): number {
    // After the clock stepped back, they are tried at once.
    const tried = [...this.#runs.values()].map(({ at }) => (at > now ? now : at + DEFERRED_MS));
    return Math.min(...tried);
  }
}

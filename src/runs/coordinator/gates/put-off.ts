/**
 * Runs with a scheduling decision that failed. Each is deferred for a while, and meanwhile those behind it are tried.
 * So a run that can't be released or ended does not hold up its group. The list is in memory only: a new object tries
 * all of them.
 */

import { msSinceOrLongAgo } from "../../../base/time.ts";
import type { ConcurrencyQueue } from "../../gates.ts";

const DEFERRED_MS = 10_000;

export class Deferred {
  /** By the id of the run. `at`: when its decision failed. */
  readonly #runs = new Map<string, { readonly queue: ConcurrencyQueue; readonly at: number }>();
  /** How often a run was deferred so far. */
  added = 0;

  add(id: string, queue: ConcurrencyQueue, now: number): void {
    this.added++;
    this.#runs.set(id, { queue, at: now });
  }

  has(id: string, now: number): boolean {
    const run = this.#runs.get(id);
    return run !== undefined && msSinceOrLongAgo(run.at, now) < DEFERRED_MS;
  }

  /** The queues of the runs that are to be tried again now. They are deferred no longer. */
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

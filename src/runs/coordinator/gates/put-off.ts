/**
 * Runs with an admission that failed. Each is put off for a while, and meanwhile those behind it are tried. So a run
 * that can't be released or ended does not hold up its group. The list is in memory only: a new object tries all of
 * them.
 */

import { msSinceOrLongAgo } from "../../../base/time.ts";
import type { Slot } from "../../gates.ts";

const PUT_OFF_MS = 10_000;

export class PutOff {
  /** By the id of the run. `at`: when its admission failed. */
  readonly #runs = new Map<string, { readonly slot: Slot; readonly at: number }>();
  /** How often a run was put off so far. */
  added = 0;

  add(id: string, slot: Slot, now: number): void {
    this.added++;
    this.#runs.set(id, { slot, at: now });
  }

  has(id: string, now: number): boolean {
    const run = this.#runs.get(id);
    return run !== undefined && msSinceOrLongAgo(run.at, now) < PUT_OFF_MS;
  }

  /** The slots of the runs that are to be tried again now. They are put off no longer. */
  take(now: number): readonly Slot[] {
    const due = [...this.#runs].filter(([id]) => !this.has(id, now));
    for (const [id] of due) this.#runs.delete(id);
    return due.map(([, { slot }]) => slot);
  }

  /** When the first of them is to be tried again; Infinity if there is none. */
  nextAt(now: number): number {
    // After the clock stepped back, they are tried at once.
    const tried = [...this.#runs.values()].map(({ at }) => (at > now ? now : at + PUT_OFF_MS));
    return Math.min(...tried);
  }
}

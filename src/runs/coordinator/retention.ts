/**
 * Removes runs that may be kept no longer, a batch at a time. D1's row goes first: until D1 has confirmed, the
 * journal can still tell what was there. Nobody waits for it.
 */

import { msSince } from "../../elapsed.ts";
import type { Journal } from "../journal/journal.ts";

/** Small enough that a callback which comes meanwhile is never kept waiting for long. */
const BATCH = 200;
const GIVEN_UP_MS = 10_000;

export interface Purging {
  deleteRows(ids: readonly string[]): Promise<void>;
  /** The journal has forgotten these. */
  onPurged(ids: readonly string[]): void;
  onFailed(error: unknown): void;
}

export class Retention {
  readonly #journal: Journal;
  readonly #purging: Purging;
  /** When the batch began that is under way or has failed; null after one that was done. */
  #batchAt: number | null = null;

  constructor(journal: Journal, purging: Purging) {
    this.#journal = journal;
    this.#purging = purging;
  }

  /** While a batch is under way, or has failed, the next waits until it would be given up. */
  notBefore(now: number): number {
    const isHeldUp = this.#batchAt !== null && msSince(this.#batchAt, now) < GIVEN_UP_MS;
    return isHeldUp ? (this.#batchAt ?? 0) + GIVEN_UP_MS : 0;
  }

  /** Starts on the runs that are due; how many. */
  purge(now: number): number {
    if (now < this.notBefore(now)) return 0;
    const ids = this.#journal.purgeable(now, BATCH);
    if (ids.length === 0) return 0;
    this.#batchAt = now;
    void this.#purging
      .deleteRows(ids)
      .then(() => {
        this.#journal.forget(ids);
        this.#batchAt = null;
        this.#purging.onPurged(ids);
      })
      .catch((error: unknown) => this.#purging.onFailed(error));
    return ids.length;
  }
}

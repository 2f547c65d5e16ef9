/** How much a coordinator stores before it refuses new runs, so that the runs it has can end. */

import { msSinceOrLongAgo } from "../../base/time.ts";

/** An object may hold 10 GB. */
export const STORAGE_MAX_BYTES = 9_000_000_000;
/** To ask SQLite for the size takes as long as to write a run. No coordinator can write the last 1 GB in a second. */
const ASK_EVERY_MS = 1000;

export class StorageLimit {
  readonly #sql: SqlStorage;
  #isReached = false;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Whether the limit was reached at most a second ago. Once it is reached, each call asks. */
  isReached(now: number): boolean {
    if (this.#isReached || msSinceOrLongAgo(this.#askedAt, now) >= ASK_EVERY_MS) {
      this.#isReached = this.#sql.databaseSize >= STORAGE_MAX_BYTES;
      this.#askedAt = now;
    }
    return this.#isReached;
  }
}

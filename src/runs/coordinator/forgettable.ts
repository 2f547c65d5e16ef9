/**
 * Which ended runs the journal may forget. Every walk over the journal must have passed a run before the run goes:
 * counts for metrics have each end, and webhook endpoints hear of each end.
 */

import { logFailure } from "../../base/log.ts";
import type { EndedRun } from "../journal/due-runs.ts";
import type { Journal } from "../journal/journal.ts";
import type { StorageLimit } from "./storage-limit.ts";

export class Forgettable {
  readonly #journal: Journal;
  readonly #storageLimit: StorageLimit;

  constructor(journal: Journal, storageLimit: StorageLimit) {
    this.#journal = journal;
    this.#storageLimit = storageLimit;
  }

  /** Ids of the first of these runs, up to one that endpoints may not be notified of yet. A full object forgets all. */
  notified(runs: readonly EndedRun[], now: number): string[] {
    const { keptAfter } = this.#journal.fanOut;
    const isFull = keptAfter !== Number.POSITIVE_INFINITY && this.#storageLimit.isReached(now);
    const pending = isFull ? -1 : runs.findIndex(({ eventSeq }) => eventSeq > keptAfter);
    return runs.slice(0, pending === -1 ? runs.length : pending).map(({ id }) => id);
  }

  /**
   * Counts on if one of the runs is not counted yet, because metrics that have counted some runs must count all. The
   * runs stay due, so the alarm rings again at once. A full object forgets runs even if the count fails, to make room.
   */
  mustCountFirst(ids: readonly string[]): boolean {
    const { endedCounts, sequence, scope } = this.#journal;
    if (!endedCounts.hasBegun || !endedCounts.isAnyUncounted(ids)) return false;
    try {
      endedCounts.countBatch(sequence.last);
      return true;
    } catch (error) {
      logFailure("count_failed", error, { coordinator: scope });
      return false;
    }
  }
}

/**
 * Which ended runs the journal may forget. A mark over the journal must have passed a run before the run goes: counts
 * for metrics have each end, and webhook endpoints hear of each end.
 */

import { logFailure } from "../../base/log.ts";
import type { EndedRun } from "../journal/due-runs.ts";
import type { Journal } from "../journal/journal.ts";

export class Forgettable {
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Ids of the first of these runs, up to one that webhook endpoints were not told of. */
  told(runs: readonly EndedRun[]): string[] {
    const { marks } = this.#journal;
    const toldSeq = marks.get("notify") === null ? Number.POSITIVE_INFINITY : Number(marks.get("told_seq"));
    const untold = runs.findIndex(({ eventSeq }) => eventSeq > toldSeq);
    return runs.slice(0, untold === -1 ? runs.length : untold).map(({ id }) => id);
  }

  /**
   * Counts on if one of the runs is not counted yet, because metrics that have counted some runs must count all. The
   * runs stay due, so the alarm rings again at once. A full object forgets runs even if the count fails, to make room.
   */
  mustCountFirst(ids: readonly string[]): boolean {
    const { endedCounts, sequence, scope } = this.#journal;
    if (!endedCounts.hasBegun || !endedCounts.isAnyUncounted(ids)) return false;
    try {
      endedCounts.takeTurn(sequence.last);
      return true;
    } catch (error) {
      logFailure("count_failed", error, { coordinator: scope });
      return false;
    }
  }
}

/**
 * Purges runs whose retention is over, one batch at a time. D1's rows go first, so that the journal still knows the
 * runs if D1 fails. No caller waits for a purge.
 */

import { logFailure } from "../../base/log.ts";
import type { Journal } from "../journal/journal.ts";
import type { Projection } from "../projection/projection.ts";
import type { AlarmClock } from "./alarm/alarm-clock.ts";

/** Small enough that a callback never waits long for a batch. */
const BATCH_RUNS = 200;
/** How long the next batch waits after one that fails or hangs. */
const GIVEN_UP_MS = 10_000;

export class Purge {
  readonly #journal: Journal;
  readonly #alarms: AlarmClock;
  readonly #projection: Projection;

  constructor(journal: Journal, alarms: AlarmClock, projection: Projection) {
    this.#journal = journal;
    this.#alarms = alarms;
    this.#projection = projection;
  }

  /** Starts to purge the runs that are due. Returns how many. */
  start(now: number): number {
    if (this.#alarms.holdsPurges(now)) return 0;
    const ids = this.#journal.due.purgeable(now, BATCH_RUNS);
    if (ids.length === 0) return 0;
    if (this.#mustCountFirst(ids)) return 0;
    this.#alarms.holdPurges(now, GIVEN_UP_MS);
    void this.#remove(ids).catch((error: unknown) =>
      logFailure("purge_failed", error, { coordinator: this.#journal.owner.name }),
    );
    return ids.length;
  }

  /**
   * Counts on if one of the runs is not counted yet, because metrics that have counted some runs must count all. The
   * purge stays due, so the alarm rings again at once. A full object purges even if the count fails, to make room.
   */
  #mustCountFirst(ids: readonly string[]): boolean {
    const { endedCounts, sequence, owner } = this.#journal;
    if (!endedCounts.hasBegun || !endedCounts.isAnyUncounted(ids)) return false;
    try {
      endedCounts.takeTurn(sequence.last);
      return true;
    } catch (error) {
      logFailure("count_failed", error, { coordinator: owner.name });
      return false;
    }
  }

  async #remove(ids: readonly string[]): Promise<void> {
    await this.#projection.delete(ids);
    this.#journal.forget(ids);
    this.#alarms.releasePurges();
    this.#projection.forget(ids);
    this.#projection.arm(Date.now());
  }
}

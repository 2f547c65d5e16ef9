/**
 * Makes D1 as the journal is, a step at a time, when the operator asks: every run lands again, and rows of runs that the
 * journal no longer keeps are removed. A restore of D1 brings such rows back.
 *
 * A row is removed only where the journal has no run of its id and the id is over an hour old. Ids are made as their runs
 * are, so no such run can still come: a removal that arrives late, or twice, takes nothing that is kept.
 */

import { msSince } from "../../elapsed.ts";
import type { FoundRows } from "../d1/store.ts";
import type { Journal, Unlanded } from "../journal/journal.ts";
import { firstIdAt } from "../run-id.ts";

/** How many runs of this coordinator a step covers, and so how many rows it may remove. */
export const STEP_RUNS = 1000;
/** A run that was kept for a day has an older id; one that is being made has a younger. */
const REMOVABLE_AGE_MS = 3_600_000;
/** When a step that has not come back is given up. */
const GIVEN_UP_MS = 10_000;
/** Sorts after every id. */
const AFTER_ALL = "g";

export interface Rebuilding {
  /** What D1 has of this coordinator, in the order of the ids after `after` and before `before`. */
  findRows(after: string, before: string): Promise<FoundRows>;
  deleteRows(ids: readonly string[]): Promise<void>;
  /** The journal has just made these unlanded again. */
  land(batch: readonly Unlanded[]): void;
  /** Whether so much is waiting to land already that nothing should be added. */
  isBusy(): boolean;
  onFailed(error: unknown): void;
}

export class Rebuild {
  readonly #journal: Journal;
  readonly #rebuilding: Rebuilding;
  /** When the step began that is under way; null where the next may begin. */
  #stepAt: number | null = null;
  /** Counts steps, so that one that was given up can tell. */
  #steps = 0;

  constructor(journal: Journal, rebuilding: Rebuilding) {
    this.#journal = journal;
    this.#rebuilding = rebuilding;
  }

  get isUnderWay(): boolean {
    return this.#journal.mark("resync_after") !== null;
  }

  /** Starts from the first run, unless it is under way. How many runs are still to be read. */
  begin(): number {
    if (!this.isUnderWay) this.#journal.setMark("resync_after", "");
    return this.#journal.countAfter(this.#journal.mark("resync_after") ?? "");
  }

  /** Takes the next step, where there is one to take. Never waits for it. */
  next(now: number): void {
    const after = this.#journal.mark("resync_after");
    if (after === null || this.#isHeldUp(now) || this.#rebuilding.isBusy()) return;
    this.#stepAt = now;
    const step = ++this.#steps;
    void this.#step(after, now, () => step === this.#steps).then(
      () => {
        if (step !== this.#steps) return;
        this.#stepAt = null;
        this.next(Date.now());
      },
      (error: unknown) => {
        // The next flight that lands, or the alarm, tries again.
        if (step === this.#steps) this.#stepAt = null;
        this.#rebuilding.onFailed(error);
      },
    );
  }

  #isHeldUp(now: number): boolean {
    return this.#stepAt !== null && msSince(this.#stepAt, now) < GIVEN_UP_MS;
  }

  /**
   * Covers the ids from `after` to wherever a bounded number of D1's rows and of runs reaches. The mark moves once the
   * removal is done: who dies before repeats the step, which is harmless.
   */
  async #step(after: string, now: number, isCurrent: () => boolean): Promise<void> {
    const found = await this.#rebuilding.findRows(after, firstIdAt(now - REMOVABLE_AGE_MS));
    if (!isCurrent()) return;
    const upTo = [found.stop, found.ids[STEP_RUNS - 1]].reduce<string>(
      (least, id) => (id != null && id < least ? id : least),
      AFTER_ALL,
    );
    const batch = this.#journal.unland(after, upTo, STEP_RUNS);
    const last = batch.at(-1)?.id ?? after;
    // Runs that are made from here on land by themselves: to wait for a step that finds none would never end.
    const reached = this.#journal.hasBetween(last, upTo) ? last : upTo;
    this.#rebuilding.land(batch);
    const kept = new Set(batch.map(({ id }) => id));
    const unkept = found.ids.filter((id) => id <= reached && !kept.has(id));
    if (unkept.length > 0) await this.#rebuilding.deleteRows(unkept);
    if (isCurrent()) this.#journal.setMark("resync_after", reached === AFTER_ALL ? null : reached);
  }
}

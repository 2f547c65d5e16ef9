/**
 * Knows how the run before a run has ended: the last one of its action and entity that ended before it, whatever their
 * order of creation. That is looked up and noted when a run ends, so it says the same whenever a delivery is sent. Only
 * an environment with an endpoint that needs it pays for it.
 */

import type { Journal } from "../journal/journal.ts";
import { type EndedOutcome, isOutcome } from "../journal/outcome-rows.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { needsPrevious } from "../matching.ts";
import type { PreviousStatus } from "../telling.ts";

export class Outcomes {
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The outcome before a run that ends now; null if it is unknown, or if nobody needs it. */
  before(run: EndedOutcome): PreviousStatus {
    return this.#isNeeded && isOutcome(run) ? this.#journal.outcomes.of(run) : null;
  }

  /** Notes that the run has ended after all others. Call it in the transaction that ends the run. */
  ended(run: EndedOutcome): void {
    if (this.#isNeeded && isOutcome(run)) this.#journal.outcomes.put(run);
  }

  /** Lets the walk note the run, because `ended` has failed. The outcome is unknown until then. */
  fillFrom(run: JournaledRun): void {
    const { fanOut, outcomes } = this.#journal;
    outcomes.erase(run);
    fanOut.outcomesBelow = Math.max(fanOut.outcomesBelow ?? 0, (run.endedSeq ?? 0) + 1);
  }

  /**
   * Call this when the endpoints may have changed, in the same transaction. When a need begins, a walk notes the
   * outcomes of all runs that have ended, newest first. Most environments need no second batch.
   */
  needMayChange(wasNeeded: boolean): void {
    const { fanOut, sequence, outcomes } = this.#journal;
    if (this.#isNeeded === wasNeeded) return;
    fanOut.outcomesBelow = this.#isNeeded ? sequence.next : null;
    if (this.#isNeeded) this.fill();
    else outcomes.clear();
  }

  get isNeeded(): boolean {
    return this.#isNeeded;
  }

  /** Whether the walk is under way. */
  get isFilling(): boolean {
    return this.#journal.fanOut.outcomesBelow !== null;
  }

  /** One batch of the walk. */
  fill(): void {
    const { fanOut, outcomes } = this.#journal;
    const below = fanOut.outcomesBelow;
    if (below === null) return;
    this.#journal.transaction(() => {
      const next = outcomes.fill(below);
      fanOut.outcomesBelow = next === 0 ? null : next;
    });
  }

  get #isNeeded(): boolean {
    return this.#journal.endpoints.listeners.some(needsPrevious);
  }
}

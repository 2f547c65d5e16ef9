/**
 * How a bulk operation goes on in the journal. Each method is one critical section: it writes all that follows from an
 * answer, or nothing.
 *
 * The runs are decided in the order of their numbers. A cancel decides each run the first time. Retries that stay
 * undecided are tried again in another pass, when all others were tried. So no run holds up the others.
 */

import {
  type AbortReason,
  BATCH_RUNS,
  type BulkCounts,
  type EndedRuns,
  type NumberedItem,
  OUTCOMES,
  type Outcome,
  TRIES_MAX,
} from "../../bulk.ts";
import type { Stopper } from "../../bulk-calls.ts";
import type { StoredBulk } from "../../journal/bulk-rows.ts";
import type { Journal } from "../../journal/journal.ts";

/** The code of a run that was given up. */
const UNKNOWN = "unknown";

export class BulkProgress {
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Adds runs that match. `behind`: where the collecting goes on; null if these were the last. */
  collected(
    bulk: StoredBulk,
    runs: readonly { readonly id: string; readonly isWaiting: boolean }[],
    behind: string | null,
    now: number,
  ): void {
    const { bulk: rows, bulkItems: items } = this.#journal;
    const matched = bulk.matched + runs.length;
    if (matched > bulk.order.maxRuns) {
      items.erase(bulk.id);
      this.#end({ ...bulk, matched }, "too_many_runs", now);
      return;
    }
    items.add(bulk.id, runs);
    rows.update(bulk, { matched, below: behind, state: behind === null ? "running" : "collecting" });
  }

  /**
   * The runs that are decided next, at most BATCH_RUNS. Empty if there are no more for now: then the operation has
   * ended, or begins another pass.
   */
  nextBatch(bulk: StoredBulk, now: number): readonly NumberedItem[] {
    const { bulk: rows, bulkItems: items } = this.#journal;
    const batch = items.undecided(bulk.id, bulk.nextSeq, BATCH_RUNS);
    if (batch.length > 0) return batch;
    if (bulk.pass < TRIES_MAX && items.undecided(bulk.id, 0, 1).length > 0) {
      rows.update(bulk, { nextSeq: 0, pass: bulk.pass + 1 });
    } else {
      this.#end(this.#giveUp(bulk), null, now);
    }
    return [];
  }

  /** Notes that these retries are tried now, so that a stop knows which runs may have been retried. */
  tried(bulk: StoredBulk, batch: readonly NumberedItem[]): void {
    this.#journal.bulk.update(bulk, { nextSeq: (batch.at(-1)?.seq ?? bulk.nextSeq) + 1 });
  }

  /** Writes what became of these runs. */
  decided(bulk: StoredBulk, items: readonly NumberedItem[]): StoredBulk {
    if (items.length === 0) return bulk;
    this.#journal.bulkItems.decide(bulk.id, items);
    return this.#journal.bulk.update(bulk, countsWith(bulk, items));
  }

  /** Ends the operation early. Undecided retries that were tried are given up, because there may be a new run. */
  abort(bulk: StoredBulk, reason: AbortReason, now: number): void {
    this.#end(this.#giveUp(bulk), reason, now);
  }

  /** Notes that somebody wants to stop the operation. The first one counts. */
  stopAsked(bulk: StoredBulk, by: Stopper): StoredBulk {
    if (bulk.stoppedBy !== null) return bulk;
    return this.#journal.bulk.update(bulk, { abortReason: "asked", stoppedBy: by });
  }

  /** Notes that the audit tells of the end. A cancel is over only when it is also noted how its runs have ended. */
  audited(bulk: StoredBulk): void {
    const isOver = bulk.order.request.operation === "retry";
    this.#journal.bulk.update(bulk, { isAudited: true, isOver });
  }

  /** Notes how the accepted runs of a cancel have ended. */
  ended(bulk: StoredBulk, ended: EndedRuns): void {
    this.#journal.bulk.update(bulk, { ended, isOver: true });
  }

  erase(id: string): void {
    this.#journal.transaction(() => {
      this.#journal.bulkItems.erase(id);
      this.#journal.bulk.erase(id);
    });
  }

  /** In the first pass, the undecided runs that were tried are those before the next one. */
  #giveUp(bulk: StoredBulk): StoredBulk {
    const to = bulk.pass === 1 ? bulk.nextSeq : Number.POSITIVE_INFINITY;
    const items = this.#journal.bulkItems.page(bulk.id, null, -1, Number.POSITIVE_INFINITY);
    const tried = items.filter(({ outcome, seq }) => outcome === null && seq < to);
    return this.decided(
      bulk,
      tried.map((item) => ({ ...item, outcome: "failed", code: UNKNOWN })),
    );
  }

  #end(bulk: StoredBulk, reason: AbortReason | null, now: number): void {
    const { matched } = bulk;
    const state = reason === null ? "completed" : "aborted";
    this.#journal.bulk.update(bulk, { matched, state, abortReason: reason, completedAt: now });
  }
}

function countsWith(counts: BulkCounts, items: readonly NumberedItem[]): Record<Outcome, number> {
  const added = (outcome: Outcome) => counts[outcome] + items.filter((item) => item.outcome === outcome).length;
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, added(outcome)])) as Record<Outcome, number>;
}

/**
 * How a bulk operation goes on in the journal. Each method is one stretch: it writes all that follows from an answer, or
 * nothing.
 *
 * The runs have their turns in the order of their numbers. Those that stay undecided are tried again when all others of
 * their part had a turn. So one coordinator that can't be reached holds up nobody.
 */

import {
  type AbortReason,
  type BulkCounts,
  type BulkItem,
  type EndedRuns,
  endsOf,
  type NumberedItem,
  OUTCOMES,
  type Outcome,
  PAGE_RUNS,
  sumOf,
  TRIES_MAX,
} from "../../bulk.ts";
import type { AcceptedRuns, MatchedRun, Stopper } from "../../bulk-calls.ts";
import { type Part, partAfter, partOf } from "../../journal/bulk-page-rows.ts";
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
  collected(bulk: StoredBulk, runs: readonly MatchedRun[], behind: string | null, now: number): void {
    const { bulk: rows, bulkPages: pages } = this.#journal;
    const isNamed = bulk.order.filter === null;
    // Named runs were stored with the request, in its order.
    const matched = isNamed ? runs.length : bulk.matched + runs.length;
    if (isNamed || matched > bulk.order.maxRuns) pages.erase(bulk.id);
    if (matched > bulk.order.maxRuns) {
      this.#end({ ...bulk, matched }, "too_many_runs", now);
      return;
    }
    pages.add(bulk.id, runs);
    rows.update(bulk, { matched, below: behind, state: behind === null ? "running" : "collecting" });
  }

  /**
   * The runs whose turn it is, at most PAGE_RUNS. It is noted before they are changed, so that a stop knows which runs
   * may have been changed. Empty if there are no more for now: then the operation has ended, or begins another round.
   */
  beginPage(bulk: StoredBulk, now: number): readonly NumberedItem[] {
    const items = this.#journal.bulkPages.undecided(bulk.id, bulk.nextSeq, PAGE_RUNS);
    const last = items.at(-1);
    if (last !== undefined) {
      this.#journal.bulk.update(bulk, { nextSeq: last.seq + 1 });
      return items;
    }
    const part = partOf(bulk.nextSeq);
    const left = this.#journal.bulkPages.undecidedIn(bulk.id, part);
    if (left > 0 && bulk.round < TRIES_MAX) {
      this.#journal.bulk.update(bulk, { nextSeq: part.from, round: bulk.round + 1 });
      return [];
    }
    const decided = left === 0 ? bulk : this.#giveUp(bulk, part);
    const next = partAfter(part);
    if (next === null) {
      this.#end(decided, null, now);
      return [];
    }
    return this.beginPage(this.#journal.bulk.update(decided, { nextSeq: next.from, round: 1 }), now);
  }

  /** Writes what became of a page. Null: undecided. */
  decided(bulk: StoredBulk, page: readonly NumberedItem[], items: readonly (BulkItem | null)[]): void {
    const decided = page.flatMap(({ seq }, i) => {
      const item = items[i];
      return item ? [{ ...item, seq }] : [];
    });
    this.#decide(bulk, decided);
  }

  /** Ends the operation early. Undecided runs that were tried are given up, because they may have been changed. */
  abort(bulk: StoredBulk, reason: AbortReason, now: number): void {
    const isBegun = bulk.state === "running";
    this.#end(isBegun ? this.#giveUp(bulk, partOf(bulk.nextSeq)) : bulk, reason, now);
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

  /** Notes how the runs of a cancel have ended. `asked`: those that it had asked to stop. */
  ended(bulk: StoredBulk, asked: EndedRuns): void {
    const { ended } = this.acceptedRuns(bulk.id);
    this.#journal.bulk.update(bulk, { ended: sumOf(ended, asked), isOver: true });
  }

  acceptedRuns(id: string): AcceptedRuns {
    const accepted = this.#journal.bulkPages.page(id, "accepted", -1, Number.POSITIVE_INFINITY);
    return {
      ended: endsOf(accepted.map(({ endedAs }) => endedAs)),
      asked: accepted.flatMap(({ runId, endedAs }) => (endedAs === null ? [runId] : [])),
    };
  }

  erase(id: string): void {
    this.#journal.transaction(() => {
      this.#journal.bulkPages.erase(id);
      this.#journal.bulk.erase(id);
    });
  }

  /** Gives up the undecided runs that were tried. In the first round, these are the ones before the next turn. */
  #giveUp(bulk: StoredBulk, part: Part): StoredBulk {
    const to = bulk.round === 1 ? bulk.nextSeq : part.to;
    const tried: NumberedItem[] = [];
    for (let from = part.from; from < to; ) {
      const items = this.#journal.bulkPages.undecided(bulk.id, from, PAGE_RUNS);
      if (items.length === 0) break;
      tried.push(...items.filter(({ seq }) => seq < to));
      from = (items.at(-1)?.seq ?? to) + 1;
    }
    const failed = { outcome: "failed", code: UNKNOWN } as const;
    return this.#decide(
      bulk,
      tried.map((item) => ({ ...item, ...failed })),
    );
  }

  #decide(bulk: StoredBulk, items: readonly NumberedItem[]): StoredBulk {
    if (items.length === 0) return bulk;
    this.#journal.bulkPages.decide(bulk.id, items);
    return this.#journal.bulk.update(bulk, {
      ...countsWith(bulk, items),
      changedRuns: changedRunsWith(bulk.changedRuns, items),
    });
  }

  #end(bulk: StoredBulk, reason: AbortReason | null, now: number): void {
    const { matched } = bulk;
    const state = reason === null ? "completed" : "aborted";
    this.#journal.bulk.update(bulk, { matched, state, abortReason: reason, completedAt: now });
  }
}

function countsWith(counts: BulkCounts, items: readonly NumberedItem[]): Record<Outcome, number> {
  const added = (outcome: Outcome) =>
    counts[outcome] + items.filter((item) => item.outcome === outcome).length;
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, added(outcome)])) as Record<Outcome, number>;
}

/** The newest accepted run of each coordinator. Of a retry, the new run counts. */
function changedRunsWith(before: readonly string[], items: readonly NumberedItem[]): readonly string[] {
  const accepted = items.filter(({ outcome }) => outcome === "accepted");
  const ids = [...before, ...accepted.map(({ runId, newRunId }) => newRunId ?? runId)];
  return ids.slice(-1);
}

/** Each method is one critical section. Undecided retries are tried again in another pass, so none holds up the others. */

import { BULK_NEWEST_SHOWN } from "../../../base/limits.ts";
import { within } from "../../../base/time.ts";
import { boundDatabase } from "../../../settings/databases.ts";
import {
  type AbortReason,
  BATCH_RUNS,
  type BulkCounts,
  type BulkPreview,
  type BulkTarget,
  type EndedRuns,
  type NumberedItem,
  OUTCOMES,
  type Outcome,
  type Stopper,
  TRIES_MAX,
} from "../../bulk.ts";
import { findMatching } from "../../d1/list.ts";
import type { StoredBulk } from "../../journal/bulk-rows.ts";
import { isOpen, type RunState, STATUSES } from "../../run.ts";
import { mergedPage, type Page, type RunFacts, type RunFilters } from "../../run-filters.ts";
import { Part } from "../context.ts";

const UNKNOWN = "unknown";

export class BulkProgress extends Part {
  collected(bulk: StoredBulk, { items: runs, endsAt: behind }: Page<RunState>, now: number): void {
    const { bulk: rows, bulkItems: items } = this.journal;
    const matched = bulk.matched + runs.length;
    if (matched > bulk.order.maxRuns) {
      items.erase(bulk.id);
      this.#end({ ...bulk, matched }, "too_many_runs", now);
      return;
    }
    items.add(bulk.id, runs);
    rows.update(bulk, { matched, below: behind, state: behind === null ? "running" : "collecting" });
  }

  /** Empty if there are no more for now: then the operation has ended, or begins another pass. */
  nextBatch(bulk: StoredBulk, now: number): readonly NumberedItem[] {
    const { bulk: rows, bulkItems: items } = this.journal;
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
    this.journal.bulk.update(bulk, { nextSeq: (batch.at(-1)?.seq ?? bulk.nextSeq) + 1 });
  }

  decided(bulk: StoredBulk, items: readonly NumberedItem[]): StoredBulk {
    if (items.length === 0) return bulk;
    this.journal.bulkItems.decide(bulk.id, items);
    return this.journal.bulk.update(bulk, countsWith(bulk, items));
  }

  /** Ends the operation early. Undecided retries that were tried are given up, because there may be a new run. */
  abort(bulk: StoredBulk, reason: AbortReason, now: number): void {
    this.#end(this.#giveUp(bulk), reason, now);
  }

  /** The first one counts. */
  stopAsked(bulk: StoredBulk, by: Stopper): StoredBulk {
    if (bulk.stoppedBy !== null) return bulk;
    return this.journal.bulk.update(bulk, { abortReason: "asked", stoppedBy: by });
  }

  erase(id: string): void {
    this.journal.transaction(() => {
      this.journal.bulkItems.erase(id);
      this.journal.bulk.erase(id);
    });
  }

  /** In the first pass, the undecided runs that were tried are those before the next one. */
  #giveUp(bulk: StoredBulk): StoredBulk {
    const to = bulk.pass === 1 ? bulk.nextSeq : Number.POSITIVE_INFINITY;
    const items = this.journal.bulkItems.page(bulk.id, null, -1, Number.POSITIVE_INFINITY);
    const tried = items.filter(({ outcome, seq }) => outcome === null && seq < to);
    return this.decided(
      bulk,
      tried.map((item) => ({ ...item, outcome: "failed", code: UNKNOWN })),
    );
  }

  #end(bulk: StoredBulk, reason: AbortReason | null, now: number): void {
    const { matched } = bulk;
    const state = reason === null ? "completed" : "aborted";
    this.journal.bulk.update(bulk, { matched, state, abortReason: reason, completedAt: now });
  }
}

function countsWith(counts: BulkCounts, items: readonly NumberedItem[]): Record<Outcome, number> {
  const added = (outcome: Outcome) => counts[outcome] + items.filter((item) => item.outcome === outcome).length;
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, added(outcome)])) as Record<Outcome, number>;
}

function withEnds(counts: EndedRuns, states: readonly RunState[]): EndedRuns {
  const added = (end: keyof EndedRuns) => counts[end] + states.filter(({ status }) => status === end).length;
  return { succeeded: added("succeeded"), failed: added("failed"), cancelled: added("cancelled") };
}

const READ_MAX_MS = 5000;
const COLLECTED_RUNS = 1000;
/** A dry run looks at this many pages of 5000 runs at most, because a caller waits for it. */
const PREVIEW_PAGES = 20;
const BATCH_ITEMS = 500;

const NO_RUNS: Page<RunState> = { items: [], endsAt: null };

interface Ends {
  readonly ended: EndedRuns;
  readonly areAllOver: boolean;
}

export class RunSets extends Part {
  async nextOf({ order, below, matched }: StoredBulk): Promise<Page<RunState> | null> {
    // One run more than may match, to know whether there are too many.
    const limit = Math.min(COLLECTED_RUNS, order.maxRuns + 1 - matched);
    return this.#page(order.filters ?? {}, below, limit);
  }

  async preview(target: BulkTarget, wouldStart: (runIds: readonly string[]) => number): Promise<BulkPreview | null> {
    const found =
      "runIds" in target
        ? { runs: this.journal.runs.states(target.runIds), matched: target.runIds.length }
        : await this.#filtered(target.filters, target.maxRuns);
    if (found === null) return null;
    const { runs, matched } = found;
    const ids = runs.map(({ id }) => id);
    const byStatus = STATUSES.map((status) => [status, runs.filter((run) => run.status === status).length]);
    return {
      matched,
      byStatus: Object.fromEntries(byStatus) as BulkPreview["byStatus"],
      newest: ids.toSorted().reverse().slice(0, BULK_NEWEST_SHOWN),
      wouldStart: wouldStart(ids),
    };
  }

  /** So far. A run that is no longer kept is left out. */
  async endsOf(bulkId: string): Promise<Ends> {
    let ends: Ends = { ended: { succeeded: 0, failed: 0, cancelled: 0 }, areAllOver: true };
    for (let after = -1; ; ) {
      const items = this.journal.bulkItems.page(bulkId, "accepted", after, BATCH_ITEMS);
      const last = items.at(-1);
      if (last === undefined) return ends;
      const states = this.journal.runs.states(items.map(({ runId }) => runId));
      ends = { ended: withEnds(ends.ended, states), areAllOver: ends.areAllOver && !states.some(isOpen) };
      after = last.seq;
      await scheduler.wait(0);
    }
  }

  async #filtered(filters: RunFilters, maxRuns: number) {
    const runs: RunState[] = [];
    let below: string | null = null;
    for (let pages = 0; pages < PREVIEW_PAGES; pages++) {
      const page: Page<RunState> | null = await this.#page(filters, below, maxRuns + 1 - runs.length);
      if (page === null) return null;
      runs.push(...page.items);
      if (runs.length > maxRuns) return { runs: runs.slice(0, maxRuns), matched: { atLeast: maxRuns + 1 } };
      if (page.endsAt === null) return { runs, matched: runs.length };
      below = page.endsAt;
    }
    return { runs, matched: { atLeast: runs.length } };
  }

  /** Null while D1 is rebuilt, because it may lack runs that the journal no longer counts as lacking. */
  async #page(filters: RunFilters, below: string | null, limit: number): Promise<Page<RunState> | null> {
    const { env, replication, lacking } = this.context;
    if (replication.isStale) return null;
    const query = { ...filters, cursor: below ?? undefined, limit };
    // First, because what is replicated after this is in both.
    const { ids: without, matching, completeTo } = lacking.of(query);
    const pending = { items: matching.map(toRunState), endsAt: completeTo };
    const { home } = replication;
    const read = async (number: number) => {
      const session = (await boundDatabase(env, number)).withSession("first-primary");
      return findMatching(session, this.journal.scope, query, { without, completeTo: completeTo ?? undefined });
    };
    const found = home === null ? NO_RUNS : await within(READ_MAX_MS, read(home.database));
    return mergedPage(pending, found, query);
  }
}

function toRunState({ id, status, waitingFor }: RunFacts): RunState {
  return { id, status, isWaiting: status === "pending" && waitingFor !== null };
}

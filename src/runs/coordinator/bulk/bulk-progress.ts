/** Each method is one critical section. Undecided retries are tried again in another pass, so none holds up the others. */

import { BULK_NEWEST_SHOWN } from "../../../base/limits.ts";
import { within } from "../../../base/time.ts";
import { boundDatabase } from "../../../settings/databases.ts";
import {
  type AbortReason,
  BATCH_RUNS,
  type BulkPreview,
  type BulkTarget,
  type NumberedItem,
  OUTCOMES,
  type Stopper,
  TRIES_MAX,
} from "../../bulk.ts";
import { findMatching } from "../../d1/list.ts";
import type { StoredBulk } from "../../journal/bulk-rows.ts";
import { ENDED_STATUSES, isOpen, type RunState, STATUSES } from "../../run.ts";
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
    const outcomes = items.map(({ outcome }) => outcome);
    return this.journal.bulk.update(bulk, counted(OUTCOMES, outcomes, bulk));
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

/** How often each key is among those that were found, added to the counts before. */
function counted<K extends string>(keys: readonly K[], found: readonly unknown[], before?: Record<K, number>) {
  const count = (key: K) => (before?.[key] ?? 0) + found.filter((one) => one === key).length;
  return Object.fromEntries(keys.map((key) => [key, count(key)])) as Record<K, number>;
}

const READ_MAX_MS = 5000;
const COLLECTED_RUNS = 1000;
/** A dry run looks at this many pages of 5000 runs at most, because a caller waits for it. */
const PREVIEW_PAGES = 20;
const BATCH_ITEMS = 500;

const NO_RUNS: Page<RunState> = { items: [], endsAt: null };

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
    const statuses = runs.map(({ status }) => status);
    return {
      matched,
      byStatus: counted(STATUSES, statuses),
      newest: ids.toSorted().reverse().slice(0, BULK_NEWEST_SHOWN),
      wouldStart: wouldStart(ids),
    };
  }

  /** So far. A run that is no longer kept is left out. */
  async endsOf(bulkId: string) {
    let ended = counted(ENDED_STATUSES, []);
    let areAllOver = true;
    for (let after = -1; ; ) {
      const items = this.journal.bulkItems.page(bulkId, "accepted", after, BATCH_ITEMS);
      const last = items.at(-1);
      if (last === undefined) return { ended, areAllOver };
      const states = this.journal.runs.states(items.map(({ runId }) => runId));
      const statuses = states.map(({ status }) => status);
      ended = counted(ENDED_STATUSES, statuses, ended);
      areAllOver &&= !states.some(isOpen);
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

/**
 * Which runs a bulk operation is about, and how they have ended. The runs of a filter are those that D1 finds, without
 * the runs that D1 lacks, and what of those matches. Whatever is about runs whose ids are known is in the journal.
 */

import { BULK_NEWEST_SHOWN } from "../../../base/limits.ts";
import { within } from "../../../base/time.ts";
import { boundDatabase } from "../../../settings/bound-database.ts";
import type { Databases } from "../../../settings/databases.ts";
import { type BulkPreview, type EndedRuns, endsOf, sumOf } from "../../bulk.ts";
import type { BulkTarget } from "../../bulk-calls.ts";
import { findMatching, type MatchingPage, type MatchingRun } from "../../d1/matching-runs.ts";
import type { StoredBulk } from "../../journal/bulk-rows.ts";
import type { Journal } from "../../journal/journal.ts";
import { mergedPage } from "../../merged-page.ts";
import type { Lacking } from "../../projection/lacking.ts";
import type { Replication } from "../../projection/projection.ts";
import { isOpen, STATUSES } from "../../run.ts";
import type { RunFacts } from "../../run-filter-table.ts";
import type { RunFilters } from "../../run-filters.ts";

const READ_MAX_MS = 5000;
/** How many matching runs an operation collects at once. */
const COLLECTED_RUNS = 1000;
/** A dry run looks at this many pages of 5000 runs at most, because a caller waits for it. */
const PREVIEW_PAGES = 20;
/** How many items are looked at in one critical section. */
const BATCH_ITEMS = 500;

const NO_RUNS: MatchingPage = { runs: [], behind: null };

/** `areAllOver`: whether no run is open. */
export interface Ends {
  readonly ended: EndedRuns;
  readonly areAllOver: boolean;
}

export class RunSets {
  readonly #env: Databases;
  readonly #journal: Journal;
  readonly #replication: Replication;
  readonly #lacking: Lacking;

  constructor(env: Databases, journal: Journal, replication: Replication, lacking: Lacking) {
    this.#env = env;
    this.#journal = journal;
    this.#replication = replication;
    this.#lacking = lacking;
  }

  /** The next runs of the operation's filter, newest first. Null while D1 is rebuilt. Throws what D1 throws. */
  async nextOf({ order, below, matched }: StoredBulk): Promise<MatchingPage | null> {
    // One run more than may match, to know whether there are too many.
    const limit = Math.min(COLLECTED_RUNS, order.maxRuns + 1 - matched);
    return this.#page(order.filters ?? {}, below, limit);
  }

  /** Null while D1 is rebuilt. Throws what D1 throws. */
  async preview(target: BulkTarget, wouldStart: (runIds: readonly string[]) => number): Promise<BulkPreview | null> {
    const found =
      "runIds" in target
        ? { runs: this.#journal.runs.states(target.runIds), matched: target.runIds.length }
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

  /** How the accepted runs of a cancel have ended so far. A run that is no longer kept is left out. */
  async endsOf(bulkId: string): Promise<Ends> {
    let ends: Ends = { ended: endsOf([]), areAllOver: true };
    for (let after = -1; ; ) {
      const items = this.#journal.bulkItems.page(bulkId, "accepted", after, BATCH_ITEMS);
      const last = items.at(-1);
      if (last === undefined) return ends;
      const states = this.#journal.runs.states(items.map(({ runId }) => runId));
      const ended = sumOf(ends.ended, endsOf(states.map(({ status }) => status)));
      ends = { ended, areAllOver: ends.areAllOver && !states.some(isOpen) };
      after = last.seq;
      // Between two batches, other calls are served.
      await scheduler.wait(0);
    }
  }

  async #filtered(filters: RunFilters, maxRuns: number) {
    const runs: MatchingRun[] = [];
    let below: string | null = null;
    for (let pages = 0; pages < PREVIEW_PAGES; pages++) {
      const page: MatchingPage | null = await this.#page(filters, below, maxRuns + 1 - runs.length);
      if (page === null) return null;
      runs.push(...page.runs);
      if (runs.length > maxRuns) return { runs: runs.slice(0, maxRuns), matched: { atLeast: maxRuns + 1 } };
      if (page.behind === null) return { runs, matched: runs.length };
      below = page.behind;
    }
    return { runs, matched: { atLeast: runs.length } };
  }

  /** Null while D1 is rebuilt, because it may lack runs that the journal no longer counts as lacking. */
  async #page(filters: RunFilters, below: string | null, limit: number): Promise<MatchingPage | null> {
    if (this.#replication.isStale) return null;
    const query = { ...filters, cursor: below ?? undefined, limit };
    // First, because what is replicated after this is in both.
    const { ids: without, matching, completeTo } = this.#lacking.of(query);
    const lacking = { items: matching.map(toMatchingRun), endsAt: completeTo };
    const { home } = this.#replication;
    const read = async (number: number) => {
      const session = (await boundDatabase(this.#env, number)).withSession("first-primary");
      return findMatching(session, this.#journal.scope, query, { without, completeTo: completeTo ?? undefined });
    };
    const found = home === null ? NO_RUNS : await within(READ_MAX_MS, read(home.database));
    const { items, endsAt } = mergedPage(lacking, { items: found.runs, endsAt: found.behind }, query);
    return { runs: items, behind: endsAt };
  }
}

function toMatchingRun({ id, status, waitingFor }: RunFacts): MatchingRun {
  return { id, status, isWaiting: status === "pending" && waitingFor !== null };
}

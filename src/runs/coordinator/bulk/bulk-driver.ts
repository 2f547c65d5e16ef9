/**
 * Drives the bulk operations of an environment: it asks the Worker for the next page of each, one page at a time, and
 * writes down the answer. Who has its turn is in the journal, so an operation survives an eviction: the runs of a page
 * whose answer was lost are tried again, and their keys prevent that anything is done twice.
 */

import { logFailure } from "../../../base/log.ts";
import { msSinceOrLongAgo, within } from "../../../base/time.ts";
import { RUNS_PER_SECOND } from "../../bulk.ts";
import type { BulkRunner, Collected, Decided } from "../../bulk-calls.ts";
import { RESERVED_MS, type StoredBulk, shownBulk } from "../../journal/bulk-rows.ts";
import type { Journal } from "../../journal/journal.ts";
import type { DueWork } from "../alarm/alarm-clock.ts";
import type { BulkProgress } from "./progress.ts";

/** An answer that takes longer is lost. */
const LEASE_MS = 60_000;
/** How long an operation waits after a call that failed: at first, and at most. The wait doubles with each failure. */
const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 30_000;
/** How long after the grace all runs of a cancel have ended, even if an alarm is late. */
const ENDED_AFTER_MS = 10_000;
/** How long an operation that collects leaves D1 to others after each call. */
const COLLECT_PAUSE_MS = 250;
/** How many matching runs one call collects. */
const COLLECTED_RUNS = 1000;

/** Something that lasts `ms` from `at` on. */
interface Span {
  readonly at: number;
  readonly ms: number;
}

/** What a BulkDriver calls. `arm`: sets the alarm for what is due next. */
export interface Driving {
  readonly runner: BulkRunner;
  readonly arm: (now: number) => void;
}

export class BulkDriver implements DueWork {
  readonly #journal: Journal;
  readonly #progress: BulkProgress;
  readonly #driving: Driving;
  /** The calls under way, by operation. Only the answer to the newest one counts. */
  readonly #calls = new Map<string, Span>();
  /** Operations that wait because their last call failed. `failures`: how often in a row. */
  readonly #waits = new Map<string, Span & { readonly failures: number }>();
  /**
   * When the next page may begin, so that all operations together keep the rate. It is in memory only: an eviction can
   * cost the rate one page.
   */
  #pace: Span = { at: 0, ms: 0 };
  /** The operation that began the last page. */
  #last = "";

  constructor(journal: Journal, progress: BulkProgress, driving: Driving) {
    this.#journal = journal;
    this.#progress = progress;
    this.#driving = driving;
  }

  /** When an operation has its turn, or is to be purged; Infinity if there is nothing to do. */
  nextAt(now: number): number {
    const turns = this.#journal.bulk.open().map((bulk) => this.#turnAt(bulk, now));
    return Math.min(this.#journal.bulk.nextPurgeAt(), ...turns);
  }

  /** Gives each operation its turn that may have one. Call it at each alarm. */
  start(now: number): void {
    for (const id of this.#journal.bulk.purgeable(now)) {
      this.#progress.erase(id);
      this.#waits.delete(id);
    }
    for (const bulk of this.#inTurn()) {
      // The pace changes with each page that begins.
      if (this.#turnAt(bulk, now) <= now) this.#takeTurn(bulk, now);
    }
  }

  /** Ends an operation that somebody wants to stop. If a page is under way, the operation ends after that page. */
  stop(bulk: StoredBulk, now: number): void {
    // Collecting changes no run, so its answer may be dropped.
    if (bulk.state === "collecting") this.#calls.delete(bulk.id);
    if (!this.#calls.has(bulk.id)) {
      this.#journal.transaction(() => this.#progress.abort(bulk, "asked", now));
    }
  }

  #turnAt(bulk: StoredBulk, now: number): number {
    const { id, state } = bulk;
    if (state === "reserved") return bulk.createdAt + RESERVED_MS;
    const spans = [this.#calls.get(id), this.#waits.get(id)];
    if (state === "running" && bulk.stoppedBy === null) spans.push(this.#pace);
    if (bulk.isAudited) spans.push(untilRunsEnd(bulk));
    return Math.max(...spans.map((span) => endOf(span, now)));
  }

  /** They take turns: those after the one with the last page come first. Otherwise the oldest would take each page. */
  #inTurn(): readonly StoredBulk[] {
    const open = this.#journal.bulk.open().filter(({ state }) => state !== "reserved");
    return [...open.filter(({ id }) => id > this.#last), ...open.filter(({ id }) => id <= this.#last)];
  }

  #takeTurn(bulk: StoredBulk, now: number): void {
    if (bulk.isAudited) this.#noteEnds(bulk, now);
    else if (bulk.completedAt !== null) this.#conclude(bulk, now);
    else if (bulk.stoppedBy !== null) this.stop(bulk, now);
    else if (bulk.state === "collecting") this.#collect(bulk, now);
    else this.#decide(bulk, now);
  }

  #collect(bulk: StoredBulk, now: number): void {
    const { runner } = this.#driving;
    const { order, below, matched } = bulk;
    const { scope } = this.#journal;
    // One run more than may match, to know whether there are too many.
    const limit = Math.min(COLLECTED_RUNS, order.maxRuns + 1 - matched);
    const ask = (): Promise<Collected> =>
      order.filter === null
        ? runner.sort(scope, this.#journal.bulkPages.runs(bulk.id))
        : runner.collect(scope, order, below, limit);
    void this.#call(bulk.id, now, ask, (answer, current, at) => {
      if (answer.type === "not_settled") return null;
      this.#progress.collected(current, answer.runs, answer.behind, at);
      return answer.behind === null ? 0 : COLLECT_PAUSE_MS;
    });
  }

  #decide(bulk: StoredBulk, now: number): void {
    const page = this.#journal.transaction(() => this.#progress.beginPage(bulk, now));
    if (page.length === 0) {
      const next = this.#journal.bulk.of(bulk.id);
      if (next !== null && next.round > bulk.round) this.#wait(bulk.id, bulk.round - 1, now);
      return;
    }
    this.#last = bulk.id;
    this.#pace = { at: now, ms: (page.length / RUNS_PER_SECOND) * 1000 };
    const { runner } = this.#driving;
    const runIds = page.map(({ runId }) => runId);
    const ask = (): Promise<Decided> => runner.decide(this.#journal.scope, bulk.order, runIds);
    void this.#call(bulk.id, now, ask, (answer, current, at) => {
      if (answer.type === "not_begun") {
        // The runs of this page were not tried.
        this.#journal.bulk.update(current, { nextSeq: bulk.nextSeq });
        return null;
      }
      if (answer.type === "refused") {
        const untried = this.#journal.bulk.update(current, { nextSeq: bulk.nextSeq });
        // Somebody may have stopped it meanwhile.
        this.#progress.abort(untried, untried.abortReason ?? answer.reason, at);
        return 0;
      }
      this.#progress.decided(current, page, answer.items);
      return 0;
    });
  }

  #conclude(bulk: StoredBulk, now: number): void {
    const operation = shownBulk(bulk);
    if (operation === null) return;
    const ask = () => this.#driving.runner.conclude(this.#journal.scope, operation, bulk.stoppedBy);
    void this.#call(bulk.id, now, ask, (_, current) => {
      this.#progress.audited(current);
      return 0;
    });
  }

  #noteEnds(bulk: StoredBulk, now: number): void {
    const { asked } = this.#progress.acceptedRuns(bulk.id);
    const ask = () => this.#driving.runner.ended(this.#journal.scope, asked);
    void this.#call(bulk.id, now, ask, (ended, current) => {
      if (ended === null) return null;
      this.#progress.ended(current, ended);
      return 0;
    });
  }

  /**
   * Calls the Worker. `use` writes the answer. It returns for how many ms the operation waits before its next call; null:
   * as after a failure. An answer that comes too late, or after a newer call, changes nothing.
   */
  async #call<T>(
    id: string,
    now: number,
    ask: () => Promise<T>,
    use: (answer: T, bulk: StoredBulk, now: number) => number | null,
  ): Promise<void> {
    const call = { at: now, ms: LEASE_MS };
    this.#calls.set(id, call);
    let waitMs: number | null = null;
    try {
      const answer = await within(LEASE_MS, ask());
      const bulk = this.#journal.bulk.of(id);
      if (this.#calls.get(id) !== call || bulk === null) return;
      waitMs = this.#journal.transaction(() => use(answer, bulk, Date.now()));
    } catch (error) {
      logFailure("bulk_failed", error, { coordinator: this.#journal.scope, operation: id });
    }
    if (this.#calls.get(id) !== call) return;
    this.#calls.delete(id);
    if (waitMs === null) this.#wait(id, this.#waits.get(id)?.failures ?? 0, Date.now());
    else if (waitMs === 0) this.#waits.delete(id);
    else this.#waits.set(id, { at: Date.now(), ms: waitMs, failures: 0 });
    this.#driving.arm(Date.now());
  }

  #wait(id: string, failures: number, now: number): void {
    const ms = Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_MAX_MS);
    this.#waits.set(id, { at: now, ms, failures: failures + 1 });
  }
}

/** When the span is over; in the past if it is, or if there is none. */
function endOf(span: Span | undefined, now: number): number {
  return span === undefined || msSinceOrLongAgo(span.at, now) >= span.ms ? now : span.at + span.ms;
}

/** Until when runs of a cancel that has ended may still be open. */
function untilRunsEnd({ order, completedAt }: StoredBulk): Span {
  const { request } = order;
  const graceMs = request.operation === "cancel" ? request.graceSeconds * 1000 : 0;
  return { at: completedAt ?? 0, ms: graceMs + ENDED_AFTER_MS };
}

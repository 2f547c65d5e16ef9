/**
 * Drives the bulk operations of an environment. It collects the runs of each, then it cancels them, or asks the Worker
 * to retry them, one batch at a time. What was done is in the journal, so an operation survives an eviction: the next
 * instance goes on with the first run that is undecided.
 */
import { logFailure } from "../../base/log.ts";
import { msSinceOrLongAgo, within } from "../../base/time.ts";
import { type BulkRunner, bulkKey, type NumberedItem, type Outcome, RUNS_PER_SECOND } from "../bulk.ts";
import { RESERVED_MS, type StoredBulk, shownBulk } from "../journal/bulk-rows.ts";
import type { Journal } from "../journal/journal.ts";
import { nameOf } from "../run.ts";
import type { RunRefusal } from "../run-calls.ts";
import type { CancelRequest } from "../transition.ts";
import type { DueWork } from "./alarm.ts";
import type { BulkProgress, RunSets } from "./bulk-progress.ts";
import type { Ledger } from "./ledger.ts";
import { cancelRun } from "./run-handler.ts";

/** A step that takes longer is lost. */
const LEASE_MS = 60_000;
/** How long an operation waits after a step that failed: at first, and at most. The wait doubles with each failure. */
const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 30_000;
/** How long after the grace all runs of a cancel have ended, even if an alarm is late. */
const ENDED_AFTER_MS = 10_000;
/** How long an operation that collects leaves D1 to others after each read. */
const COLLECT_PAUSE_MS = 250;

/** Something that lasts `ms` from `at` on. */
interface Span {
  readonly at: number;
  readonly ms: number;
}

/** The operation as it is now; null if its step is lost, or another one has begun. */
type Current = () => StoredBulk | null;

/** What a BulkDriver calls. `arm`: sets the alarm for what is due next. */
export interface Driving {
  readonly runner: BulkRunner;
  readonly sets: RunSets;
  readonly cancels: BulkCancels;
  readonly arm: (now: number) => void;
}

export class BulkDriver implements DueWork {
  readonly #journal: Journal;
  readonly #progress: BulkProgress;
  readonly #driving: Driving;
  /** The steps under way, by operation. Only the newest one counts. */
  readonly #steps = new Map<string, Span>();
  /** Operations that wait because their last step failed. `failures`: how often in a row. */
  readonly #waits = new Map<string, Span & { readonly failures: number }>();
  /**
   * When the next batch may begin, so that all operations together keep the rate. It is in memory only: an eviction can
   * cost the rate one batch.
   */
  #pace: Span = { at: 0, ms: 0 };
  /** The operation that began the last batch. */
  #last = "";

  constructor(journal: Journal, progress: BulkProgress, driving: Driving) {
    this.#journal = journal;
    this.#progress = progress;
    this.#driving = driving;
  }

  /** When the next step of an operation is due, or one is to be purged; Infinity if there is nothing to do. */
  nextAt(now: number): number {
    const steps = this.#journal.bulk.open().map((bulk) => this.#stepAt(bulk, now));
    return Math.min(this.#journal.bulk.nextPurgeAt(), ...steps);
  }

  /** Starts the next step of each operation that is due. Call it at each alarm. */
  start(now: number): void {
    for (const id of this.#journal.bulk.purgeable(now)) {
      this.#progress.erase(id);
      this.#waits.delete(id);
    }
    for (const bulk of this.#inOrder()) {
      // The pace changes with each batch that begins.
      if (this.#stepAt(bulk, now) <= now) this.#startStep(bulk, now);
    }
  }

  /** Ends an operation that somebody wants to stop. If retries are under way, it ends after them, because they count. */
  stop(bulk: StoredBulk, now: number): void {
    const isRetrying = bulk.state === "running" && bulk.order.request.operation === "retry";
    if (!isRetrying || !this.#steps.has(bulk.id)) this.#abort(bulk, now);
  }

  #abort(bulk: StoredBulk, now: number): void {
    this.#steps.delete(bulk.id);
    this.#journal.transaction(() => this.#progress.abort(bulk, "asked", now));
  }

  #stepAt(bulk: StoredBulk, now: number): number {
    const { id, state } = bulk;
    if (state === "reserved") return bulk.createdAt + RESERVED_MS;
    const spans = [this.#steps.get(id), this.#waits.get(id)];
    if (state === "running" && bulk.stoppedBy === null) spans.push(this.#pace);
    if (bulk.isAudited) spans.push(untilRunsEnd(bulk));
    return Math.max(...spans.map((span) => endOf(span, now)));
  }

  /** Those after the one with the last batch come first. Otherwise the oldest would take each batch. */
  #inOrder(): readonly StoredBulk[] {
    const open = this.#journal.bulk.open().filter(({ state }) => state !== "reserved");
    return [...open.filter(({ id }) => id > this.#last), ...open.filter(({ id }) => id <= this.#last)];
  }

  #startStep(bulk: StoredBulk, now: number): void {
    if (bulk.isAudited) this.#noteEnds(bulk, now);
    else if (bulk.completedAt !== null) this.#conclude(bulk, now);
    else if (bulk.stoppedBy !== null) this.#abort(bulk, now);
    else if (bulk.state === "collecting") this.#collect(bulk, now);
    else this.#decide(bulk, now);
  }

  #collect(bulk: StoredBulk, now: number): void {
    void this.#step(bulk.id, now, async (current) => {
      const page = await this.#driving.sets.nextOf(bulk);
      const then = current();
      if (page === null || then === null) return null;
      this.#journal.transaction(() => this.#progress.collected(then, page.runs, page.behind, Date.now()));
      return page.behind === null ? 0 : COLLECT_PAUSE_MS;
    });
  }

  #decide(bulk: StoredBulk, now: number): void {
    const batch = this.#journal.transaction(() => this.#progress.nextBatch(bulk, now));
    if (batch.length === 0) {
      const next = this.#journal.bulk.of(bulk.id);
      if (next !== null && next.pass > bulk.pass) this.#wait(bulk.id, bulk.pass - 1, now);
      return;
    }
    this.#last = bulk.id;
    // No other batch begins while this one is judged.
    this.#pace = { at: now, ms: LEASE_MS };
    const { runner } = this.#driving;
    void this.#step(bulk.id, now, async (current) => {
      const state = await runner.judge(this.#journal.scope, bulk.order).finally(() => {
        this.#pace = { at: Date.now(), ms: (batch.length / RUNS_PER_SECOND) * 1000 };
      });
      const judged = current();
      if (judged === null) return null;
      // Somebody may have stopped it meanwhile.
      const reason = judged.abortReason ?? (state === "living" ? null : state);
      if (reason !== null) this.#journal.transaction(() => this.#progress.abort(judged, reason, Date.now()));
      else if (bulk.order.request.operation === "cancel") await this.#cancel(batch, current);
      else await this.#retry(judged, batch, current);
      return 0;
    });
  }

  async #cancel(batch: readonly NumberedItem[], current: Current): Promise<void> {
    for (const item of batch) {
      const bulk = current();
      if (bulk === null) return;
      this.#driving.cancels.decide(bulk, item, Date.now());
      // Between two runs, other calls are served.
      await scheduler.wait(0);
    }
  }

  async #retry(bulk: StoredBulk, batch: readonly NumberedItem[], current: Current): Promise<void> {
    this.#progress.tried(bulk, batch);
    const runIds = batch.map(({ runId }) => runId);
    const answer = await this.#driving.runner.retry(this.#journal.scope, bulk.order, runIds);
    const then = current();
    if (then === null) return;
    const decided = batch.flatMap(({ seq }, i) => {
      const item = answer[i];
      return item ? [{ ...item, seq }] : [];
    });
    this.#journal.transaction(() => this.#progress.decided(then, decided));
  }

  #conclude(bulk: StoredBulk, now: number): void {
    const operation = shownBulk(bulk);
    if (operation === null) return;
    void this.#step(bulk.id, now, async (current) => {
      await this.#driving.runner.conclude(this.#journal.scope, operation, bulk.stoppedBy);
      const then = current();
      if (then !== null) this.#progress.audited(then);
      return 0;
    });
  }

  #noteEnds(bulk: StoredBulk, now: number): void {
    void this.#step(bulk.id, now, async (current) => {
      const { ended, areAllOver } = await this.#driving.sets.endsOf(bulk.id);
      const then = current();
      if (!areAllOver || then === null) return null;
      this.#progress.ended(then, ended);
      return 0;
    });
  }

  /**
   * One step of an operation. `take` returns for how many ms the operation then waits; null: as after a failure. What
   * comes too late, or after a newer step, changes nothing, because `take` asks `current` before each write.
   */
  async #step(id: string, now: number, take: (current: Current) => Promise<number | null>): Promise<void> {
    const step = { at: now, ms: LEASE_MS };
    this.#steps.set(id, step);
    let waitMs: number | null = null;
    try {
      const current = () => (this.#steps.get(id) === step ? this.#journal.bulk.of(id) : null);
      waitMs = await within(LEASE_MS, take(current));
    } catch (error) {
      logFailure("bulk_failed", error, { coordinator: this.#journal.scope, operation: id });
    }
    if (this.#steps.get(id) !== step) return;
    this.#steps.delete(id);
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

/* SECTION:
 * What a bulk cancel does to one run: what a single cancel would do. The cancel and its item are one transaction. So
 * whenever the object dies, an undecided run is as it was, and the next instance goes on with it.
 */

export class BulkCancels {
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #progress: BulkProgress;

  constructor(journal: Journal, ledger: Ledger, progress: BulkProgress) {
    this.#journal = journal;
    this.#ledger = ledger;
    this.#progress = progress;
  }

  /** Decides the run. If its transaction fails, the run is as it was and has failed, so that it holds up no other. */
  decide(bulk: StoredBulk, item: NumberedItem, now: number): void {
    const { id } = bulk;
    const note = (outcome: Outcome, code: string | null) => this.#progress.decided(bulk, [{ ...item, outcome, code }]);
    try {
      const refusal = this.#cancel(bulk, item.runId, now, () => note("accepted", null));
      if (refusal !== null) this.#journal.transaction(() => note("skipped", refusal));
    } catch (error) {
      logFailure("bulk_run_failed", error, { coordinator: this.#journal.scope, operation: id, run: item.runId });
      this.#journal.transaction(() => note("failed", "internal_error"));
    }
  }

  /** Why the run is not cancelled; null if it is. `accepted`: called in the transaction that cancels it. */
  #cancel(
    { order }: StoredBulk,
    runId: string,
    now: number,
    accepted: () => void,
  ): RunRefusal["reason"] | "person_required" | null {
    const { request, asker, mustNamePerson } = order;
    if (request.operation !== "cancel") throw new Error("this operation is no cancel");
    if (mustNamePerson && this.#journal.runs.byId(runId)?.gates) return "person_required";
    const { reason } = request;
    const graceMs = request.graceSeconds * 1000;
    const asked: CancelRequest = { type: "cancel_requested", by: nameOf(asker), reason, graceMs };
    const changeKey = { key: bulkKey(order.id, runId), fingerprint: "" };
    const parts = { journal: this.#journal, ledger: this.#ledger };
    const cancelled = cancelRun(parts, runId, asked, changeKey, now, accepted);
    return cancelled.ok ? null : cancelled.reason;
  }
}

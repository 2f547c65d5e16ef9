/** Drives the bulk operations, one batch of each at a time. What was done is in the journal, so a new object goes on. */
import { type NumberedItem, type Outcome, RUNS_PER_SECOND } from "../../bulk.ts";
import { RESERVED_MS, type StoredBulk, shownBulk } from "../../journal/bulk-rows.ts";
import { nameOf } from "../../run.ts";
import type { RunRefusal } from "../../run-calls.ts";
import { bulkKey } from "../../starts.ts";
import type { CancelRequest } from "../../transition.ts";
import type { DueWork } from "../alarm.ts";
import { PartWith } from "../context.ts";
import { endOf, type LeasedCall, type Span } from "../leased-call.ts";
import { cancelRun } from "../run-ends.ts";
import type { BulkProgress, RunSets } from "./bulk-progress.ts";

const STEP = { leaseMs: 60_000, retryFirstMs: 1000, retryMaxMs: 30_000 };
/** How long after the grace all runs of a cancel have ended, even if an alarm is late. */
const ENDED_AFTER_MS = 10_000;
const COLLECT_PAUSE_MS = 250;

/** The operation as it is now; null if its step is lost, or another one has begun. */
type Current = () => StoredBulk | null;

export class BulkDriver extends PartWith<{ progress: BulkProgress; sets: RunSets }> implements DueWork {
  readonly #steps = new Map<string, LeasedCall>();
  /** When the next batch may begin, so that all operations together keep the rate. An eviction can cost one batch. */
  #pace: Span = { at: 0, ms: 0 };
  #last = "";

  nextAt(now: number): number {
    const steps = this.journal.bulk.open().map((bulk) => this.#stepAt(bulk, now));
    return Math.min(this.journal.bulk.nextPurgeAt(), ...steps);
  }

  takeBatch(now: number): number {
    for (const id of this.journal.bulk.purgeable(now)) this.parts.progress.erase(id);
    const open = this.#inOrder();
    for (const id of this.#steps.keys()) if (!open.some((bulk) => bulk.id === id)) this.#steps.delete(id);
    // The pace changes with each batch that begins.
    for (const bulk of open) if (this.#stepAt(bulk, now) <= now) this.#startStep(bulk, now);
    return 0;
  }

  /** Ends an operation that somebody wants to stop. If retries are under way, it ends after them, because they count. */
  stop(bulk: StoredBulk, now: number): void {
    const isRetrying = bulk.state === "running" && bulk.order.request.operation === "retry";
    if (!isRetrying || !this.#stepsOf(bulk.id).isUnderWay) this.#abort(bulk, now);
  }

  #abort(bulk: StoredBulk, now: number): void {
    this.#stepsOf(bulk.id).giveUp();
    this.journal.transaction(() => this.parts.progress.abort(bulk, "asked", now));
  }

  #stepAt(bulk: StoredBulk, now: number): number {
    const { id, state } = bulk;
    if (state === "reserved") return bulk.createdAt + RESERVED_MS;
    const stepAt = this.#steps.get(id)?.nextAt(now) ?? now;
    if (bulk.isAudited) return Math.max(stepAt, endOf(untilRunsEnd(bulk), now));
    return state === "running" && bulk.stoppedBy === null ? Math.max(stepAt, endOf(this.#pace, now)) : stepAt;
  }

  /** Those after the one with the last batch come first. Otherwise the oldest would take each batch. */
  #inOrder(): readonly StoredBulk[] {
    const open = this.journal.bulk.open().filter(({ state }) => state !== "reserved");
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
    this.#step(bulk.id, now, async (current) => {
      const page = await this.parts.sets.nextOf(bulk);
      const then = current();
      if (page === null || then === null) return null;
      this.journal.transaction(() => this.parts.progress.collected(then, page, Date.now()));
      return page.endsAt === null ? 0 : COLLECT_PAUSE_MS;
    });
  }

  #decide(bulk: StoredBulk, now: number): void {
    const batch = this.journal.transaction(() => this.parts.progress.nextBatch(bulk, now));
    if (batch.length === 0) {
      const next = this.journal.bulk.of(bulk.id);
      // Each pass over what stays undecided comes later.
      if (next !== null && next.pass > bulk.pass) {
        const ms = Math.min(STEP.retryFirstMs * 2 ** (bulk.pass - 1), STEP.retryMaxMs);
        this.#stepsOf(bulk.id).wait(ms, now);
      }
      return;
    }
    this.#last = bulk.id;
    // No other batch begins while this one is judged.
    this.#pace = { at: now, ms: STEP.leaseMs };
    const runner = this.context.entrypoints.BulkOperations;
    this.#step(bulk.id, now, async (current) => {
      const state = await runner.judge(this.journal.scope, bulk.order).finally(() => {
        this.#pace = { at: Date.now(), ms: (batch.length / RUNS_PER_SECOND) * 1000 };
      });
      const judged = current();
      if (judged === null) return null;
      // Somebody may have stopped it meanwhile.
      const reason = judged.abortReason ?? (state === "living" ? null : state);
      if (reason !== null) this.journal.transaction(() => this.parts.progress.abort(judged, reason, Date.now()));
      else if (bulk.order.request.operation === "cancel") await this.#cancel(batch, current);
      else await this.#retry(judged, batch, current);
      return 0;
    });
  }

  async #cancel(batch: readonly NumberedItem[], current: Current): Promise<void> {
    for (const item of batch) {
      const bulk = current();
      if (bulk === null) return;
      this.#cancelOne(bulk, item, Date.now());
      await scheduler.wait(0);
    }
  }

  async #retry(bulk: StoredBulk, batch: readonly NumberedItem[], current: Current): Promise<void> {
    this.parts.progress.tried(bulk, batch);
    const runIds = batch.map(({ runId }) => runId);
    const answer = await this.context.entrypoints.BulkOperations.retry(this.journal.scope, bulk.order, runIds);
    const then = current();
    if (then === null) return;
    const decided = batch.flatMap(({ seq }, i) => {
      const item = answer[i];
      return item ? [{ ...item, seq }] : [];
    });
    this.journal.transaction(() => this.parts.progress.decided(then, decided));
  }

  #conclude(bulk: StoredBulk, now: number): void {
    const operation = shownBulk(bulk);
    if (operation === null) return;
    this.#step(bulk.id, now, async (current) => {
      await this.context.entrypoints.BulkOperations.conclude(this.journal.scope, operation, bulk.stoppedBy);
      const then = current();
      // A cancel is over only when it is also noted how its runs have ended.
      const isOver = then?.order.request.operation === "retry";
      if (then !== null) this.journal.bulk.update(then, { isAudited: true, isOver });
      return 0;
    });
  }

  #noteEnds(bulk: StoredBulk, now: number): void {
    this.#step(bulk.id, now, async (current) => {
      const { ended, areAllOver } = await this.parts.sets.endsOf(bulk.id);
      const then = current();
      if (!areAllOver || then === null) return null;
      this.journal.bulk.update(then, { ended, isOver: true });
      return 0;
    });
  }

  /** One transaction with its item. If the cancel fails, the run has failed, so that it holds up no other. */
  #cancelOne(bulk: StoredBulk, item: NumberedItem, now: number): void {
    const note = (outcome: Outcome, code: string | null) =>
      this.parts.progress.decided(bulk, [{ ...item, outcome, code }]);
    try {
      const refusal = this.#cancelRefusal(bulk, item.runId, now, () => note("accepted", null));
      if (refusal !== null) this.journal.transaction(() => note("skipped", refusal));
    } catch (error) {
      this.logFailure("bulk_run_failed", error, { operation: bulk.id, run: item.runId });
      this.journal.transaction(() => note("failed", "internal_error"));
    }
  }

  /** Null if it is cancelled. `accepted`: called in the transaction that cancels it. */
  #cancelRefusal(
    { order }: StoredBulk,
    runId: string,
    now: number,
    accepted: () => void,
  ): RunRefusal["reason"] | "person_required" | null {
    const { request, asker, mustNamePerson } = order;
    if (request.operation !== "cancel") throw new Error("this operation is no cancel");
    if (mustNamePerson && this.journal.runs.byId(runId)?.gates) return "person_required";
    const { reason } = request;
    const graceMs = request.graceSeconds * 1000;
    const asked: CancelRequest = { type: "cancel_requested", by: nameOf(asker), reason, graceMs };
    const changeKey = { key: bulkKey(order.id, runId), fingerprint: "" };
    const cancelled = cancelRun(this.context, runId, asked, changeKey, now, accepted);
    return cancelled.ok ? null : cancelled.reason;
  }

  #stepsOf(id: string): LeasedCall {
    const steps = this.#steps.get(id) ?? this.leasedCall(STEP, "bulk_failed", { operation: id });
    this.#steps.set(id, steps);
    return steps;
  }

  /** `take` returns for how many ms the operation then waits; null: as after a failure. */
  #step(id: string, now: number, take: (current: Current) => Promise<number | null>): void {
    this.#stepsOf(id).start(now, (isCurrent) => take(() => (isCurrent() ? this.journal.bulk.of(id) : null)));
  }
}

function untilRunsEnd({ order: { request }, completedAt }: StoredBulk): Span {
  const graceMs = request.operation === "cancel" ? request.graceSeconds * 1000 : 0;
  return { at: completedAt ?? 0, ms: graceMs + ENDED_AFTER_MS };
}

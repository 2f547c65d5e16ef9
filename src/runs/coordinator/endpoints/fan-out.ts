/**
 * Fans out the events of runs: a delivery for each endpoint that hears of it, in the transaction of the version. If
 * they can't be written, the version notes that its event is pending, and a walk makes them later. An environment
 * without endpoints writes no row.
 */
import { log } from "../../../base/log.ts";
import { DAY_MS } from "../../../base/time.ts";
import { LEASE_MS } from "../../../webhooks/dispatch.ts";
import { hears, type Match, type RunWithEvent, waitsForFinal, withEvent } from "../../endpoint-deliveries.ts";
import type { FollowUp, Written } from "../../journal/journal.ts";
import type { JournaledRun } from "../../journal/run-rows.ts";
import type { DueWork } from "../alarm.ts";
import { Part } from "../context.ts";
import type { IsCurrent } from "../leased-call.ts";
import { DefinitionReads, Outcomes } from "./definition-reads.ts";
import { Deliveries } from "./deliveries.ts";
import { Recoveries, Suspect } from "./recoveries.ts";

const BATCH_DELIVERIES = 200;
const BATCH_EVENTS = 50;
const WALK_BATCHES = 200;
const WALK = { leaseMs: 30_000, retryFirstMs: 2000, retryMaxMs: 30_000 };
/** Nothing older is fanned out: the deliveries that were made for it are forgotten, so it could be sent twice. */
const FAN_OUT_WITHIN_MS = 7 * DAY_MS;

export class FanOut extends Part implements FollowUp, DueWork {
  readonly outcomes = new Outcomes(this.context);
  readonly reads = new DefinitionReads(this.context, this.outcomes, this);
  readonly deliveries = new Deliveries(this.context, this.reads);
  readonly recoveries = new Recoveries(this.context, this.deliveries);
  readonly #call = this.leasedCall(WALK, "fan_out_failed");
  readonly #suspect = new Suspect();

  /** Whether the version has no event of which an endpoint could hear. */
  isOnRecord({ pendingVersion: { run, seq } }: Written): boolean {
    return run?.eventSeq !== seq || this.journal.endpoints.listeners.length === 0;
  }

  record({ pendingVersion: { run, bytes } }: Written, now: number): (() => void) | null {
    if (run === null) return null;
    const { alarms, storageLimit } = this.context;
    const isNoted = this.#noteOutcome(run, now);
    try {
      const event = run.eventSeq === null ? null : withEvent({ ...run, seq: run.eventSeq, bytes });
      const matches = event === null ? [] : this.#matchesOf([event], run.nextRetry !== null && event.isFinal);
      if (matches.length === 0) return isNoted ? null : () => this.takeBatch(now);
      if (!storageLimit.isReached(now)) {
        const begun = this.journal.transaction(() => this.deliveries.insert(matches, now));
        alarms.armBy(now + LEASE_MS, now);
        // One that waits is sent when an attempt of its endpoint ends.
        return () => this.deliveries.send(begun);
      }
    } catch (error) {
      this.logFailure("fan_out_failed", error);
    }
    this.#notePending(run.eventSeq ?? 0);
    alarms.armBy(now, now);
    return () => this.takeBatch(now);
  }

  /** What is under way leaves first. */
  takeBatch(now: number): number {
    if (this.nextAt(now) <= now) this.#call.start(now, (isCurrent) => this.#walk(isCurrent));
    return 0;
  }

  nextAt(now: number): number {
    return this.#hasWork ? this.#call.nextAt(now) : Number.POSITIVE_INFINITY;
  }

  get #hasWork(): boolean {
    return this.journal.fanOut.pendingAfter !== null || this.journal.recoveries.isAny || this.outcomes.isFilling;
  }

  async #walk(isCurrent: IsCurrent): Promise<number> {
    for (let batches = 0; batches < WALK_BATCHES && this.#hasWork; batches++) {
      // Between two batches, other calls are served.
      await scheduler.wait(0);
      if (!isCurrent()) break;
      const { storageLimit } = this.context;
      if (storageLimit.isReached(Date.now())) throw new Error("the object is full, so no delivery is written");
      this.outcomes.fill();
      this.#fanOutNext();
      this.recoveries.recoverBatch();
    }
    return 0;
  }

  #fanOutNext(): void {
    const { fanOut, sequence, runsWithEvents, endpoints } = this.journal;
    const { pendingAfter } = fanOut;
    if (pendingAfter === null) return;
    const now = Date.now();
    const limit = this.#suspect.limit(batchEvents(endpoints.listeners.length));
    const { runs, walkedTo } = runsWithEvents.after(pendingAfter, sequence.last, limit);
    const young = runs.filter(({ at }) => at > now - FAN_OUT_WITHIN_MS);
    try {
      const begun = this.journal.transaction(() => {
        const deliveries = this.deliveries.insert(this.#matchesOf(young), now);
        this.#walkedTo(walkedTo);
        return deliveries;
      });
      this.#suspect.passed();
      this.deliveries.launch(begun);
    } catch (error) {
      const skipped = this.#suspect.failed(runs);
      if (skipped === null) throw error;
      this.#walkedTo(skipped.seq);
      log("error", "event_skipped", { coordinator: this.journal.scope, run: skipped.id });
    }
  }

  #noteOutcome(run: JournaledRun, now: number): boolean {
    try {
      this.outcomes.ended(run);
      return true;
    } catch (error) {
      this.logFailure("fan_out_failed", error);
      this.outcomes.fillFrom(run);
      this.context.alarms.armBy(now, now);
      return false;
    }
  }

  #walkedTo(seq: number): void {
    const { fanOut, sequence } = this.journal;
    fanOut.pendingAfter = seq === sequence.last ? null : seq;
  }

  #notePending(seq: number): void {
    const { fanOut } = this.journal;
    fanOut.pendingAfter = Math.min(fanOut.pendingAfter ?? seq, seq - 1);
  }

  /** `isLate`: these runs had ended before, and only then had other endpoints to hear of them. */
  #matchesOf(runs: readonly RunWithEvent[], isLate = false): Match[] {
    const all = this.journal.endpoints.listeners;
    const listeners = isLate ? all.filter(waitsForFinal) : all;
    return runs.flatMap((run) =>
      listeners
        .filter((listener) => run.seq > listener.afterSeq && hears(listener, run))
        .map(({ endpoint }) => ({ run, endpoint })),
    );
  }
}

function batchEvents(endpoints: number): number {
  return Math.min(BATCH_EVENTS, Math.max(Math.floor(BATCH_DELIVERIES / Math.max(endpoints, 1)), 1));
}

/**
 * A delivery for each endpoint that hears of an event, in the transaction of the version. If they can't be written, the
 * version notes that its event is pending, and a walk makes them later. Without endpoints, no row is written.
 */

import { RECOVERED_MAX } from "../../../base/limits.ts";
import { log } from "../../../base/log.ts";
import { DAY_MS, HOUR_MS } from "../../../base/time.ts";
import { LEASE_MS } from "../../../webhooks/dispatch.ts";
import {
  type Delivery,
  type EndpointKey,
  hears,
  isSameOrder,
  type Listener,
  type Match,
  type RecoveryOrder,
  type RunWithEvent,
  waitsForFinal,
  withEvent,
} from "../../endpoint-deliveries.ts";
import type { StoredRecovery } from "../../journal/endpoint-rows.ts";
import type { FollowUp, Written } from "../../journal/journal.ts";
import type { JournaledRun } from "../../journal/run-rows.ts";
import type { DueWork } from "../alarm.ts";
import { Part, PartWith } from "../context.ts";
import type { IsCurrent } from "../leased-call.ts";
import type { Retries } from "../starts/retries.ts";
import { DefinitionReads, Outcomes } from "./definition-reads.ts";
import { Deliveries } from "./deliveries.ts";

const BATCH_DELIVERIES = 200;
const BATCH_EVENTS = 50;
const WALK_BATCHES = 200;
const WALK = { leaseMs: 30_000, retryFirstMs: 2000, retryMaxMs: 30_000 };
/** Nothing older is fanned out: the deliveries that were made for it are forgotten, so it could be sent twice. */
const FAN_OUT_WITHIN_MS = 7 * DAY_MS;

export class FanOut extends PartWith<{ retries: Retries }> implements FollowUp, DueWork {
  readonly outcomes = new Outcomes(this.context);
  readonly reads = new DefinitionReads(this.context, { outcomes: this.outcomes, fanOut: this });
  readonly deliveries = new Deliveries(this.context, { reads: this.reads, retries: this.parts.retries });
  readonly recoveries = new Recoveries(this.context, { deliveries: this.deliveries });
  readonly #call = this.leasedCall(WALK, "fan_out_failed");
  readonly #suspect = new Suspect(this.context);

  isOnRecord({ pendingVersion: { run, seq } }: Written): boolean {
    return run?.eventSeq !== seq || this.journal.endpoints.listeners.length === 0;
  }

  record({ pendingVersion: { run, bytes } }: Written, now: number): (() => void) | null {
    if (run === null) return null;
    const { alarms, storageLimit } = this.context;
    const isNoted = this.#noteOutcome(run, now);
    try {
      const event = run.eventSeq === null ? null : withEvent({ ...run, seq: run.eventSeq, bytes });
      const matches = event === null ? [] : this.#matchesOf([event], now);
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
    const write = () => {
      const deliveries = this.deliveries.insert(this.#matchesOf(runs, now), now);
      this.#walkedTo(walkedTo);
      return deliveries;
    };
    this.deliveries.launch(this.#suspect.written(runs, write, (seq) => this.#walkedTo(seq)));
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

  #matchesOf(runs: readonly RunWithEvent[], now: number): Match[] {
    const { listeners } = this.journal.endpoints;
    return runs.flatMap((run) =>
      listeners
        .filter((listener) => isNewTo(listener, run, now) && hears(listener, run))
        .map(({ endpoint }) => ({ run, endpoint })),
    );
  }
}

/**
 * The event must be newer than the endpoint. An end that became final later is new to those that wait for that. Others
 * have a delivery of it, and get no second one, unless they waited too until their filter was changed.
 */
function isNewTo(listener: Listener, { seq, endedSeq, at }: RunWithEvent, now: number): boolean {
  const happenedSeq = endedSeq ?? seq;
  if (happenedSeq < seq && waitsForFinal(listener)) return seq > listener.afterSeq;
  return happenedSeq > listener.afterSeq && at > now - FAN_OUT_WITHIN_MS;
}

function batchEvents(endpoints: number): number {
  return Math.min(BATCH_EVENTS, Math.max(Math.floor(BATCH_DELIVERIES / Math.max(endpoints, 1)), 1));
}

const BATCH_RUNS = 50;
/** A run that ended late, after the object was down, was written after its end. Clocks step back by less than this. */
const CLOCK_MARGIN_MS = HOUR_MS;

/** A walk over events, newest first, brings deliveries back that an endpoint has lost. The journal has its progress. */
export class Recoveries extends PartWith<{ deliveries: Deliveries }> {
  readonly #suspect = new Suspect(this.context);

  /** Goes on after one that has brought all it may. False if one with another order is under way. */
  begin(endpoint: EndpointKey, order: RecoveryOrder): boolean {
    const known = this.journal.recoveries.of(endpoint);
    const isSame = known !== null && isSameOrder(known, order);
    if (known !== null && !known.isOver) return isSame;
    const beforeSeq = isSame && known.beforeSeq > 0 ? known.beforeSeq : this.journal.sequence.next;
    this.journal.recoveries.put({ endpoint, ...order, beforeSeq, deliveries: 0, isOver: false });
    return true;
  }

  recoverBatch(): void {
    const recovery = this.journal.recoveries.next();
    if (recovery === null) return;
    const { endpoint, since, until, include } = recovery;
    const { runs, walkedTo } = this.journal.runsWithEvents.before(
      recovery.beforeSeq,
      since - CLOCK_MARGIN_MS,
      // No more runs than deliveries that it may still bring, so that the next order goes on right behind the last one.
      this.#suspect.limit(Math.min(BATCH_RUNS, RECOVERED_MAX - recovery.deliveries)),
    );
    const inTime = runs.filter(({ at }) => at >= since && at < (until ?? Number.POSITIVE_INFINITY));
    const lost = include === "failed" ? this.#failed(endpoint, inTime) : this.#missing(endpoint, inTime);
    const write = () => {
      for (const { id: runId, kind } of lost) this.journal.deliveries.erase({ endpoint, runId, kind });
      const matches = lost.map((run) => ({ run, endpoint }));
      const deliveries = this.parts.deliveries.insert(matches, Date.now());
      this.journal.recoveries.put(after(recovery, lost.length, walkedTo));
      return deliveries;
    };
    const skip = (seq: number) => this.journal.recoveries.put(after(recovery, 0, seq));
    this.parts.deliveries.launch(this.#suspect.written(runs, write, skip));
  }

  #failed(endpoint: EndpointKey, runs: readonly RunWithEvent[]): RunWithEvent[] {
    return runs.filter(
      ({ id: runId, kind }) => this.journal.deliveries.of({ endpoint, runId, kind })?.state === "failed",
    );
  }

  /** Also events from before the endpoint was stored. */
  #missing(endpoint: EndpointKey, runs: readonly RunWithEvent[]): RunWithEvent[] {
    const listener = this.journal.endpoints.listeners.find((one) => one.endpoint === endpoint);
    if (listener === undefined) return [];
    const known = this.journal.deliveries.runsWith(endpoint, runs);
    return runs.filter((run) => !known.has(run.id) && hears(listener, run));
  }
}

function after(recovery: StoredRecovery, brought: number, walkedTo: number): StoredRecovery {
  const deliveries = recovery.deliveries + brought;
  return { ...recovery, deliveries, beforeSeq: walkedTo, isOver: walkedTo === 0 || deliveries >= RECOVERED_MAX };
}

const TRIES_MAX = 5;

/** The event at which a walk fails is tried alone, and is skipped if it fails too often. In memory only. */
class Suspect extends Part {
  #seq: number | null = null;
  #tries = 0;

  limit(usual: number): number {
    return this.#seq === null ? usual : 1;
  }

  /** What `write` has written in one transaction for these events. Throws if the first must be tried again. */
  written(runs: readonly RunWithEvent[], write: () => Delivery[], skip: (seq: number) => void): readonly Delivery[] {
    try {
      const deliveries = this.journal.transaction(write);
      this.#seq = null;
      return deliveries;
    } catch (error) {
      const [first, ...others] = runs;
      if (first === undefined || !this.#mustSkip(first, others.length === 0)) throw error;
      skip(first.seq);
      log("error", "event_skipped", { coordinator: this.journal.scope, run: first.id });
      return [];
    }
  }

  #mustSkip({ seq }: RunWithEvent, isAlone: boolean): boolean {
    if (this.#seq !== seq) this.#tries = 0;
    this.#seq = seq;
    if (isAlone) this.#tries++;
    if (this.#tries < TRIES_MAX) return false;
    this.#seq = null;
    return true;
  }
}

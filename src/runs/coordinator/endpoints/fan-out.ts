/**
 * Fans out the events of runs: a run that has ended, or lacks approvals, makes a delivery for each endpoint that hears
 * of it. The transaction that writes such a version also writes its deliveries, so an event and its deliveries survive
 * or die together. If the deliveries can't be written, the version notes that its event is pending, and a walk over
 * pending events makes them later. An environment without endpoints writes no row.
 */
import { log, logFailure } from "../../../base/log.ts";
import { DAY_MS, msSinceOrLongAgo } from "../../../base/time.ts";
import { LEASE_MS } from "../../../webhooks/dispatch.ts";
import {
  type Endpoints,
  eventOf,
  hears,
  type Match,
  type ReadEndpoint,
  type RunWithEvent,
} from "../../endpoint-deliveries.ts";
import type { FollowUp, Journal, Written } from "../../journal/journal.ts";
import type { JournaledRun } from "../../journal/run-rows.ts";
import type { Replies } from "../replies.ts";
import type { StorageLimit } from "../retention.ts";
import type { DueQueue } from "../sending/receiver-queues.ts";
import { Deliveries, type DeliverySending } from "./deliveries.ts";
import { EndpointReads, Outcomes } from "./endpoint-reads.ts";
import { Recoveries, Suspect } from "./recoveries.ts";

/** How many deliveries one batch of the walk may make, and how many events it may look at. */
const BATCH_DELIVERIES = 200;
const BATCH_EVENTS = 50;
/** The alarm looks this long after it was first seen that an event may be pending. A walk begins at once. */
const LOOK_AGAIN_MS = 30_000;
/** How long the next try waits after one that failed: so many times longer with each, up to the second. */
const RETRY_FIRST_MS = 2000;
const RETRY_MAX_MS = 30_000;
/** Nothing older is fanned out: the deliveries that were made for it are forgotten, so it could be sent twice. */
const FAN_OUT_WITHIN_MS = 7 * DAY_MS;

/** What the fan-out needs besides the journal. `armBy`: sets the alarm for this instant at the latest. */
export interface FanOutParts {
  readonly deliveries: Deliveries;
  readonly recoveries: Recoveries;
  readonly outcomes: Outcomes;
  readonly storageLimit: StorageLimit;
  readonly arm: (now: number) => void;
  readonly armBy: (at: number, now: number) => void;
}

export class FanOut implements FollowUp {
  readonly #journal: Journal;
  readonly #parts: FanOutParts;
  #isPlanned = false;
  #isWalking = false;
  /** When the alarm must look; null if nothing is pending, or if nobody has asked yet. */
  #lookAt: number | null = null;
  /** When the last pass failed, and how long the next one waits; null if it succeeded. */
  #failed: { readonly at: number; readonly waitMs: number } | null = null;
  #failures = 0;
  readonly #suspect = new Suspect();

  constructor(journal: Journal, parts: FanOutParts) {
    this.#journal = journal;
    this.#parts = parts;
  }

  /** Whether the version has no event of which an endpoint could hear. */
  isOnRecord({ pendingVersion: { run, seq } }: Written): boolean {
    return run?.eventSeq !== seq || this.#journal.endpoints.listeners.length === 0;
  }

  /** Writes the deliveries of the version's event, in its transaction. Returns what sends them. */
  record({ pendingVersion: { run, bytes } }: Written, now: number): (() => void) | null {
    if (run === null) return null;
    const { deliveries, storageLimit, armBy } = this.#parts;
    const isNoted = this.#noteOutcome(run, now);
    try {
      const event = runWithEvent(run, bytes);
      const matches = event === null ? [] : this.#matchesOf([event]);
      if (matches.length === 0) return isNoted ? null : () => this.startSoon();
      if (!storageLimit.isReached(now)) {
        const begun = this.#journal.transaction(() => deliveries.insert(matches, now));
        armBy(now + LEASE_MS, now);
        // One that waits is sent when an attempt of its endpoint ends.
        return () => deliveries.send(begun);
      }
    } catch (error) {
      this.#log(error);
    }
    this.#notePending(run.eventSeq ?? 0);
    armBy(now + LOOK_AGAIN_MS, now);
    return () => this.startSoon();
  }

  /** Soon starts to fan out what is pending. What is under way leaves first. */
  startSoon(): void {
    if (this.#isPlanned || this.#isWalking || !this.#hasWork) return;
    this.#isPlanned = true;
    setTimeout(() => this.start(), 0);
  }

  /** Starts to fan out what is pending, unless a walk is under way. The alarm calls it, in case nothing else did. */
  start(): void {
    this.#isPlanned = false;
    if (this.#isWalking || !this.#hasWork) return;
    const now = Date.now();
    if (this.#failed !== null && msSinceOrLongAgo(this.#failed.at, now) < this.#failed.waitMs) return;
    this.#isWalking = true;
    void this.#walk();
  }

  /** When the alarm must look; Infinity if nothing is pending. */
  nextAt(now: number): number {
    if (!this.#hasWork) this.#lookAt = null;
    // The walk sets the alarm when it ends.
    else if (this.#isWalking) {
      if (this.#lookAt === null || this.#lookAt <= now) this.#lookAt = now + LOOK_AGAIN_MS;
    }
    // After the clock stepped back, it is tried at once.
    else if (this.#failed !== null) this.#lookAt = this.#failed.at > now ? now : this.#failed.at + this.#failed.waitMs;
    else this.#lookAt ??= now + LOOK_AGAIN_MS;
    return this.#lookAt ?? Number.POSITIVE_INFINITY;
  }

  get #hasWork(): boolean {
    const { recoveries, outcomes } = this.#parts;
    return this.#journal.fanOut.pendingAfter !== null || recoveries.isAny || outcomes.isFilling;
  }

  async #walk(): Promise<void> {
    const { outcomes, recoveries, storageLimit, arm } = this.#parts;
    try {
      while (this.#hasWork) {
        // Between two passes, other calls are served.
        await scheduler.wait(0);
        if (storageLimit.isReached(Date.now())) throw new Error("the object is full, so no delivery is written");
        outcomes.fill();
        this.#fanOutNext();
        recoveries.recoverBatch();
        this.#failures = 0;
        this.#failed = null;
      }
    } catch (error) {
      this.#log(error);
      const waitMs = Math.min(RETRY_FIRST_MS * 2 ** this.#failures++, RETRY_MAX_MS);
      this.#failed = { at: Date.now(), waitMs };
    }
    this.#isWalking = false;
    this.#lookAt = null;
    arm(Date.now());
  }

  /** Fans out the next events. Where the walk has come to is written with their deliveries. */
  #fanOutNext(): void {
    const { fanOut, sequence, runsWithEvents, endpoints } = this.#journal;
    const { pendingAfter } = fanOut;
    if (pendingAfter === null) return;
    const now = Date.now();
    const limit = this.#suspect.limit(batchEvents(endpoints.listeners.length));
    const { runs, walkedTo } = runsWithEvents.after(pendingAfter, sequence.last, limit);
    const young = runs.filter(({ at }) => at > now - FAN_OUT_WITHIN_MS);
    try {
      const begun = this.#journal.transaction(() => {
        const deliveries = this.#parts.deliveries.insert(this.#matchesOf(young), now);
        this.#walkedTo(walkedTo);
        return deliveries;
      });
      this.#suspect.passed();
      this.#parts.deliveries.launch(begun);
    } catch (error) {
      const skipped = this.#suspect.failed(runs);
      if (skipped === null) throw error;
      this.#walkedTo(skipped.seq);
      log("error", "event_skipped", { coordinator: this.#journal.scope, run: skipped.id });
    }
  }

  /** False if the outcome could not be noted. The walk then notes it. */
  #noteOutcome(run: JournaledRun, now: number): boolean {
    const { outcomes, armBy } = this.#parts;
    try {
      outcomes.ended(run);
      return true;
    } catch (error) {
      this.#log(error);
      outcomes.fillFrom(run);
      armBy(now + LOOK_AGAIN_MS, now);
      return false;
    }
  }

  #walkedTo(seq: number): void {
    const { fanOut, sequence } = this.#journal;
    fanOut.pendingAfter = seq === sequence.last ? null : seq;
  }

  #notePending(seq: number): void {
    const { fanOut } = this.#journal;
    fanOut.pendingAfter = Math.min(fanOut.pendingAfter ?? seq, seq - 1);
  }

  #matchesOf(runs: readonly RunWithEvent[]): Match[] {
    const { listeners } = this.#journal.endpoints;
    return runs.flatMap((run) =>
      listeners
        .filter((listener) => run.seq > listener.afterSeq && hears(listener, run))
        .map(({ endpoint }) => ({ run, endpoint })),
    );
  }

  #log(error: unknown): void {
    logFailure("fan_out_failed", error, { coordinator: this.#journal.scope });
  }
}

function batchEvents(endpoints: number): number {
  return Math.min(BATCH_EVENTS, Math.max(Math.floor(BATCH_DELIVERIES / Math.max(endpoints, 1)), 1));
}

function runWithEvent(run: JournaledRun, bytes: number): RunWithEvent | null {
  const event = eventOf(run);
  if (event === null || run.eventSeq === null) return null;
  const { id, eventSeq: seq, source, actionName, entityId, labels, previousStatus } = run;
  return { ...event, id, seq, source, actionName, entityId, labels, previousStatus, bytes };
}

/* SECTION: The parts of a coordinator that notify webhook endpoints of events, put together. */

/** What the parts that notify need besides the journal. */
export interface NotificationSettings extends DeliverySending {
  readonly endpoints: Endpoints;
  readonly select: () => Promise<readonly ReadEndpoint[]>;
  readonly armBy: (at: number, now: number) => void;
}

/** The parts that notify. The ledger writes with them, so they come before it. */
export class Notifications {
  readonly deliveries: Deliveries;
  readonly recoveries: Recoveries;
  readonly outcomes: Outcomes;
  readonly fanOut: FanOut;
  readonly reads: EndpointReads;

  constructor(
    journal: Journal,
    queue: DueQueue,
    replies: Replies,
    storageLimit: StorageLimit,
    { endpoints, select, armBy, ...sending }: NotificationSettings,
  ) {
    const { arm } = sending;
    this.deliveries = new Deliveries(journal, queue, replies, sending);
    this.recoveries = new Recoveries(journal, this.deliveries);
    this.outcomes = new Outcomes(journal);
    const { deliveries, recoveries, outcomes } = this;
    this.fanOut = new FanOut(journal, { deliveries, recoveries, outcomes, storageLimit, arm, armBy });
    const onChange = () => this.fanOut.start();
    this.reads = new EndpointReads(journal, outcomes, { select, arm, onChange });
    this.deliveries.effects = {
      isGone: (key) => {
        if (!journal.endpoints.listeners.some(({ endpoint }) => endpoint === key)) return;
        this.reads.note(null, Date.now());
        this.reads.readSoon();
      },
      considerDisabling: async (endpoint, version) => {
        this.reads.note(null, Date.now());
        await endpoints.considerDisabling(journal.scope, endpoint, version);
        this.reads.readSoon();
      },
    };
  }
}

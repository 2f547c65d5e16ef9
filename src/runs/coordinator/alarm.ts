/**
 * The coordinator's one alarm, set for whatever comes first: a retry of replication, a purge, or work that is due: a
 * run, a stop request, a delivery, or the fan-out of an event. The instants come from the journal, so a new instance
 * can't postpone what an earlier one had set.
 */
import { log, logFailure } from "../../base/log.ts";
import { msSinceOrLongAgo } from "../../base/time.ts";
import type { Journal } from "../journal/journal.ts";
import { ALARM_LATE_MS } from "../protocol.ts";
import type { ReplicationAlarm } from "../replication/batch-writer.ts";

/** How long the alarm waits after a part of it failed. */
const AFTER_FAILURE_MS = 5000;

/** Work that the alarm must begin. `nextAt`: when; Infinity if there is none. */
export interface DueWork {
  nextAt(now: number): number;
}

/** What happens to ended runs. `purges` waits while a purge is under way or has failed. Neither is open work. */
export interface Retention {
  readonly purges: DueWork;
  readonly archive: DueWork;
}

const NOTHING_DUE: DueWork = { nextAt: () => Number.POSITIVE_INFINITY };
const NOTHING_RETAINED: Retention = { purges: NOTHING_DUE, archive: NOTHING_DUE };

export class AlarmClock implements ReplicationAlarm {
  readonly #storage: DurableObjectStorage;
  readonly #journal: Journal;
  #work: readonly DueWork[] = [];
  #retention = NOTHING_RETAINED;
  /** Since when, and for how long, no purge sets the alarm. */
  #purgesHeld: { readonly at: number; readonly ms: number } | null = null;
  /** When a part of the alarm failed last; null if none did since the last alarm. */
  #failedAt: number | null = null;
  /** What the alarm is set for; null if unknown, as in a new instance. */
  #armedFor: number | null = null;

  constructor(storage: DurableObjectStorage, journal: Journal) {
    this.#storage = storage;
    this.#journal = journal;
    // The transaction may have set the alarm, and that was taken back as well.
    journal.takenBack = () => {
      this.#armedFor = null;
    };
  }

  /** Says what the alarm is for. Call it once, when the parts of the coordinator are there. */
  serve(work: readonly DueWork[], retention: Retention = NOTHING_RETAINED): void {
    this.#work = work;
    this.#retention = retention;
  }

  /** When to check whether all changes are replicated; Infinity if there is nothing to check. */
  get replicationRetryAt(): number {
    const at = this.#journal.metadata.get("replication_retry_at");
    return at === null ? Number.POSITIVE_INFINITY : Number(at);
  }

  setReplicationRetryAt(at: number | null): void {
    this.#journal.metadata.set("replication_retry_at", at === null ? null : String(at));
  }

  /**
   * A retry that is set for sooner stays, because a steady stream of changes must not postpone it for ever. A later
   * one was set before the clock stepped back.
   */
  retryReplicationBy(at: number): void {
    if (this.replicationRetryAt > at) this.setReplicationRetryAt(at);
  }

  /** For `ms` from `at` on, no purge sets the alarm, because a batch is under way or has failed. */
  holdPurges(at: number, ms: number): void {
    this.#purgesHeld = { at, ms };
  }

  holdsPurges(now: number): boolean {
    return this.#purgesHeld !== null && msSinceOrLongAgo(this.#purgesHeld.at, now) < this.#purgesHeld.ms;
  }

  releasePurges(): void {
    this.#purgesHeld = null;
  }

  /** Call this when the alarm rang or may have been dropped: it must be set again. */
  forgetArmed(): void {
    this.#armedFor = null;
    this.#failedAt = null;
  }

  /**
   * Call this when a part of the alarm failed. What it had to do is still due, but the alarm must not ring again at
   * once, or a full object would do nothing else.
   */
  failed(now: number): void {
    this.#failedAt = now;
  }

  /**
   * Sets the alarm for some seconds from now, whatever the journal says, because the journal can't be read or written.
   */
  armAfterFailure(now: number): void {
    this.#setAlarm(now + AFTER_FAILURE_MS);
  }

  /** An alarm that is set for sooner stays, and is set again when it rings. So a change nearly always needs no SQL here. */
  armBy(at: number, now: number): void {
    if (!this.ringsBy(at, now)) this.arm(now);
  }

  /** An alarm that is long past was dropped. */
  ringsBy(at: number, now: number): boolean {
    const armedFor = this.#armedFor;
    return armedFor !== null && armedFor <= Math.max(at, now) && armedFor > now - ALARM_LATE_MS;
  }

  /** When work is due next; Infinity if there is none. */
  nextOpenAt(now: number): number {
    return Math.min(...this.#work.map((work) => work.nextAt(now)));
  }

  /** When work, a purge or the archive is due next; Infinity if there is none. */
  nextDueAt(now: number): number {
    const { purges, archive } = this.#retention;
    return Math.min(this.nextOpenAt(now), Math.max(purges.nextAt(now), this.#purgeNotBefore(now)), archive.nextAt(now));
  }

  /** Sets the alarm in the same critical section as the writes around it, so that it commits with them. */
  arm(now: number): void {
    const next = Math.min(this.replicationRetryAt, this.nextDueAt(now));
    if (next === Number.POSITIVE_INFINITY) return;
    const at = Math.max(next, this.#notBefore(now));
    if (at > now ? at === this.#armedFor : this.ringsBy(now, now)) return;
    this.#setAlarm(at);
  }

  #setAlarm(at: number): void {
    this.#armedFor = at;
    this.#storage.setAlarm(at).catch((error: unknown) => {
      logFailure("alarm_failed", error, { coordinator: this.#journal.scope });
      if (this.#armedFor !== at) return;
      // The writes around it may stay without their alarm. So the next write sets it, or this does.
      this.#armedFor = null;
      setTimeout(() => {
        if (this.#armedFor === null) this.#setAlarm(at);
      }, AFTER_FAILURE_MS);
    });
  }

  #notBefore(now: number): number {
    const failedAt = this.#failedAt;
    return failedAt !== null && msSinceOrLongAgo(failedAt, now) < AFTER_FAILURE_MS ? failedAt + AFTER_FAILURE_MS : now;
  }

  #purgeNotBefore(now: number): number {
    return this.#purgesHeld !== null && this.holdsPurges(now) ? this.#purgesHeld.at + this.#purgesHeld.ms : 0;
  }
}

/* SECTION:
 * What a coordinator does when its alarm rings: what is due first, then the purge and the archive, then the retry of
 * replication. None of it waits for D1 or for an attempt, because the next alarm would wait too. Whatever fails, the
 * alarm is set again, and does not ring at once.
 */

/** The parts, in their order. The first ones return how many runs, requests or deliveries they took on. */
export interface AlarmParts {
  stopRequests(now: number): number;
  /** All due open runs, also those whose deadline has passed. */
  dispatches(now: number): number;
  deliveries(now: number): number;
  /** Schedules the runs of the concurrency queues. Comes after what ends runs. */
  gates(now: number): number;
  /** Goes on with the bulk operations. */
  bulk(now: number): void;
  /** Goes on with the environment's moves between databases. */
  moves(now: number): void;
  purge(now: number): number;
  /** Starts to write runs to the archive, if there is one. */
  archive(now: number): void;
  /** Returns what to log; null if everything is replicated. */
  retryReplication(now: number): Readonly<Record<string, number | null>> | null;
  /** Starts to fan out events that have no deliveries yet, and to read the webhook endpoints. */
  fanOut(now: number): void;
  /** Sets the alarm for what is due next. */
  arm(now: number): void;
}

export function ring(clock: AlarmClock, coordinator: string, now: number, parts: AlarmParts): void {
  clock.forgetArmed();
  /** Each part on its own: if a full object fails the first part, the purge must still make room. */
  const tried = <T>(part: () => T): T | null => {
    try {
      return part();
    } catch (error) {
      clock.failed(Date.now());
      logFailure("alarm_failed", error, { coordinator });
      return null;
    }
  };
  const stopRequests = tried(() => parts.stopRequests(now)) ?? 0;
  const dispatches = tried(() => parts.dispatches(now)) ?? 0;
  const due = stopRequests + dispatches + (tried(() => parts.deliveries(now)) ?? 0);
  tried(() => parts.gates(now));
  tried(() => parts.bulk(now));
  tried(() => parts.moves(now));
  const purging = tried(() => parts.purge(now)) ?? 0;
  tried(() => parts.archive(now));
  const replication = tried(() => parts.retryReplication(now)) ?? null;
  tried(() => parts.fanOut(now));
  if (due + purging > 0 || replication !== null) log("info", "alarm", { coordinator, due, purging, ...replication });
  const isArmed = tried(() => {
    parts.arm(now);
    return true;
  });
  if (isArmed === null) clock.armAfterFailure(now);
}

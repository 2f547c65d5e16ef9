/**
 * The stop requests of one coordinator's runs. They have a table of their own, because a stop request outlives its run's end.
 * A stop request never changes a run.
 */

import { logFailure } from "../../base/log.ts";
import { isAttemptDue, LEASE_MS } from "../../webhooks/delivery.ts";
import type { Attempt } from "../../webhooks/sealed-request.ts";
import type { DueQueue } from "../journal/due-queue.ts";
import { type Journal, stopEndsAt } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { Stop } from "../journal/stop-rows.ts";
import type { TimelineEvent } from "../timeline.ts";
import type { Ledger } from "./ledger.ts";
import { type Ending, Outbox, type Outgoing, type RequestKind, type Sending } from "./outbox.ts";

export class Stopper implements RequestKind<Stop> {
  readonly eventPrefix = "stop";
  /** Slots of their own, so no delivery delays a stop request. */
  readonly maxSlots = 50;
  readonly maxBytes = 8_000_000;
  readonly maxDue = 50;
  /** There is no job any more, or it is stopping already. */
  readonly done: ReadonlySet<number> = new Set([404, 409, 410]);
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #outbox: Outbox<Stop>;

  constructor(journal: Journal, queue: DueQueue, ledger: Ledger, sending: Sending) {
    this.#journal = journal;
    this.#ledger = ledger;
    this.#outbox = new Outbox(this, queue, sending);
  }

  /**
   * Asks the receiver to stop the run's job, because the run was cancelled or asked to stop. Call it after that change, with
   * the run as it is then. A repeated call does nothing. Nothing is sent if no attempt of the run's delivery has begun. If one
   * is under way, the request waits for its answer, at most for its lease, because the answer can name the job.
   */
  request(run: JournaledRun, now: number): void {
    try {
      this.#request(run, now);
    } catch (error) {
      // The cancel itself must not fail.
      logFailure("stop_failed", error, { coordinator: this.#journal.owner.name, run: run.id });
    }
  }

  #request(run: JournaledRun, now: number): void {
    const stop = this.#journal.stops.of(run.id);
    if (stop === null || isRequested(stop)) return;
    if (stop.deliveryAttempt === 0) {
      this.#ledger.noteStop(run, null, [], now);
      return;
    }
    // After the clock stepped back, a lease may lie far ahead.
    const nextAt = Math.min(Math.max(stop.deliveryLease ?? now, now), now + LEASE_MS);
    this.#outbox.submit(outgoing(run, { ...stop, nextAt }), now);
  }

  /**
   * An attempt of the run's delivery was answered. `values`: those of its answer. A stop request that waited for the answer
   * leaves now. It does not leave for an older attempt's answer without values, because a newer attempt is under way.
   */
  deliveryAnswered(
    run: JournaledRun,
    attempt: number,
    values: Uint8Array<ArrayBuffer> | undefined,
    now: number,
  ): void {
    const stop = this.#journal.stops.of(run.id);
    if (stop === null) return;
    if (values !== undefined) this.#journal.answers.put(run.id, values);
    if (values === undefined && attempt < stop.deliveryAttempt) return;
    this.#journal.stops.deliveryAnswered(run.id);
    if (stop.attempt === 0 && stop.nextAt !== null && !isAttemptDue(stop, now)) {
      this.#outbox.submit(outgoing(run, { ...stop, nextAt: now }), now);
    }
  }

  takeTurns(now: number): number {
    return this.#outbox.takeTurns(now);
  }

  find(runId: string, now: number): Outgoing<Stop> | null {
    // If the run's time is up, this ends the run, which changes its stop request.
    const run = this.#ledger.current(runId, now);
    const stop = this.#journal.stops.of(runId);
    return run === null || stop === null ? null : outgoing(run, stop);
  }

  /** The row was due for its end, or because its due instant was stale. */
  idle(runId: string, now: number): void {
    const found = this.find(runId, now);
    if (found === null || now >= found.endsAt) this.#journal.eraseStop(runId);
    else this.#ledger.noteStop(found.run, found.request, [], now);
  }

  attemptOf(runId: string, { attempt, sealed }: Stop): Attempt {
    const { scope } = this.#journal.owner;
    return { scope, runId, attempt, sealed, stop: { answer: this.#journal.answers.of(runId) } };
  }

  note({ run, request }: Outgoing<Stop>, events: readonly TimelineEvent[], now: number): void {
    this.#ledger.noteStop(run, request, events, now);
  }

  end({ run }: Outgoing<Stop>, _ending: Ending, events: readonly TimelineEvent[], now: number): void {
    this.#ledger.noteStop(run, null, events, now);
  }

  useAnswer(): void {
    // Only the status counts.
  }
}

function outgoing(run: JournaledRun, request: Stop): Outgoing<Stop> {
  return { run, request, endsAt: stopEndsAt(run) };
}

function isRequested({ attempt, nextAt, leaseUntil }: Stop): boolean {
  return attempt > 0 || nextAt !== null || leaseUntil !== null;
}

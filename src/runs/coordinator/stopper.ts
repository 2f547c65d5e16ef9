/**
 * Sends the stop requests of one coordinator's runs: with the same attempts, leases and retries as a delivery, from a table of
 * its own, because a stop request outlives its run's end. It never changes a run.
 */

import {
  type AttemptAnswer,
  beginAttempt,
  isAttemptDue,
  isAttemptLost,
  judge,
  LEASE_MS,
  LOST,
} from "../../dispatch/delivery.ts";
import { log, logFailure } from "../../log.ts";
import { type Journal, stopEndsAt } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { Stop } from "../journal/stop-rows.ts";
import { isOpen } from "../run.ts";
import type { TimelineEvent } from "../timeline.ts";
import { attemptAnswered, attemptStarted } from "./attempt-events.ts";
import { AttemptPlaces } from "./attempt-places.ts";
import type { Ledger } from "./ledger.ts";
import type { Sender } from "./sender.ts";

/** How many stop requests of one coordinator may be under way. They have places of their own, so no delivery delays them. */
const FLYING_MAX = 50;
const FLYING_MAX_BYTES = 8_000_000;
/** How many the alarm takes on in one turn. */
const DUE_BATCH = 50;

/** There is no job any more, or it is stopping already. */
const DONE: ReadonlySet<number> = new Set([404, 409, 410]);

export class Stopper {
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #places: AttemptPlaces;

  constructor(journal: Journal, ledger: Ledger, sender: Sender) {
    this.#journal = journal;
    this.#ledger = ledger;
    this.#places = new AttemptPlaces(sender, FLYING_MAX, FLYING_MAX_BYTES);
  }

  /**
   * Somebody cancelled the run or asked it to stop. Nothing is sent if no attempt of its delivery has begun. If one is under
   * way, the request waits for its answer, at most for its lease, because the answer can name the job.
   */
  request(run: JournaledRun, now: number): void {
    try {
      this.#request(run, now);
    } catch (error) {
      // The cancel itself must not fail.
      this.#logError("stop_failed", error, run.id);
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
    this.#send(run, { ...stop, nextAt }, now);
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
    if (stop.attempt === 0 && stop.nextAt !== null && stop.leaseUntil === null) {
      this.#send(run, { ...stop, nextAt: Math.min(stop.nextAt, now) }, now);
    }
  }

  /** The alarm's turn. Returns how many were due. Never throws, because deadlines come after it. */
  takeTurns(now: number): number {
    let id = "";
    try {
      const due = this.#journal.stops.due(now, DUE_BATCH);
      for (id of due) this.#takeTurnSafely(id, now);
      return due.length;
    } catch (error) {
      this.#logError("turn_failed", error, id);
      return 0;
    }
  }

  #takeTurnSafely(id: string, now: number): void {
    try {
      this.#takeTurn(id, now);
    } catch (error) {
      this.#journal.stops.putOff(id, now);
      this.#logError("turn_failed", error, id);
    }
  }

  #takeTurn(id: string, now: number): void {
    // If the run's time is up, this ends the run, which changes when its stop request is due.
    const run = this.#ledger.current(id, now);
    const stop = this.#journal.stops.of(id);
    if (stop === null) return;
    if (run === null) this.#journal.eraseStop(id);
    else if (isAttemptLost(stop, now)) this.#settle(run, stop, stop.attempt, LOST, now);
    else if (stop.leaseUntil === null && now >= stopEndsAt(run)) this.#ledger.noteStop(run, null, [], now);
    else this.#send(run, stop, now);
  }

  /** Sends the request if it is due and there is room. Otherwise it gets its turn later. */
  #send(run: JournaledRun, stop: Stop, now: number): void {
    if (!isAttemptDue(stop, now)) {
      this.#ledger.noteStop(run, stop, [], now);
      return;
    }
    if (!this.#places.hasRoomFor(stop)) {
      this.#ledger.noteStop(run, stop, [], now);
      this.#journal.stops.putOff(run.id, now);
      return;
    }
    const begun = beginAttempt(stop, now);
    this.#ledger.noteStop(run, begun, told(run, attemptStarted(begun, now, "stop")), now);
    this.#launch(run.id, begun);
  }

  #launch(runId: string, { attempt, sealed }: Stop): void {
    const { scope } = this.#journal.owner;
    void this.#places
      .send({ scope, runId, attempt, sealed, stop: { answer: this.#journal.answers.of(runId) } })
      .then((answer) => this.#answered(runId, attempt, answer))
      // Nobody knows whether the request arrived, so its lease decides.
      .catch((error: unknown) => this.#logError("stop_attempt_lost", error, runId));
  }

  #answered(runId: string, attempt: number, answer: AttemptAnswer): void {
    const now = Date.now();
    const run = this.#ledger.current(runId, now);
    const stop = this.#journal.stops.of(runId);
    if (run !== null && stop !== null) this.#settle(run, stop, attempt, answer, now);
  }

  #settle(run: JournaledRun, stop: Stop, attempt: number, answer: AttemptAnswer, now: number): void {
    const { createdAt } = run;
    const circumstances = { now, createdAt, deadlineAt: stopEndsAt(run), random: Math.random(), done: DONE };
    const verdict = judge(stop, attempt, answer, circumstances);
    if (verdict.outcome === "ignored") return;
    const { outcome } = verdict;
    const event = attemptAnswered(attempt, answer, verdict, now, "stop");
    this.#ledger.noteStop(run, outcome === "retry" ? verdict.delivery : null, told(run, event), now);
    // `ended` is the last event of a timeline, so what comes after it is only logged.
    if (isOpen(run)) return;
    const { status, durationMs, reason } = answer;
    const details = { coordinator: this.#journal.owner.name, run: run.id };
    log("info", "stop_answered", { ...details, attempt, outcome, status, durationMs, reason });
  }

  #logError(event: string, error: unknown, run: string): void {
    logFailure(event, error, { coordinator: this.#journal.owner.name, run });
  }
}

function isRequested({ attempt, nextAt, leaseUntil }: Stop): boolean {
  return attempt > 0 || nextAt !== null || leaseUntil !== null;
}

function told(run: JournaledRun, event: TimelineEvent): readonly TimelineEvent[] {
  return isOpen(run) ? [event] : [];
}

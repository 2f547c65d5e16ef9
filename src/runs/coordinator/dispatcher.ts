/**
 * Follows the deliveries of one coordinator's runs: sends each attempt in a Worker invocation of its own, so that a
 * receiver that hangs holds nobody else up, and applies what comes of it. What is under way is in the journal, with a
 * lease; in memory there is only a count.
 */

import {
  type AttemptAnswer,
  beginAttempt,
  type Delivery,
  isAttemptDue,
  isAttemptLost,
  judge,
  LOST,
  type NewDelivery,
  newDelivery,
} from "../../dispatch/delivery.ts";
import type { Attempt } from "../../dispatch/sealed-request.ts";
import { log } from "../../log.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { WaitingDeliveries } from "../journal/waiting-deliveries.ts";
import type { Projection } from "../projection/projection.ts";
import { isOpen, type RunEvent, transition } from "../run.ts";
import type { Owner } from "../run-id.ts";
import type { TimelineEvent } from "../timeline.ts";
import { attemptAnswered, attemptStarted } from "./attempt-events.ts";
import { type Ledger, ownChange } from "./ledger.ts";

/** How many attempts of one coordinator may be under way; the rest wait their turn. */
const FLYING_MAX = 500;
/** And how many bytes of requests: an isolate has 128 MB, and may hold several coordinators. */
const FLYING_MAX_BYTES = 32_000_000;

/** How many runs one turn of the alarm takes on. */
const DUE_BATCH = 200;

/** Makes one request, in a Worker invocation of its own. */
export interface Sender {
  send(attempt: Attempt): Promise<AttemptAnswer>;
}

export class Dispatcher {
  readonly #owner: Owner;
  readonly #journal: Journal;
  readonly #waiting: WaitingDeliveries;
  readonly #projection: Projection;
  readonly #ledger: Ledger;
  readonly #sender: Sender;
  #flying = 0;
  #flyingBytes = 0;

  constructor(
    owner: Owner,
    journal: Journal,
    waiting: WaitingDeliveries,
    projection: Projection,
    ledger: Ledger,
    sender: Sender,
  ) {
    this.#owner = owner;
    this.#journal = journal;
    this.#waiting = waiting;
    this.#projection = projection;
    this.#ledger = ledger;
    this.#sender = sender;
  }

  /** A new run's delivery with its first attempt under way, if there is room; to be journalled, then launched. */
  begin(
    run: { readonly deadlineAt: number },
    trigger: NewDelivery,
    now: number,
  ): { delivery: Delivery; events: TimelineEvent[] } {
    const delivery = newDelivery(trigger, now);
    if (!this.#hasRoomFor(delivery)) {
      this.#waiting.add(run, now);
      return { delivery, events: [] };
    }
    const begun = beginAttempt(delivery, now);
    return { delivery: begun, events: [attemptStarted(begun, now)] };
  }

  /** Sends the attempt that is on record. Never waits; the request leaves only once the record is durable. */
  launch(runId: string, { attempt, sealed, leaseUntil }: Delivery): void {
    if (leaseUntil === null) return;
    const bytes = sealed.byteLength;
    this.#flying++;
    this.#flyingBytes += bytes;
    void this.#sender
      .send({ scope: this.#owner.scope, runId, attempt, sealed })
      .finally(() => {
        this.#flying--;
        this.#flyingBytes -= bytes;
      })
      .then((answer) => this.#answered(runId, attempt, answer))
      .finally(() => {
        if (this.#waiting.isAny) this.#startWaiting();
      })
      // Whether it arrived is not known: its lease decides.
      .catch((error: unknown) => this.#logError("attempt_lost", error, runId));
  }

  /** The alarm's turn: does what is due for open runs. How many were due. */
  takeTurns(now: number): number {
    const waiting = this.#waiting;
    const mayEnd = waiting.lookAgainAt <= now;
    const overdue = mayEnd ? this.#journal.overdue(now, DUE_BATCH) : [];
    const due = this.#journal.due(now, DUE_BATCH, waiting.lookAfter(now));
    for (const { id } of [...overdue, ...due]) this.#takeTurnSafely(id, now);
    const last = due.at(-1);
    if (last !== undefined) waiting.lookedUpTo(last);
    if (mayEnd) waiting.hasLooked(this.#journal.firstDeadlineOfDue(now), now);
    const taken = overdue.length + due.length;
    if (taken > 0) this.#projection.start();
    return taken;
  }

  /** A place is free: whoever has waited longest goes first. */
  #startWaiting(): void {
    const now = Date.now();
    this.#waiting.retry(() => {
      const [next] = this.#journal.due(now, 1);
      if (next !== undefined) this.#takeTurnSafely(next.id, now);
      return next !== undefined;
    }, DUE_BATCH);
    this.#projection.arm(now);
  }

  #takeTurnSafely(id: string, now: number): void {
    try {
      this.#takeTurn(id, now);
    } catch (error) {
      this.#journal.putOff(id, now);
      this.#logError("turn_failed", error, id);
    }
  }

  /** What is due for a run: its end, or something of its delivery. */
  #takeTurn(id: string, now: number): void {
    const run = this.#ledger.current(id, now);
    if (run === null || !isOpen(run) || this.#deliver(run, now)) return;
    // A heartbeat moved this run's deadline, so its row is stale. Update it, or the alarm would find the run again at once.
    const delivery = this.#journal.deliveries.of(id);
    if (!this.#journal.setDue(run, delivery, now)) this.#journal.putOff(id, now);
  }

  /**
   * What is due for an open run's delivery: the loss of its attempt, or the next one, which may have to wait for room. False
   * where nothing is.
   */
  #deliver(run: JournaledRun, now: number): boolean {
    const delivery = this.#journal.deliveries.of(run.id);
    if (delivery === null) return false;
    if (isAttemptLost(delivery, now)) {
      this.#settle(run, delivery, delivery.attempt, LOST, now);
      return true;
    }
    if (!isAttemptDue(delivery, now)) return false;
    if (this.#hasRoomFor(delivery)) {
      const begun = beginAttempt(delivery, now);
      this.#ledger.noteAttempt(run, begun, [attemptStarted(begun, now)], now);
      this.launch(run.id, begun);
    } else {
      this.#waiting.add(run, now);
    }
    return true;
  }

  /** None passes those that wait. Where nothing is under way each fits, because no row is longer than 2 MB. */
  #hasRoomFor({ sealed }: Delivery): boolean {
    if (this.#waiting.isAny || this.#flying >= FLYING_MAX) return false;
    return this.#flyingBytes + sealed.byteLength <= FLYING_MAX_BYTES;
  }

  #answered(runId: string, attempt: number, answer: AttemptAnswer): void {
    const now = Date.now();
    const run = this.#ledger.current(runId, now);
    const delivery = this.#journal.deliveries.of(runId);
    // A run that ended while the attempt flew has no delivery any more, and stays as it is.
    if (run !== null && delivery !== null && isOpen(run)) this.#settle(run, delivery, attempt, answer, now);
    // The run may have started or ended though nobody asked.
    this.#projection.start();
  }

  #settle(run: JournaledRun, delivery: Delivery, attempt: number, answer: AttemptAnswer, now: number): void {
    const { createdAt, deadlineAt } = run;
    const circumstances = { now, createdAt, deadlineAt, random: Math.random() };
    const verdict = judge(delivery, attempt, answer, circumstances);
    if (verdict.outcome === "ignored") return;
    const answered = [attemptAnswered(attempt, answer, verdict, now)];
    if (verdict.outcome === "retry") {
      this.#ledger.noteAttempt(run, verdict.delivery, answered, now);
      return;
    }
    const event: RunEvent =
      verdict.outcome === "given_up"
        ? { type: "delivery_failed", reason: verdict.reason }
        : { type: delivery.startOn === "accepted" ? "started" : "delivered" };
    const next = transition(run, event, now);
    if (!next.ok) throw new Error(`a delivery under way for a run that refuses: ${next.error}`);
    if (next.value.version > run.version) {
      this.#ledger.change(run, next.value, event, ownChange(), now, { first: answered });
    } else {
      this.#ledger.noteAttempt({ ...run, ...next.value }, null, answered, now);
    }
  }

  #logError(event: string, error: unknown, run: string): void {
    log("error", event, { coordinator: this.#owner.name, run, error: String(error) });
  }
}

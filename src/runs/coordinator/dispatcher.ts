/**
 * Delivers the webhooks of one coordinator's runs. Sends each attempt in a Worker invocation of its own, so that a receiver
 * that hangs delays no other, and applies its outcome. What is under way is in the journal; memory holds only a count.
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
import { logFailure } from "../../log.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { WaitingDeliveries } from "../journal/waiting-deliveries.ts";
import type { Projection } from "../projection/projection.ts";
import { isOpen, type RunEvent, transition } from "../run.ts";
import type { TimelineEvent } from "../timeline.ts";
import { attemptAnswered, attemptStarted } from "./attempt-events.ts";
import { AttemptPlaces } from "./attempt-places.ts";
import type { Ledger } from "./ledger.ts";
import type { Sender } from "./sender.ts";
import { Stopper } from "./stopper.ts";

/** How many attempts of one coordinator may be under way. The rest wait. */
const FLYING_MAX = 500;
/** How many bytes their requests may have. An isolate has 128 MB and may hold several coordinators. */
const FLYING_MAX_BYTES = 32_000_000;

/** How many runs the alarm takes on in one turn. */
const DUE_BATCH = 200;

export class Dispatcher {
  readonly #journal: Journal;
  readonly #waiting: WaitingDeliveries;
  readonly #projection: Projection;
  readonly #ledger: Ledger;
  readonly #places: AttemptPlaces;
  readonly #stopper: Stopper;

  constructor(
    journal: Journal,
    waiting: WaitingDeliveries,
    projection: Projection,
    ledger: Ledger,
    sender: Sender,
  ) {
    this.#journal = journal;
    this.#waiting = waiting;
    this.#projection = projection;
    this.#ledger = ledger;
    this.#places = new AttemptPlaces(sender, FLYING_MAX, FLYING_MAX_BYTES);
    this.#stopper = new Stopper(journal, ledger, sender);
  }

  /** A new run's delivery, with its first attempt under way if there is room. Journal it, then launch it. */
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

  /** Sends the attempt that the journal holds. Never waits. The request leaves only when the journal is durable. */
  launch(runId: string, { attempt, sealed, leaseUntil }: Delivery): void {
    if (leaseUntil === null) return;
    void this.#places
      .send({ scope: this.#journal.owner.scope, runId, attempt, sealed })
      .then((answer) => this.#answered(runId, attempt, answer))
      .finally(() => {
        if (this.#waiting.isAny) this.#startWaiting();
      })
      // Nobody knows whether the request arrived, so its lease decides.
      .catch((error: unknown) => this.#logError("attempt_lost", error, runId));
  }

  /**
   * Asks the receiver to stop the run's job, because the run was cancelled or asked to stop. Call it after that change, with
   * the run as it is then. A repeated call does nothing.
   */
  stop(run: JournaledRun, now: number): void {
    this.#stopper.request(run, now);
  }

  /** The alarm's turn: does what is due for open runs and for stop requests. Returns how many were due. */
  takeTurns(now: number): number {
    return this.#stopper.takeTurns(now) + this.#takeOpenTurns(now);
  }

  #takeOpenTurns(now: number): number {
    const waiting = this.#waiting;
    const mayEnd = waiting.lookAgainAt <= now;
    const overdue = mayEnd ? this.#journal.due.overdue(now, DUE_BATCH) : [];
    const due = this.#journal.due.open(now, DUE_BATCH, waiting.lookAfter(now));
    for (const { id } of [...overdue, ...due]) this.#takeTurnSafely(id, now);
    const last = due.at(-1);
    if (last !== undefined) waiting.lookedUpTo(last);
    if (mayEnd) waiting.hasLooked(this.#journal.due.firstDeadline(now), now);
    return overdue.length + due.length;
  }

  /** A place is free, so the delivery that has waited longest goes first. */
  #startWaiting(): void {
    const now = Date.now();
    this.#waiting.retry(() => {
      const [next] = this.#journal.due.open(now, 1);
      if (next !== undefined) this.#takeTurnSafely(next.id, now);
      return next !== undefined;
    }, DUE_BATCH);
    this.#projection.arm(now);
  }

  #takeTurnSafely(id: string, now: number): void {
    try {
      this.#takeTurn(id, now);
    } catch (error) {
      this.#journal.due.putOff(id, now);
      this.#logError("turn_failed", error, id);
    }
  }

  /** What is due for a run: its end, or something of its delivery. */
  #takeTurn(id: string, now: number): void {
    const run = this.#ledger.current(id, now);
    if (run === null || !isOpen(run) || this.#deliver(run, now)) return;
    // A heartbeat moved this run's deadline, so `due_at` is stale. Update it, or the alarm would select the run again at once.
    const delivery = this.#journal.deliveries.of(id);
    if (!this.#journal.due.set(run, delivery, now)) this.#journal.due.putOff(id, now);
  }

  /** Does what is due for an open run's delivery: its attempt is lost, or the next is to be sent. False if nothing is due. */
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

  /** No delivery overtakes those that wait. If nothing is under way, each fits, because no row is longer than 2 MB. */
  #hasRoomFor(delivery: Delivery): boolean {
    return !this.#waiting.isAny && this.#places.hasRoomFor(delivery);
  }

  #answered(runId: string, attempt: number, answer: AttemptAnswer): void {
    const now = Date.now();
    const run = this.#ledger.current(runId, now);
    if (run === null) return;
    const delivery = this.#journal.deliveries.of(runId);
    // A run that has started or ended while the attempt was under way has no delivery any more.
    if (delivery !== null && isOpen(run)) this.#settle(run, delivery, attempt, answer, now);
    this.#useAnswer(runId, attempt, answer, now);
  }

  /** What the receiver answered can name the job, also when a heartbeat has started the run before. */
  #useAnswer(runId: string, attempt: number, answer: AttemptAnswer, now: number): void {
    const run = this.#journal.runs.byId(runId);
    if (run === null) return;
    this.#stopper.deliveryAnswered(run, attempt, answer.values, now);
    // A heartbeat knows better what its job's page is.
    if (answer.link === undefined || !isOpen(run) || run.externalUrl !== null) return;
    const event: RunEvent = { type: "external_url", url: answer.link };
    const next = transition(run, event, now);
    if (!next.ok || next.value.version === run.version) return;
    // The last caller's key stays, so that a repeated request still gets its answer.
    const { changeKey: key, changeFingerprint: fingerprint } = run;
    const kept = key === null || fingerprint === null ? {} : { change: { key, fingerprint } };
    this.#ledger.change(run, next.value, event, now, kept);
  }

  #settle(run: JournaledRun, delivery: Delivery, attempt: number, answer: AttemptAnswer, now: number): void {
    const verdict = judge(delivery, attempt, answer, { ...run, now, random: Math.random() });
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
      this.#ledger.change(run, next.value, event, now, { first: answered });
    } else {
      this.#ledger.noteAttempt({ ...run, ...next.value }, null, answered, now);
    }
  }

  #logError(event: string, error: unknown, run: string): void {
    logFailure(event, error, { coordinator: this.#journal.owner.name, run });
  }
}

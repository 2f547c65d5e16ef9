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
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { type Ledger, ownChange } from "./ledger.ts";
import { isOpen, type RunEvent, transition } from "../run.ts";
import { attemptAnswered, attemptStarted, type TimelineEvent } from "../timeline.ts";
import type { WaitingDeliveries } from "./waiting-deliveries.ts";

/** How many attempts of one coordinator may be under way; the rest wait their turn. */
const FLYING_MAX = 500;
/** And how many bytes of requests: an isolate has 128 MB, and may hold several coordinators. */
const FLYING_MAX_BYTES = 32_000_000;

/** Where attempts are sent, and who is told of what came of them. */
export interface Sending {
  /** Makes one request, in an invocation of its own. */
  send(attempt: Attempt): Promise<AttemptAnswer>;
  /** A run may have started or ended though nobody asked. */
  onSettled(): void;
  /** What came of an attempt is not known. */
  onLost(runId: string, error: unknown): void;
  /** A place is free that a delivery waits for. */
  onRoom(): void;
}

export class Dispatcher {
  readonly #scope: string;
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #sending: Sending;
  readonly #waiting: WaitingDeliveries;
  #flying = 0;
  #flyingBytes = 0;

  constructor(scope: string, journal: Journal, ledger: Ledger, waiting: WaitingDeliveries, sending: Sending) {
    this.#scope = scope;
    this.#journal = journal;
    this.#ledger = ledger;
    this.#waiting = waiting;
    this.#sending = sending;
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
    void this.#sending
      .send({ scope: this.#scope, runId, attempt, sealed })
      .finally(() => {
        this.#flying--;
        this.#flyingBytes -= bytes;
      })
      .then((answer) => this.#answered(runId, attempt, answer))
      .finally(() => {
        if (this.#waiting.isAny) this.#sending.onRoom();
      })
      // Whether it arrived is not known: its lease decides.
      .catch((error: unknown) => this.#sending.onLost(runId, error));
  }

  /**
   * What is due for an open run's delivery: the loss of its attempt, or the next one, which may have to wait for room. False
   * where nothing is.
   */
  takeTurn(run: JournaledRun, now: number): boolean {
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
    this.#sending.onSettled();
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
}

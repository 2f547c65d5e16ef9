/**
 * Sends one kind of request of a coordinator: deliveries, or stop requests. An attempt is in the journal, with a lease,
 * before it leaves. It leaves in a Worker invocation of its own, so that a receiver that hangs delays no other. Slots
 * bound how many attempts are under way. A request that finds no slot waits behind the others of its host, and leaves as
 * soon as a slot is free. A turn that finds no slot writes nothing. Only its kind knows what a request means for its run.
 */

import { logFailure } from "../../base/log.ts";
import {
  type AttemptResult,
  beginAttempt,
  isAttemptDue,
  isAttemptLost,
  LOST,
  type Outcome,
  outcomeOf,
  type Tried,
} from "../../webhooks/delivery.ts";
import type { Attempt } from "../../webhooks/request/sealed-request.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { isOpen } from "../run.ts";
import type { Owner } from "../run-id.ts";
import type { TimelineEvent } from "../timeline.ts";
import type { DueQueue, Openings } from "./alarm/due-queue.ts";
import { attemptAnswered, attemptStarted, logAnswered, logGivenUp, neverCalled } from "./attempt-events.ts";
import { AttemptSlots, type Room, type Sender } from "./attempt-slots.ts";

/** A request of a run. `endsAt`: no attempt begins at this instant or later. */
export interface Outgoing<T extends Tried> {
  readonly run: JournaledRun;
  readonly request: T;
  readonly endsAt: number;
}

export type Ending = Extract<Outcome, { readonly type: "accepted" | "given_up" }>;

/** What the outbox must know of a kind of request. */
export interface RequestKind<T extends Tried> {
  /** The start of the names of its events. */
  readonly eventPrefix: "attempt" | "stop";
  /** What may be under way. The rest waits. */
  readonly slots: Room;
  /** How many rows one batch may have. */
  readonly batchMax: number;
  /** How many attempts may fail although they may have begun what the request asks for. Null: any number. */
  readonly unsureMax: number | null;
  /** Statuses besides 2xx which say that there is nothing left to do. */
  readonly done: ReadonlySet<number>;
  /** The run's request as it is now; null if there is none any more. Ends the run if its time is up. */
  find(runId: string, now: number): Outgoing<T> | null;
  /** Called when it was the run's turn, but it has no request, or its request is not due. */
  idle(runId: string, now: number): void;
  /** What an attempt of the request sends. */
  attemptOf(runId: string, request: T): Attempt;
  /** Writes how far the request got. */
  note(outgoing: Outgoing<T>, events: readonly TimelineEvent[], now: number): void;
  /** Applies the end of a request, which was accepted or is given up. */
  end(outgoing: Outgoing<T>, ending: Ending, events: readonly TimelineEvent[], now: number): void;
  /**
   * Uses what else a result says, after its outcome was applied. `isOvertaken`: the run had no request any more, so
   * there was no outcome.
   */
  useResult(
    runId: string,
    attempt: number,
    result: AttemptResult,
    when: { readonly isOvertaken: boolean; readonly now: number },
  ): void;
}

/** `arm`: sets the coordinator's alarm for what is due next. */
export interface Sending {
  readonly sender: Sender;
  readonly owner: Owner;
  readonly arm: (now: number) => void;
}

export class Outbox<T extends Tried> {
  readonly #kind: RequestKind<T>;
  readonly #queue: DueQueue;
  readonly #slots: AttemptSlots;
  readonly #owner: Owner;
  readonly #arm: (now: number) => void;

  constructor(kind: RequestKind<T>, queue: DueQueue, { sender, owner, arm }: Sending) {
    this.#kind = kind;
    this.#queue = queue;
    this.#slots = new AttemptSlots(sender, kind.slots);
    this.#owner = owner;
    this.#arm = arm;
  }

  /**
   * The request with its next attempt under way, or unchanged if it must wait for a slot. Journal it, then launch it.
   * It waits if others of its host wait, so that it does not overtake them.
   */
  begin(request: T, endsAt: number, now: number): T {
    if (this.#queue.isBehindOthers(request) || !this.#slots.hasRoomFor(request, now)) {
      this.#wait(request, endsAt, now);
      return request;
    }
    return beginAttempt(request, now);
  }

  #wait(request: T, endsAt: number, now: number): void {
    const probeInMs = this.#slots.probeInMs(request.host, now);
    const until = probeInMs > 0 ? Math.min(endsAt, now + probeInMs) : endsAt;
    this.#queue.wait(request, { until, isBlocked: !this.#slots.hasRoomForAll(request.weight) }, now);
  }

  /** The event of an attempt that `begin` has just begun; no event if the request must wait. */
  started(request: T, now: number): TimelineEvent[] {
    return request.leaseUntil === null ? [] : [attemptStarted(request, now, this.#kind.eventPrefix)];
  }

  /**
   * Sends the attempt that the journal holds, if it holds one. Never waits. The request leaves only when the journal is
   * durable.
   */
  launch(runId: string, request: T): void {
    if (request.leaseUntil === null) return;
    const { attempt } = request;
    const lost = (error: unknown) => this.#logError(`${this.#kind.eventPrefix}_lost`, error, runId);
    void this.#slots
      .send(this.#kind.attemptOf(runId, request), request, Date.now())
      .then(
        (result) => this.#attemptEnded(runId, attempt, result),
        (error: unknown) => {
          lost(error);
          this.#attemptLost(runId, attempt);
        },
      )
      .finally(() => this.#slotIsFree())
      .catch(lost);
  }

  /** Writes a request that has changed outside its turn. Sends it if it is due and a slot is free. */
  submit(outgoing: Outgoing<T>, now: number): void {
    const { request, endsAt } = outgoing;
    const begun = isAttemptDue(request, now) ? this.begin(request, endsAt, now) : request;
    this.#write({ ...outgoing, request: begun }, now);
  }

  /**
   * Gives each due row of one batch its turn. Returns how many there were. Throws, after all turns, if a row could not
   * be put off.
   */
  takeBatch(now: number): number {
    const stuck: unknown[] = [];
    const due = this.#queue.takeBatch(now, this.#kind.batchMax, this.#openings(now), {
      due: (id) => this.#takeTurnSafely(id, now, stuck, { maySend: false }),
      waiting: (id) => this.#takeTurnSafely(id, now, stuck),
    });
    if (stuck.length > 0) throw stuck[0];
    return due;
  }

  #slotIsFree(): void {
    if (!this.#queue.isAnyWaiting) return;
    const now = Date.now();
    this.#queue.startWaiting(now, this.#kind.batchMax, this.#openings(now), (id) =>
      this.#takeTurnSafely(id, now, []),
    );
    this.#arm(now);
  }

  #openings(now: number): Openings {
    return {
      hasRoom: (host, kind) =>
        this.#slots.hasRoomFor({ host, weight: 0, attempt: kind === "first" ? 0 : 1 }, now),
      probeInMs: (host) => this.#slots.probeInMs(host, now),
    };
  }

  #takeTurnSafely(id: string, now: number, stuck: unknown[], { maySend } = { maySend: true }): void {
    try {
      this.#takeTurn(id, now, maySend);
    } catch (error) {
      this.#logError("turn_failed", error, id);
      try {
        this.#queue.rows.putOff(id, now);
      } catch (cause) {
        stuck.push(cause);
      }
    }
  }

  #takeTurn(id: string, now: number, maySend: boolean): void {
    const found = this.#kind.find(id, now);
    if (found === null || !this.#proceed(found, now, maySend)) this.#kind.idle(id, now);
  }

  /** Does what is due for a request. False if nothing is due. Without `maySend`, an attempt that is due waits. */
  #proceed(outgoing: Outgoing<T>, now: number, maySend: boolean): boolean {
    const { request, endsAt } = outgoing;
    const isAttemptPlanned = request.leaseUntil === null && request.nextAt !== null;
    if (isAttemptLost(request, now)) this.#applyOutcome(outgoing, request.attempt, LOST, now);
    else if (isAttemptPlanned && now >= endsAt) this.#giveUp(outgoing, now);
    else if (isAttemptDue(request, now) && maySend) this.#sendOrWait(outgoing, now);
    else if (isAttemptDue(request, now)) this.#wait(request, endsAt, now);
    else return false;
    return true;
  }

  /** Writes nothing if no slot is free, because the journal says already that the request is due. */
  #sendOrWait(outgoing: Outgoing<T>, now: number): void {
    const begun = this.begin(outgoing.request, outgoing.endsAt, now);
    if (begun.leaseUntil !== null) this.#write({ ...outgoing, request: begun }, now);
  }

  #write(outgoing: Outgoing<T>, now: number): void {
    const { run, request } = outgoing;
    this.#kind.note(outgoing, toldOf(run, this.started(request, now)), now);
    this.launch(run.id, request);
  }

  #attemptEnded(runId: string, attempt: number, result: AttemptResult): void {
    const now = Date.now();
    const found = this.#kind.find(runId, now);
    if (found !== null) this.#applyOutcome(found, attempt, result, now);
    this.#kind.useResult(runId, attempt, result, { isOvertaken: found === null, now });
  }

  /** Nobody knows whether the request arrived. Its lease decides, if the run has a request still. */
  #attemptLost(runId: string, attempt: number): void {
    const now = Date.now();
    if (this.#kind.find(runId, now) === null) {
      this.#kind.useResult(runId, attempt, LOST, { isOvertaken: true, now });
    }
  }

  #applyOutcome(outgoing: Outgoing<T>, attempt: number, result: AttemptResult, now: number): void {
    const { run, request, endsAt } = outgoing;
    const { createdAt } = run;
    const { unsureMax, done } = this.#kind;
    const circumstances = { now, createdAt, endsAt, random: Math.random(), unsureMax, done };
    const outcome = outcomeOf(request, attempt, result, circumstances);
    if (outcome.type === "ignored") return;
    const events = toldOf(run, [attemptAnswered(attempt, result, outcome, now, this.#kind.eventPrefix)]);
    if (outcome.type === "retry") this.#kind.note({ ...outgoing, request: outcome.delivery }, events, now);
    else this.#kind.end(outgoing, outcome, events, now);
    // The log tells what no timeline can, and every request that is given up.
    if (outcome.type === "given_up") {
      logGivenUp(this.#kind.eventPrefix, this.#owner, run.id, attempt, outcome.reason);
    } else if (events.length === 0) {
      logAnswered(this.#kind.eventPrefix, this.#owner, run.id, attempt, result, outcome.type);
    }
  }

  /** Gives up a request whose time was up before its next attempt was due, or before a slot was free. */
  #giveUp(outgoing: Outgoing<T>, now: number): void {
    const { run, request } = outgoing;
    const reason = neverCalled(request);
    this.#kind.end(outgoing, { type: "given_up", reason }, [], now);
    logGivenUp(this.#kind.eventPrefix, this.#owner, run.id, request.attempt, reason);
  }

  #logError(event: string, error: unknown, run: string): void {
    logFailure(event, error, { coordinator: this.#owner.name, run });
  }
}

/** The events for the run's timeline: none after its end, because `ended` is the last event of a timeline. */
function toldOf(run: JournaledRun, events: TimelineEvent[]): readonly TimelineEvent[] {
  return isOpen(run) ? events : [];
}

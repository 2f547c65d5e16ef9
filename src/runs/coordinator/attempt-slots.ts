/**
 * The permits for attempts that are under way, and how receivers share them. A receiver is the host of dispatches and
 * stop requests, or the webhook endpoint of deliveries. The circuit of a receiver that fails is half-open: the receiver
 * gets one trial request at a time, until one succeeds. All of it is in memory only: the journal has the attempts,
 * and what an attempt came to is soon known again.
 *
 * The threat: a receiver that hangs holds each permit for as long as an attempt may take, and the requests of all
 * others wait.
 */

import { msSinceOrLongAgo } from "../../base/time.ts";

/** Attempts, and the bytes that their requests weigh. */
export interface Room {
  readonly attempts: number;
  readonly bytes: number;
}

/** A request as permits and queues see it. `attempt`: how many of its attempts have begun. */
export interface Queued {
  readonly receiver: string;
  readonly weight: number;
  readonly attempt: number;
}

export interface PermitPolicy {
  /** For all receivers together. One request of the largest size must fit. */
  readonly max: Room;
  /** What a receiver may hold. `failures`: in a row. `left`: what the other receivers leave. */
  roomOf(failures: number, left: Room): Room;
  /** After so many failures in a row, a receiver gets one trial request in `trialEveryMs`. */
  readonly halfOpenAfter: number;
  readonly trialEveryMs: number;
}

/** How many receivers without an attempt under way are remembered. */
const IDLE_RECEIVERS_MAX = 1000;

interface Receiver {
  attempts: number;
  bytes: number;
  /** In a row. */
  failures: number;
  /** When the last attempt began. */
  begunAt: number;
}

export class AttemptPermits {
  readonly #policy: PermitPolicy;
  readonly #failuresBefore: (queued: Queued) => number;
  readonly #receivers = new Map<string, Receiver>();
  #attempts = 0;
  #bytes = 0;

  /** `failuresBefore`: how many failures in a row a receiver has that is not remembered here. */
  constructor(policy: PermitPolicy, failuresBefore: (queued: Queued) => number) {
    this.#policy = policy;
    this.#failuresBefore = failuresBefore;
  }

  /** Whether the request's next attempt may begin now. */
  hasRoomFor(queued: Queued, now: number): boolean {
    const { receiver, weight } = queued;
    const known = this.#receivers.get(receiver);
    const { attempts = 0, bytes = 0 } = known ?? {};
    const { max } = this.#policy;
    const left = { attempts: max.attempts - this.#attempts + attempts, bytes: max.bytes - this.#bytes + bytes };
    const room = this.#policy.roomOf(known?.failures ?? this.#failuresBefore(queued), left);
    return (
      this.hasRoomForAll(weight) &&
      // One request always fits, whatever it weighs.
      (attempts === 0 || (attempts < room.attempts && bytes + weight <= room.bytes)) &&
      this.trialInMs(receiver, now) === 0
    );
  }

  /** Whether a request of this weight fits beside those of all receivers. */
  hasRoomForAll(weight: number): boolean {
    const { max } = this.#policy;
    return this.#attempts < max.attempts && this.#bytes + weight <= max.bytes;
  }

  /** Whether the receiver fails, so that it gets only trial requests. */
  isHalfOpen(receiver: string): boolean {
    const failures =
      this.#receivers.get(receiver)?.failures ?? this.#failuresBefore({ receiver, weight: 0, attempt: 0 });
    return failures >= this.#policy.halfOpenAfter;
  }

  /** In how many ms a receiver may get a trial request; 0 if its requests need not wait for that. */
  trialInMs(receiver: string, now: number): number {
    const known = this.#receivers.get(receiver);
    if (known === undefined || !this.isHalfOpen(receiver)) return 0;
    const { trialEveryMs } = this.#policy;
    return known.attempts > 0 ? trialEveryMs : Math.max(trialEveryMs - msSinceOrLongAgo(known.begunAt, now), 0);
  }

  /**
   * Makes an attempt, which holds a permit until it ends. `isWorking`: whether its result says that the receiver works;
   * null if it says nothing of that. Rejects if nobody knows whether the request arrived.
   */
  async hold<R>(
    queued: Queued,
    now: number,
    make: () => Promise<R>,
    isWorking: (result: R) => boolean | null,
  ): Promise<R> {
    const receiver = this.#receivers.get(queued.receiver) ?? this.#remember(queued);
    receiver.begunAt = now;
    this.#take(receiver, 1, queued.weight);
    try {
      const result = await make();
      const works = isWorking(result);
      if (works !== null) receiver.failures = works ? 0 : receiver.failures + 1;
      return result;
    } finally {
      this.#take(receiver, -1, -queued.weight);
    }
  }

  #take(receiver: Receiver, attempts: number, bytes: number): void {
    receiver.attempts += attempts;
    receiver.bytes += bytes;
    this.#attempts += attempts;
    this.#bytes += bytes;
  }

  #remember(queued: Queued): Receiver {
    if (this.#receivers.size >= IDLE_RECEIVERS_MAX + this.#policy.max.attempts) this.#forgetIdle();
    const receiver = { attempts: 0, bytes: 0, failures: this.#failuresBefore(queued), begunAt: 0 };
    this.#receivers.set(queued.receiver, receiver);
    return receiver;
  }

  /** Receivers that work first, because a receiver that is forgotten counts as one that works. */
  #forgetIdle(): void {
    for (const isForgotten of [(failures: number) => failures === 0, () => true]) {
      if (this.#receivers.size < IDLE_RECEIVERS_MAX) return;
      for (const [name, { attempts, failures }] of this.#receivers) {
        if (attempts === 0 && isForgotten(failures)) this.#receivers.delete(name);
      }
    }
  }
}

/**
 * The slots for attempts that are under way, and how they are shared among lanes. A lane is a receiver: the host of
 * deliveries and stop requests, or the webhook endpoint of messages. In memory only: the journal has the attempts, and
 * what an attempt came to is soon known again.
 *
 * The threat: a receiver that hangs holds each slot for as long as an attempt may take, and the requests of all others
 * wait.
 */

import { msSinceOrLongAgo } from "../../base/time.ts";

/** Attempts, and the bytes that their requests weigh. */
export interface Room {
  readonly attempts: number;
  readonly bytes: number;
}

/** A request as slots and queues see it. `attempt`: how many of its attempts have begun. */
export interface Queued {
  readonly lane: string;
  readonly weight: number;
  readonly attempt: number;
}

export interface SlotsPolicy {
  /** For all lanes together. One request of the largest size must fit. */
  readonly max: Room;
  /** What a lane may hold. `failures`: in a row. `left`: what the other lanes leave. */
  roomOf(failures: number, left: Room): Room;
  /** After so many failures in a row, a lane gets one attempt in `probeEveryMs`. */
  readonly probedAfter: number;
  readonly probeEveryMs: number;
}

/** How many lanes without an attempt under way are remembered. */
const IDLE_LANES_MAX = 1000;

interface Lane {
  attempts: number;
  bytes: number;
  /** In a row. */
  failures: number;
  /** When the last attempt began. */
  begunAt: number;
}

export class AttemptSlots {
  readonly #policy: SlotsPolicy;
  readonly #failuresBefore: (queued: Queued) => number;
  readonly #lanes = new Map<string, Lane>();
  #attempts = 0;
  #bytes = 0;

  /** `failuresBefore`: how many failures in a row a lane has that is not remembered here. */
  constructor(policy: SlotsPolicy, failuresBefore: (queued: Queued) => number) {
    this.#policy = policy;
    this.#failuresBefore = failuresBefore;
  }

  /** Whether the request's next attempt may begin now. */
  hasRoomFor(queued: Queued, now: number): boolean {
    const { lane, weight } = queued;
    const held = this.#lanes.get(lane);
    const { attempts = 0, bytes = 0 } = held ?? {};
    const { max } = this.#policy;
    const left = { attempts: max.attempts - this.#attempts + attempts, bytes: max.bytes - this.#bytes + bytes };
    const room = this.#policy.roomOf(held?.failures ?? this.#failuresBefore(queued), left);
    return (
      this.hasRoomForAll(weight) &&
      // One request always fits, whatever it weighs.
      (attempts === 0 || (attempts < room.attempts && bytes + weight <= room.bytes)) &&
      this.probeInMs(lane, now) === 0
    );
  }

  /** Whether a request of this weight fits beside those of all lanes. */
  hasRoomForAll(weight: number): boolean {
    const { max } = this.#policy;
    return this.#attempts < max.attempts && this.#bytes + weight <= max.bytes;
  }

  /** Whether the lane fails, so that it is only probed. */
  isProbed(lane: string): boolean {
    const failures = this.#lanes.get(lane)?.failures ?? this.#failuresBefore({ lane, weight: 0, attempt: 0 });
    return failures >= this.#policy.probedAfter;
  }

  /** In how many ms a lane may be probed; 0 if it need not wait for that. */
  probeInMs(lane: string, now: number): number {
    const held = this.#lanes.get(lane);
    if (held === undefined || !this.isProbed(lane)) return 0;
    const { probeEveryMs } = this.#policy;
    return held.attempts > 0 ? probeEveryMs : Math.max(probeEveryMs - msSinceOrLongAgo(held.begunAt, now), 0);
  }

  /**
   * Makes an attempt, which holds a slot until it ends. `isWorking`: whether its result says that the receiver works;
   * null if it says nothing of that. Rejects if nobody knows whether the request arrived.
   */
  async hold<R>(
    queued: Queued,
    now: number,
    make: () => Promise<R>,
    isWorking: (result: R) => boolean | null,
  ): Promise<R> {
    const lane = this.#lanes.get(queued.lane) ?? this.#remember(queued);
    lane.begunAt = now;
    this.#take(lane, 1, queued.weight);
    try {
      const result = await make();
      const works = isWorking(result);
      if (works !== null) lane.failures = works ? 0 : lane.failures + 1;
      return result;
    } finally {
      this.#take(lane, -1, -queued.weight);
    }
  }

  #take(lane: Lane, attempts: number, bytes: number): void {
    lane.attempts += attempts;
    lane.bytes += bytes;
    this.#attempts += attempts;
    this.#bytes += bytes;
  }

  #remember(queued: Queued): Lane {
    if (this.#lanes.size >= IDLE_LANES_MAX + this.#policy.max.attempts) this.#forgetIdle();
    const lane = { attempts: 0, bytes: 0, failures: this.#failuresBefore(queued), begunAt: 0 };
    this.#lanes.set(queued.lane, lane);
    return lane;
  }

  /** Lanes that work first, because a lane that is forgotten counts as one that works. */
  #forgetIdle(): void {
    for (const isForgotten of [(failures: number) => failures === 0, () => true]) {
      if (this.#lanes.size < IDLE_LANES_MAX) return;
      for (const [name, { attempts, failures }] of this.#lanes) {
        if (attempts === 0 && isForgotten(failures)) this.#lanes.delete(name);
      }
    }
  }
}

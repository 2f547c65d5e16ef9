/**
 * The slots for attempts that are under way, and how they are shared among the receivers' hosts. In memory only: the
 * journal has the attempts, and what an attempt came to is soon known again.
 *
 * The threat: a host that hangs holds each slot for as long as an attempt may take, and the jobs of all other hosts wait.
 */

import { msSince } from "../../base/time.ts";
import { type AttemptResult, isHostWorking, type Tried } from "../../webhooks/delivery.ts";
import type { Attempt } from "../../webhooks/request/sealed-request.ts";

/** Makes one attempt, in a Worker invocation of its own. */
export interface Sender {
  send(attempt: Attempt): Promise<AttemptResult>;
}

/** Attempts, and the bytes that their requests weigh. */
export interface Room {
  readonly attempts: number;
  readonly bytes: number;
}

/** What a host may hold whose last attempt failed. */
export const FAILING_HOST: Room = { attempts: 25, bytes: 2_000_000 };
/** After so many failures in a row, a host gets one attempt in PROBE_EVERY_MS. */
export const PROBED_AFTER_FAILURES = 5;
export const PROBE_EVERY_MS = 10_000;
/**
 * A host holds at most this part of what the other hosts leave. A host that hangs fails only after 15 s, and until then
 * some slots must be left for the others, however many hosts hang.
 */
const PART_OF_ONE_HOST = 0.8;
/** How many hosts without an attempt under way are remembered. */
const IDLE_HOSTS_MAX = 1000;

interface Host {
  attempts: number;
  bytes: number;
  /** In a row. */
  failures: number;
  /** When the last attempt began. */
  begunAt: number;
}

type Weighed = Pick<Tried, "host" | "weight" | "attempt">;

export class AttemptSlots {
  readonly #sender: Sender;
  readonly #max: Room;
  readonly #hosts = new Map<string, Host>();
  #attempts = 0;
  #bytes = 0;

  /** `max`: for all hosts together. One request of the largest size must fit. */
  constructor(sender: Sender, max: Room) {
    this.#sender = sender;
    this.#max = max;
  }

  /** Whether the request's next attempt may begin now. */
  hasRoomFor({ host, weight, attempt }: Weighed, now: number): boolean {
    const held = this.#hosts.get(host);
    const room = this.#roomOf(held, attempt);
    const isFirst = held === undefined || held.attempts === 0;
    return (
      this.hasRoomForAll(weight) &&
      // One request always fits, whatever it weighs.
      (isFirst || (held.attempts < room.attempts && held.bytes + weight <= room.bytes)) &&
      this.#probeIn(held, now) === 0
    );
  }

  /** Whether a request of this weight fits beside those of all hosts. */
  hasRoomForAll(weight: number): boolean {
    return this.#attempts < this.#max.attempts && this.#bytes + weight <= this.#max.bytes;
  }

  /** In how many ms a host may be probed; 0 if it need not wait for that. */
  probeInMs(host: string, now: number): number {
    return this.#probeIn(this.#hosts.get(host), now);
  }

  /** Makes an attempt, which holds a slot until it ends. Rejects if nobody knows whether the request arrived. */
  async send(
    attempt: Attempt,
    { host: name, weight, attempt: number }: Weighed,
    now: number,
  ): Promise<AttemptResult> {
    const host = this.#hosts.get(name) ?? this.#remember(name, number);
    host.begunAt = now;
    this.#hold(host, 1, weight);
    try {
      const result = await this.#sender.send(attempt);
      const isWorking = isHostWorking(result);
      if (isWorking !== null) host.failures = isWorking ? 0 : host.failures + 1;
      return result;
    } finally {
      this.#hold(host, -1, -weight);
    }
  }

  #hold(host: Host, attempts: number, bytes: number): void {
    host.attempts += attempts;
    host.bytes += bytes;
    this.#attempts += attempts;
    this.#bytes += bytes;
  }

  /** A request that was tried before and is due again says that its host has failed. */
  #remember(name: string, attempt: number): Host {
    if (this.#hosts.size >= IDLE_HOSTS_MAX + this.#max.attempts) this.#forgetIdle();
    const host = { attempts: 0, bytes: 0, failures: attempt > 1 ? 1 : 0, begunAt: 0 };
    this.#hosts.set(name, host);
    return host;
  }

  /** Hosts that work first, because a host that is forgotten counts as one that works. */
  #forgetIdle(): void {
    for (const isForgotten of [(failures: number) => failures === 0, () => true]) {
      if (this.#hosts.size < IDLE_HOSTS_MAX) return;
      for (const [name, { attempts, failures }] of this.#hosts) {
        if (attempts === 0 && isForgotten(failures)) this.#hosts.delete(name);
      }
    }
  }

  /** `attempt`: how many attempts of the request have begun. */
  #roomOf(host: Host | undefined, attempt: number): Room {
    const isFailing = host === undefined ? attempt > 0 : host.failures > 0;
    if (isFailing) return FAILING_HOST;
    const { attempts = 0, bytes = 0 } = host ?? {};
    return {
      attempts: (this.#max.attempts - this.#attempts + attempts) * PART_OF_ONE_HOST,
      bytes: (this.#max.bytes - this.#bytes + bytes) * PART_OF_ONE_HOST,
    };
  }

  #probeIn(host: Host | undefined, now: number): number {
    if (host === undefined || host.failures < PROBED_AFTER_FAILURES) return 0;
    if (host.attempts > 0) return PROBE_EVERY_MS;
    return Math.max(PROBE_EVERY_MS - msSince(host.begunAt, now), 0);
  }
}

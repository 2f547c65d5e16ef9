/**
 * A call to D1 or to the Worker, or a walk in batches. Its answer can come late or never, so it has a lease, and after
 * that only the newest call counts. After a failure the next call waits, twice as long each time. In memory only.
 */
import { msSinceOrLongAgo, within } from "../../base/time.ts";

export interface Span {
  readonly at: number;
  readonly ms: number;
}

/** When the span is over; `now` if it is. After the clock stepped back behind its beginning, it is over. */
export function endOf({ at, ms }: Span, now: number): number {
  return msSinceOrLongAgo(at, now) >= ms ? now : at + ms;
}

/** Whether the call still counts. Ask before each write. */
export type IsCurrent = () => boolean;

export interface Lease {
  readonly leaseMs: number;
  /** At first, and at most. The wait doubles with each failure. */
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
}

interface CallPolicy extends Lease {
  /** Called if the newest call has thrown, or its lease is over. `failures`: how many calls in a row have failed. */
  readonly failed: (error: unknown, failures: number) => void;
  readonly ended: () => void;
}

export class LeasedCall {
  readonly #policy: CallPolicy;
  #current: symbol | null = null;
  /** Until when no call begins: the lease of the call under way, or the wait after the last one. */
  #busy: Span = { at: 0, ms: 0 };
  #failures = 0;

  constructor(policy: CallPolicy) {
    this.#policy = policy;
  }

  get isUnderWay(): boolean {
    return this.#current !== null;
  }

  get hasFailed(): boolean {
    return this.#failures > 0;
  }

  nextAt(now: number): number {
    return endOf(this.#busy, now);
  }

  wait(ms: number, now: number): void {
    this.#busy = { at: now, ms };
  }

  giveUp(): void {
    this.#current = null;
    this.#busy = { at: 0, ms: 0 };
  }

  start(now: number, call: (isCurrent: IsCurrent) => Promise<number | null>): void {
    // The failure was passed on.
    this.run(now, call).catch(() => {});
  }

  /** Replaces the call under way. `call` returns for how many ms the next call waits; null: as after a failure. */
  async run(now: number, call: (isCurrent: IsCurrent) => Promise<number | null>): Promise<void> {
    const { leaseMs, failed, ended } = this.#policy;
    const self = Symbol();
    const isCurrent = () => this.#current === self;
    if (this.#current !== null) failed(new Error("the call before did not answer in time"), ++this.#failures);
    this.#current = self;
    this.wait(leaseMs, now);
    try {
      const waitMs = await within(leaseMs, call(isCurrent));
      if (!isCurrent()) return;
      if (waitMs === null) this.#fail(Date.now());
      else {
        this.#failures = 0;
        this.wait(waitMs, Date.now());
      }
    } catch (error) {
      if (isCurrent()) {
        this.#fail(Date.now());
        failed(error, this.#failures);
      }
      throw error;
    } finally {
      if (isCurrent()) {
        this.#current = null;
        ended();
      }
    }
  }

  #fail(now: number): void {
    const { retryFirstMs, retryMaxMs } = this.#policy;
    this.wait(Math.min(retryFirstMs * 2 ** this.#failures++, retryMaxMs), now);
  }
}

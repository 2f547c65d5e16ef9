/**
 * How fast flights follow each other. One D1 serves all coordinators, and runs one statement at a time. So each
 * coordinator slows down when D1 does: the pause grows with D1's delay, which is its smoothed response time minus the
 * best one. Subtracting the best keeps a far D1 from looking like a busy one. A full flight departs after the least
 * pause, because a large statement is slow by itself, and because waiting would only move the same work. PURE but for
 * its memory: `now` is passed in.
 */

import { MINUTE_MS, msSinceOrLongAgo } from "../../base/time.ts";

export const PAUSE_MIN_MS = 50;
export const PAUSE_MAX_MS = 2000;
/** How many ms of pause each ms of delay is worth. */
const PAUSE_PER_DELAY = 50;
/** The weight of each new response time, as RFC 6298, section 2, smooths round trips. */
const SMOOTHING = 1 / 8;
/** The best response time is that of this span and of the one before. */
const BEST_KEPT_MS = 5 * MINUTE_MS;

export class Pace {
  #departedAt: number | null = null;
  #smoothed: number | null = null;
  #best = Number.POSITIVE_INFINITY;
  #bestBefore = Number.POSITIVE_INFINITY;
  #bestSince = 0;

  departed(now: number): void {
    this.#departedAt = now;
  }

  /** Notes that a flight has landed `ms` after it departed. */
  landed(ms: number, now: number): void {
    this.#smoothed = this.#smoothed === null ? ms : this.#smoothed + SMOOTHING * (ms - this.#smoothed);
    if (msSinceOrLongAgo(this.#bestSince, now) >= BEST_KEPT_MS) {
      this.#bestBefore = this.#best;
      this.#best = ms;
      this.#bestSince = now;
    }
    this.#best = Math.min(this.#best, ms);
  }

  /** The pause from one flight to the next, without jitter. */
  get pauseMs(): number {
    const delay = this.#smoothed === null ? 0 : this.#smoothed - Math.min(this.#best, this.#bestBefore);
    return Math.min(Math.max(PAUSE_PER_DELAY * delay, PAUSE_MIN_MS), PAUSE_MAX_MS);
  }

  /**
   * How long from `now` until the next flight may depart; 0 if it may depart at once. `isFull`: the flight can carry no
   * more. `random` is from 0 to 1, and spreads the flights of many coordinators by 20 %.
   */
  waitMs(now: number, isFull: boolean, random: number): number {
    if (this.#departedAt === null) return 0;
    const pause = (isFull ? PAUSE_MIN_MS : this.pauseMs) * (0.8 + 0.4 * random);
    return Math.max(0, pause - msSinceOrLongAgo(this.#departedAt, now));
  }
}

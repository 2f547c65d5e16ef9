/**
 * The event streams and waits that follow a run or the feed of changes. In memory only, and bounded. A watcher takes a
 * seat with its first call, and keeps it for 10 s after each call. So it does not lose the seat between two calls. One
 * token can never hold every seat of a run or of the coordinator. docs/capacity.md, "Watchers", says why there are so
 * many seats.
 */

import { msSinceOrLongAgo } from "../../base/time.ts";
import type { Watcher } from "../watch-calls.ts";

export const WATCHERS_MAX = 2000;
export const WATCHERS_PER_TOKEN = 500;
/** A change of a run wakes all its watchers at once, so these are few. */
export const WATCHERS_PER_RUN = 200;
export const WATCHERS_PER_RUN_AND_TOKEN = 100;
/** How long a watcher keeps its seat after a call. */
const SEAT_KEPT_MS = 10_000;

interface Seat {
  /** Null: the watcher follows the feed. */
  readonly runId: string | null;
  readonly tokenId: string;
  askedAt: number;
  keptMs: number;
  wake: () => void;
}

export class Watchers {
  readonly #seats = new Map<string, Seat>();

  /**
   * Gives the watcher a seat, or extends the seat it has, to `maxMs` + 10 s from now. False if every seat is
   * taken, or every seat of this run or of this token, or if the watcher's seat is elsewhere. `runId`: null for the feed.
   */
  admit(runId: string | null, watcher: Watcher, now: number, maxMs: number): boolean {
    const kept = { askedAt: now, keptMs: maxMs + SEAT_KEPT_MS };
    const known = this.#seats.get(watcher.key);
    if (known !== undefined) {
      Object.assign(known, kept);
      return known.runId === runId;
    }
    const { tokenId } = watcher;
    if (this.#isFull(runId, tokenId)) {
      this.#dropForgotten(now);
      if (this.#isFull(runId, tokenId)) return false;
    }
    this.#seats.set(watcher.key, { runId, tokenId, ...kept, wake: () => {} });
    return true;
  }

  /**
   * Resolves when the run has news, after `maxMs`, or when the watcher leaves or calls again. Returns whether the
   * watcher still reads the answer to this call.
   */
  async news(watcher: Watcher, maxMs: number): Promise<boolean> {
    const seat = this.#seats.get(watcher.key);
    if (seat === undefined) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    seat.wake();
    seat.wake = resolve;
    const timer = setTimeout(resolve, maxMs);
    await promise;
    clearTimeout(timer);
    return this.#seats.get(watcher.key) === seat && seat.wake === resolve;
  }

  /** How many watch this run, or the feed if `runId` is null. */
  count(runId: string | null): number {
    let count = 0;
    for (const seat of this.#seats.values()) if (seat.runId === runId) count++;
    return count;
  }

  /** Wakes all watchers of this run, or of the feed. Each then reads by itself, so a change never waits for them. */
  tell(runId: string | null): void {
    for (const seat of this.#seats.values()) if (seat.runId === runId) seat.wake();
  }

  leave(key: string): void {
    this.#seats.get(key)?.wake();
    this.#seats.delete(key);
  }

  #isFull(runId: string | null, tokenId: string): boolean {
    const all = [...this.#seats.values()];
    const ofToken = all.filter((seat) => seat.tokenId === tokenId);
    if (all.length >= WATCHERS_MAX || ofToken.length >= WATCHERS_PER_TOKEN) return true;
    if (runId === null) return false;
    const ofRun = (seats: readonly Seat[]) => seats.filter((seat) => seat.runId === runId).length;
    return ofRun(all) >= WATCHERS_PER_RUN || ofRun(ofToken) >= WATCHERS_PER_RUN_AND_TOKEN;
  }

  #dropForgotten(now: number): void {
    for (const [key, seat] of this.#seats) {
      if (msSinceOrLongAgo(seat.askedAt, now) >= seat.keptMs) this.leave(key);
    }
  }
}

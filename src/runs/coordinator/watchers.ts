/**
 * Who waits for news of a run: event streams and waits. In memory alone, and bounded: a place is taken when a watcher
 * first asks and kept until some time after it last did, so that it is not lost between two of its calls. One token can
 * never hold all places, neither of a run nor of the coordinator.
 */

import { msSince } from "../../elapsed.ts";
import type { Watcher } from "../protocol.ts";

export const WATCHERS_MAX = 1000;
export const WATCHERS_PER_TOKEN = 250;
export const WATCHERS_PER_RUN = 200;
/** Of one run and one token. */
export const WATCHERS_PER_RUN_AND_TOKEN = 100;
/** How long a place is kept for a watcher that is not asking. */
const PLACE_KEPT_MS = 10_000;

interface Place {
  readonly runId: string;
  readonly tokenId: string | undefined;
  askedAt: number;
  keptMs: number;
  wake: () => void;
}

export class Watchers {
  readonly #places = new Map<string, Place>();
  readonly #byRun = new Map<string, Set<string>>();

  /** Takes or keeps a place until `maxMs` from now and a little more; false where all are taken. */
  admit(runId: string, watcher: Watcher, now: number, maxMs: number): boolean {
    const kept = { askedAt: now, keptMs: maxMs + PLACE_KEPT_MS };
    const known = this.#places.get(watcher.key);
    if (known !== undefined) {
      Object.assign(known, kept);
      return known.runId === runId;
    }
    const { tokenId } = watcher;
    if (this.#isFull(runId, tokenId)) {
      this.#dropForgotten(now);
      if (this.#isFull(runId, tokenId)) return false;
    }
    this.#places.set(watcher.key, { runId, tokenId, ...kept, wake: () => {} });
    const ofRun = this.#byRun.get(runId) ?? new Set();
    this.#byRun.set(runId, ofRun.add(watcher.key));
    return true;
  }

  /** Whether this watcher has a place. */
  has(key: string): boolean {
    return this.#places.has(key);
  }

  /** Resolves at the run's next news, after `maxMs`, or when the watcher leaves. */
  async news(watcher: Watcher, maxMs: number): Promise<void> {
    const place = this.#places.get(watcher.key);
    if (place === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    // Called again before it was answered, the earlier call's answer can't matter any more.
    place.wake();
    place.wake = resolve;
    const timer = setTimeout(resolve, maxMs);
    await promise;
    clearTimeout(timer);
  }

  /** Wakes all who wait for this run. They read for themselves: a transition never waits for them. */
  tell(runId: string): void {
    for (const key of this.#byRun.get(runId) ?? []) this.#places.get(key)?.wake();
  }

  leave(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    const ofRun = this.#byRun.get(place.runId);
    ofRun?.delete(key);
    if (ofRun?.size === 0) this.#byRun.delete(place.runId);
    place.wake();
  }

  #isFull(runId: string, tokenId: string | undefined): boolean {
    let ofToken = 0;
    let ofBoth = 0;
    for (const place of this.#places.values()) {
      if (tokenId === undefined || place.tokenId !== tokenId) continue;
      ofToken++;
      if (place.runId === runId) ofBoth++;
    }
    return (
      this.#places.size >= WATCHERS_MAX ||
      ofToken >= WATCHERS_PER_TOKEN ||
      (this.#byRun.get(runId)?.size ?? 0) >= WATCHERS_PER_RUN ||
      ofBoth >= WATCHERS_PER_RUN_AND_TOKEN
    );
  }

  #dropForgotten(now: number): void {
    for (const [key, place] of this.#places) {
      if (msSince(place.askedAt, now) >= place.keptMs) this.leave(key);
    }
  }
}

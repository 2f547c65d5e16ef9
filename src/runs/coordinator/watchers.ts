/**
 * The event streams and waits that follow a run. In memory only, and bounded. A watcher takes a place with its first call. It
 * keeps the place for 10 s after each call, so that it does not lose the place between two calls. One token can never hold
 * every place of a run or of the coordinator.
 */

import { msSince } from "../../base/time.ts";
import type { Watcher } from "../protocol.ts";

export const WATCHERS_MAX = 1000;
export const WATCHERS_PER_TOKEN = 250;
export const WATCHERS_PER_RUN = 200;
export const WATCHERS_PER_RUN_AND_TOKEN = 100;
/** How long a place is kept after the watcher's last call. */
const PLACE_KEPT_MS = 10_000;

interface Place {
  readonly runId: string;
  readonly tokenId: string;
  askedAt: number;
  keptMs: number;
  wake: () => void;
}

export class Watchers {
  readonly #places = new Map<string, Place>();

  /** Takes or keeps a place until `maxMs` from now and a little longer. False if every place is taken. */
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
    return true;
  }

  /**
   * Resolves when the run has news, after `maxMs`, or when the watcher leaves or calls again. Returns whether the watcher still
   * reads the answer to this call.
   */
  async news(watcher: Watcher, maxMs: number): Promise<boolean> {
    const place = this.#places.get(watcher.key);
    if (place === undefined) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    place.wake();
    place.wake = resolve;
    const timer = setTimeout(resolve, maxMs);
    await promise;
    clearTimeout(timer);
    return this.#places.get(watcher.key) === place && place.wake === resolve;
  }

  /** Wakes all watchers of this run. They read on their own, so a change never waits for them. */
  tell(runId: string): void {
    for (const place of this.#places.values()) if (place.runId === runId) place.wake();
  }

  leave(key: string): void {
    this.#places.get(key)?.wake();
    this.#places.delete(key);
  }

  #isFull(runId: string, tokenId: string): boolean {
    const all = [...this.#places.values()];
    const ofToken = all.filter((place) => place.tokenId === tokenId);
    const ofRun = (places: readonly Place[]) => places.filter((place) => place.runId === runId).length;
    return (
      all.length >= WATCHERS_MAX ||
      ofToken.length >= WATCHERS_PER_TOKEN ||
      ofRun(all) >= WATCHERS_PER_RUN ||
      ofRun(ofToken) >= WATCHERS_PER_RUN_AND_TOKEN
    );
  }

  #dropForgotten(now: number): void {
    for (const [key, place] of this.#places) {
      if (msSince(place.askedAt, now) >= place.keptMs) this.leave(key);
    }
  }
}

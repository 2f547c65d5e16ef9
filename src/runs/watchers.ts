/**
 * Who waits for news of a run: event streams and waits. In memory alone, and bounded: a place is taken when a watcher
 * first asks and kept until some time after it last did, so that it is not lost between two of its calls.
 */

import { msSince } from "../elapsed.ts";

/** Places of one run for streams, and of all runs together. */
export const WATCHERS_PER_RUN = 100;
export const WATCHERS_MAX = 1000;
/** How long a place is kept for a watcher that is not asking. */
const PLACE_KEPT_MS = 10_000;

/** A `stream` counts towards its run's places as well; a `wait` only towards all. */
export interface Watcher {
  /** Made up by the Worker, the same for every call of one watcher. */
  readonly key: string;
  readonly kind: "stream" | "wait";
}

interface Place {
  readonly runId: string;
  readonly kind: Watcher["kind"];
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
    if (this.#isFull(runId, watcher.kind)) {
      this.#dropForgotten(now);
      if (this.#isFull(runId, watcher.kind)) return false;
    }
    this.#places.set(watcher.key, { runId, kind: watcher.kind, ...kept, wake: () => {} });
    const ofRun = this.#byRun.get(runId) ?? new Set();
    this.#byRun.set(runId, ofRun.add(watcher.key));
    return true;
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

  #isFull(runId: string, kind: Watcher["kind"]): boolean {
    if (this.#places.size >= WATCHERS_MAX) return true;
    if (kind === "wait") return false;
    let streams = 0;
    for (const key of this.#byRun.get(runId) ?? []) if (this.#places.get(key)?.kind === "stream") streams++;
    return streams >= WATCHERS_PER_RUN;
  }

  #dropForgotten(now: number): void {
    for (const [key, place] of this.#places) {
      if (msSince(place.askedAt, now) >= place.keptMs) this.leave(key);
    }
  }
}

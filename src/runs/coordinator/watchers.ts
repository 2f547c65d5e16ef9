/**
 * The subscriptions of event streams and waits that follow a run or the feed of changes. In memory only, and bounded. A
 * subscriber subscribes with its first call, and its subscription is kept for 10 s after each call. So it is not lost
 * between two calls. One token can never hold every subscription of a run or of the coordinator. docs/capacity.md,
 * "Watchers", says why there are so many.
 */

import { msSinceOrLongAgo } from "../../base/time.ts";
import type { Subscriber } from "../watch-calls.ts";

export const SUBSCRIPTIONS_MAX = 2000;
export const SUBSCRIPTIONS_PER_TOKEN = 500;
/** A change of a run wakes all its subscribers at once, so these are few. */
export const SUBSCRIPTIONS_PER_RUN = 200;
export const SUBSCRIPTIONS_PER_RUN_AND_TOKEN = 100;
/** How long a subscription is kept after a call. */
const SUBSCRIPTION_KEPT_MS = 10_000;

interface Subscription {
  /** Null: the subscription is to the feed. */
  readonly runId: string | null;
  readonly tokenId: string;
  askedAt: number;
  keptMs: number;
  wake: () => void;
}

export class Subscriptions {
  readonly #subscriptions = new Map<string, Subscription>();

  /**
   * Adds a subscription, or extends the one that the subscriber has, to `maxMs` + 10 s from now. False if the
   * coordinator, this run or this token has as many as it may have, or if the subscriber's one is elsewhere. `runId`:
   * null for the feed.
   */
  add(runId: string | null, subscriber: Subscriber, now: number, maxMs: number): boolean {
    const kept = { askedAt: now, keptMs: maxMs + SUBSCRIPTION_KEPT_MS };
    const known = this.#subscriptions.get(subscriber.key);
    if (known !== undefined) {
      Object.assign(known, kept);
      return known.runId === runId;
    }
    const { tokenId } = subscriber;
    if (this.#isFull(runId, tokenId)) {
      this.#dropForgotten(now);
      if (this.#isFull(runId, tokenId)) return false;
    }
    this.#subscriptions.set(subscriber.key, { runId, tokenId, ...kept, wake: () => {} });
    return true;
  }

  /**
   * Resolves when the run has news, after `maxMs`, or when the subscriber leaves or calls again. Returns whether
   * the subscriber still reads the answer to this call.
   */
  async news(subscriber: Subscriber, maxMs: number): Promise<boolean> {
    const subscription = this.#subscriptions.get(subscriber.key);
    if (subscription === undefined) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    subscription.wake();
    subscription.wake = resolve;
    const timer = setTimeout(resolve, maxMs);
    await promise;
    clearTimeout(timer);
    return this.#subscriptions.get(subscriber.key) === subscription && subscription.wake === resolve;
  }

  /** How many follow this run, or the feed if `runId` is null. */
  count(runId: string | null): number {
    let count = 0;
    for (const subscription of this.#subscriptions.values()) if (subscription.runId === runId) count++;
    return count;
  }

  /** Wakes all subscribers of this run, or of the feed. Each then reads by itself, so a change never waits for them. */
  notify(runId: string | null): void {
    for (const subscription of this.#subscriptions.values()) if (subscription.runId === runId) subscription.wake();
  }

  leave(key: string): void {
    this.#subscriptions.get(key)?.wake();
    this.#subscriptions.delete(key);
  }

  #isFull(runId: string | null, tokenId: string): boolean {
    const all = [...this.#subscriptions.values()];
    const ofToken = all.filter((one) => one.tokenId === tokenId);
    if (all.length >= SUBSCRIPTIONS_MAX || ofToken.length >= SUBSCRIPTIONS_PER_TOKEN) return true;
    if (runId === null) return false;
    const ofRun = (some: readonly Subscription[]) => some.filter((one) => one.runId === runId).length;
    return ofRun(all) >= SUBSCRIPTIONS_PER_RUN || ofRun(ofToken) >= SUBSCRIPTIONS_PER_RUN_AND_TOKEN;
  }

  #dropForgotten(now: number): void {
    for (const [key, { askedAt, keptMs }] of this.#subscriptions) {
      if (msSinceOrLongAgo(askedAt, now) >= keptMs) this.leave(key);
    }
  }
}

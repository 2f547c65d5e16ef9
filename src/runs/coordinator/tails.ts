/**
 * The newest output of the jobs of open runs, and who reads it. In memory only: a text that a job prints can contain
 * anything, so no row, no archive, no delivery and no log gets it.
 */
import { BoundedMap } from "../../base/bounded-map.ts";
import { utf8Bytes } from "../../base/limits.ts";
import { msSinceOrLongAgo } from "../../base/time.ts";
import type { Tail } from "../run-calls.ts";

/** Those that were sent longest ago go first. */
export const TAILS_MAX_BYTES = 4 * 1024 * 1024;
const ENTRY_OVERHEAD_BYTES = 256;
const READS_MAX = 1000;
/** Longer than the pause between two reads of a client that polls. */
export const READ_COUNTS_MS = 15_000;
/** A stream gets at most one tail in this time, however often a job sends one. */
export const TAIL_EVERY_MS = 1000;

interface KeptTail extends Tail {
  readonly bytes: number;
  notifiedAt: number;
  /** Whether a timer notifies them of this one. */
  isHeld: boolean;
}

interface Subscriptions {
  isFollowed(runId: string, now: number): boolean;
  notify(runId: string): void;
}

export class Tails {
  readonly #subscriptions: Subscriptions;
  readonly #tails = new BoundedMap<KeptTail>(TAILS_MAX_BYTES, ({ bytes }) => bytes);
  readonly #reads = new BoundedMap<number>(READS_MAX);

  constructor(subscriptions: Subscriptions) {
    this.#subscriptions = subscriptions;
  }

  /** The same text again is no news. */
  note(runId: string, text: string, now: number): void {
    const before = this.#tails.get(runId);
    const isNews = before?.text !== text;
    const next: KeptTail = {
      text,
      // Streams tell two tails apart by their instants.
      at: isNews ? Math.max(now, (before?.at ?? 0) + 1) : before.at,
      bytes: utf8Bytes(text) + ENTRY_OVERHEAD_BYTES,
      notifiedAt: before?.notifiedAt ?? Number.NEGATIVE_INFINITY,
      isHeld: before?.isHeld ?? false,
    };
    this.#tails.set(runId, next);
    if (!isNews || next.isHeld) return;
    const waitMs = TAIL_EVERY_MS - msSinceOrLongAgo(next.notifiedAt, now);
    next.isHeld = waitMs > 0;
    if (next.isHeld) setTimeout(() => this.#notify(runId, Date.now()), waitMs);
    else this.#notify(runId, now);
  }

  of(runId: string): Tail | null {
    return this.#tails.get(runId) ?? null;
  }

  noteRead(runId: string, now: number): void {
    this.#reads.set(runId, now);
  }

  /** For a stream that has the tail of the instant `seenAt`, or none if that is 0. Null if it gets no other one now. */
  after(runId: string, seenAt: number): Tail | null {
    const tail = this.#tails.get(runId);
    if (tail === undefined || tail.at === seenAt) return null;
    // A stream that begins does not wait.
    if (tail.isHeld && seenAt !== 0) return null;
    return { text: tail.text, at: tail.at };
  }

  isWatched(runId: string, now: number): boolean {
    const readAt = this.#reads.get(runId);
    if (readAt !== undefined && msSinceOrLongAgo(readAt, now) < READ_COUNTS_MS) return true;
    return this.#subscriptions.isFollowed(runId, now);
  }

  /** Call this with the end of a run, in its critical section. */
  drop(runId: string): void {
    this.#tails.delete(runId);
    this.#reads.delete(runId);
  }

  #notify(runId: string, now: number): void {
    const tail = this.#tails.get(runId);
    if (tail === undefined) return;
    tail.notifiedAt = now;
    tail.isHeld = false;
    this.#subscriptions.notify(runId);
  }
}

/**
 * A clock that jumps from event to event. While it is installed, `Date.now` and the global timers are its own, so that
 * code written for real time runs under it unchanged, and as fast as the machine allows.
 */

import { setImmediate as realSetImmediate } from "node:timers";

interface Entry {
  readonly at: number;
  /** Among events of one instant the one that was asked for first comes first. */
  readonly order: number;
  /** Whether promises may go on because of it: they do so before the next event. */
  readonly settles: boolean;
  run: (() => void) | null;
}

export class VirtualTime {
  readonly #heap: Entry[] = [];
  #now = 0;
  #asked = 0;

  /** ms since the beginning. */
  get now(): number {
    return this.#now;
  }

  at(at: number, run: () => void): Entry {
    return this.#add(at, run, true);
  }

  /** The same for what settles no promise, which is much faster. */
  atPlainly(at: number, run: () => void): void {
    this.#add(at, run, false);
  }

  /** Runs everything until `end`, or until nothing is left. */
  async runUntil(end: number): Promise<void> {
    const uninstall = this.#install();
    try {
      for (;;) {
        const next = this.#heap[0];
        if (next === undefined || next.at > end) break;
        this.#dropFirst();
        if (next.run === null) continue;
        this.#now = next.at;
        next.run();
        if (next.settles) await settled();
      }
      this.#now = Math.max(this.#now, Math.min(end, Number.MAX_SAFE_INTEGER));
    } finally {
      uninstall();
    }
  }

  #add(at: number, run: () => void, settles: boolean): Entry {
    const entry = { at: Math.max(at, this.#now), order: this.#asked++, settles, run };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return entry;
  }

  #install(): () => void {
    const { setTimeout, clearTimeout } = globalThis;
    const { now } = Date;
    const set = (run: () => void, delayMs = 0) => this.at(this.#now + delayMs, run);
    const clear = (entry: Entry | undefined) => {
      if (entry !== undefined) entry.run = null;
    };
    Date.now = () => Math.floor(this.#now);
    globalThis.setTimeout = set as unknown as typeof setTimeout;
    globalThis.clearTimeout = clear as unknown as typeof clearTimeout;
    return () => {
      Date.now = now;
      globalThis.setTimeout = setTimeout;
      globalThis.clearTimeout = clearTimeout;
    };
  }

  #rise(from: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(i, parent)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  #dropFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    let i = 0;
    for (;;) {
      let first = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.#heap.length && this.#isBefore(child, first)) first = child;
      }
      if (first === i) return;
      this.#swap(i, first);
      i = first;
    }
  }

  #isBefore(i: number, j: number): boolean {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    if (a === undefined || b === undefined) return false;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swap(i: number, j: number): void {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    if (a === undefined || b === undefined) return;
    this.#heap[i] = b;
    this.#heap[j] = a;
  }
}

/** Node runs every promise that is ready before it comes here, however many follow from each other. */
function settled(): Promise<void> {
  return new Promise((resolve) => void realSetImmediate(resolve));
}

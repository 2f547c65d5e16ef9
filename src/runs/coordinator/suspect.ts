/**
 * The event at which a walk over events has failed. Its events are then tried one at a time, and one that fails too often
 * is skipped, so that it does not hold up the others for ever. In memory only: a new instance tries it again.
 */

import type { RunWithEvent } from "../telling.ts";

/** How often an event is tried that can't be fanned out. */
const TRIES_MAX = 5;

export class Suspect {
  #seq: number | null = null;
  #tries = 0;

  /** How many events the next batch may have, which may usually have so many. */
  limit(usual: number): number {
    return this.#seq === null ? usual : 1;
  }

  /** Call this when a batch has succeeded. */
  passed(): void {
    this.#seq = null;
  }

  /** Call this when a batch with these events has failed. Returns the one to skip; null if it must be tried again. */
  failed([first, ...others]: readonly RunWithEvent[]): RunWithEvent | null {
    if (first === undefined) return null;
    if (this.#seq !== first.seq) this.#tries = 0;
    this.#seq = first.seq;
    if (others.length === 0) this.#tries++;
    if (this.#tries < TRIES_MAX) return null;
    this.#seq = null;
    return first;
  }
}

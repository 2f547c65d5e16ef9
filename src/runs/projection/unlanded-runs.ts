/**
 * Every run of which the journal holds a version that D1 is not known to have, in the order of their changes. While they are
 * few, the version itself stays in memory too, which saves reading it again a moment later.
 */

import type { Unlanded } from "../journal/landing-rows.ts";

const IN_MEMORY_MAX_BYTES = 2_000_000;

export class UnlandedRuns {
  readonly #entries = new Map<string, Unlanded>();
  #bytes = 0;

  constructor(entries: readonly Unlanded[] = []) {
    for (const entry of entries) this.add(entry);
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  ids(): Iterable<string> {
    return this.#entries.keys();
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  get(id: string): Unlanded | undefined {
    return this.#entries.get(id);
  }

  add(entry: Unlanded): void {
    this.remove(entry.id);
    this.#bytes += entry.bytes;
    this.#entries.set(entry.id, this.#bytes <= IN_MEMORY_MAX_BYTES ? entry : { ...entry, run: null });
  }

  remove(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#bytes -= entry.bytes;
  }

  /** The instant of the change that has waited longest; null if none waits. */
  oldestChange(): number | null {
    let oldest: number | null = null;
    for (const { changedAt } of this.#entries.values()) {
      if (oldest === null || changedAt < oldest) oldest = changedAt;
    }
    return oldest;
  }
}

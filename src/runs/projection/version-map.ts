/** One version of each of some runs, and the bytes of all of them. */

import type { PendingVersion } from "../journal/landing-rows.ts";

export class VersionMap {
  readonly #byId = new Map<string, PendingVersion>();
  #bytes = 0;

  get size(): number {
    return this.#byId.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  get(id: string): PendingVersion | undefined {
    return this.#byId.get(id);
  }

  values(): Iterable<PendingVersion> {
    return this.#byId.values();
  }

  /** Replaces another version of this run. */
  set(entry: PendingVersion): void {
    this.#bytes += entry.bytes - (this.#byId.get(entry.id)?.bytes ?? 0);
    this.#byId.set(entry.id, entry);
  }

  /** Removes the run if its version is `version` or older. Returns what was removed. */
  take(id: string, version = Number.POSITIVE_INFINITY): PendingVersion | undefined {
    const entry = this.#byId.get(id);
    if (entry === undefined || entry.version > version) return undefined;
    this.#byId.delete(id);
    this.#bytes -= entry.bytes;
    return entry;
  }

  /** Removes all, and returns them. */
  takeAll(): readonly PendingVersion[] {
    const all = [...this.#byId.values()];
    this.#byId.clear();
    this.#bytes = 0;
    return all;
  }
}

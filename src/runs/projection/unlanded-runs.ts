/**
 * Runs whose newest version D1 may lack. A run waits for a flight, or is on one, or both if it changes during its flight.
 * While they are few, the versions themselves stay in memory, which saves reading them again a moment later.
 */

import type { Unlanded } from "../journal/landing-rows.ts";
import { UnlandedWrites } from "./unlanded-writes.ts";
import { VersionMap } from "./version-map.ts";

const IN_MEMORY_MAX_BYTES = 2_000_000;

export class UnlandedRuns {
  /** Says in which order runs board, and what has landed. */
  readonly #writes = new UnlandedWrites();
  readonly #waiting = new VersionMap();
  readonly #flying = new VersionMap();
  /** The same for runs that land again, for a resync or after a refusal. No write of them is missing in D1. */
  readonly #waitingAgain = new VersionMap();
  readonly #flyingAgain = new VersionMap();
  readonly #all = [this.#waiting, this.#flying, this.#waitingAgain, this.#flyingAgain];

  constructor(entries: readonly Unlanded[] = []) {
    for (const entry of entries) this.add(entry);
  }

  /** How many runs have a change that may not have landed. */
  get size(): number {
    return this.#writes.runs;
  }

  /** The bytes of all changes that wait or are on a flight. */
  get bytes(): number {
    return this.#waiting.bytes + this.#flying.bytes;
  }

  /** The bytes of all that waits for a flight, runs that land again included. */
  get waitingBytes(): number {
    return this.#waiting.bytes + this.#waitingAgain.bytes;
  }

  /** Whether anything waits for a flight. */
  get isAnyWaiting(): boolean {
    return this.#waiting.size + this.#waitingAgain.size > 0;
  }

  /** Whether this run waits or flies because a resync, or a new attempt after a refusal, lands it again. */
  isAgain(id: string): boolean {
    return this.#waitingAgain.has(id) || this.#flyingAgain.has(id);
  }

  /** The number of the first write that may not have landed; Infinity if all have landed. */
  get firstSeq(): number {
    return this.#writes.firstSeq;
  }

  has(id: string): boolean {
    return this.#all.some((versions) => versions.has(id));
  }

  /** Whether a newer version of the run waits or flies. */
  hasNewer(id: string, version: number): boolean {
    return this.#all.some((versions) => (versions.get(id)?.version ?? 0) > version);
  }

  /** A run keeps its place if an earlier change of it waits. */
  add(entry: Unlanded): void {
    const { id, version, seq, bytes } = entry;
    this.#waitingAgain.take(id);
    this.#writes.add(id, version, seq);
    const fits = this.bytes + bytes - (this.#waiting.get(id)?.bytes ?? 0) <= IN_MEMORY_MAX_BYTES;
    this.#waiting.set(fits ? entry : { ...entry, run: null });
  }

  /** Queues a run behind all changes, unless a change of it will land anyway. It holds up no list. */
  addAgain(entry: Unlanded): void {
    if (!this.has(entry.id)) this.#waitingAgain.set(entry);
  }

  /** The runs that wait, in the order in which they board. */
  *waiting(): Iterable<Unlanded> {
    for (const id of this.#writes.ids()) {
      const entry = this.#waiting.get(id);
      if (entry !== undefined) yield entry;
    }
    yield* this.#waitingAgain.values();
  }

  /** These runs leave with the next flight. */
  board(entries: readonly Unlanded[]): void {
    for (const { id } of entries) {
      const changed = this.#waiting.take(id);
      const again = this.#waitingAgain.take(id);
      if (changed !== undefined) {
        this.#writes.boarded(id);
        this.#flying.set(changed);
      } else if (again !== undefined) this.#flyingAgain.set(again);
    }
  }

  /** The flight has ended: what is still on it waits again, unless a newer version waits. */
  disembark(): void {
    for (const entry of this.#flying.takeAll()) if (!this.#waiting.has(entry.id)) this.#waiting.set(entry);
    for (const entry of this.#flyingAgain.takeAll()) {
      if (!this.#waiting.has(entry.id)) this.#waitingAgain.set(entry);
    }
  }

  /** D1 has this version, whichever flight brought it. */
  landed(id: string, version: number): void {
    this.#writes.landed(id, version);
    for (const versions of this.#all) versions.take(id, version);
  }

  forget(id: string): void {
    this.landed(id, Number.POSITIVE_INFINITY);
  }

  /** The instant of the change that has waited longest; null if none waits. */
  oldestChange(): number | null {
    let oldest: number | null = null;
    for (const { changedAt } of [...this.#flying.values(), ...this.#waiting.values()]) {
      if (oldest === null || changedAt < oldest) oldest = changedAt;
    }
    return oldest;
  }
}

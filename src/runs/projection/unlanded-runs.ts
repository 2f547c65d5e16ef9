/**
 * Runs whose newest version D1 may lack, and runs that land again. A run waits for a flight, or is on one, or both if
 * it changes during its flight. While they are few, the versions stay in memory, so that a flight need not read them
 * again.
 */

import type { Unlanded } from "../journal/landing-rows.ts";
import { UnlandedWrites } from "./unlanded-writes.ts";
import { VersionMap } from "./version-map.ts";

const IN_MEMORY_MAX_BYTES = 2_000_000;

export class UnlandedRuns {
  /** The order in which runs board, and what has landed. */
  readonly #writes = new UnlandedWrites();
  readonly #waiting = new VersionMap();
  readonly #flying = new VersionMap();
  /**
   * The same for runs that land again, in a resync or after they were put aside. No mark and no list waits for them.
   */
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

  /** Whether a change waits for a flight. */
  get isAnyChangeWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Whether anything waits for a flight. */
  get isAnyWaiting(): boolean {
    return this.#waiting.size + this.#waitingAgain.size > 0;
  }

  /** Whether this run waits or is on a flight because it lands again, in a resync or after it was put aside. */
  isAgain(id: string): boolean {
    return this.#waitingAgain.has(id) || this.#flyingAgain.has(id);
  }

  /** The number of the first write that may not have landed; Infinity if all have landed. */
  get firstSeq(): number {
    return this.#writes.firstSeq;
  }

  /** Whether a change of the run may not have landed. */
  isChanged(id: string): boolean {
    return this.#writes.has(id);
  }

  /** The newest change of the run that may not have landed. */
  change(id: string): Unlanded | undefined {
    return this.#waiting.get(id) ?? this.#flying.get(id);
  }

  /** Whether the flight that is up carries the run. */
  isFlying(id: string): boolean {
    return this.#flying.has(id) || this.#flyingAgain.has(id);
  }

  has(id: string): boolean {
    return this.#all.some((versions) => versions.has(id));
  }

  /** Whether a newer version of the run waits or is on a flight. */
  hasNewer(id: string, version: number): boolean {
    return this.#all.some((versions) => (versions.get(id)?.version ?? 0) > version);
  }

  /** Adds a change. A run keeps its position if an earlier change of it waits. */
  add(entry: Unlanded): void {
    const { id, version, seq, bytes } = entry;
    this.#waitingAgain.take(id);
    this.#writes.add(id, version, seq);
    const fits = this.bytes + bytes - (this.#waiting.get(id)?.bytes ?? 0) <= IN_MEMORY_MAX_BYTES;
    this.#waiting.set(fits ? entry : { ...entry, run: null });
  }

  /** Lets a run land again, after all changes. Does nothing if a change of the run will land anyway. */
  addAgain(entry: Unlanded): void {
    if (!this.has(entry.id)) this.#waitingAgain.set(entry);
  }

  /** The runs that wait, in the order in which they board. `withAgain`: also those that land again. */
  *waiting(withAgain = true): Iterable<Unlanded> {
    for (const id of this.#writes.ids()) {
      const entry = this.#waiting.get(id);
      if (entry !== undefined) yield entry;
    }
    if (withAgain) yield* this.#waitingAgain.values();
  }

  /** These runs go on the next flight. Returns whether one of them lands again. */
  board(entries: readonly Unlanded[]): boolean {
    let isAnyAgain = false;
    for (const { id } of entries) {
      const changed = this.#waiting.take(id);
      const again = this.#waitingAgain.take(id);
      if (changed !== undefined) {
        this.#writes.boarded(id);
        this.#flying.set(changed);
      } else if (again !== undefined) {
        this.#flyingAgain.set(again);
        isAnyAgain = true;
      }
    }
    return isAnyAgain;
  }

  /** What is still on the flight has not landed, so it waits again, unless a newer version waits. */
  flightEnded(): void {
    for (const entry of this.#flying.takeAll()) if (!this.#waiting.has(entry.id)) this.#waiting.set(entry);
    for (const entry of this.#flyingAgain.takeAll()) {
      if (!this.#waiting.has(entry.id)) this.#waitingAgain.set(entry);
    }
  }

  /** Notes that D1 has this version, whichever flight carried it. */
  landed(id: string, version: number): void {
    this.#writes.landed(id, version);
    for (const versions of this.#all) versions.take(id, version);
  }

  forget(id: string): void {
    this.landed(id, Number.POSITIVE_INFINITY);
  }

  /** When the oldest change that has not landed was made; null if there is none. */
  oldestChange(): number | null {
    let oldest: number | null = null;
    for (const { changedAt } of [...this.#flying.values(), ...this.#waiting.values()]) {
      if (oldest === null || changedAt < oldest) oldest = changedAt;
    }
    return oldest;
  }
}

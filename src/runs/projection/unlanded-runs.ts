/**
 * Runs whose newest version D1 may lack, and runs that are replicated again. A run waits for a batch, or is in one, or
 * both if it changes while its batch is written. While they are few, the versions stay in memory, so that a batch need
 * not read them again.
 */

import type { PendingVersion } from "../journal/landing-rows.ts";
import { PendingWrites } from "./unlanded-writes.ts";
import { VersionMap } from "./version-map.ts";

const IN_MEMORY_MAX_BYTES = 2_000_000;

export class PendingRuns {
  /** The order in which runs are taken into a batch, and what is replicated. */
  readonly #writes = new PendingWrites();
  readonly #waiting = new VersionMap();
  readonly #inBatch = new VersionMap();
  /**
   * The same for runs that are replicated again, in a resync or after a quarantine. No cursor and no list waits for
   * them.
   */
  readonly #waitingAgain = new VersionMap();
  readonly #inBatchAgain = new VersionMap();
  readonly #all = [this.#waiting, this.#inBatch, this.#waitingAgain, this.#inBatchAgain];

  constructor(entries: readonly PendingVersion[] = []) {
    for (const entry of entries) this.add(entry);
  }

  /** How many runs have a change that may not be replicated. */
  get size(): number {
    return this.#writes.runs;
  }

  /** The bytes of all changes that wait or are in a batch. */
  get bytes(): number {
    return this.#waiting.bytes + this.#inBatch.bytes;
  }

  /** Whether a change waits for a batch. */
  get isAnyChangeWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Whether anything waits for a batch. */
  get isAnyWaiting(): boolean {
    return this.#waiting.size + this.#waitingAgain.size > 0;
  }

  /** Whether this run waits or is in a batch because it is replicated again, in a resync or after a quarantine. */
  isAgain(id: string): boolean {
    return this.#waitingAgain.has(id) || this.#inBatchAgain.has(id);
  }

  /** The number of the first write that may not be replicated; Infinity if all are. */
  get firstSeq(): number {
    return this.#writes.firstSeq;
  }

  /** Whether a change of the run may not be replicated. */
  isChanged(id: string): boolean {
    return this.#writes.has(id);
  }

  /** The newest change of the run that may not be replicated. */
  change(id: string): PendingVersion | undefined {
    return this.#waiting.get(id) ?? this.#inBatch.get(id);
  }

  /** Whether the batch under way has the run. */
  isInBatch(id: string): boolean {
    return this.#inBatch.has(id) || this.#inBatchAgain.has(id);
  }

  has(id: string): boolean {
    return this.#all.some((versions) => versions.has(id));
  }

  /** Whether a newer version of the run waits or is in a batch. */
  hasNewer(id: string, version: number): boolean {
    return this.#all.some((versions) => (versions.get(id)?.version ?? 0) > version);
  }

  /** Adds a change. A run keeps its position if an earlier change of it waits. */
  add(entry: PendingVersion): void {
    const { id, version, seq, bytes } = entry;
    this.#waitingAgain.take(id);
    this.#writes.add(id, version, seq);
    const fits = this.bytes + bytes - (this.#waiting.get(id)?.bytes ?? 0) <= IN_MEMORY_MAX_BYTES;
    this.#waiting.set(fits ? entry : { ...entry, run: null });
  }

  /** Replicates a run again, after all changes. Does nothing if a change of the run will be replicated anyway. */
  addAgain(entry: PendingVersion): void {
    if (!this.has(entry.id)) this.#waitingAgain.set(entry);
  }

  /** The runs that wait, in the order in which batches take them. `withAgain`: also those to replicate again. */
  *waiting(withAgain = true): Iterable<PendingVersion> {
    for (const id of this.#writes.ids()) {
      const entry = this.#waiting.get(id);
      if (entry !== undefined) yield entry;
    }
    if (withAgain) yield* this.#waitingAgain.values();
  }

  /** Takes these runs into the next batch. Returns whether one of them is replicated again. */
  takeIntoBatch(entries: readonly PendingVersion[]): boolean {
    let isAnyAgain = false;
    for (const { id } of entries) {
      const changed = this.#waiting.take(id);
      const again = this.#waitingAgain.take(id);
      if (changed !== undefined) {
        this.#writes.taken(id);
        this.#inBatch.set(changed);
      } else if (again !== undefined) {
        this.#inBatchAgain.set(again);
        isAnyAgain = true;
      }
    }
    return isAnyAgain;
  }

  /** What is still in the batch is not replicated, so it waits again, unless a newer version waits. */
  batchEnded(): void {
    for (const entry of this.#inBatch.takeAll()) if (!this.#waiting.has(entry.id)) this.#waiting.set(entry);
    for (const entry of this.#inBatchAgain.takeAll()) {
      if (!this.#waiting.has(entry.id)) this.#waitingAgain.set(entry);
    }
  }

  /** Notes that D1 has this version, whichever batch had it. */
  replicated(id: string, version: number): void {
    this.#writes.replicated(id, version);
    for (const versions of this.#all) versions.take(id, version);
  }

  forget(id: string): void {
    this.replicated(id, Number.POSITIVE_INFINITY);
  }

  /** When the oldest change that is not replicated was made; null if there is none. */
  oldestChange(): number | null {
    let oldest: number | null = null;
    for (const { changedAt } of [...this.#inBatch.values(), ...this.#waiting.values()]) {
      if (oldest === null || changedAt < oldest) oldest = changedAt;
    }
    return oldest;
  }
}

/**
 * Every run of which the journal holds a version that D1 is not known to have, in the order of their changes: those that
 * wait for a flight, those that are on one, and those that a resync lands again. While they are few, the versions themselves
 * stay in memory too, which saves reading them again a moment later.
 */

import type { Unlanded } from "../journal/landing-rows.ts";

const IN_MEMORY_MAX_BYTES = 2_000_000;

/** `since`: the number of its first write that may not have landed; Infinity for a run of a resync. */
export type Waiting = Unlanded & { readonly since: number };

export class UnlandedRuns {
  /** Both in the order of `since`. A run that changes during its flight is in both. */
  #waiting = new Map<string, Waiting>();
  #flying = new Map<string, Waiting>();
  readonly #again = new Map<string, Waiting>();
  #bytes = 0;
  #againBytes = 0;

  constructor(entries: readonly Unlanded[] = []) {
    for (const entry of entries) this.add(entry);
  }

  /** How many changes wait or are on a flight. */
  get size(): number {
    return this.#waiting.size + this.#flying.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The bytes of all that waits for a flight when none is up, runs of a resync included. */
  get waitingBytes(): number {
    return this.#bytes + this.#againBytes;
  }

  /** Whether anything waits for a flight. */
  get isAnyWaiting(): boolean {
    return this.#waiting.size + this.#again.size > 0;
  }

  /** Whether this run waits or flies because a resync, or a new attempt after a refusal, lands it again. */
  isAgain(id: string): boolean {
    return this.#again.has(id) || this.#flying.get(id)?.since === Number.POSITIVE_INFINITY;
  }

  /** The number of the first write that may not have landed; Infinity if all have landed. */
  get firstSeq(): number {
    const [flying] = this.#flying.values();
    const [waiting] = this.#waiting.values();
    return Math.min(flying?.since ?? Number.POSITIVE_INFINITY, waiting?.since ?? Number.POSITIVE_INFINITY);
  }

  has(id: string): boolean {
    return this.#waiting.has(id) || this.#flying.has(id) || this.#again.has(id);
  }

  /** A run keeps its place if an earlier change of it waits. */
  add(entry: Unlanded): void {
    const earlier = this.#waiting.get(entry.id);
    this.#removeAgain(entry.id);
    this.#put({ ...entry, since: earlier?.since ?? entry.seq });
  }

  /** Queues a run behind all changes, unless a change of it will land anyway. It holds up no list. */
  addAgain(entry: Unlanded): void {
    if (!this.has(entry.id)) this.#putAgain({ ...entry, since: Number.POSITIVE_INFINITY });
  }

  /** The runs that wait, in the order in which they board. */
  *waiting(): Iterable<Waiting> {
    yield* this.#waiting.values();
    yield* this.#again.values();
  }

  board(entries: readonly Waiting[]): void {
    for (const entry of entries) {
      this.#waiting.delete(entry.id);
      this.#removeAgain(entry.id);
      this.#flying.set(entry.id, entry);
    }
  }

  /** The flight has ended: what is still on it waits again, in front. */
  disembark(): void {
    const returned = [...this.#flying.values()];
    const later = this.#waiting;
    this.#flying = new Map();
    if (returned.length === 0) return;
    this.#waiting = new Map();
    this.#bytes = 0;
    for (const entry of returned) {
      const changed = later.get(entry.id);
      later.delete(entry.id);
      if (changed !== undefined) this.#put({ ...changed, since: Math.min(entry.since, changed.since) });
      else if (entry.since === Number.POSITIVE_INFINITY) this.#putAgain(entry);
      else this.#put(entry);
    }
    for (const entry of later.values()) this.#put(entry);
  }

  /** D1 has this version, whichever flight brought it. */
  landed(id: string, version: number): void {
    for (const queue of [this.#waiting, this.#flying]) {
      const entry = queue.get(id);
      if (entry === undefined || entry.version > version) continue;
      queue.delete(id);
      if (entry.since !== Number.POSITIVE_INFINITY) this.#bytes -= entry.bytes;
    }
    if ((this.#again.get(id)?.version ?? Number.POSITIVE_INFINITY) <= version) this.#removeAgain(id);
  }

  forget(id: string): void {
    this.landed(id, Number.POSITIVE_INFINITY);
  }

  /** The version that waits or is on a flight; the newest if there are two. */
  get(id: string): Waiting | undefined {
    return this.#waiting.get(id) ?? this.#flying.get(id);
  }

  /** The instant of the change that has waited longest; null if none waits. */
  oldestChange(): number | null {
    let oldest: number | null = null;
    for (const { changedAt } of [...this.#flying.values(), ...this.#waiting.values()]) {
      if (oldest === null || changedAt < oldest) oldest = changedAt;
    }
    return oldest;
  }

  #put(entry: Waiting): void {
    this.#bytes += entry.bytes - (this.#waiting.get(entry.id)?.bytes ?? 0);
    const fits = this.#bytes <= IN_MEMORY_MAX_BYTES;
    this.#waiting.set(entry.id, fits ? entry : { ...entry, run: null });
  }

  #putAgain(entry: Waiting): void {
    this.#removeAgain(entry.id);
    this.#again.set(entry.id, entry);
    this.#againBytes += entry.bytes;
  }

  #removeAgain(id: string): void {
    this.#againBytes -= this.#again.get(id)?.bytes ?? 0;
    this.#again.delete(id);
  }
}

/** A run waits for a batch, or is in one, or both if it changes meanwhile. Few versions stay in memory. */
import type { PendingVersion, ReplicaRows } from "../journal/replica-rows.ts";

const IN_MEMORY_MAX_BYTES = 2_000_000;

export class PendingRuns {
  readonly #writes = new PendingWrites();
  readonly #waiting = new VersionMap();
  readonly #inBatch = new VersionMap();
  /** For runs that are replicated again. No cursor and no list waits for them. */
  readonly #waitingAgain = new VersionMap();
  readonly #inBatchAgain = new VersionMap();
  readonly #all = [this.#waiting, this.#inBatch, this.#waitingAgain, this.#inBatchAgain];

  constructor(entries: readonly PendingVersion[] = []) {
    for (const entry of entries) this.add(entry);
  }

  get size(): number {
    return this.#writes.runs;
  }

  get bytes(): number {
    return this.#waiting.bytes + this.#inBatch.bytes;
  }

  get isAnyChangeWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  get isAnyWaiting(): boolean {
    return this.#waiting.size + this.#waitingAgain.size > 0;
  }

  isAgain(id: string): boolean {
    return this.#waitingAgain.has(id) || this.#inBatchAgain.has(id);
  }

  get firstSeq(): number {
    return this.#writes.firstSeq;
  }

  isChanged(id: string): boolean {
    return this.#writes.has(id);
  }

  change(id: string): PendingVersion | undefined {
    return this.#waiting.get(id) ?? this.#inBatch.get(id);
  }

  isInBatch(id: string): boolean {
    return this.#inBatch.has(id) || this.#inBatchAgain.has(id);
  }

  has(id: string): boolean {
    return this.#all.some((versions) => versions.has(id));
  }

  hasNewer(id: string, version: number): boolean {
    return this.#all.some((versions) => (versions.get(id)?.version ?? 0) > version);
  }

  /** Adds a change. A run keeps its position if an earlier change of it waits. */
  add(entry: PendingVersion): void {
    const { id, version, seq, bytes } = entry;
    this.#waitingAgain.take(id);
    this.#writes.add(id, version, seq);
    const fits = this.bytes + bytes - (this.#waiting.get(id)?.bytes ?? 0) <= IN_MEMORY_MAX_BYTES;
    this.#waiting.put(fits ? entry : { ...entry, run: null });
  }

  /** Replicates a run again, after all changes. Does nothing if a change of the run will be replicated anyway. */
  addAgain(entry: PendingVersion): void {
    if (!this.has(entry.id)) this.#waitingAgain.put(entry);
  }

  *waiting(withAgain = true): Iterable<PendingVersion> {
    for (const id of this.#writes.ids()) {
      const entry = this.#waiting.get(id);
      if (entry !== undefined) yield entry;
    }
    if (withAgain) yield* this.#waitingAgain.values();
  }

  /** Returns whether one of them is replicated again. */
  takeIntoBatch(entries: readonly PendingVersion[]): boolean {
    let isAnyAgain = false;
    for (const { id } of entries) {
      const changed = this.#waiting.take(id);
      const again = this.#waitingAgain.take(id);
      if (changed !== undefined) {
        this.#writes.taken(id);
        this.#inBatch.put(changed);
      } else if (again !== undefined) {
        this.#inBatchAgain.put(again);
        isAnyAgain = true;
      }
    }
    return isAnyAgain;
  }

  /** What is still in the batch waits again, unless a newer version waits. */
  batchEnded(): void {
    for (const entry of this.#inBatch.takeAll()) if (!this.#waiting.has(entry.id)) this.#waiting.put(entry);
    for (const entry of this.#inBatchAgain.takeAll()) {
      if (!this.#waiting.has(entry.id)) this.#waitingAgain.put(entry);
    }
  }

  /** Whichever batch had it. */
  replicated(id: string, version: number): void {
    this.#writes.replicated(id, version);
    for (const versions of this.#all) versions.take(id, version);
  }

  forget(id: string): void {
    this.replicated(id, Number.POSITIVE_INFINITY);
  }

  /** Call it when rows have changed without a new version. */
  unload(ids: readonly string[]): void {
    for (const id of ids) {
      for (const versions of this.#all) {
        const entry = versions.get(id);
        if (entry !== undefined && entry.run !== null) versions.put({ ...entry, run: null });
      }
    }
  }

  oldestChange(): number | null {
    return oldestOf([...this.#inBatch.values(), ...this.#waiting.values()]);
  }
}

function oldestOf(entries: readonly PendingVersion[]): number | null {
  let oldest: number | null = null;
  for (const { changedAt } of entries) if (oldest === null || changedAt < oldest) oldest = changedAt;
  return oldest;
}

interface Write {
  readonly id: string;
  readonly seq: number;
  version: number;
  /** A batch has or had this version, so it can be replicated without later ones. */
  isTaken: boolean;
  isReplicated: boolean;
}

/** A write stays until D1 has its version or a newer one, so `firstSeq` is right even if batches fail or come late. */
class PendingWrites {
  /** Sorted by `seq`. Replicated writes stay here until they are half of all. */
  #inOrder: Write[] = [];
  #replicatedInOrder = 0;
  #first = 0;
  readonly #ofRuns = new Map<string, Write[]>();

  get runs(): number {
    return this.#ofRuns.size;
  }

  has(id: string): boolean {
    return this.#ofRuns.has(id);
  }

  get firstSeq(): number {
    return this.#inOrder[this.#first]?.seq ?? Number.POSITIVE_INFINITY;
  }

  /** Versions of a run that wait for the same batch are one write, because they can only be replicated together. */
  add(id: string, version: number, seq: number): void {
    const ofRun = this.#ofRuns.get(id) ?? [];
    const last = ofRun.at(-1);
    if (last !== undefined && !last.isTaken) {
      last.version = version;
      return;
    }
    const write: Write = { id, seq, version, isTaken: false, isReplicated: false };
    ofRun.push(write);
    this.#ofRuns.set(id, ofRun);
    // This is nearly always the end, because numbers grow.
    const at = this.#inOrder.findLastIndex((other) => other.seq <= seq) + 1;
    this.#inOrder.splice(at, 0, write);
    this.#first = Math.min(this.#first, at);
  }

  taken(id: string): void {
    const last = this.#ofRuns.get(id)?.at(-1);
    if (last !== undefined) last.isTaken = true;
  }

  replicated(id: string, version: number): void {
    const ofRun = this.#ofRuns.get(id) ?? [];
    while (ofRun[0] !== undefined && ofRun[0].version <= version) {
      ofRun[0].isReplicated = true;
      ofRun.shift();
      this.#replicatedInOrder++;
    }
    if (ofRun.length === 0) this.#ofRuns.delete(id);
    if (this.#replicatedInOrder * 2 > this.#inOrder.length) {
      this.#inOrder = this.#inOrder.filter(({ isReplicated }) => !isReplicated);
      this.#replicatedInOrder = 0;
      this.#first = 0;
    }
    while (this.#inOrder[this.#first]?.isReplicated) this.#first++;
  }

  *ids(): Iterable<string> {
    const inOrder = this.#inOrder;
    for (let at = this.#first; at < inOrder.length; at++) {
      const write = inOrder[at];
      if (write !== undefined && this.#ofRuns.get(write.id)?.[0] === write) yield write.id;
    }
  }
}

class VersionMap extends Map<string, PendingVersion> {
  bytes = 0;

  put(entry: PendingVersion): void {
    this.bytes += entry.bytes - (this.get(entry.id)?.bytes ?? 0);
    this.set(entry.id, entry);
  }

  take(id: string, version = Number.POSITIVE_INFINITY): PendingVersion | undefined {
    const entry = this.get(id);
    if (entry === undefined || entry.version > version) return undefined;
    this.delete(id);
    this.bytes -= entry.bytes;
    return entry;
  }

  takeAll(): readonly PendingVersion[] {
    const all = [...this.values()];
    this.clear();
    this.bytes = 0;
    return all;
  }
}

const FIRST_MS = 5000;
const MAX_MS = 600_000;

interface Quarantined {
  readonly entry: PendingVersion;
  readonly failures: number;
  readonly until: number;
}

/** D1 refused their content. Each is tried again after a backoff, so that none holds up the others. */
export class QuarantinedRuns {
  readonly #runs = new Map<string, Quarantined>();
  readonly #rows: ReplicaRows;

  constructor(rows: ReplicaRows) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#runs.size;
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  entry(id: string): PendingVersion | undefined {
    return this.#runs.get(id)?.entry;
  }

  put(entry: PendingVersion, now: number): void {
    const failures = (this.#runs.get(entry.id)?.failures ?? 0) + 1;
    const until = now + Math.min(FIRST_MS * 2 ** (failures - 1), MAX_MS);
    // The journal first: if the write throws, memory must not claim that the journal lists the run.
    this.#rows.quarantine(entry.id);
    this.#runs.set(entry.id, { entry: { ...entry, run: null }, failures, until });
  }

  /** It is tried again at once. The journal lists it until it is replicated. */
  changed(id: string): void {
    this.#runs.delete(id);
  }

  /** Call this when D1 has this version, and no other waits. If a newer version was refused, the run stays here. */
  replicated(id: string, version: number): void {
    if ((this.#runs.get(id)?.entry.version ?? version) <= version) this.remove(id);
  }

  remove(id: string): void {
    this.#runs.delete(id);
    this.#rows.endQuarantine(id);
  }

  oldestChange(): number | null {
    return oldestOf([...this.#runs.values()].map(({ entry }) => entry));
  }

  due(now: number): PendingVersion[] {
    // No backoff is longer than MAX_MS, so a later instant was noted before the clock stepped back.
    const mustWait = (until: number) => until > now && until <= now + MAX_MS;
    return [...this.#runs.values()].filter(({ until }) => !mustWait(until)).map(({ entry }) => entry);
  }
}

const REPLICATED_MAX = 1000;

/** The ids of the runs that a database lacks in their newest version, in order, so that no list has to sort them. */
export class LackingIds {
  /** Sorted. Ids of replicated runs stay until they are more than the others. */
  #ids: string[] = [];
  readonly #isLacking: (id: string) => boolean;
  readonly #count: () => number;

  constructor(isLacking: (id: string) => boolean, count: () => number) {
    this.#isLacking = isLacking;
    this.#count = count;
  }

  add(id: string): void {
    if (this.#ids.length > 2 * this.#count() + REPLICATED_MAX) this.#ids = this.#ids.filter(this.#isLacking);
    const at = this.#positionOf(id);
    if (this.#ids[at] !== id) this.#ids.splice(at, 0, id);
  }

  *between(lower: string, upper: string, order: "newest" | "oldest"): Iterable<string> {
    const [from, to] = [this.#positionOf(lower), this.#positionOf(upper)];
    for (let i = 0; i < to - from; i++) {
      const id = this.#ids[order === "oldest" ? from + i : to - 1 - i];
      if (id !== undefined && this.#isLacking(id)) yield id;
    }
  }

  /** The index of the first id that is not below `id`. New ids are nearly always the highest. */
  #positionOf(id: string): number {
    let [low, high] = [0, this.#ids.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] ?? "") < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The writes that D1 is not known to have, in the order of their sequence numbers. A write stays until D1 has its
 * version or a newer one of its run. No batch moves a write, so `firstSeq` is right even if batches fail or come late.
 */

interface Write {
  readonly id: string;
  readonly seq: number;
  /** The newest version that it stands for. */
  version: number;
  /** A batch has or had this version, so it can be replicated without later ones. */
  isTaken: boolean;
  isReplicated: boolean;
}

export class PendingWrites {
  /** Sorted by `seq`. Replicated writes stay here until they are half of all. */
  #inOrder: Write[] = [];
  #replicatedInOrder = 0;
  /** The index of the first write that is not replicated. */
  #first = 0;
  /** The writes of each run that are not replicated, the oldest first. */
  readonly #ofRuns = new Map<string, Write[]>();

  /** How many runs have a write that is not replicated. */
  get runs(): number {
    return this.#ofRuns.size;
  }

  has(id: string): boolean {
    return this.#ofRuns.has(id);
  }

  /** The number of the first write that is not replicated; Infinity if all are. */
  get firstSeq(): number {
    return this.#inOrder[this.#first]?.seq ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Adds a write. Versions of a run that wait for the same batch are one write, because they can only be
   * replicated together.
   */
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

  /** Notes that the run's newest version is in a batch. */
  taken(id: string): void {
    const last = this.#ofRuns.get(id)?.at(-1);
    if (last !== undefined) last.isTaken = true;
  }

  /** Notes that D1 has this version, or that its run was quarantined. */
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

  /** Each run once, in the order of the runs' first writes. */
  *ids(): Iterable<string> {
    const inOrder = this.#inOrder;
    for (let at = this.#first; at < inOrder.length; at++) {
      const write = inOrder[at];
      if (write !== undefined && this.#ofRuns.get(write.id)?.[0] === write) yield write.id;
    }
  }
}

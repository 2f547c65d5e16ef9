/**
 * The writes that D1 is not known to have, in the order of their sequence numbers. A write stays until D1 has its
 * version or a newer one of its run. No flight moves a write, so `firstSeq` is right even if flights fail or land late.
 */

interface Write {
  readonly id: string;
  readonly seq: number;
  /** The newest version that it stands for. */
  version: number;
  /** A flight carries this version or has carried it, so it can land without later ones. */
  hasBoarded: boolean;
  hasLanded: boolean;
}

export class UnlandedWrites {
  /** Sorted by `seq`. Writes that have landed stay here until they are half of all. */
  #inOrder: Write[] = [];
  #landedInOrder = 0;
  /** The index of the first write that has not landed. */
  #first = 0;
  /** The writes of each run that have not landed, the oldest first. */
  readonly #ofRuns = new Map<string, Write[]>();

  /** How many runs have a write that has not landed. */
  get runs(): number {
    return this.#ofRuns.size;
  }

  has(id: string): boolean {
    return this.#ofRuns.has(id);
  }

  /** The number of the first write that has not landed; Infinity if all have landed. */
  get firstSeq(): number {
    return this.#inOrder[this.#first]?.seq ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Adds a write. Versions of a run that wait for the same flight are one write, because they can only land together.
   */
  add(id: string, version: number, seq: number): void {
    const ofRun = this.#ofRuns.get(id) ?? [];
    const last = ofRun.at(-1);
    if (last !== undefined && !last.hasBoarded) {
      last.version = version;
      return;
    }
    const write: Write = { id, seq, version, hasBoarded: false, hasLanded: false };
    ofRun.push(write);
    this.#ofRuns.set(id, ofRun);
    // This is nearly always the end, because numbers grow.
    const at = this.#inOrder.findLastIndex((other) => other.seq <= seq) + 1;
    this.#inOrder.splice(at, 0, write);
    this.#first = Math.min(this.#first, at);
  }

  /** Notes that the run's newest version is on a flight. */
  boarded(id: string): void {
    const last = this.#ofRuns.get(id)?.at(-1);
    if (last !== undefined) last.hasBoarded = true;
  }

  /** Notes that D1 has this version, or that its run was put aside. */
  landed(id: string, version: number): void {
    const ofRun = this.#ofRuns.get(id) ?? [];
    while (ofRun[0] !== undefined && ofRun[0].version <= version) {
      ofRun[0].hasLanded = true;
      ofRun.shift();
      this.#landedInOrder++;
    }
    if (ofRun.length === 0) this.#ofRuns.delete(id);
    if (this.#landedInOrder * 2 > this.#inOrder.length) {
      this.#inOrder = this.#inOrder.filter(({ hasLanded }) => !hasLanded);
      this.#landedInOrder = 0;
      this.#first = 0;
    }
    while (this.#inOrder[this.#first]?.hasLanded) this.#first++;
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

/**
 * The writes that D1 is not known to have, in the order of their sequence numbers. A write stays until D1 has its version or
 * a newer one of its run. So the first number is right whatever flies, fails or lands late: nothing ever moves a write.
 */

interface Write {
  readonly id: string;
  readonly seq: number;
  /** The newest version that it stands for. */
  version: number;
  /** A flight carries this version, or has carried it. So it can land alone. */
  hasFlown: boolean;
  hasLanded: boolean;
}

export class UnlandedWrites {
  /** By `seq`. Those that have landed stay here until they are half of all. */
  #inOrder: Write[] = [];
  #landedInOrder = 0;
  /** Where the first one is that has not landed. */
  #first = 0;
  /** What each run has, the oldest first. */
  readonly #ofRuns = new Map<string, Write[]>();

  /** How many runs have such a write. */
  get runs(): number {
    return this.#ofRuns.size;
  }

  /** The number of the first write; Infinity if all have landed. */
  get firstSeq(): number {
    return this.#inOrder[this.#first]?.seq ?? Number.POSITIVE_INFINITY;
  }

  /** Versions of a run that wait for the same flight are one write, because they can only land together. */
  add(id: string, version: number, seq: number): void {
    const ofRun = this.#ofRuns.get(id) ?? [];
    const last = ofRun.at(-1);
    if (last !== undefined && !last.hasFlown) {
      last.version = version;
      return;
    }
    const write: Write = { id, seq, version, hasFlown: false, hasLanded: false };
    ofRun.push(write);
    this.#ofRuns.set(id, ofRun);
    // Nearly always the end, because numbers grow.
    const at = this.#inOrder.findLastIndex((other) => other.seq <= seq) + 1;
    this.#inOrder.splice(at, 0, write);
    this.#first = Math.min(this.#first, at);
  }

  /** The run's newest version is on a flight. */
  boarded(id: string): void {
    const last = this.#ofRuns.get(id)?.at(-1);
    if (last !== undefined) last.hasFlown = true;
  }

  /** D1 has this version. */
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

  /** The runs, each once, in the order of its first write. */
  *ids(): Iterable<string> {
    const inOrder = this.#inOrder;
    for (let at = this.#first; at < inOrder.length; at++) {
      const write = inOrder[at];
      if (write !== undefined && this.#ofRuns.get(write.id)?.[0] === write) yield write.id;
    }
  }
}

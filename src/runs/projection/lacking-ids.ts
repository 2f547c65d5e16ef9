/** The ids of the runs that a database lacks in their newest version, in order, so that no list has to sort them. */

/** How many ids of replicated runs may stay before they are removed. */
const REPLICATED_MAX = 1000;

export class LackingIds {
  /** Sorted. Ids of replicated runs stay until they are more than the others. */
  #ids: string[] = [];
  readonly #isLacking: (id: string) => boolean;
  readonly #count: () => number;

  /** `isLacking`: whether the database lacks this run now. `count`: how many it lacks. */
  constructor(isLacking: (id: string) => boolean, count: () => number) {
    this.#isLacking = isLacking;
    this.#count = count;
  }

  add(id: string): void {
    if (this.#ids.length > 2 * this.#count() + REPLICATED_MAX) this.#ids = this.#ids.filter(this.#isLacking);
    const at = this.#positionOf(id);
    if (this.#ids[at] !== id) this.#ids.splice(at, 0, id);
  }

  /** Those from `lower` on and below `upper`, in the order that is asked for. */
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

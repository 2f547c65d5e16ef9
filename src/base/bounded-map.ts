/** A map for a per-isolate cache with a bounded total weight. Evicts the entries that were set longest ago. */
export class BoundedMap<V> {
  readonly #entries = new Map<string, V>();
  readonly #maxWeight: number;
  readonly #weigh: (value: V) => number;
  #weight = 0;

  /** Without `weigh`, `maxWeight` is a number of entries. A value's weight must not change. */
  constructor(maxWeight: number, weigh: (value: V) => number = () => 1) {
    this.#maxWeight = maxWeight;
    this.#weigh = weigh;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: V): void {
    this.delete(key);
    this.#entries.set(key, value);
    this.#weight += this.#weigh(value);
    this.evictWhile(() => this.#weight > this.#maxWeight);
  }

  /** Evicts from the oldest entry on, until `isStale` says false. */
  evictWhile(isStale: (value: V) => boolean): void {
    for (const [key, value] of this.#entries) {
      if (!isStale(value)) break;
      this.delete(key);
    }
  }

  delete(key: string): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#weight -= this.#weigh(value);
  }

  entries(): Iterable<[string, V]> {
    return this.#entries.entries();
  }
}

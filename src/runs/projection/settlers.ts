/** Lists, and a move that closes: they wait until D1 has every write up to some number, each for a bounded time. */

interface Settler {
  readonly seq: number;
  readonly settle: (isLanded: boolean) => void;
}

export class Settlers {
  readonly #waiting = new Set<Settler>();

  get isAny(): boolean {
    return this.#waiting.size > 0;
  }

  /** Resolves with true when all writes up to `seq` have landed; with false when released or after `maxMs`. */
  async wait(seq: number, maxMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const settler: Settler = { seq, settle: resolve };
    this.#waiting.add(settler);
    const timer = setTimeout(resolve, maxMs, false);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(settler);
    }
  }

  /** Call this when all writes before the number `seq` have landed. */
  landedBefore(seq: number): void {
    for (const settler of this.#waiting) if (settler.seq < seq) settler.settle(true);
  }

  releaseAll(): void {
    for (const settler of this.#waiting) settler.settle(false);
  }
}

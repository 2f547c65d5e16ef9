/** Callers that wait until a version of a run has landed, each for a bounded time. */

interface Waiter {
  readonly version: number;
  readonly settle: (bookmark: string | null) => void;
}

export class LandingWaiters {
  readonly #waiting = new Map<string, Waiter[]>();

  /** Runs that a caller waits for, the longest wait first. */
  ids(): string[] {
    return [...this.#waiting.keys()];
  }

  /** Resolves with D1's bookmark when this version has landed; with null when released or after `maxMs`. */
  async wait(id: string, version: number, maxMs: number): Promise<string | null> {
    const { promise, resolve } = Promise.withResolvers<string | null>();
    const waiter: Waiter = { version, settle: resolve };
    this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), waiter]);
    const timer = setTimeout(() => {
      this.#keep(id, (other) => other !== waiter);
      resolve(null);
    }, maxMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Releases the callers that wait for this version of the run or an earlier one. */
  settle(id: string, version: number, bookmark: string | null): void {
    const waiters = this.#waiting.get(id) ?? [];
    this.#keep(id, (waiter) => waiter.version > version);
    for (const waiter of waiters) if (waiter.version <= version) waiter.settle(bookmark);
  }

  releaseAll(): void {
    const all = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const waiter of all) waiter.settle(null);
  }

  #keep(id: string, stays: (waiter: Waiter) => boolean): void {
    const rest = (this.#waiting.get(id) ?? []).filter(stays);
    if (rest.length > 0) this.#waiting.set(id, rest);
    else this.#waiting.delete(id);
  }
}

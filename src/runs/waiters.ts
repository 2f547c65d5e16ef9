/** Callers that wait for a version of a run to land, each for a bounded time. */

interface Waiter {
  readonly version: number;
  readonly until: number;
  readonly settle: (bookmark: string | null) => void;
}

export class Waiters {
  readonly #waiting = new Map<string, Waiter[]>();
  /** One timer for all, for each waiter's own would cost more than what it waits for. */
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** Runs that somebody waits for, the longest waited for first. */
  ids(): string[] {
    return [...this.#waiting.keys()];
  }

  /** Resolves with D1's bookmark once this version has landed, with null when released or after `maxMs`, the same for all. */
  wait(id: string, version: number, maxMs: number): Promise<string | null> {
    const { promise, resolve } = Promise.withResolvers<string | null>();
    const others = this.#waiting.get(id);
    const waiter = { version, until: Date.now() + maxMs, settle: resolve };
    if (others === undefined) this.#waiting.set(id, [waiter]);
    else others.push(waiter);
    this.#timer ??= setTimeout(() => this.#releaseOverdue(maxMs), maxMs);
    return promise;
  }

  /** Releases those who wait for this version of the run or an earlier one. */
  settle(id: string, version: number, bookmark: string | null): void {
    this.#release(id, (waiter) => waiter.version <= version, bookmark);
  }

  releaseAll(): void {
    for (const id of this.ids()) this.#release(id, () => true, null);
  }

  #releaseOverdue(maxMs: number): void {
    this.#timer = null;
    const now = Date.now();
    for (const id of this.ids()) this.#release(id, ({ until }) => until <= now, null);
    const next = Math.min(...[...this.#waiting.values()].flat().map(({ until }) => until));
    if (next < Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.#releaseOverdue(maxMs), next - now);
    }
  }

  #release(id: string, isMeant: (waiter: Waiter) => boolean, bookmark: string | null): void {
    const waiters = this.#waiting.get(id);
    if (waiters === undefined) return;
    const rest = waiters.filter((waiter) => !isMeant(waiter));
    if (rest.length === 0) this.#waiting.delete(id);
    else this.#waiting.set(id, rest);
    if (this.#waiting.size === 0 && this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    for (const waiter of waiters) if (isMeant(waiter)) waiter.settle(bookmark);
  }
}

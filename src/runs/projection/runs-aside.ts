/** Runs that D1 refused for their content. Each is tried again after a backoff, so that none holds up the others. */

const FIRST_MS = 5000;
const MAX_MS = 600_000;

export class RunsAside {
  readonly #runs = new Map<string, { readonly failures: number; readonly until: number }>();

  get size(): number {
    return this.#runs.size;
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  put(id: string, now: number): void {
    const failures = (this.#runs.get(id)?.failures ?? 0) + 1;
    this.#runs.set(id, { failures, until: now + Math.min(FIRST_MS * 2 ** (failures - 1), MAX_MS) });
  }

  remove(id: string): void {
    this.#runs.delete(id);
  }

  mustWait(id: string, now: number): boolean {
    const aside = this.#runs.get(id);
    // No run waits for longer than that: a later instant was noted before the clock stepped back.
    return aside !== undefined && aside.until > now && aside.until <= now + MAX_MS;
  }
}

/**
 * Runs that were put aside, because D1 refused their content. Each is tried again after a backoff, so that none holds
 * up the others.
 */

import type { LandingRows, Unlanded } from "../journal/landing-rows.ts";

const FIRST_MS = 5000;
const MAX_MS = 600_000;

interface Aside {
  readonly entry: Unlanded;
  readonly failures: number;
  readonly until: number;
}

export class RunsAside {
  readonly #runs = new Map<string, Aside>();
  /** The journal lists them too, and its list survives an eviction. */
  readonly #landing: LandingRows;

  constructor(landing: LandingRows) {
    this.#landing = landing;
  }

  get size(): number {
    return this.#runs.size;
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  entry(id: string): Unlanded | undefined {
    return this.#runs.get(id)?.entry;
  }

  put(entry: Unlanded, now: number): void {
    const failures = (this.#runs.get(entry.id)?.failures ?? 0) + 1;
    const until = now + Math.min(FIRST_MS * 2 ** (failures - 1), MAX_MS);
    // The journal first: if the write throws, memory must not claim that the journal lists the run.
    this.#landing.putAside(entry.id);
    this.#runs.set(entry.id, { entry: { ...entry, run: null }, failures, until });
  }

  /** The run has changed, so it is tried again at once. The journal lists it until it has landed. */
  changed(id: string): void {
    this.#runs.delete(id);
  }

  /** Call this when D1 has this version, and no other waits. If a newer version was refused, the run stays here. */
  landed(id: string, version: number): void {
    if ((this.#runs.get(id)?.entry.version ?? version) <= version) this.remove(id);
  }

  /** Call this when the run has landed or is gone. */
  remove(id: string): void {
    this.#runs.delete(id);
    this.#landing.clearAside(id);
  }

  /** Those whose backoff is over. */
  due(now: number): Unlanded[] {
    return [...this.#runs.values()].filter(({ until }) => !mustWait(until, now)).map(({ entry }) => entry);
  }
}

function mustWait(until: number, now: number): boolean {
  // No backoff is longer than MAX_MS, so a later instant was noted before the clock stepped back.
  return until > now && until <= now + MAX_MS;
}

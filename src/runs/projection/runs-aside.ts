/**
 * Quarantined runs: D1 refused their content. Each is tried again after a backoff, so that none holds up the others.
 */

import type { PendingVersion, ReplicaRows } from "../journal/landing-rows.ts";

const FIRST_MS = 5000;
const MAX_MS = 600_000;

interface Quarantined {
  readonly entry: PendingVersion;
  readonly failures: number;
  readonly until: number;
}

export class QuarantinedRuns {
  readonly #runs = new Map<string, Quarantined>();
  /** The journal lists them too, and its list survives an eviction. */
  readonly #rows: ReplicaRows;

  constructor(rows: ReplicaRows) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#runs.size;
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  entry(id: string): PendingVersion | undefined {
    return this.#runs.get(id)?.entry;
  }

  put(entry: PendingVersion, now: number): void {
    const failures = (this.#runs.get(entry.id)?.failures ?? 0) + 1;
    const until = now + Math.min(FIRST_MS * 2 ** (failures - 1), MAX_MS);
    // The journal first: if the write throws, memory must not claim that the journal lists the run.
    this.#rows.quarantine(entry.id);
    this.#runs.set(entry.id, { entry: { ...entry, run: null }, failures, until });
  }

  /** The run has changed, so it is tried again at once. The journal lists it until it is replicated. */
  changed(id: string): void {
    this.#runs.delete(id);
  }

  /** Call this when D1 has this version, and no other waits. If a newer version was refused, the run stays here. */
  replicated(id: string, version: number): void {
    if ((this.#runs.get(id)?.entry.version ?? version) <= version) this.remove(id);
  }

  /** Call this when the run is replicated or gone. */
  remove(id: string): void {
    this.#runs.delete(id);
    this.#rows.endQuarantine(id);
  }

  /** Those whose backoff is over. */
  due(now: number): PendingVersion[] {
    return [...this.#runs.values()].filter(({ until }) => !mustWait(until, now)).map(({ entry }) => entry);
  }
}

function mustWait(until: number, now: number): boolean {
  // No backoff is longer than MAX_MS, so a later instant was noted before the clock stepped back.
  return until > now && until <= now + MAX_MS;
}

/** Versions that D1 has confirmed and that the journal has not noted yet. The next change takes them along. */

import { logFailure } from "../../log.ts";
import type { Journal } from "../journal/journal.ts";

/**
 * How many the journal notes at once: 60 KB of ids and versions in one string. An object's SQL takes 2 MB, and a longer
 * statement would keep callers waiting.
 */
const NOTED_AT_ONCE = 1000;

export class Confirmations {
  readonly #journal: Journal;
  readonly #versions = new Map<string, number>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get isAny(): boolean {
    return this.#versions.size > 0;
  }

  add(id: string, version: number): void {
    this.#versions.set(id, Math.max(version, this.#versions.get(id) ?? 0));
  }

  drop(id: string): void {
    this.#versions.delete(id);
  }

  /** Has the journal note the first of them. False if it failed: a later change tries again. */
  note(): boolean {
    const noted = new Map([...this.#versions].slice(0, NOTED_AT_ONCE));
    if (noted.size === 0) return true;
    try {
      this.#journal.landing.confirm(noted);
    } catch (error) {
      logFailure("confirm_failed", error, { coordinator: this.#journal.owner.name, rows: noted.size });
      return false;
    }
    for (const id of noted.keys()) this.#versions.delete(id);
    return true;
  }

  /** Notes all but what the next change can take along. After an outage, one change could not take along everything. */
  noteSurplus(): void {
    while (this.#versions.size > NOTED_AT_ONCE && this.note());
  }
}

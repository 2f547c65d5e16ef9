/**
 * Purges runs whose retention is over, one batch at a time. D1's rows go first, so that the journal still knows the
 * runs if D1 fails. With an archive, the journal keeps the runs until the archive has them. No caller waits for a purge.
 */

import { logFailure } from "../../base/log.ts";
import { BEGINNING } from "../journal/due-rows.ts";
import type { EndedRun } from "../journal/due-runs.ts";
import type { Journal } from "../journal/journal.ts";
import type { Replication } from "../projection/projection.ts";
import type { AlarmClock } from "./alarm/alarm-clock.ts";
import type { Archive } from "./archive/archive.ts";
import type { Forgettable } from "./forgettable.ts";

/** Small enough that a callback never waits long for a batch. */
const BATCH_RUNS = 200;
/** How long the next batch waits after one that fails or hangs. */
const GIVEN_UP_MS = 10_000;

/** What a Purge needs besides the journal. `archive`: null if no bucket is bound. */
interface Purging {
  readonly alarms: AlarmClock;
  readonly replication: Replication;
  readonly archive: Archive | null;
  readonly forgettable: Forgettable;
}

export class Purge {
  readonly #journal: Journal;
  readonly #parts: Purging;

  constructor(journal: Journal, parts: Purging) {
    this.#journal = journal;
    this.#parts = parts;
  }

  /** When the first run is to be purged; Infinity if there is none. */
  nextAt(): number {
    return this.#journal.due.nextPurgeAt(this.#after);
  }

  /** Starts to purge the runs that are due. Returns how many. */
  start(now: number): number {
    const { alarms, archive, forgettable } = this.#parts;
    if (alarms.holdsPurges(now)) return 0;
    const runs = this.#journal.due.purgeable(now, BATCH_RUNS, this.#after);
    if (runs.length === 0) return 0;
    const isLast = archive === null;
    const ids = isLast ? forgettable.notified(runs, now) : runs.map(({ id }) => id);
    if (isLast && ids.length > 0 && forgettable.mustCountFirst(ids)) return 0;
    alarms.holdPurges(now, GIVEN_UP_MS);
    if (ids.length === 0) return 0;
    void this.#remove(runs, ids).catch((error: unknown) =>
      logFailure("purge_failed", error, { coordinator: this.#journal.scope }),
    );
    return ids.length;
  }

  /** An archive has its own rule for runs that have no rows in D1 any more. */
  get #after() {
    return this.#parts.archive === null ? BEGINNING : this.#journal.archive.deletedTo;
  }

  async #remove(runs: readonly EndedRun[], ids: readonly string[]): Promise<void> {
    const { archive, alarms, replication } = this.#parts;
    await replication.delete(ids);
    const last = runs[ids.length - 1];
    if (archive === null) {
      this.#journal.forget(ids);
      // The service may have had an archive before.
      this.#journal.archive.clear();
    } else if (last !== undefined) archive.deleted(last, ids.length);
    alarms.releasePurges();
    if (archive === null) replication.forget(ids);
    replication.arm(Date.now());
  }
}

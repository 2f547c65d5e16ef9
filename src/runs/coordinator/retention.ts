/**
 * Removes runs that may be kept no longer, a batch at a time. D1's row goes first: until D1 has confirmed, the
 * journal can still tell what was there. Nobody waits for it.
 */

import { msSince } from "../../elapsed.ts";
import { log } from "../../log.ts";
import { deleteRuns } from "../d1/store.ts";
import type { AlarmClock } from "../journal/alarm-clock.ts";
import type { Journal } from "../journal/journal.ts";
import type { Projection } from "../projection/projection.ts";
import type { Owner } from "../run-id.ts";

/** Small enough that a callback which comes meanwhile is never kept waiting for long. */
const BATCH = 200;
/** While a batch is under way, or has failed, the next waits until it would be given up. */
const GIVEN_UP_MS = 10_000;

export class Retention {
  readonly #owner: Owner;
  readonly #journal: Journal;
  readonly #alarms: AlarmClock;
  readonly #projection: Projection;
  readonly #db: D1Database;
  /** When the batch began that is under way or has failed; null after one that was done. */
  #batchAt: number | null = null;

  constructor(owner: Owner, journal: Journal, alarms: AlarmClock, projection: Projection, db: D1Database) {
    this.#owner = owner;
    this.#journal = journal;
    this.#alarms = alarms;
    this.#projection = projection;
    this.#db = db;
  }

  /** Starts on the runs that are due; how many. */
  purge(now: number): number {
    if (this.#batchAt !== null && msSince(this.#batchAt, now) < GIVEN_UP_MS) return 0;
    const ids = this.#journal.purgeable(now, BATCH);
    if (ids.length === 0) {
      this.#hold(null);
      return 0;
    }
    this.#hold(now);
    void this.#remove(ids).catch((error: unknown) =>
      log("error", "purge_failed", { coordinator: this.#owner.name, error: String(error) }),
    );
    return ids.length;
  }

  async #remove(ids: readonly string[]): Promise<void> {
    await deleteRuns(this.#db, this.#owner.scope, ids);
    this.#journal.forget(ids);
    this.#hold(null);
    this.#projection.forget(ids);
    this.#projection.arm(Date.now());
  }

  #hold(batchAt: number | null): void {
    this.#batchAt = batchAt;
    if (batchAt === null) this.#alarms.releasePurges();
    else this.#alarms.holdPurges(batchAt, GIVEN_UP_MS);
  }
}

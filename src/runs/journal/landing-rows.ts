/** Which version of each run D1 is known to have. */

import type { JournaledRun } from "./run-rows.ts";
import { fittingIntoTurn } from "./turn.ts";

/** A version that D1 is not known to have. */
export interface Unlanded {
  readonly id: string;
  readonly version: number;
  readonly bytes: number;
  readonly changedAt: number;
  /** The version itself while it is in memory; null if it must be read from the journal. */
  readonly run: JournaledRun | null;
}

type UnlandedRow = { id: string; version: number; bytes: number; changedAt: number };

export class LandingRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  unlanded(): Unlanded[] {
    const rows = this.#sql.exec<UnlandedRow>(
      `SELECT id, version, bytes, changed_at AS changedAt
       FROM runs INDEXED BY runs_unlanded WHERE landed_version < version`,
    );
    return [...rows].map((row) => ({ ...row, run: null }));
  }

  /** Notes that D1 has these versions. Never lowers one, because confirmations may arrive out of order. */
  confirm(versions: ReadonlyMap<string, number>): void {
    this.#sql.exec(
      `UPDATE runs SET landed_version = max(landed_version, landed.version)
       FROM (SELECT value ->> 0 AS id, value ->> 1 AS version FROM json_each(?)) AS landed
       WHERE runs.id = landed.id`,
      JSON.stringify([...versions]),
    );
  }

  /**
   * Makes the next runs after the id `after`, up to `upTo`, unlanded again, and returns them in the order of their ids:
   * at most `limit`, and only what fits into one turn.
   */
  unland(after: string, upTo: string, limit: number): Unlanded[] {
    const rows = this.#sql.exec<UnlandedRow & { events: number }>(
      `SELECT id, version, bytes, changed_at AS changedAt, 0 AS events
       FROM runs WHERE id > ? AND id <= ? ORDER BY id LIMIT ?`,
      after,
      upTo,
      limit,
    );
    const batch = fittingIntoTurn([...rows]).map((row) => ({ ...row, run: null }));
    this.#sql.exec(
      "UPDATE runs SET landed_version = 0 WHERE id IN (SELECT value FROM json_each(?))",
      JSON.stringify(batch.map(({ id }) => id)),
    );
    return batch;
  }

  countAfter(id: string): number {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM runs WHERE id > ?", id).one().n;
  }

  /** Whether there is a run after the id `after` and up to `upTo`. */
  hasBetween(after: string, upTo: string): boolean {
    return [...this.#sql.exec("SELECT 1 FROM runs WHERE id > ? AND id <= ? LIMIT 1", after, upTo)].length > 0;
  }
}

/**
 * Finds ended runs by the order of their ends. An ended run never changes again, so its sequence number is its last one,
 * and a walk over the numbers meets each end once.
 */

import type { EndedRun, EventType } from "../telling.ts";
import { KEYS_AND_IDS, keysJson } from "./run-key.ts";

/** How many rows one turn walks at most. The object serves nobody else meanwhile. */
const TURN_ROWS = 1000;

const WALK = `
  SELECT change_seq AS seq, id, status, source, action_name AS actionName, entity_id AS entityId, labels,
    completed_at AS completedAt, changed_at AS changedAt
  FROM runs INDEXED BY runs_by_change`;

/** `bytes`: about how many the run has. */
export interface KeptRun {
  readonly id: string;
  readonly bytes: number;
}

/** `walkedTo`: the sequence number of the last row that was looked at. */
export interface Walked {
  readonly runs: readonly EndedRun[];
  readonly walkedTo: number;
}

type Row = Omit<EndedRun, "type" | "completedAt"> & {
  seq: number;
  status: string;
  completedAt: number | null;
  changedAt: number;
};

export class EndedRuns {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Runs that ended with a number above `after`, up to `upTo`: the first `limit`, of one turn's rows. */
  after(after: number, upTo: number, limit: number): Walked {
    const runs: EndedRun[] = [];
    let walked = 0;
    let walkedTo = after;
    const query = `${WALK} WHERE change_seq > ? AND change_seq <= ? ORDER BY change_seq LIMIT ${TURN_ROWS}`;
    for (const row of this.#sql.exec<Row>(query, after, upTo)) {
      walked++;
      walkedTo = row.seq;
      if (row.completedAt !== null) runs.push(endedRun(row, row.completedAt));
      if (runs.length === limit) return { runs, walkedTo };
    }
    return { runs, walkedTo: walked < TURN_ROWS ? upTo : walkedTo };
  }

  /**
   * Runs that ended with a number below `before`, newest end first: the first `limit`, of one turn's rows. The walk is
   * over, and `walkedTo` is 0, at the first row that was written before `since` (ms).
   */
  before(before: number, since: number, limit: number): Walked {
    const runs: EndedRun[] = [];
    let walked = 0;
    let walkedTo = before;
    const query = `${WALK} WHERE change_seq < ? ORDER BY change_seq DESC LIMIT ${TURN_ROWS}`;
    for (const row of this.#sql.exec<Row>(query, before)) {
      if (row.changedAt < since) return { runs, walkedTo: 0 };
      walked++;
      walkedTo = row.seq;
      if (row.completedAt !== null) runs.push(endedRun(row, row.completedAt));
      if (runs.length === limit) return { runs, walkedTo };
    }
    return { runs, walkedTo: walked < TURN_ROWS ? 0 : walkedTo };
  }

  /** Those of these runs that are kept. */
  kept(ids: readonly string[]): ReadonlyMap<string, KeptRun> {
    const rows = this.#sql.exec<{ id: string; bytes: number }>(
      `SELECT runs.id, bytes FROM runs JOIN ${KEYS_AND_IDS} AS asked USING (run_key, id)`,
      keysJson(ids),
    );
    return new Map([...rows].map((row) => [row.id, row]));
  }
}

function endedRun({ id, status, source, actionName, entityId, labels }: Row, completedAt: number): EndedRun {
  const type = `action_run.${status}` as EventType;
  return { id, type, source, actionName, entityId, labels, completedAt };
}

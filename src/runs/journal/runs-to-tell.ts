/**
 * Finds the runs that endpoints hear of, by the order of their changes. An ended run never changes again, so its sequence
 * number is its last one, and a walk over the numbers meets each end once. A walk meets a run that lacks approvals again
 * after each change, until it lacks none. The table of messages says whether that was told.
 */

import type { Approval, Gates, WaitingFor } from "../gates.ts";
import type { Status } from "../run.ts";
import { eventOf, type RunToTell } from "../telling.ts";
import { KEYS_AND_IDS, keysJson } from "./run-key.ts";

/** How many rows one turn walks at most. The object serves nobody else meanwhile. */
const TURN_ROWS = 1000;

const WALK = `
  SELECT change_seq AS seq, id, status, source, action_name AS actionName, entity_id AS entityId, labels,
    created_at AS createdAt, completed_at AS completedAt, changed_at AS changedAt,
    waiting_for AS waitingFor, iif(waiting_for IS NULL, NULL, gates) AS gates, approvals,
    withdrawn_at AS withdrawnAt
  FROM runs INDEXED BY runs_by_change`;

/** `bytes`: about how many the run has. */
export interface KeptRun {
  readonly id: string;
  readonly bytes: number;
}

/** `walkedTo`: the sequence number of the last row that was looked at. */
export interface Walked {
  readonly runs: readonly RunToTell[];
  readonly walkedTo: number;
}

type Row = Omit<RunToTell, "kind" | "type" | "at"> & {
  seq: number;
  status: Status;
  createdAt: number;
  completedAt: number | null;
  changedAt: number;
  waitingFor: WaitingFor | null;
  gates: string | null;
  approvals: string | null;
  withdrawnAt: number | null;
};

export class RunsToTell {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Runs whose last change has a number above `after`, up to `upTo`: the first `limit`, of one turn's rows. */
  after(after: number, upTo: number, limit: number): Walked {
    const runs: RunToTell[] = [];
    let walked = 0;
    let walkedTo = after;
    const query = `${WALK} WHERE change_seq > ? AND change_seq <= ? ORDER BY change_seq LIMIT ${TURN_ROWS}`;
    for (const row of this.#sql.exec<Row>(query, after, upTo)) {
      walked++;
      walkedTo = row.seq;
      const run = runToTell(row);
      if (run !== null) runs.push(run);
      if (runs.length === limit) return { runs, walkedTo };
    }
    return { runs, walkedTo: walked < TURN_ROWS ? upTo : walkedTo };
  }

  /**
   * Runs whose last change has a number below `before`, newest first: the first `limit`, of one turn's rows. The walk is
   * over, and `walkedTo` is 0, at the first row that was written before `since` (ms).
   */
  before(before: number, since: number, limit: number): Walked {
    const runs: RunToTell[] = [];
    let walked = 0;
    let walkedTo = before;
    const query = `${WALK} WHERE change_seq < ? ORDER BY change_seq DESC LIMIT ${TURN_ROWS}`;
    for (const row of this.#sql.exec<Row>(query, before)) {
      if (row.changedAt < since) return { runs, walkedTo: 0 };
      walked++;
      walkedTo = row.seq;
      const run = runToTell(row);
      if (run !== null) runs.push(run);
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

/** Null if endpoints hear nothing of the run as it is. */
function runToTell({ gates, approvals, ...row }: Row): RunToTell | null {
  const event = eventOf({
    ...row,
    gates: gates === null ? null : (JSON.parse(gates) as Gates),
    approvals: gates === null || approvals === null ? [] : (JSON.parse(approvals) as Approval[]),
  });
  const { id, source, actionName, entityId, labels } = row;
  return event && { ...event, id, source, actionName, entityId, labels };
}

/**
 * Finds the runs that endpoints hear of, in the order of the writes that made their events. That number, `event_seq`,
 * stays while the run has the event. So a walk over the numbers meets each event once, also if the run changes later.
 */

import type { Approval, Gates, WaitingFor } from "../gates.ts";
import type { Status } from "../run.ts";
import { eventOf, type RunWithEvent } from "../telling.ts";
import { walkBy } from "./event-walk.ts";

/** How many rows one batch has at most. The object serves nobody else meanwhile. */
const BATCH_ROWS = 1000;

const COLUMNS = `
  id, status, source, action_name AS actionName, entity_id AS entityId, labels,
    bytes, previous_status AS previousStatus, created_at AS createdAt, completed_at AS completedAt, changed_at AS changedAt,
    waiting_for AS waitingFor, iif(waiting_for IS NULL, NULL, gates) AS gates, approvals,
    withdrawn_at AS withdrawnAt`;
const AFTER = walkBy("event_seq", COLUMNS, { bounds: "$ > ?1 AND $ <= ?2", limit: BATCH_ROWS });
const BEFORE = walkBy("event_seq", COLUMNS, { bounds: "$ < ?1", order: "DESC", limit: BATCH_ROWS });

/** `walkedTo`: the sequence number of the last row that was looked at. */
export interface Walked {
  readonly runs: readonly RunWithEvent[];
  readonly walkedTo: number;
}

type Row = Omit<RunWithEvent, "kind" | "type" | "at"> & {
  isMet: number;
  status: Status;
  createdAt: number;
  completedAt: number | null;
  changedAt: number;
  waitingFor: WaitingFor | null;
  gates: string | null;
  approvals: string | null;
  withdrawnAt: number | null;
};

export class RunsWithEvents {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Runs whose event has a number above `after`, up to `upTo`: the first `limit`, of one batch of rows. */
  after(after: number, upTo: number, limit: number): Walked {
    const runs: RunWithEvent[] = [];
    let walked = 0;
    let walkedTo = after;
    for (const row of this.#sql.exec<Row>(AFTER, after, upTo)) {
      walked++;
      walkedTo = row.seq;
      const run = runWithEvent(row);
      if (run !== null) runs.push(run);
      if (runs.length === limit) return { runs, walkedTo };
    }
    return { runs, walkedTo: walked < BATCH_ROWS ? upTo : walkedTo };
  }

  /**
   * Runs whose event has a number below `before`, newest first: the first `limit`, of one batch of rows. The walk is
   * over, and `walkedTo` is 0, at the first row that was written before `since` (ms).
   */
  before(before: number, since: number, limit: number): Walked {
    const runs: RunWithEvent[] = [];
    let walked = 0;
    let walkedTo = before;
    for (const row of this.#sql.exec<Row>(BEFORE, before)) {
      if (row.changedAt < since) return { runs, walkedTo: 0 };
      walked++;
      walkedTo = row.seq;
      const run = runWithEvent(row);
      if (run !== null) runs.push(run);
      if (runs.length === limit) return { runs, walkedTo };
    }
    return { runs, walkedTo: walked < BATCH_ROWS ? 0 : walkedTo };
  }
}

/** Null if the row is not that of an event. */
function runWithEvent({ gates, approvals, ...row }: Row): RunWithEvent | null {
  if (row.isMet === 0) return null;
  const event = eventOf({
    ...row,
    gates: gates === null ? null : (JSON.parse(gates) as Gates),
    approvals: gates === null || approvals === null ? [] : (JSON.parse(approvals) as Approval[]),
  });
  const { id, seq, source, actionName, entityId, labels, previousStatus, bytes } = row;
  return event && { ...event, id, seq, source, actionName, entityId, labels, previousStatus, bytes };
}

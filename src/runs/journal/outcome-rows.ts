/**
 * The journal's table of last outcomes: how the run of an action and entity that ended last has ended, if it succeeded or
 * failed. Runs of stored actions are compared with such runs, and others with others, because a caller can give a run any
 * name. The table has rows only while an endpoint needs them.
 */

import type { RunSource, Status } from "../run.ts";
import type { PreviousStatus } from "../telling.ts";
import { walkBy } from "./event-walk.ts";
import { KEYS_AND_IDS, keysJson } from "./run-key.ts";

/** How many rows one batch of a walk has. The object serves nobody else meanwhile. */
const BATCH_RUNS = 1000;

const COLUMNS = "id, status, source, action_name AS actionName, entity_id AS entityId";
const NEWEST_FIRST = walkBy("ended_seq", COLUMNS, { bounds: "$ < ?1", order: "DESC", limit: BATCH_RUNS });
/** An entity's id is never empty. */
const KEY = "action_name = ? AND entity_id = ? AND is_stored = ?";

/** A run that has ended. */
export interface EndedOutcome {
  readonly id: string;
  readonly status: Status;
  readonly source: RunSource;
  readonly actionName: string;
  readonly entityId: string | null;
}

type WalkedRow = EndedOutcome & { readonly seq: number; readonly isMet: number };

export class OutcomeRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The last outcome of the run's action and entity; null if none is known. */
  of(run: EndedOutcome): PreviousStatus {
    const [row] = this.#sql.exec<{ status: "succeeded" | "failed" }>(
      `SELECT status FROM outcomes WHERE ${KEY}`,
      ...keyOf(run),
    );
    return row?.status ?? null;
  }

  /** Notes that the run has ended after all others. */
  put(run: EndedOutcome): void {
    this.#insert(run, "DO UPDATE SET run_id = excluded.run_id, status = excluded.status");
  }

  /**
   * One batch of a walk over ended runs, newest first, below the number `below`. What later ends have noted stays.
   * Returns below which number the next batch begins; 0 if there is none.
   */
  fill(below: number): number {
    const rows = [...this.#sql.exec<WalkedRow & Record<string, SqlStorageValue>>(NEWEST_FIRST, below)];
    for (const row of rows) if (row.isMet === 1 && isOutcome(row)) this.#insert(row, "DO NOTHING");
    return rows.length < BATCH_RUNS ? 0 : (rows.at(-1)?.seq ?? 0);
  }

  /** Forgets the last outcome of the run's action and entity. */
  erase(run: EndedOutcome): void {
    this.#sql.exec(`DELETE FROM outcomes WHERE ${KEY}`, ...keyOf(run));
  }

  clear(): void {
    this.#sql.exec("DELETE FROM outcomes");
  }

  /** Erases the outcomes of these runs. Call it while the journal still has the runs. */
  eraseOf(ids: readonly string[]): void {
    this.#sql.exec(
      `DELETE FROM outcomes WHERE (action_name, entity_id, is_stored, run_id) IN (
         SELECT action_name, ifnull(entity_id, ''), source = 'action', id FROM runs
         WHERE (run_key, id) IN ${KEYS_AND_IDS})`,
      keysJson(ids),
    );
  }

  #insert(run: EndedOutcome, onConflict: string): void {
    this.#sql.exec(
      `INSERT INTO outcomes (action_name, entity_id, is_stored, run_id, status) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT ${onConflict}`,
      ...keyOf(run),
      run.id,
      run.status,
    );
  }
}

/** Only a success and a failure are compared. */
export function isOutcome({ status }: Pick<EndedOutcome, "status">): boolean {
  return status === "succeeded" || status === "failed";
}

function keyOf({ actionName, entityId, source }: EndedOutcome): [string, string, number] {
  return [actionName, entityId ?? "", source === "action" ? 1 : 0];
}

/** The journal's table of dispatches. A row exists only until its dispatch is over or its run has ended. */

import type { Dispatch, StartOn } from "../../webhooks/delivery.ts";
import type { ErasedDispatch } from "./stop-request-rows.ts";

type DispatchRow = Omit<Dispatch, "sealed" | "isUnsure" | "stopRequest"> & {
  startOn: StartOn;
  sealed: ArrayBuffer;
  isUnsure: number;
};

export class DispatchRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  of(runId: string): Dispatch | null {
    const [row] = this.#sql.exec<DispatchRow>(
      `SELECT host, sealed, weight, start_on AS startOn, max_attempts AS maxAttempts,
         initial_delay_ms AS initialDelayMs, ends_at AS endsAt, attempt, next_at AS nextAt, lease_until AS leaseUntil,
         is_unsure AS isUnsure, unsure_attempts AS unsureAttempts
       FROM dispatches WHERE run_id = ?`,
      runId,
    );
    if (row === undefined) return null;
    return { ...row, sealed: new Uint8Array(row.sealed), isUnsure: row.isUnsure === 1 };
  }

  /** The dispatch's attempts without its sealed request; null if the dispatch is over. */
  attemptsOf(runId: string): Pick<Dispatch, "leaseUntil" | "isUnsure"> | null {
    const select = "SELECT lease_until AS leaseUntil, is_unsure AS isUnsure FROM dispatches WHERE run_id = ?";
    const [row] = this.#sql.exec<{ leaseUntil: number | null; isUnsure: number }>(select, runId);
    return row === undefined ? null : { ...row, isUnsure: row.isUnsure === 1 };
  }

  /** Erases the dispatch, its sealed request included. Returns how far it got; null if there was none. */
  erase(runId: string): ErasedDispatch | null {
    const erased = this.#sql.exec<Pick<ErasedDispatch, keyof ErasedDispatch>>(
      "DELETE FROM dispatches WHERE run_id = ? RETURNING host, attempt, lease_until AS leaseUntil",
      runId,
    );
    return [...erased][0] ?? null;
  }

  put(runId: string, dispatch: Dispatch): void {
    const { host, sealed, weight, startOn, maxAttempts, initialDelayMs, endsAt } = dispatch;
    const { attempt, nextAt, leaseUntil, isUnsure, unsureAttempts } = dispatch;
    this.#sql.exec(
      `INSERT INTO dispatches
         (run_id, host, sealed, weight, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at,
          lease_until, is_unsure, unsure_attempts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (run_id) DO UPDATE SET
         ends_at = excluded.ends_at, attempt = excluded.attempt, next_at = excluded.next_at,
         lease_until = excluded.lease_until, is_unsure = excluded.is_unsure, unsure_attempts = excluded.unsure_attempts`,
      runId,
      host,
      sealed,
      weight,
      startOn,
      maxAttempts,
      initialDelayMs,
      endsAt,
      attempt,
      nextAt,
      leaseUntil,
      isUnsure ? 1 : 0,
      unsureAttempts,
    );
  }
}

/** The journal's table of deliveries under way. A row is there only until the delivery is done or the run has ended. */

import type { Delivery, StartOn } from "../../dispatch/delivery.ts";

interface DeliveryRow extends Record<string, SqlStorageValue> {
  host: string;
  sealed: ArrayBuffer;
  start_on: string;
  max_attempts: number;
  initial_delay_ms: number;
  attempt: number;
  next_at: number | null;
  lease_until: number | null;
  is_unsure: number;
}

export class Deliveries {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  of(runId: string): Delivery | null {
    const [row] = this.#sql.exec<DeliveryRow>(
      `SELECT host, sealed, start_on, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure
       FROM deliveries WHERE run_id = ?`,
      runId,
    );
    return row === undefined ? null : toDelivery(row);
  }

  put(runId: string, delivery: Delivery): void {
    this.#sql.exec(
      `INSERT INTO deliveries
         (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (run_id) DO UPDATE SET
         attempt = excluded.attempt, next_at = excluded.next_at, lease_until = excluded.lease_until,
         is_unsure = excluded.is_unsure`,
      runId,
      delivery.host,
      delivery.sealed,
      delivery.startOn,
      delivery.maxAttempts,
      delivery.initialDelayMs,
      delivery.attempt,
      delivery.nextAt,
      delivery.leaseUntil,
      delivery.isUnsure ? 1 : 0,
    );
  }

  /** The request and its secrets with it. */
  erase(runId: string): void {
    this.#sql.exec("DELETE FROM deliveries WHERE run_id = ?", runId);
  }

  forget(runIds: readonly string[]): void {
    this.#sql.exec(
      "DELETE FROM deliveries WHERE run_id IN (SELECT value FROM json_each(?))",
      JSON.stringify(runIds),
    );
  }

  /** Of runs that code without deliveries has ended meanwhile, in a rollback or while a deploy was under way. */
  eraseOrphans(): void {
    this.#sql.exec(
      `DELETE FROM deliveries
       WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = deliveries.run_id AND runs.status = 'pending')`,
    );
  }
}

function toDelivery(row: DeliveryRow): Delivery {
  return {
    host: row.host,
    sealed: new Uint8Array(row.sealed),
    startOn: row.start_on as StartOn,
    maxAttempts: row.max_attempts,
    initialDelayMs: row.initial_delay_ms,
    attempt: row.attempt,
    nextAt: row.next_at,
    leaseUntil: row.lease_until,
    isUnsure: row.is_unsure === 1,
  };
}

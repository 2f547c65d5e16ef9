/** The journal's table of deliveries under way. A row exists only until its delivery is done or its run has ended. */

import type { Delivery, StartOn } from "../../dispatch/delivery.ts";

type DeliveryRow = Omit<Delivery, "sealed" | "isUnsure"> & {
  startOn: StartOn;
  sealed: ArrayBuffer;
  isUnsure: number;
};

export class DeliveryRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  of(runId: string): Delivery | null {
    const [row] = this.#sql.exec<DeliveryRow>(
      `SELECT host, sealed, start_on AS startOn, max_attempts AS maxAttempts, initial_delay_ms AS initialDelayMs,
         attempt, next_at AS nextAt, lease_until AS leaseUntil, is_unsure AS isUnsure
       FROM deliveries WHERE run_id = ?`,
      runId,
    );
    if (row === undefined) return null;
    return { ...row, sealed: new Uint8Array(row.sealed), isUnsure: row.isUnsure === 1 };
  }

  /** Null erases the delivery, its sealed request included. */
  put(runId: string, delivery: Delivery | null): void {
    if (delivery === null) {
      this.#sql.exec("DELETE FROM deliveries WHERE run_id = ?", runId);
      return;
    }
    const { host, sealed, startOn, maxAttempts, initialDelayMs } = delivery;
    const { attempt, nextAt, leaseUntil, isUnsure } = delivery;
    this.#sql.exec(
      `INSERT INTO deliveries
         (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (run_id) DO UPDATE SET
         attempt = excluded.attempt, next_at = excluded.next_at, lease_until = excluded.lease_until,
         is_unsure = excluded.is_unsure`,
      runId,
      ...[host, sealed, startOn, maxAttempts, initialDelayMs],
      ...[attempt, nextAt, leaseUntil, isUnsure ? 1 : 0],
    );
  }
}

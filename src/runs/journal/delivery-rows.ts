/** The journal's table of deliveries. A row exists only until its delivery is over or its run has ended. */

import type { Delivery, StartOn } from "../../webhooks/delivery.ts";
import type { ErasedDelivery } from "./stop-request-rows.ts";

type DeliveryRow = Omit<Delivery, "sealed" | "isUnsure" | "stopRequest"> & {
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
      `SELECT host, sealed, weight, start_on AS startOn, max_attempts AS maxAttempts,
         initial_delay_ms AS initialDelayMs, ends_at AS endsAt, attempt, next_at AS nextAt, lease_until AS leaseUntil,
         is_unsure AS isUnsure, unsure_attempts AS unsureAttempts
       FROM deliveries WHERE run_id = ?`,
      runId,
    );
    if (row === undefined) return null;
    return { ...row, sealed: new Uint8Array(row.sealed), isUnsure: row.isUnsure === 1 };
  }

  /** The delivery's attempts without its sealed request; null if the delivery is over. */
  attemptsOf(runId: string): Pick<Delivery, "leaseUntil" | "isUnsure"> | null {
    const select = "SELECT lease_until AS leaseUntil, is_unsure AS isUnsure FROM deliveries WHERE run_id = ?";
    const [row] = this.#sql.exec<{ leaseUntil: number | null; isUnsure: number }>(select, runId);
    return row === undefined ? null : { ...row, isUnsure: row.isUnsure === 1 };
  }

  /** Erases the delivery, its sealed request included. Returns how far it got; null if there was none. */
  erase(runId: string): ErasedDelivery | null {
    const erased = this.#sql.exec<Pick<ErasedDelivery, keyof ErasedDelivery>>(
      "DELETE FROM deliveries WHERE run_id = ? RETURNING host, attempt, lease_until AS leaseUntil",
      runId,
    );
    return [...erased][0] ?? null;
  }

  put(runId: string, delivery: Delivery): void {
    const { host, sealed, weight, startOn, maxAttempts, initialDelayMs, endsAt } = delivery;
    const { attempt, nextAt, leaseUntil, isUnsure, unsureAttempts } = delivery;
    this.#sql.exec(
      `INSERT INTO deliveries
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

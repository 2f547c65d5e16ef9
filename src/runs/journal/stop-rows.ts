/**
 * The journal's table of stop requests. A row is kept from the run's creation, because only the Worker can make the request.
 * It has its own due instant, because it can outlive the run's end.
 */

import type { NewRequest, Progress } from "../../dispatch/delivery.ts";
import { fittingIntoTurn } from "./turn.ts";

/** A stop request. Nobody has asked for it while it has neither `nextAt` nor `leaseUntil`. */
export interface Stop extends NewRequest, Progress {
  /** How many attempts of the run's delivery had begun when the delivery was erased. */
  readonly deliveryAttempt: number;
  /** The lease of the delivery's attempt that was under way then, until the attempt is answered; null if there was none. */
  readonly deliveryLease: number | null;
}

/** How far a delivery had got when it was erased. */
export type ErasedDelivery = Pick<Progress, "attempt" | "leaseUntil">;

type StopRow = Pick<NewRequest, "host" | "maxAttempts" | "initialDelayMs"> &
  Omit<Stop, keyof NewRequest | "isUnsure"> & { sealed: ArrayBuffer; isUnsure: number };

/** What failed is not tried again at once. */
const PUT_OFF_MS = 30_000;

export class StopRows {
  readonly #sql: SqlStorage;
  /** When the first row is due, Infinity if none is; null if unknown. Each change asks, and nearly always there is none. */
  #nextDueAt: number | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  of(runId: string): Stop | null {
    const [row] = this.#sql.exec<StopRow>(
      `SELECT host, sealed, max_attempts AS maxAttempts, initial_delay_ms AS initialDelayMs, attempt, next_at AS nextAt,
         lease_until AS leaseUntil, is_unsure AS isUnsure, delivery_attempt AS deliveryAttempt,
         delivery_lease AS deliveryLease
       FROM stop_requests WHERE run_id = ?`,
      runId,
    );
    if (row === undefined) return null;
    return { ...row, sealed: new Uint8Array(row.sealed), isUnsure: row.isUnsure === 1 };
  }

  /** `latestDueAt`: when the row is erased at the latest, whatever version of the code the run ends under. */
  insert(
    runId: string,
    { host, sealed, maxAttempts, initialDelayMs }: NewRequest,
    latestDueAt: number,
  ): void {
    this.#write(
      `INSERT INTO stop_requests (run_id, host, sealed, max_attempts, initial_delay_ms, due_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
      runId,
      ...[host, sealed, maxAttempts, initialDelayMs, latestDueAt],
    );
  }

  /** `latestDueAt`: as for `insert`. */
  update(runId: string, stop: Stop, latestDueAt: number): void {
    const { attempt, nextAt, leaseUntil, isUnsure } = stop;
    // An attempt that is under way at the latest instant has its lease all the same.
    const dueAt = leaseUntil ?? Math.min(nextAt ?? latestDueAt, latestDueAt);
    this.#write(
      `UPDATE stop_requests SET attempt = ?, next_at = ?, lease_until = ?, is_unsure = ?, due_at = ?
       WHERE run_id = ?`,
      ...[attempt, nextAt, leaseUntil, isUnsure ? 1 : 0, dueAt, runId],
    );
  }

  /** The run's delivery is erased, so what the stop request must know of it is noted here. */
  deliveryErased(runId: string, { attempt, leaseUntil }: ErasedDelivery): void {
    const update = "UPDATE stop_requests SET delivery_attempt = ?, delivery_lease = ? WHERE run_id = ?";
    this.#sql.exec(update, attempt, leaseUntil, runId);
  }

  /** Nothing of the delivery is under way any more. */
  deliveryAnswered(runId: string): void {
    this.#sql.exec("UPDATE stop_requests SET delivery_lease = NULL WHERE run_id = ?", runId);
  }

  /** Makes sure that the row gets its turn at `at` or before. */
  dueBy(runId: string, at: number): void {
    this.#write("UPDATE stop_requests SET due_at = min(due_at, ?1) WHERE run_id = ?2", at, runId);
  }

  /** The row is tried again later. */
  putOff(runId: string, now: number): void {
    this.#write("UPDATE stop_requests SET due_at = ? WHERE run_id = ?", now + PUT_OFF_MS, runId);
  }

  /** False if there was none. */
  erase(runId: string): boolean {
    const erased = this.#sql.exec("DELETE FROM stop_requests WHERE run_id = ? RETURNING 1", runId);
    if ([...erased].length === 0) return false;
    this.#nextDueAt = null;
    return true;
  }

  /** Ids of runs whose stop request is due: at most `limit`, and only what fits into one turn. */
  due(now: number, limit: number): string[] {
    const rows = this.#sql.exec<{ id: string; bytes: number; events: number }>(
      `SELECT run_id AS id, length(sealed) AS bytes, 0 AS events FROM stop_requests INDEXED BY stop_requests_due
       WHERE due_at <= ? ORDER BY due_at LIMIT ?`,
      now,
      limit,
    );
    return fittingIntoTurn([...rows]).map(({ id }) => id);
  }

  /** When the first stop request is due; Infinity if there is none. */
  nextDueAt(): number {
    this.#nextDueAt ??=
      this.#sql
        .exec<{ at: number | null }>(
          "SELECT min(due_at) AS at FROM stop_requests INDEXED BY stop_requests_due",
        )
        .one().at ?? Number.POSITIVE_INFINITY;
    return this.#nextDueAt;
  }

  /** Another statement removed rows. */
  forget(): void {
    this.#nextDueAt = null;
  }

  #write(statement: string, ...bindings: (SqlStorageValue | Uint8Array<ArrayBuffer>)[]): void {
    // Before the write: if the transaction around it fails, memory must not claim what is not so.
    this.#nextDueAt = null;
    this.#sql.exec(statement, ...bindings);
  }
}

import { type Dispatch, LEASE_MS, type NewRequest, type Progress, type Tried } from "../../webhooks/dispatch.ts";
import { BEGINNING, type Due, type DueRows, fittingIntoBatch, nextOfHost, type Weight } from "./due-rows.ts";
import { Rows, Table } from "./rows.ts";

/** A row exists only until its dispatch is over or its run has ended. */
export class DispatchRows extends Table<Dispatch & { readonly runId: string }> {
  of(runId: string): Dispatch | null {
    return this.selectOne("WHERE run_id = ?", runId);
  }

  /** Without the sealed request; null if the dispatch is over. */
  attemptsOf(runId: string): Pick<Dispatch, "leaseUntil" | "isUnsure"> | null {
    const select = "SELECT lease_until AS leaseUntil, is_unsure AS isUnsure FROM dispatches WHERE run_id = ?";
    const row = this.firstOf<{ leaseUntil: number | null; isUnsure: number }>(select, runId);
    return row && { ...row, isUnsure: row.isUnsure === 1 };
  }

  erase(runId: string): ErasedDispatch | null {
    return this.firstOf(
      "DELETE FROM dispatches WHERE run_id = ? RETURNING host, attempt, lease_until AS leaseUntil",
      runId,
    );
  }

  put(runId: string, dispatch: Dispatch): void {
    this.putRow({ ...dispatch, runId });
  }
}

/** A stop request. Nobody has asked for it while it has neither `nextAt` nor `leaseUntil`. */
export interface StopRequest extends NewRequest, Progress {
  /** How many attempts of the run's dispatch had begun when the dispatch was erased. */
  readonly dispatchAttempt: number;
  /** The lease of the dispatch's last attempt, if that was under way when the dispatch was erased and has not ended. */
  readonly dispatchLease: number | null;
}

export type ErasedDispatch = Pick<Tried, "host" | "attempt" | "leaseUntil">;

const DEFERRED_MS = 30_000;

const WAITING = "stop_requests INDEXED BY stop_requests_waiting WHERE lease_until IS NULL AND next_at IS NOT NULL";

interface StopRequestRow extends StopRequest {
  readonly runId: string;
  readonly endsAt: number;
  readonly dueAt: number;
}

/** Kept from the run's creation, because only the Worker can make one. It can outlive the run's end. */
export class StopRequestRows extends Table<StopRequestRow> implements DueRows {
  #nextDueAt: number | null = null;

  of(runId: string): StopRequest | null {
    return this.selectOne("WHERE run_id = ?", runId);
  }

  /** `endsAt`: no attempt begins at this instant or later. Then the row is erased. */
  insert(runId: string, request: NewRequest, endsAt: number): void {
    this.forget();
    this.insertRow({ ...request, runId, endsAt, dueAt: endsAt });
  }

  update(runId: string, stopRequest: StopRequest, endsAt: number): void {
    const { attempt, nextAt, leaseUntil, isUnsure, unsureAttempts } = stopRequest;
    // An attempt under way keeps its lease, even past `endsAt`.
    const dueAt = leaseUntil ?? Math.min(nextAt ?? endsAt, endsAt);
    this.forget();
    this.updateRow({ attempt, nextAt, leaseUntil, isUnsure, unsureAttempts, endsAt, dueAt }, "WHERE run_id = ?", runId);
  }

  dispatchErased(runId: string, { attempt, leaseUntil }: ErasedDispatch): void {
    this.updateRow({ dispatchAttempt: attempt, dispatchLease: leaseUntil }, "WHERE run_id = ?", runId);
  }

  dispatchAttemptEnded(runId: string): void {
    this.updateRow({ dispatchLease: null }, "WHERE run_id = ?", runId);
  }

  /**
   * Plans the first attempt, after an attempt of the dispatch that is under way, but within LEASE_MS: after the clock
   * stepped back, that lease may lie far ahead. Without an attempt of the dispatch there is no job, so the row is erased.
   */
  plan(runId: string, endsAt: number, now: number): void {
    this.#write("DELETE FROM stop_requests WHERE run_id = ? AND dispatch_attempt = 0", runId);
    const isNew = "attempt = 0 AND next_at IS NULL AND lease_until IS NULL";
    const first = "max(?3, min(ifnull(dispatch_lease, ?3), ?4))";
    this.#write(
      `UPDATE stop_requests SET ends_at = ?2, due_at = min(due_at, ?2, iif(${isNew}, ${first}, due_at)),
         next_at = iif(${isNew}, ${first}, next_at)
       WHERE run_id = ?1`,
      runId,
      endsAt,
      now,
      now + LEASE_MS,
    );
  }

  defer(runId: string, now: number): void {
    const update = "UPDATE stop_requests SET due_at = ?1, next_at = iif(next_at IS NULL, NULL, ?1) WHERE run_id = ?2";
    this.#write(update, now + DEFERRED_MS, runId);
  }

  responseOf(runId: string): Uint8Array<ArrayBuffer> | null {
    const select = "SELECT sealed FROM receiver_responses WHERE run_id = ?";
    const row = this.firstOf<{ sealed: ArrayBuffer }>(select, runId);
    return row && new Uint8Array(row.sealed);
  }

  /** The first response stays, because it names the job that was started. */
  putResponse(runId: string, sealed: Uint8Array<ArrayBuffer>): void {
    const insert = "INSERT INTO receiver_responses (run_id, sealed) VALUES (?, ?) ON CONFLICT DO NOTHING";
    this.sql.exec(insert, runId, sealed);
  }

  erase(runId: string): void {
    if (!this.hasRow("DELETE FROM stop_requests WHERE run_id = ? RETURNING 1", runId)) return;
    this.forget();
    this.sql.exec("DELETE FROM receiver_responses WHERE run_id = ?", runId);
  }

  due(now: number, limit: number, after = BEGINNING): Due[] {
    if (this.nextDueAt() === Number.POSITIVE_INFINITY) return [];
    return this.#due("(due_at, run_id) > (?, ?) ORDER BY due_at, run_id LIMIT ?", now, after.dueAt, after.id, limit);
  }

  overdue(now: number, limit: number): Due[] {
    return this.#due("ends_at <= ? LIMIT ?", now, now, limit);
  }

  firstEndAt(now: number): number {
    return this.#min("ends_at", "due_at <= ?", now);
  }

  nextWaiting(host: string, isRetry: boolean, now: number, after: Due): Due | null {
    return this.firstOf(nextOfHost(WAITING), host, isRetry ? 1 : 0, now, after.dueAt, after.id);
  }

  nextDueAt(after = BEGINNING): number {
    if (after !== BEGINNING) return this.#min("due_at", "(due_at, run_id) > (?, ?)", after.dueAt, after.id);
    this.#nextDueAt ??= this.#min("due_at", "due_at > ?", BEGINNING.dueAt);
    return this.#nextDueAt;
  }

  forget(): void {
    this.#nextDueAt = null;
  }

  #due(clauses: string, ...bindings: (string | number)[]): Due[] {
    const rows = this.query<Due & Weight>(
      `SELECT run_id AS id, due_at AS dueAt, length(sealed) AS bytes, 0 AS events
       FROM stop_requests INDEXED BY stop_requests_due WHERE due_at <= ? AND ${clauses}`,
      ...bindings,
    );
    return fittingIntoBatch(rows);
  }

  #min(column: string, condition: string, ...bindings: (string | number)[]): number {
    const query = `SELECT min(${column}) FROM stop_requests INDEXED BY stop_requests_due WHERE ${condition}`;
    return this.instantOf(query, ...bindings);
  }

  #write(statement: string, ...bindings: (string | number)[]): void {
    // Before the write: if the transaction fails, the cache must not keep what was never committed.
    this.forget();
    this.sql.exec(statement, ...bindings);
  }
}

export class PreviewRows extends Rows {
  /** JSON text; null if the run has none, or has ended. */
  of(runId: string): string | null {
    return this.textsOf("SELECT request FROM previews WHERE run_id = ?", runId)[0] ?? null;
  }

  insert(runId: string, request: string): void {
    this.sql.exec("INSERT INTO previews (run_id, request) VALUES (?, ?)", runId, request);
  }

  erase(runId: string): void {
    this.sql.exec("DELETE FROM previews WHERE run_id = ?", runId);
  }
}

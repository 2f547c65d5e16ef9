/**
 * The calls about bulk operations, and what the coordinator that drives them asks of the Worker.
 */

import type { AbortReason, BulkItem, BulkOperation, BulkOrder, BulkPreview, NumberedItem, Outcome } from "./bulk.ts";
import type { ChangeKey } from "./run-calls.ts";
import type { RunFilters } from "./run-filters.ts";

/** `id`: of the first order with this key. `operation`: null if it has not begun. */
export interface BulkAnswer {
  readonly ok: true;
  readonly id: string;
  readonly operation: BulkOperation | null;
}

export type BulkReply =
  | BulkAnswer
  | { readonly ok: false; readonly reason: "key_reused" | "too_many_bulk_operations" | "storage_full" };

/** What a dry run is about: the runs of a filter, or those that the caller has named. */
export type BulkTarget =
  | { readonly filters: RunFilters; readonly maxRuns: number }
  | { readonly runIds: readonly string[] };

export interface BulkCalls {
  /**
   * Makes a reservation for an operation, or finds the operation with this key. Nothing begins before `begin`, because
   * the audit entry comes first. A reservation that nobody uses is lost after a minute. `runIds`: null if there is a
   * filter.
   */
  reserve(order: BulkOrder, runIds: readonly string[] | null, changeKey: ChangeKey): Promise<BulkReply>;
  /** Begins what was reserved. Null if the reservation was lost. */
  begin(id: string): Promise<BulkOperation | null>;
  /** Of a cancel that has decided all its runs, `ended` is how they have ended so far. */
  operation(id: string): Promise<BulkOperation | null>;
  /** Newest first, those before the id `before`. */
  operations(before: string | null, limit: number): Promise<readonly BulkOperation[]>;
  /** In the order in which the runs are decided, those behind the number `after`. Null: no such operation. */
  items(id: string, outcome: Outcome | null, after: number, limit: number): Promise<readonly NumberedItem[] | null>;
  /** Stops an operation after the batch of retries under way. `by`: for the audit. Null: no such operation. */
  abort(id: string, by: Stopper): Promise<BulkOperation | null>;
  /** Gives up the reservation of an operation that has not begun. */
  drop(id: string): Promise<void>;
  /** What an operation would be about. Stores nothing. Null if D1 does not answer. */
  preview(target: BulkTarget, isCancel: boolean): Promise<BulkPreview | null>;
}

/** Who stopped an operation, as the audit tells it. */
export interface Stopper {
  readonly id: string;
  readonly name: string;
  readonly sessionId: string | null;
  readonly person: string | null;
}

/** What the coordinator can't do itself. Each call is an invocation of the Worker of its own. */
export interface BulkRunner {
  /** Whether the asker's token still works; if not, why the operation ends. Throws if nobody can say. */
  judge(scope: string, order: BulkOrder): Promise<"living" | Extract<AbortReason, `token_${string}`>>;
  /**
   * Retries runs. One item for each, in their order. Null: undecided, so the run is tried again. If the call throws,
   * nobody knows what it has done.
   */
  retry(scope: string, order: BulkOrder, runIds: readonly string[]): Promise<readonly (BulkItem | null)[]>;
  /** Writes the audit entry of an operation that has ended. `by`: null for the service. */
  conclude(scope: string, operation: BulkOperation, by: Stopper | null): Promise<void>;
}

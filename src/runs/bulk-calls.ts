/**
 * The calls about bulk operations, and what the coordinator that drives them asks of the Worker.
 */

import type {
  AbortReason,
  BulkItem,
  BulkOperation,
  BulkOrder,
  EndedRuns,
  NumberedItem,
  Outcome,
} from "./bulk.ts";
import type { ChangeKey } from "./run-calls.ts";

/** `id`: of the first order with this key. `operation`: null if it has not begun. */
export interface BulkAnswer {
  readonly ok: true;
  readonly id: string;
  readonly operation: BulkOperation | null;
}

export type BulkReply =
  | BulkAnswer
  | { readonly ok: false; readonly reason: "key_reused" | "too_many_bulk_operations" | "storage_full" };

export interface BulkCalls {
  /**
   * Reserves a place for an operation, or finds the operation with this key. Nothing begins before `begin`, because
   * the audit entry comes first. A place that nobody uses is lost after a minute. `runIds`: null if there is a filter.
   */
  reserve(order: BulkOrder, runIds: readonly string[] | null, changeKey: ChangeKey): Promise<BulkReply>;
  /** Begins what was reserved. Null if the place was lost. */
  begin(id: string): Promise<BulkOperation | null>;
  operation(id: string): Promise<BulkOperation | null>;
  /** Newest first, those before the id `before`. */
  operations(before: string | null, limit: number): Promise<readonly BulkOperation[]>;
  /** In the order in which the runs have their turns, those behind the number `after`. Null: no such operation. */
  items(
    id: string,
    outcome: Outcome | null,
    after: number,
    limit: number,
  ): Promise<readonly NumberedItem[] | null>;
  /** Stops an operation. The page under way is decided first. `by`: for the audit. Null: no such operation. */
  abort(id: string, by: Stopper): Promise<BulkOperation | null>;
  /** Gives up the place of an operation that has not begun. */
  drop(id: string): Promise<void>;
  /** The accepted runs of a cancel; null if there is no such operation. */
  acceptedRuns(id: string): Promise<AcceptedRuns | null>;
  /** How many runs wait here for a slot and would get one if these runs were cancelled. */
  wouldStart(runIds: readonly string[]): Promise<number>;
}

/** Who stopped an operation, as the audit tells it. */
export interface Stopper {
  readonly id: string;
  readonly name: string;
  readonly sessionId: string | null;
  readonly person: string | null;
}

/** The runs that a cancel had ended when it was accepted, and those that it asked to stop. */
export interface AcceptedRuns {
  readonly ended: EndedRuns;
  readonly asked: readonly string[];
}

/** A run that matches. `isWaiting`: at a gate. */
export type MatchedRun = readonly [id: string, isWaiting: boolean];

/** `behind`: the collecting goes on below this id; null if it is over. `not_settled`: D1 may lack a run. */
export type Collected =
  | { readonly type: "not_settled" }
  | { readonly type: "collected"; readonly runs: readonly MatchedRun[]; readonly behind: string | null };

/**
 * `not_begun`: nobody could judge the asker, so no run was tried. `items`: one for each run, in their order. Null:
 * undecided, so the run is tried again.
 */
export type Decided =
  | { readonly type: "not_begun" }
  | { readonly type: "refused"; readonly reason: Extract<AbortReason, `token_${string}`> }
  | { readonly type: "decided"; readonly items: readonly (BulkItem | null)[] };

/** The Worker's part. Each call is an invocation of its own. If a call throws, nobody knows what it has done. */
export interface BulkRunner {
  /** The next runs of the filter, newest first, at most `limit`. `below`: null at the beginning. */
  collect(scope: string, order: BulkOrder, below: string | null, limit: number): Promise<Collected>;
  /** The same for runs that the caller has named. */
  sort(scope: string, runIds: readonly string[]): Promise<Collected>;
  /** Judges the asker. Then cancels or retries each run. */
  decide(scope: string, order: BulkOrder, runIds: readonly string[]): Promise<Decided>;
  /** Writes the audit entry of an operation that has ended. `by`: null for the service. */
  conclude(scope: string, operation: BulkOperation, by: Stopper | null): Promise<void>;
  /** How these runs have ended. Null if one is open, or if D1 may lack an end. A run that is not kept is left out. */
  ended(scope: string, runIds: readonly string[]): Promise<EndedRuns | null>;
}

/** A bulk operation: one cancel or retry for each run of a set, which is written down before anything happens. PURE. */
import type { Proven } from "../base/ids.ts";
import type { Actor, RunName, Status } from "./run.ts";
import type { ChangeKey } from "./run-calls.ts";
import type { RunFilters } from "./run-filters.ts";

export const BULK_ACTIONS = ["cancel", "retry"] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

export const BULK_STATUSES = ["collecting", "running", "completed", "aborted"] as const;

export const ABORT_REASONS = ["asked", "too_many_runs", "token_revoked", "token_expired"] as const;
export type AbortReason = (typeof ABORT_REASONS)[number];

/** `skipped`: refused as a single request would be. `failed`: nobody knows whether it was done, or there was no room. */
export const OUTCOMES = ["accepted", "skipped", "failed"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** After how many runs the asker is judged again. At the rate of an environment, they take 1.25 s. */
export const BATCH_RUNS = 25;
export const RUNS_PER_SECOND = 20;
export const TRIES_MAX = 10;
/** Of an environment, at a time. */
export const OPERATIONS_MAX = 5;
export const RETRIES_MAX = 1;
export const KEPT_DAYS = 30;

export type NamedItem = NumberedItem & RunName;

/** What is asked of each run. `graceSeconds`: as of a cancel. `includeRetried`: also runs that were retried before. */
export type BulkRequest =
  | { readonly operation: "cancel"; readonly reason: string | null; readonly graceSeconds: number }
  | { readonly operation: "retry"; readonly includeRetried: boolean };

/** It never changes. */
export interface BulkOrder {
  readonly id: string;
  readonly request: BulkRequest;
  /** The filter as it was sent. Null: the caller named the runs. */
  readonly filter: Readonly<Record<string, unknown>> | null;
  readonly filters: RunFilters | null;
  /** How many runs may match the filter. Of named runs, how many there are. */
  readonly maxRuns: number;
  readonly asker: Actor;
  /** Whether the asker must name a person to change a run that has gates, and has named none. */
  readonly mustNamePerson: boolean;
  readonly origin: string;
}

export interface BulkCounts {
  readonly matched: number;
  readonly accepted: number;
  readonly skipped: number;
  readonly failed: number;
}

export type EndedRuns = Readonly<Record<"succeeded" | "failed" | "cancelled", number>>;

export interface BulkOperation {
  readonly order: BulkOrder;
  readonly status: (typeof BULK_STATUSES)[number];
  readonly abortReason: AbortReason | null;
  /** With `too_many_runs`, `matched` is how many runs match at least. */
  readonly counts: BulkCounts;
  readonly createdAt: number;
  readonly completedAt: number | null;
  /** Of the accepted runs of a cancel. Null until all have ended, unless it is asked how they have so far. */
  readonly ended: EndedRuns | null;
}

export interface BulkPreview {
  readonly matched: number | { readonly atLeast: number };
  readonly byStatus: Readonly<Record<Status, number>>;
  readonly newest: readonly string[];
  readonly wouldStart: number;
}

/** `newRunId`: of an accepted retry. `code`: why the run was skipped or failed. All null: undecided. */
export interface BulkItem {
  readonly runId: string;
  readonly outcome: Outcome | null;
  readonly code: string | null;
  readonly newRunId: string | null;
}

/** `seq` sorts by when the run is decided. */
export interface NumberedItem extends BulkItem {
  readonly seq: number;
}

export function remainingOf({ matched, accepted, skipped, failed }: BulkCounts): number {
  return matched - accepted - skipped - failed;
}

/** `id`: of the first order with this key. `operation`: null if it has not begun. */
export type BulkReply =
  | { readonly ok: true; readonly id: string; readonly operation: BulkOperation | null }
  | { readonly ok: false; readonly reason: "key_reused" | "too_many_bulk_operations" | "storage_full" };

export type BulkTarget =
  | { readonly filters: RunFilters; readonly maxRuns: number }
  | { readonly runIds: readonly string[] };

export interface BulkCalls {
  /**
   * Finds the one with this key, if it exists. Nothing begins before `begin`, because the audit entry comes first. An
   * unused reservation is lost after a minute. `runIds`: null if there is a filter.
   */
  reserve(order: BulkOrder, runIds: readonly string[] | null, changeKey: ChangeKey): Promise<BulkReply>;
  /** Null if the reservation was lost. */
  begin(id: string): Promise<BulkOperation | null>;
  /** Of a cancel that has decided all its runs, `ended` is how they have ended so far. */
  operation(id: string): Promise<BulkOperation | null>;
  operations(before: string | null, limit: number): Promise<readonly BulkOperation[]>;
  /** Null: no such operation. */
  items(id: string, outcome: Outcome | null, after: number, limit: number): Promise<readonly NamedItem[] | null>;
  /** After the batch of retries under way. `by`: for the audit. Null: no such operation. */
  abort(id: string, by: Stopper): Promise<BulkOperation | null>;
  drop(id: string): Promise<void>;
  /** Null if D1 does not answer. */
  preview(target: BulkTarget, isCancel: boolean): Promise<BulkPreview | null>;
}

export interface Stopper {
  readonly id: string;
  readonly name: string;
  readonly sessionId: string | null;
  readonly person: string | null;
  readonly proven?: Proven;
}

export interface BulkRunner {
  /** Whether the asker's token still works; if not, why the operation ends. Throws if nobody can say. */
  judge(scope: string, order: BulkOrder): Promise<"living" | Extract<AbortReason, `token_${string}`>>;
  /** Null: undecided, so it is tried again. If it throws, nobody knows what was done. */
  retry(scope: string, order: BulkOrder, runIds: readonly string[]): Promise<readonly (BulkItem | null)[]>;
  /** Writes the audit entry of an operation that has ended. `by`: null for the service. */
  conclude(scope: string, operation: BulkOperation, by: Stopper | null): Promise<void>;
}

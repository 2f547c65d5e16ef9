/** Bulk operations as responses show them, and what about one of them can't be true by itself. PURE. */

import type { Schemas } from "../../../src/client/index.ts";

export type BulkOperation = Schemas["BulkOperation"];
export type BulkItem = Schemas["BulkItem"];
type Count = BulkOperation["counts"]["matched"];

/** What an actor asks for. `mark`: the reason of a cancel, so that a run's timeline says which operation did it. */
export interface Order {
  readonly environment: string;
  readonly body: {
    readonly operation: "cancel" | "retry";
    readonly reason?: string;
    readonly graceSeconds?: number;
    readonly includeRetried?: boolean;
    readonly runIds?: readonly string[];
    readonly filter?: object;
    readonly maxRuns?: number;
  };
  readonly mark: string;
  /** Null: the operator's. */
  readonly token: string | null;
  readonly person: string | null;
  /**
   * What may become of each run: `accepted`, a code, `undecided`, or `absent` if it may be missing in the set. A run
   * that is not in here must be absent. A retry can always be `unknown`.
   */
  readonly may: Map<string, readonly string[]>;
  /** The statuses and abort reasons with which it may end. */
  readonly mayEndAs: readonly string[];
}

/** An operation whose start was acknowledged. */
export interface Begun {
  readonly order: Order;
  readonly id: string;
  readonly sentAt: number;
  readonly story: string[];
}

const ORDER = ["collecting", "running", "completed", "aborted"];

export function isOver({ status }: BulkOperation): boolean {
  return status === "completed" || status === "aborted";
}

/** A sentence that says what can't be; null if all of it can. */
export function contradiction({ status, abortReason, counts, completedAt }: BulkOperation): string | null {
  const { matched, accepted, skipped, failed, remaining } = counts;
  const isOverAt = status === "completed" || status === "aborted";
  if ((status === "completed") !== (completedAt !== null && abortReason === null)) return "its end is unclear";
  if (isOverAt !== (completedAt !== null)) return "its status and completedAt differ";
  if (status === "aborted" && abortReason === null) return "it was aborted without a reason";
  const decided = accepted + skipped + failed;
  if (abortReason === "too_many_runs" && isOverAt)
    return decided === 0 && typeof matched === "object" && typeof remaining === "object"
      ? null
      : "too many runs match, but it did something";
  if (typeof matched !== "number" || typeof remaining !== "number") return "a count is not exact";
  if (status === "collecting" && decided > 0) return "it has decided runs while it collects";
  if (matched !== decided + remaining) return "MISCOUNTED: the counts have another sum than matched";
  return status === "completed" && remaining > 0 ? "it is completed, but runs remain" : null;
}

/** What a later response can't show after an earlier one; null if it can. */
export function stepBack(before: BulkOperation, after: BulkOperation): string | null {
  if (isOver(before)) return shown(before) === shown(after) ? null : "it has changed after its end";
  if (ORDER.indexOf(after.status) < ORDER.indexOf(before.status)) return "its status went back";
  if (before.abortReason !== null && after.abortReason !== before.abortReason) return "its abort was forgotten";
  const names = ["accepted", "skipped", "failed"] as const;
  if (names.some((name) => after.counts[name] < before.counts[name])) return "a count fell";
  const [had, has] = [before.counts.matched, after.counts.matched].map(atLeast);
  if ((has ?? 0) < (had ?? 0)) return "matched fell";
  return before.status === "running" && has !== had ? "matched changed after the set was written down" : null;
}

/** What the items of an ended operation contradict; null if nothing. */
export function miscount({ counts, abortReason }: BulkOperation, items: readonly BulkItem[]): string | null {
  if (new Set(items.map(({ runId }) => runId)).size < items.length) return "a run is in two items";
  if (abortReason === "too_many_runs") return items.some(({ outcome }) => outcome !== null) ? "it decided runs" : null;
  const of = (wanted: BulkItem["outcome"]) => items.filter(({ outcome }) => outcome === wanted).length;
  const counted = [items.length, of("accepted"), of("skipped"), of("failed"), of(null)];
  const told = [counts.matched, counts.accepted, counts.skipped, counts.failed, counts.remaining];
  if (counted.join() !== told.join()) return `its items say ${counted.join()}`;
  const undecidedAt = items.findIndex(({ outcome }) => outcome === null);
  const isOrdered = undecidedAt < 0 || items.slice(undecidedAt).every(({ outcome }) => outcome === null);
  return isOrdered ? null : "a run was decided before one that comes earlier";
}

/** How one item ended, as `Order.may` says it. */
export function outcomeOf(item: BulkItem | undefined): string {
  if (item === undefined) return "absent";
  return item.outcome === null ? "undecided" : (item.code ?? item.outcome);
}

function atLeast(count: Count): number {
  return typeof count === "number" ? count : count.atLeast;
}

/** Without what may still come: how the accepted runs of a cancel have ended. */
function shown(operation: BulkOperation): string {
  return JSON.stringify({ ...operation, ended: undefined });
}

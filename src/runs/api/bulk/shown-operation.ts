/** A bulk operation as responses and audit entries show it. PURE. */

import { rfc3339 } from "../../../base/time.ts";
import { nameOf } from "../../actor.ts";
import { type BulkOperation, type BulkOrder, remainingOf } from "../../bulk.ts";

export function shownOperation({ order, status, abortReason, createdAt, ...rest }: BulkOperation) {
  const { id, request, filter, asker } = order;
  return {
    id,
    operation: request.operation,
    status,
    abortReason,
    filter,
    by: nameOf(asker),
    byId: asker.tokenId,
    counts: shownCounts({ abortReason, counts: rest.counts }),
    createdAt: rfc3339(createdAt),
    completedAt: rfc3339(rest.completedAt),
  };
}

/** What an audit entry says of the order. `runs`: how many were named; null with a filter. */
export function auditedOrder({ request, filter, maxRuns }: BulkOrder) {
  const isNamed = filter === null;
  return { operation: request.operation, filter, runs: isNamed ? maxRuns : null, maxRuns: isNamed ? null : maxRuns };
}

export function auditedEnd({ order, status, abortReason, counts }: BulkOperation) {
  return { ...auditedOrder(order), status, abortReason, counts: shownCounts({ abortReason, counts }) };
}

function shownCounts({ abortReason, counts }: Pick<BulkOperation, "abortReason" | "counts">) {
  const { matched, accepted, skipped, failed } = counts;
  const shown = (runs: number) => (abortReason === "too_many_runs" ? { atLeast: runs } : runs);
  return { matched: shown(matched), accepted, skipped, failed, remaining: shown(remainingOf(counts)) };
}

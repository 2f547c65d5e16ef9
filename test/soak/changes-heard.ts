/** Which ends an endpoint with `onlyOnChange` must hear of, as D1's rows show it afterwards. PURE. */

import type { EndedRow } from "./landing.ts";

/** The clock may step by so much, and an alarm may be so late. */
const SURELY_MS = 5000;

/**
 * Of all ended runs of an environment: those that succeeded or failed, and which the endpoint must hear of. An end that
 * may have been the same as the one before it is missing, because instants don't tell the order of two ends for sure.
 */
export function mustHearOfChange(rows: readonly EndedRow[]): readonly EndedRow[] {
  const groups = Map.groupBy(
    rows.filter(isOutcome),
    ({ actionName, isStored }) => `${actionName} ${isStored}`,
  );
  return [...groups.values()].flatMap((group) => {
    const inOrder = group.toSorted((a, b) => a.completedAt - b.completedAt);
    return inOrder.filter((row) => perhapsBefore(inOrder, row).every(({ status }) => status !== row.status));
  });
}

export function isOutcome({ status }: EndedRow): boolean {
  return status === "succeeded" || status === "failed";
}

/**
 * Those of which each may have been the last that ended before the row. A timeout has the instant of its deadline, and
 * ends some time after it. So it may have come after a run with a later instant.
 */
function perhapsBefore(rows: readonly EndedRow[], row: EndedRow): readonly EndedRow[] {
  const before = rows.filter((one) => one !== row && one.completedAt <= row.completedAt + SURELY_MS);
  const last = before.findLast(
    ({ isTimeout, completedAt }) => !isTimeout && completedAt + SURELY_MS < row.completedAt,
  );
  const lastAt = last?.completedAt ?? Number.NEGATIVE_INFINITY;
  return before.filter(({ completedAt }) => completedAt > lastAt - SURELY_MS);
}

/** What the row may have been compared with, to understand a violation. */
export function comparedWith(rows: readonly EndedRow[], row: EndedRow): readonly string[] {
  const group = rows.filter(
    (one) => isOutcome(one) && one.actionName === row.actionName && one.isStored === row.isStored,
  );
  const inOrder = group.toSorted((a, b) => a.completedAt - b.completedAt);
  return perhapsBefore(inOrder, row).map(
    ({ id, status, completedAt, isTimeout }) =>
      `before it, perhaps: ${id} ${status} ${new Date(completedAt).toISOString()}${isTimeout ? ", a timeout" : ""}`,
  );
}

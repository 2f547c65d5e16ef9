/** Which ends an endpoint with `onlyOnChange` must hear of, as D1's rows show it afterwards. PURE. */

import type { EndedRow } from "./landing.ts";

/** The clock may step by so much, and an alarm may be so late. */
const SURELY_MS = 5000;

/**
 * Of all ended runs of an environment: those that succeeded or failed, and which the endpoint must hear of. An end that
 * may have been the same as the one before it is missing, because instants don't tell the order of two ends for sure.
 */
export function mustHearOfChange(rows: readonly EndedRow[]): readonly EndedRow[] {
  return outcomesOf(rows).flatMap((group) =>
    group.filter((row) => perhapsBefore(group, row).every(({ status }) => status !== row.status)),
  );
}

/** The outcomes of each action, in the order of their ends. */
function outcomesOf(rows: readonly EndedRow[]): readonly (readonly EndedRow[])[] {
  const inOrder = rows.filter(isOutcome).toSorted((a, b) => a.completedAt - b.completedAt);
  return [...Map.groupBy(inOrder, ({ actionName, isStored }) => `${actionName} ${isStored}`).values()];
}

export function isOutcome({ status }: EndedRow): boolean {
  return status === "succeeded" || status === "failed";
}

/**
 * Those of which each may have been the last that ended before the row. A timeout has the instant of its deadline, and
 * ends some time after it. So it may have come after a run with a later instant.
 */
function perhapsBefore(rows: readonly EndedRow[], row: EndedRow): readonly EndedRow[] {
  const before = rows.filter(({ id, completedAt }) => id !== row.id && completedAt <= row.completedAt + SURELY_MS);
  const last = before.findLast(({ isTimeout, completedAt }) => !isTimeout && completedAt + SURELY_MS < row.completedAt);
  const lastAt = last?.completedAt ?? Number.NEGATIVE_INFINITY;
  return before.filter(({ completedAt }) => completedAt > lastAt - SURELY_MS);
}

/** What the row may have been compared with, to understand a violation. */
export function comparedWith(rows: readonly EndedRow[], row: EndedRow): readonly string[] {
  const group = outcomesOf(rows).find((outcomes) => outcomes.some(({ id }) => id === row.id)) ?? [];
  return perhapsBefore(group, row).map(
    ({ id, status, completedAt, isTimeout }) =>
      `before it, perhaps: ${id} ${status} ${new Date(completedAt).toISOString()}${isTimeout ? ", a timeout" : ""}`,
  );
}

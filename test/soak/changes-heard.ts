/** Which ends an endpoint with `onlyOnChange` must hear of, as D1's rows show it afterwards. PURE. */

import type { EndedRow } from "./landing.ts";

/** An alarm may be so late. */
const SURELY_MS = 5000;

/**
 * Of all ended runs of an environment: those that succeeded or failed, and which the endpoint must hear of. An end that
 * may have been the same as the one before it is missing, because nobody knows any more what D1 had at that moment.
 */
export function mustHearOfChange(rows: readonly EndedRow[]): readonly EndedRow[] {
  const groups = new Map<string, EndedRow[]>();
  for (const row of rows.filter(isOutcome).toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const group = `${row.actionName} ${row.isStored}`;
    groups.set(group, [...(groups.get(group) ?? []), row]);
  }
  return [...groups.values()].flatMap((group) => group.filter((_, at) => isChange(group, at)));
}

export function isOutcome({ status }: EndedRow): boolean {
  return status === "succeeded" || status === "failed";
}

/** Whether each outcome that may have counted as the one before differs. `rows`: by id, ascending. */
function isChange(rows: readonly EndedRow[], at: number): boolean {
  const row = rows[at];
  if (row === undefined) return false;
  for (const before of rows.slice(0, at).reverse()) {
    if (before.status === row.status) return false;
    if (!before.isTimeout && before.completedAt + SURELY_MS < row.completedAt) return true;
  }
  return true;
}

/** Which ends an endpoint with `onlyOnChange` must hear of, as D1's rows show it afterwards. PURE. */

import type { EndedRow } from "./landing.ts";

/** The clock may step by so much, and an alarm may be so late. */
const SURELY_MS = 5000;

/**
 * Of all ended runs of an environment: those that succeeded or failed, and which the endpoint must hear of. An end that
 * may have been the same as the one before it is missing, because instants don't tell the order of two ends for sure.
 */
export function mustHearOfChange(rows: readonly EndedRow[]): readonly EndedRow[] {
  const groups = new Map<string, EndedRow[]>();
  for (const row of rows.filter(isOutcome).toSorted((a, b) => a.completedAt - b.completedAt)) {
    const group = `${row.actionName} ${row.isStored}`;
    groups.set(group, [...(groups.get(group) ?? []), row]);
  }
  return [...groups.values()].flatMap((group) => group.filter((row) => isChange(group, row)));
}

export function isOutcome({ status }: EndedRow): boolean {
  return status === "succeeded" || status === "failed";
}

/** Whether each outcome that may have counted as the one before differs. `rows`: in the order of their ends. */
function isChange(rows: readonly EndedRow[], row: EndedRow): boolean {
  const perhapsBefore = rows.filter((one) => one !== row && one.completedAt <= row.completedAt + SURELY_MS);
  for (const before of perhapsBefore.reverse()) {
    if (before.status === row.status) return false;
    if (!before.isTimeout && before.completedAt + SURELY_MS < row.completedAt) return true;
  }
  return true;
}

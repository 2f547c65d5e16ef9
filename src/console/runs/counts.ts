/** How many runs there are of each status. PURE. */

import type { ActionRunSummary } from "../../client/index.ts";
import type { Status } from "../ui/statuses.ts";

export type Count = ActionRunSummary[Status];

export function countText(count: Count): string {
  return typeof count === "number" ? count.toLocaleString("en") : `${count.atLeast.toLocaleString("en")}+`;
}

/** Only a lower bound if one of them is one. */
export function sumOf(counts: readonly Count[]): Count {
  const sum = counts.reduce<number>((total, count) => total + least(count), 0);
  return counts.every((count) => typeof count === "number") ? sum : { atLeast: sum };
}

/** The number that is certain. */
export function least(count: Count): number {
  return typeof count === "number" ? count : count.atLeast;
}

/** The counts after a run went from one status to another. What is only a lower bound stays one. */
export function moved(counts: ActionRunSummary, from: Status, to: Status): ActionRunSummary {
  if (from === to) return counts;
  return { ...counts, [from]: plus(counts[from], -1), [to]: plus(counts[to], 1) };
}

function plus(count: Count, difference: number): Count {
  return typeof count === "number" ? Math.max(count + difference, 0) : count;
}

/** How many runs there are of each status. PURE. */

import type { ActionRunSummary } from "../../client/index.ts";
import type { Status } from "../ui/statuses.ts";

type Count = ActionRunSummary[Status];

export function countText(count: Count): string {
  return typeof count === "number" ? count.toLocaleString("en") : `${count.atLeast.toLocaleString("en")}+`;
}

/** The counts after a run went from one status to another. What is only a lower bound stays one. */
export function moved(counts: ActionRunSummary, from: Status, to: Status): ActionRunSummary {
  if (from === to) return counts;
  return { ...counts, [from]: plus(counts[from], -1), [to]: plus(counts[to], 1) };
}

function plus(count: Count, difference: number): Count {
  return typeof count === "number" ? Math.max(count + difference, 0) : count;
}

/** What a dialog asks of the service: which runs, and how many at most. PURE. */

import type { BulkFilter, BulkPreview, NewBulkOperation, RunFilter } from "../../client/index.ts";
import { countText, least } from "../runs/counts.ts";
import { filterOf } from "../runs/filters.ts";
import { runsText, type Selection } from "./selection.ts";

export type Operation = NewBulkOperation["operation"];
export type Target = Pick<NewBulkOperation, "runIds" | "filter" | "maxRuns">;

/** Without and with `actions:manage`. */
const MAX_RUNS = 500;
const MAX_RUNS_OF_MANAGERS = 10_000;

/**
 * The selected runs, or the filter as it is now. A filter that moves with the clock is fixed here, because the service
 * must act on what the dialog shows. `mayManage`: whether the token has `actions:manage`.
 */
export function targetOf(
  selection: Selection,
  query: URLSearchParams,
  now: Date,
  mayManage: boolean,
): Target {
  if (selection.kind === "runs") return { runIds: [...selection.ids] };
  return {
    filter: bulkFilterOf(filterOf(query, now)),
    maxRuns: mayManage ? MAX_RUNS_OF_MANAGERS : MAX_RUNS,
  };
}

function bulkFilterOf({
  status,
  label,
  limit: _,
  include: __,
  order: ___,
  ...others
}: RunFilter): BulkFilter {
  return {
    ...(status === undefined ? {} : { status }),
    ...(label === undefined ? {} : { labels: label }),
    ...others,
  };
}

/**
 * The same with the number that the dialog showed as the bound, so that a set that has grown is refused and not
 * silently larger.
 */
export function boundTo(target: Target, { matched }: BulkPreview): Target {
  return target.filter === undefined ? target : { ...target, maxRuns: Math.max(least(matched), 1) };
}

/** What a dialog says about the runs before it does anything. */
export interface Outlook {
  /** How many the operation can change; the others are skipped. */
  readonly able: number;
  readonly sentence: string;
  /** Why the operation can't begin; null if it can. */
  readonly refusal: string | null;
}

/** `mayManage`: whether the token has `actions:manage`. */
export function outlookOf(operation: Operation, preview: BulkPreview, mayManage: boolean): Outlook {
  const { matched, byStatus } = preview;
  const { pending, running, succeeded, failed, cancelled } = byStatus;
  if (typeof matched !== "number") {
    const max = countText(matched.atLeast - 1);
    const more = mayManage ? "" : " A token of the role admin may change more.";
    return { able: 0, sentence: "", refusal: `More than ${max} runs match. Add a filter.${more}` };
  }
  const open = pending + running;
  const ended = succeeded + failed + cancelled;
  const able = operation === "cancel" ? open : ended;
  const other = matched - able;
  const sentence =
    operation === "cancel"
      ? `${countText(able)} can be cancelled${other === 0 ? "" : `, ${countText(other)} ${has(other)} ended`}.`
      : `${countText(able)} can be retried${other === 0 ? "" : `, ${countText(other)} ${has(other)} not ended`}.`;
  if (matched === 0) return { able, sentence: "", refusal: "No run matches any more." };
  return { able, sentence, refusal: able === 0 ? "Nothing would happen." : null };
}

function has(count: number): string {
  return count === 1 ? "has" : "have";
}

/** What else a cancel does: it frees slots. Null: nothing. */
export function startedText({ wouldStart }: BulkPreview): string | null {
  if (wouldStart === 0) return null;
  return `${wouldStart} waiting ${wouldStart === 1 ? "run" : "runs"} would start, because the cancel frees slots.`;
}

/** The button that does it: `Cancel 38 runs`. */
export function verbOf(operation: Operation, able: number | null): string {
  return `${operation === "cancel" ? "Cancel" : "Retry"} ${able === null ? "runs" : runsText(able)}`;
}

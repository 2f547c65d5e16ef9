/** What a dialog asks of the service: which runs, and how many at most. PURE. */

import type { BulkChange, BulkPreview, RunFilter } from "../../client/index.ts";
import { countText, least } from "../runs/counts.ts";
import { filterOf } from "../runs/filters.ts";
import { runsText, type Selection } from "./selection.ts";

export type Operation = BulkChange["operation"];
type Filter = NonNullable<BulkChange["filter"]>;
export type Target = { readonly runIds: string[] } | { readonly filter: Filter; readonly maxRuns: number };

/** Without and with `actions:manage`. */
const MAX_RUNS = 500;
const MAX_RUNS_OF_MANAGERS = 10_000;

/**
 * The selected runs, or the filter as it is now. A filter that moves with the clock is fixed here, because the service
 * must act on what the dialog shows. `mayManage`: whether the token has `actions:manage`.
 */
export function targetOf(selection: Selection, query: URLSearchParams, now: Date, mayManage: boolean): Target {
  if (selection.kind === "runs") return { runIds: [...selection.ids] };
  return { filter: bulkFilterOf(filterOf(query, now)), maxRuns: maxRunsOf(mayManage) };
}

function maxRunsOf(mayManage: boolean): number {
  return mayManage ? MAX_RUNS_OF_MANAGERS : MAX_RUNS;
}

function bulkFilterOf({ status, label, limit: _, include: __, order: ___, ...others }: RunFilter): Filter {
  return { ...(status && { status }), ...(label && { labels: label }), ...others };
}

/**
 * The same with the number that the dialog showed as the bound, so that a set that has grown is refused and not
 * silently larger.
 */
export function boundTo(target: Target, { matched }: BulkPreview): Target {
  return "runIds" in target ? target : { ...target, maxRuns: Math.max(least(matched), 1) };
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
  if (typeof matched !== "number") return { able: 0, sentence: "", refusal: tooMany(matched, mayManage) };
  if (matched === 0) return { able: 0, sentence: "", refusal: "No run matches any more." };
  const { pending, running, succeeded, failed, cancelled } = byStatus;
  const open = pending + running;
  const ended = succeeded + failed + cancelled;
  const isCancel = operation === "cancel";
  const [able, other] = isCancel ? [open, ended] : [ended, open];
  const parts = [
    `${countText(able)} can be ${isCancel ? "cancelled" : "retried"}`,
    ...(other === 0 ? [] : [`${countText(other)} ${other === 1 ? "has" : "have"} ${isCancel ? "" : "not "}ended`]),
    // The service keeps a run for some time only.
    ...(matched === open + ended ? [] : [`${countText(matched - open - ended)} not found`]),
  ];
  return { able, sentence: `${parts.join(", ")}.`, refusal: able === 0 ? "Nothing would happen." : null };
}

function tooMany({ atLeast }: { readonly atLeast: number }, mayManage: boolean): string {
  const max = maxRunsOf(mayManage);
  if (atLeast <= max) return "The service could not look at all runs. Add a filter, such as a time.";
  const more = mayManage ? "" : " A token of the role admin may change more.";
  return `More than ${countText(max)} runs match. Add a filter.${more}`;
}

/** What else a cancel does: it lets queued runs start. Null: nothing. */
export function startedText({ wouldStart }: BulkPreview): string | null {
  if (wouldStart === 0) return null;
  return `${wouldStart} waiting ${wouldStart === 1 ? "run" : "runs"} would start, because the cancel frees slots.`;
}

/** The button that does it: `Cancel 38 runs`. */
export function verbOf(operation: Operation, able: number | null): string {
  return `${operation === "cancel" ? "Cancel" : "Retry"} ${able === null ? "runs" : runsText(able)}`;
}

/**
 * Which runs of the list are selected for a bulk operation. PURE. A selection holds ids, so it survives another page
 * and new rows. Or it is the filter itself, and then the service finds the runs.
 */

import type { ActionRunSummary } from "../../client/index.ts";
import { type Count, countText, sumOf } from "../runs/counts.ts";
import { chipsOf } from "../runs/filters.ts";
import { STATUSES } from "../ui/statuses.ts";

export type Selection =
  | {
      readonly kind: "runs";
      readonly ids: ReadonlySet<string>;
      /** The run that was selected or left out last. A range goes from it to the next one. */
      readonly anchor: string | null;
    }
  /** All runs that match the filter. */
  | { readonly kind: "filter" };

export const NOTHING: Selection = { kind: "runs", ids: new Set(), anchor: null };

export function isSelected(selection: Selection, id: string): boolean {
  return selection.kind === "filter" || selection.ids.has(id);
}

export function isNothing(selection: Selection): boolean {
  return selection.kind === "runs" && selection.ids.size === 0;
}

/**
 * Selects the run, or leaves it out. `isRange`: also the rows from the anchor to the run, if both are shown. `shown`:
 * the ids of the rows. If everything that matches was selected, the rows that are shown stay selected.
 */
export function toggled(selection: Selection, shown: readonly string[], id: string, isRange: boolean): Selection {
  const { ids: before, anchor } = selection.kind === "filter" ? ofRows(shown) : selection;
  const from = isRange && anchor !== null ? shown.indexOf(anchor) : -1;
  const to = shown.indexOf(id);
  const range = from === -1 || to === -1 ? [id] : shown.slice(Math.min(from, to), Math.max(from, to) + 1);
  return { kind: "runs", ids: changed(before, range, !before.has(id)), anchor: id };
}

/** Selects all rows that are shown, or leaves all of them out if all are selected. */
export function allToggled(selection: Selection, shown: readonly string[]): Selection {
  if (selection.kind === "filter") return NOTHING;
  return { ...selection, ids: changed(selection.ids, shown, !areAllSelected(selection, shown)) };
}

export function areAllSelected(selection: Selection, shown: readonly string[]): boolean {
  return shown.length > 0 && shown.every((id) => isSelected(selection, id));
}

/** The part of the address with which a selection ends. The cursor of the page is no part of it. */
export function filterKey(query: URLSearchParams): string {
  return chipsOf(query)
    .map(({ name, value }) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
}

/** How many runs match the filter with its statuses. `counts`: of all statuses. */
export function matchedCount(counts: ActionRunSummary, query: URLSearchParams): Count {
  const chosen = query.getAll("status");
  return sumOf(STATUSES.filter((status) => chosen.length === 0 || chosen.includes(status)).map((one) => counts[one]));
}

/** `3 runs selected`. `matched`: how many runs the filter has; null if nobody knows. */
export function selectionText(selection: Selection, matched: Count | null): string {
  if (selection.kind === "runs") return `${runsText(selection.ids.size)} selected`;
  return `All ${matched === null ? "runs" : runsText(matched)} that match are selected`;
}

/** `1 run`, `40 runs`, `1,000+ runs`. */
export function runsText(count: Count): string {
  return `${countText(count)} ${count === 1 ? "run" : "runs"}`;
}

function ofRows(shown: readonly string[]) {
  return { ids: new Set(shown), anchor: null };
}

function changed(ids: ReadonlySet<string>, range: readonly string[], isOn: boolean): ReadonlySet<string> {
  if (isOn) return new Set([...ids, ...range]);
  return new Set([...ids].filter((id) => !range.includes(id)));
}

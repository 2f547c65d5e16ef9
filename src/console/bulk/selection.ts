/** Which runs are selected: ids, which survive another page and new rows, or all that match the filter. PURE. */
import type { BulkChange, Schemas } from "../../client/index.ts";
import { changeable, changeableText } from "../../words/bulk.ts";
import { LOCAL } from "../../words/since.ts";
import { type Count, counted, countText, least, STATUSES, sumOf } from "../../words/statuses.ts";
import { chipsOf, filterOf } from "../runs/filters.ts";

type BulkPreview = Schemas["BulkPreview"];

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

/** The two runs that are selected, the older one first; null if it is not two. */
export function pairOf(selection: Selection): readonly [older: string, newer: string] | null {
  if (selection.kind === "filter") return null;
  const [older, newer, ...others] = [...selection.ids].sort();
  return older === undefined || newer === undefined || others.length > 0 ? null : [older, newer];
}

/** Selects the run, or leaves it out. `isRange`: also the rows from the anchor to the run, if both are shown. */
export function toggled(selection: Selection, shown: readonly string[], id: string, isRange: boolean): Selection {
  const { ids: before, anchor } = selection.kind === "filter" ? { ids: new Set(shown), anchor: null } : selection;
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
export function matchedCount(counts: Schemas["ActionRunSummary"], query: URLSearchParams): Count {
  const chosen = query.getAll("status");
  return sumOf(STATUSES.filter((status) => chosen.length === 0 || chosen.includes(status)).map((one) => counts[one]));
}

/** `3 runs selected`. `matched`: how many runs the filter has; null if nobody knows. */
export function selectionText(selection: Selection, matched: Count | null): string {
  if (selection.kind === "runs") return `${counted(selection.ids.size, "run")} selected`;
  return `All ${matched === null ? "runs" : counted(matched, "run")} that match are selected`;
}

function changed(ids: ReadonlySet<string>, range: readonly string[], isOn: boolean): ReadonlySet<string> {
  if (isOn) return new Set([...ids, ...range]);
  return new Set([...ids].filter((id) => !range.includes(id)));
}

export type Operation = BulkChange["operation"];
type Filter = NonNullable<BulkChange["filter"]>;
export type Target = { readonly runIds: string[] } | { readonly filter: Filter; readonly maxRuns: number };

/** A filter that moves with the clock is fixed here, because the service must act on what the dialog shows. */
export function targetOf(
  selection: Selection,
  query: URLSearchParams,
  now: Date,
  mayManage: boolean,
  zone = LOCAL,
): Target {
  if (selection.kind === "runs") return { runIds: [...selection.ids] };
  // There is no bulk operation on a search by text. The list then offers none.
  const { label, limit: _, include: __, order: ___, text: ____, ...filter } = filterOf(query, now, zone);
  return { filter: { ...filter, ...(label && { labels: label }) }, maxRuns: maxRunsOf(mayManage) };
}

function maxRunsOf(mayManage: boolean): number {
  return mayManage ? 10_000 : 500;
}

/** With the number that the dialog showed as the bound, so that a set that has grown is refused. */
export function boundTo(target: Target, { matched }: BulkPreview): Target {
  return "runIds" in target ? target : { ...target, maxRuns: Math.max(least(matched), 1) };
}

/** What a dialog says about the runs before it does anything. */
interface Outlook {
  /** How many the operation can change; the others are skipped. */
  readonly able: number;
  readonly sentence: string;
  /** Why the operation can't begin; null if it can. */
  readonly refusal: string | null;
}

/** `mayManage`: whether the token has `actions:manage`. */
export function outlookOf(operation: Operation, preview: BulkPreview, mayManage: boolean): Outlook {
  const { matched } = preview;
  if (typeof matched !== "number") return { able: 0, sentence: "", refusal: tooMany(matched, mayManage) };
  if (matched === 0) return { able: 0, sentence: "", refusal: "No run matches any more." };
  const able = changeable(preview, operation);
  const sentence = `${changeableText(preview, operation)}.`;
  return { able, sentence, refusal: able === 0 ? "Nothing would happen." : null };
}

function tooMany({ atLeast }: { readonly atLeast: number }, mayManage: boolean): string {
  const max = maxRunsOf(mayManage);
  if (atLeast <= max) return "The service could not look at all runs. Add a filter, such as a time.";
  const more = mayManage ? "" : " A token of the role admin may change more.";
  return `More than ${countText(max)} runs match. Add a filter.${more}`;
}

/** The button that does it: `Cancel 38 runs`. */
export function verbOf(operation: Operation, able: number | null): string {
  return `${operation === "cancel" ? "Cancel" : "Retry"} ${able === null ? "runs" : counted(able, "run")}`;
}

/** The filters of the list, as the address has them: the API's own query parameters. PURE. */

import type { RunFilter } from "../../client/index.ts";
import type { Status } from "../ui/statuses.ts";

export type TextFilter = "actionName" | "entityId" | "triggeredBy" | "createdAfter" | "createdBefore";

const TEXT_FILTERS: readonly TextFilter[] = [
  "actionName",
  "entityId",
  "triggeredBy",
  "createdAfter",
  "createdBefore",
];
const FILTERS = ["status", "label", ...TEXT_FILTERS];

/** What to ask the API. An unknown value goes to the API as it is, because the refusal says what to change. */
export function filterOf(query: URLSearchParams): RunFilter {
  const status = query.getAll("status") as Status[];
  const label = query.getAll("label");
  const texts = TEXT_FILTERS.flatMap((name) => {
    const value = query.get(name);
    return value ? [[name, value] as const] : [];
  });
  return {
    ...(status.length === 0 ? {} : { status }),
    ...(label.length === 0 ? {} : { label }),
    ...Object.fromEntries(texts),
  };
}

export function isFiltered(query: URLSearchParams): boolean {
  return FILTERS.some((name) => query.get(name));
}

/** Whether runs that are created from now on can appear in the list. */
export function isNewest(query: URLSearchParams): boolean {
  return !query.get("cursor");
}

/** Adds the status, or removes it if it was there. */
export function withStatusToggled(query: URLSearchParams, status: Status): URLSearchParams {
  return query.getAll("status").includes(status)
    ? without(query, "status", status)
    : plus(query, "status", status);
}

/** With another value of a filter. Empty: without the filter. */
export function withText(query: URLSearchParams, name: TextFilter, value: string): URLSearchParams {
  const text = value.trim();
  return text === "" ? without(query, name) : plus(without(query, name), name, text);
}

/** A set: a label that is there already is not added again. */
export function withLabel(query: URLSearchParams, label: string): URLSearchParams {
  const text = label.trim();
  if (text === "") return query;
  return plus(without(query, "label", text), "label", text);
}

export function withoutLabel(query: URLSearchParams, label: string): URLSearchParams {
  return without(query, "label", label);
}

export function withoutFilters(query: URLSearchParams): URLSearchParams {
  return FILTERS.reduce<URLSearchParams>((rest, name) => without(rest, name), query);
}

export function atCursor(query: URLSearchParams, cursor: string | null): URLSearchParams {
  const changed = new URLSearchParams(query);
  if (cursor === null) changed.delete("cursor");
  else changed.set("cursor", cursor);
  return changed;
}

function plus(query: URLSearchParams, name: string, value: string): URLSearchParams {
  const changed = atCursor(query, null);
  changed.append(name, value);
  return changed;
}

function without(query: URLSearchParams, name: string, value?: string): URLSearchParams {
  const changed = atCursor(query, null);
  if (value === undefined) changed.delete(name);
  else changed.delete(name, value);
  return changed;
}

/**
 * An instant as a `datetime-local` field shows it, in the zone of this machine. Empty if the text is not an instant.
 */
export function toFieldTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const two = (value: number) => String(value).padStart(2, "0");
  const date = `${String(at.getFullYear()).padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The instant that a `datetime-local` field means; empty if the field is empty. */
export function fromFieldTime(text: string): string {
  const at = new Date(text);
  return text === "" || Number.isNaN(at.getTime()) ? "" : at.toISOString();
}

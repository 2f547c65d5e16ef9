/** What the search offers for the word that somebody types. PURE. */

import { WAITING_FILTERS } from "../gates/waiting.ts";
import { STATUSES } from "../ui/statuses.ts";
import type { Chip } from "./filters.ts";
import type { RunRow } from "./run-row.ts";
import { isIdEnd, prefixedOf, termsOf, wordsOf } from "./search-terms.ts";
import { SINCE_PRESETS } from "./since.ts";

/** The filters whose values the service finds. */
export const FACET_FIELDS = ["actionName", "label", "triggeredBy"] as const;

export type FacetField = (typeof FACET_FIELDS)[number];

export interface FacetSearch {
  readonly fields: readonly FacetField[];
  readonly contains: string;
}

/** What a run is known by. */
export type RunHint = Pick<RunRow, "id" | "actionName" | "status" | "createdAt">;

export type Suggestion =
  | { readonly kind: "chip"; readonly chip: Chip }
  | { readonly kind: "run"; readonly run: RunHint };

/** The service takes no shorter texts. */
export const FACET_MIN_CHARACTERS = 2;
const OF_EACH_FIELD = 6;
const RUNS_MAX = 6;
const UNTIL_PRESETS = ["today", "yesterday"];

/** The word at the end of the text, which somebody still types; empty after a space. */
export function wordAtEnd(text: string): string {
  return /\s$/.test(text) ? "" : (wordsOf(text).at(-1) ?? "");
}

/** The text without the word at its end. */
export function textBefore(text: string): string {
  const word = wordAtEnd(text);
  return word === "" ? text : text.slice(0, text.lastIndexOf(word));
}

/** What to ask the service for a word; null if it can't help. */
export function facetSearchOf(word: string): FacetSearch | null {
  const prefixed = prefixedOf(word);
  const contains = prefixed === null ? word.replaceAll('"', "") : prefixed.value.replaceAll('"', "");
  if ([...contains].length < FACET_MIN_CHARACTERS) return null;
  const fields = FACET_FIELDS.filter((field) => prefixed === null || prefixed.name === field);
  return fields.length === 0 ? null : { fields, contains };
}

/** Whether two texts are equal but for the case of ASCII letters, as the service compares. */
export function isEqualWord(one: string, other: string): boolean {
  return asciiLower(one) === asciiLower(other);
}

function asciiLower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** What the page knows without the service: statuses, times, and the runs of the list. */
export function localSuggestions(text: string, rows: readonly RunHint[], now: Date): readonly Suggestion[] {
  const word = wordAtEnd(text);
  if (word === "") return SINCE_PRESETS.map((preset) => time("since", preset, now));
  const prefixed = prefixedOf(word);
  if (prefixed !== null) {
    const value = prefixed.value.toLowerCase();
    const begins = (one: string) => one.startsWith(value) && one !== value;
    if (prefixed.name === "status") return STATUSES.filter(begins).map(status);
    if (prefixed.name === "waiting") return WAITING_FILTERS.filter(begins).map(waiting);
    if (prefixed.name === "createdAfter") return SINCE_PRESETS.filter(begins).map((one) => time("since", one, now));
    if (prefixed.name === "createdBefore") return UNTIL_PRESETS.filter(begins).map((one) => time("until", one, now));
    return [];
  }
  const lower = word.toLowerCase();
  const statuses = STATUSES.filter((one) => one.startsWith(lower)).map(status);
  const waits = "waiting".startsWith(lower) ? WAITING_FILTERS.map(waiting) : [];
  const ended = isIdEnd(word) ? rows.filter(({ id }) => id.endsWith(lower)).slice(0, RUNS_MAX) : [];
  return [...statuses, ...waits, ...ended.map((run) => ({ kind: "run", run }) as const)];
}

/** What the service found for a field, by the field's name. */
export type FoundFacets = Readonly<Partial<Record<FacetField, readonly string[]>>>;

/** `found` can be for a part of the text: then only what contains the whole text is offered. */
export function facetSuggestions(found: FoundFacets, search: FacetSearch | null): readonly Suggestion[] {
  if (search === null) return [];
  const part = asciiLower(search.contains);
  return search.fields.flatMap((name) =>
    (found[name] ?? [])
      .filter((value) => asciiLower(value).includes(part))
      .slice(0, OF_EACH_FIELD)
      .map((value) => ({ kind: "chip", chip: { name, value } }) as const),
  );
}

function status(value: string): Suggestion {
  return { kind: "chip", chip: { name: "status", value } };
}

function waiting(value: string): Suggestion {
  return { kind: "chip", chip: { name: "waiting", value } };
}

function time(prefix: "since" | "until", preset: string, now: Date): Suggestion {
  const [term] = termsOf(`${prefix}:${preset}`, now);
  // Every preset is a chip by itself.
  return { kind: "chip", chip: term?.kind === "chip" ? term.chip : { name: "since", value: preset } };
}

/**
 * What somebody typed into the search, word by word. PURE, apart from the time zone of this machine. A word is a chip
 * by itself if it says which filter it means: a status, `waiting`, `label:shop-42`, `@nightly`. Other words are looked
 * up.
 */

import type { Client } from "../../client/index.ts";
import { RUN_FILTER_NAMES, RUN_FILTERS } from "../../words/run-filters.ts";
import { isRelative, SINCE_PRESETS, sinceInstant, untilInstant } from "../../words/since.ts";
import { STATUSES } from "../../words/statuses.ts";
import { WAITING_FILTERS } from "../../words/waiting.ts";
import type { Chip, FilterName } from "./filters.ts";
import type { RunRow } from "./run-list.ts";

export type Term =
  | { readonly kind: "chip"; readonly chip: Chip }
  /** The whole id of a run. */
  | { readonly kind: "run"; readonly id: string }
  /** `typed`: as it stands in the field, with its quotation marks. */
  | { readonly kind: "word"; readonly word: string; readonly typed: string }
  /** `label:` without a value. */
  | { readonly kind: "unfinished"; readonly typed: string };

/** What can stand before a colon, in lower case: a filter as the page shows it, or as the API names it. */
const PREFIXES: ReadonlyMap<string, FilterName> = new Map(
  RUN_FILTER_NAMES.flatMap((name) => [
    [RUN_FILTERS[name].shown.replace(/ .*/, ""), name],
    [name.toLowerCase(), name],
  ]),
);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ID_END = /^(?=.*[0-9a-f])[0-9a-f-]{6,35}$/i;

/** Words are parted by spaces. Within quotation marks, a space is a part of the word. */
const WORDS = /(?:[^\s"]|"[^"]*"?)+/g;

export function wordsOf(text: string): readonly string[] {
  return text.match(WORDS) ?? [];
}

/** `now`: what relative times count from. */
export function termsOf(text: string, now: Date): readonly Term[] {
  return wordsOf(text).map((typed) => termOf(typed, now));
}

/** The filter that a word names, and what stands behind its name; null if it names none. */
function prefixedOf(typed: string): Chip | null {
  if (typed.startsWith('"')) return null;
  const text = typed.replaceAll('"', "");
  if (text.startsWith("@")) return { name: "triggeredBy", value: text.slice(1) };
  const colon = text.indexOf(":");
  const name = colon === -1 ? undefined : PREFIXES.get(text.slice(0, colon).toLowerCase());
  return name === undefined ? null : { name, value: text.slice(colon + 1) };
}

function termOf(typed: string, now: Date): Term {
  const prefixed = prefixedOf(typed);
  if (prefixed !== null) {
    return prefixed.value === "" ? { kind: "unfinished", typed } : { kind: "chip", chip: timed(prefixed, now) };
  }
  const word = typed.replaceAll('"', "");
  if (word === "") return { kind: "unfinished", typed };
  const status = STATUSES.find((one) => one === typed.toLowerCase());
  if (status !== undefined) return { kind: "chip", chip: { name: "status", value: status } };
  if (typed.toLowerCase() === "waiting") return { kind: "chip", chip: { name: "waiting", value: "any" } };
  const [, version] = UUID.exec(word) ?? [];
  // A run's id has version 8, so any other UUID is an entity's.
  if (version === "8") return { kind: "run", id: word.toLowerCase() };
  if (version !== undefined) return { kind: "chip", chip: { name: "entityId", value: word } };
  return { kind: "word", word, typed };
}

/**
 * With the time that the address has: the relative word after `since`, otherwise an instant. What names no time stays,
 * because the API's refusal says what to send.
 */
function timed(chip: Chip, now: Date): Chip {
  const text = chip.value.toLowerCase();
  switch (chip.name) {
    case "status":
    case "waiting":
      return { name: chip.name, value: text };
    case "createdAfter":
      if (isRelative(text)) return { name: "since", value: text };
      return { name: "createdAfter", value: sinceInstant(text, now)?.toISOString() ?? chip.value };
    case "createdBefore":
      return { name: "createdBefore", value: untilInstant(text, now)?.toISOString() ?? chip.value };
    default:
      return chip;
  }
}

/** Whether the word can be the end of a run's id. */
export function isIdEnd(word: string): boolean {
  return ID_END.test(word);
}

/** The filters whose values the service finds. */
const FACET_FIELDS = ["actionName", "subject", "label", "triggeredBy"] as const;

type FacetField = (typeof FACET_FIELDS)[number];

interface FacetSearch {
  readonly fields: readonly FacetField[];
  readonly contains: string;
}

/** What a run is known by. */
export type RunHint = Pick<RunRow, "id" | "actionName" | "status" | "createdAt">;

export type Suggestion =
  | { readonly kind: "chip"; readonly chip: Chip }
  | { readonly kind: "run"; readonly run: RunHint };

/** The service takes no shorter texts. */
const FACET_MIN_CHARACTERS = 2;
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
  if (word === "") return SINCE_PRESETS.map((preset) => timeOffer("since", preset, now));
  const prefixed = prefixedOf(word);
  if (prefixed !== null) {
    const value = prefixed.value.toLowerCase();
    const begins = (one: string) => one.startsWith(value) && one !== value;
    if (prefixed.name === "status") return STATUSES.filter(begins).map(statusOffer);
    if (prefixed.name === "waiting") return WAITING_FILTERS.filter(begins).map(waitingOffer);
    if (prefixed.name === "createdAfter")
      return SINCE_PRESETS.filter(begins).map((one) => timeOffer("since", one, now));
    if (prefixed.name === "createdBefore")
      return UNTIL_PRESETS.filter(begins).map((one) => timeOffer("until", one, now));
    return [];
  }
  const lower = word.toLowerCase();
  const statuses = STATUSES.filter((one) => one.startsWith(lower)).map(statusOffer);
  const waits = "waiting".startsWith(lower) ? WAITING_FILTERS.map(waitingOffer) : [];
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

function statusOffer(value: string): Suggestion {
  return { kind: "chip", chip: { name: "status", value } };
}

function waitingOffer(value: string): Suggestion {
  return { kind: "chip", chip: { name: "waiting", value } };
}

function timeOffer(prefix: "since" | "until", preset: string, now: Date): Suggestion {
  const [term] = termsOf(`${prefix}:${preset}`, now);
  // Every preset is a chip by itself.
  return { kind: "chip", chip: term?.kind === "chip" ? term.chip : { name: "since", value: preset } };
}

/** Among so many runs the end of an id is looked for, newest first. */
const NEWEST = 5000;
/** The API's longest page. */
const PAGE_RUNS = 200;
const UNCLEAR_RUNS_MAX = 10;

interface LookedUp {
  readonly chips: readonly Chip[];
  /** The run to open; null if there is none. */
  readonly runId: string | null;
  /** The words that mean nothing yet, as they were typed. */
  readonly left: readonly string[];
  /** What to say of the first of them; null if nothing is left. */
  readonly problem: string | null;
  /** What the first of them can mean. */
  readonly suggestions: readonly Suggestion[];
}

type Meaning =
  | { readonly chip: Chip }
  | { readonly runId: string }
  | { readonly problem: string; readonly suggestions: readonly Suggestion[] };

/**
 * Looks up the words of a search that are no chips by themselves. A word that equals exactly one value, without case,
 * becomes the chip of that value. Otherwise it can be the end of a run's id, among the newest 5000 runs. `known`: runs
 * that the page has already. Throws an ActionRunsError.
 */
export async function lookUp(
  reader: Client,
  terms: readonly Term[],
  known: readonly RunHint[],
  signal: AbortSignal,
): Promise<LookedUp> {
  const found = await Promise.all(
    terms.map(async (term) => ({ term, meaning: await meaningOf(reader, term, known, signal) })),
  );
  const unclear = found.flatMap(({ term, meaning }) =>
    "problem" in meaning ? [{ typed: "typed" in term ? term.typed : "", ...meaning }] : [],
  );
  return {
    chips: found.flatMap(({ meaning }) => ("chip" in meaning ? [meaning.chip] : [])),
    runId: found.flatMap(({ meaning }) => ("runId" in meaning ? [meaning.runId] : []))[0] ?? null,
    left: unclear.map(({ typed }) => typed),
    problem: unclear[0]?.problem ?? null,
    suggestions: unclear[0]?.suggestions ?? [],
  };
}

async function meaningOf(reader: Client, term: Term, known: readonly RunHint[], signal: AbortSignal): Promise<Meaning> {
  switch (term.kind) {
    case "chip":
      return { chip: term.chip };
    case "run":
      return { runId: term.id };
    case "unfinished":
      return { problem: `“${term.typed}” needs a value. Type it behind the colon.`, suggestions: [] };
    case "word":
      return meaningOfWord(reader, term.word, known, signal);
  }
}

async function meaningOfWord(
  reader: Client,
  word: string,
  known: readonly RunHint[],
  signal: AbortSignal,
): Promise<Meaning> {
  if ([...word].length < FACET_MIN_CHARACTERS) {
    return { problem: `“${word}” is too short. Type at least 2 characters.`, suggestions: [] };
  }
  const search = { fields: FACET_FIELDS, contains: word };
  const all = facetSuggestions(await facetsOf(reader, search, signal), search);
  const equal = all.flatMap((one) => (one.kind === "chip" && isEqualWord(one.chip.value, word) ? [one.chip] : []));
  const [chip, ...others] = equal;
  if (chip !== undefined) {
    if (others.length === 0) return { chip };
    const suggestions = equal.map((one) => ({ kind: "chip", chip: one }) as const);
    return { problem: `“${word}” can mean several things. Choose one.`, suggestions };
  }
  const runs = isIdEnd(word) ? await runsByEnd(reader, word.toLowerCase(), known, signal) : [];
  const [run] = runs;
  if (run !== undefined) {
    if (runs.length === 1) return { runId: run.id };
    const suggestions = runs.slice(0, UNCLEAR_RUNS_MAX).map((one) => ({ kind: "run", run: one }) as const);
    return { problem: `${runs.length} runs have ids that end with “${word}”. Choose one.`, suggestions };
  }
  if (all.length > 0) {
    return { problem: `“${word}” is only a part of a value. Choose a whole one.`, suggestions: all };
  }
  const noRun = isIdEnd(word) ? `, and none of the newest ${NEWEST} runs has an id that ends with it` : "";
  return { problem: `No action, subject, label or token name contains “${word}”${noRun}.`, suggestions: [] };
}

/** The values that contain a text, of each field. Throws an ActionRunsError. */
export async function facetsOf(
  reader: Client,
  { fields, contains }: FacetSearch,
  signal: AbortSignal,
): Promise<FoundFacets> {
  const found = await Promise.all(
    fields.map(async (field) => {
      const { values } = await reader.runs.facets({ field, contains }, { signal });
      return [field, values] as const;
    }),
  );
  return Object.fromEntries(found);
}

/** If runs that the page knows match, older ones still can. So it always looks at all. */
async function runsByEnd(
  reader: Client,
  end: string,
  known: readonly RunHint[],
  signal: AbortSignal,
): Promise<readonly RunHint[]> {
  const found = new Map(known.filter(({ id }) => id.endsWith(end)).map((run) => [run.id, run]));
  let seen = 0;
  for await (const run of reader.runs.list({ limit: PAGE_RUNS }, { signal })) {
    if (run.id.endsWith(end)) found.set(run.id, run);
    if (++seen === NEWEST) break;
  }
  return [...found.values()];
}

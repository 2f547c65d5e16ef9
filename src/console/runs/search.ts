/**
 * What somebody typed into the search, word by word. PURE, apart from LOCAL, the time zone of this machine. A word is a chip by
 * itself if it says which filter it means: a status, `waiting`, `label:shop-42`, `@nightly`, `last tuesday`. Other words
 * are looked up. A word that is no value of anything is a text to search for, so that no word leads nowhere.
 */
import type { Client } from "../../client/index.ts";
import { RUN_FILTER_NAMES, RUN_FILTERS } from "../../words/run-filters.ts";
import { isRelative, LOCAL, SINCE_PRESETS, sinceInstant, untilInstant, type Zone } from "../../words/since.ts";
import { STATUSES } from "../../words/statuses.ts";
import { WAITING_FILTERS } from "../../words/waiting.ts";
import type { Chip, FilterName } from "./filters.ts";
import type { RunRow } from "./run-list.ts";

/** `typed`: as it stands in the field, with its quotation marks. */
export type Term = { readonly typed: string } & (
  | { readonly kind: "chips"; readonly chips: readonly Chip[] }
  /** The whole id of a run. */
  | { readonly kind: "run"; readonly id: string }
  | { readonly kind: "word"; readonly word: string }
  /** What the service would refuse, such as `label:` without a value. `problem`: what to type instead. */
  | { readonly kind: "refused"; readonly problem: string }
);

/** What can stand before a colon, in lower case: a filter as the page shows it, or as the API names it. */
const PREFIXES: ReadonlyMap<string, FilterName> = new Map<string, FilterName>([
  ...RUN_FILTER_NAMES.flatMap((name) => [
    [RUN_FILTERS[name].shown.replace(/ .*/, ""), name] as const,
    [name.toLowerCase(), name] as const,
  ]),
  ["text", "text"],
]);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ID_END = /^(?=.*[0-9a-f])[0-9a-f-]{6,35}$/i;

/** Words are parted by spaces. Within quotation marks, a space is a part of the word. */
const WORDS = /(?:[^\s"]|"[^"]*"?)+/g;
const LAST = /^last$/i;

/** `last tuesday` is one word, and so is `since:friday 18:00`. `now`: what relative times count from. */
export function wordsOf(text: string, now = new Date(), zone = LOCAL): readonly string[] {
  const words: string[] = [];
  let from = 0;
  for (const { 0: word, index } of text.matchAll(WORDS)) {
    const joined = text.slice(from, index + word.length);
    if (isOneTime(words.at(-1) ?? "", joined, now, zone)) words[words.length - 1] = joined;
    else {
      words.push(word);
      from = index;
    }
  }
  return words;
}

/** `joined`: the word `before` with the one behind it. */
function isOneTime(before: string, joined: string, now: Date, zone: Zone): boolean {
  if (LAST.test(before)) return daysOf(joined, now, zone) !== null;
  const name = before.includes(":") ? prefixedOf(before)?.name : undefined;
  if (name !== "createdAfter" && name !== "createdBefore") return false;
  return sinceInstant(prefixedOf(joined)?.value ?? "", now, zone) !== null;
}

/** `now`: what relative times count from. `zone`: where days begin. */
export function termsOf(text: string, now: Date, zone = LOCAL): readonly Term[] {
  return wordsOf(text, now, zone).map((typed) => ({ typed, ...meaningAlone(typed, now, zone) }));
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

type Meaning = Term extends infer T ? (T extends Term ? Omit<T, "typed"> : never) : never;

function meaningAlone(typed: string, now: Date, zone: Zone): Meaning {
  const prefixed = prefixedOf(typed);
  if (prefixed !== null) {
    const chip = timed(prefixed, now, zone);
    const problem = problemOf(typed, chip);
    return problem === null ? chipsTerm(chip) : { kind: "refused", problem };
  }
  const word = typed.replaceAll('"', "");
  if (word === "") return { kind: "refused", problem: needsValue(typed) };
  const status = STATUSES.find((one) => one === typed.toLowerCase());
  if (status !== undefined) return chipsTerm({ name: "status", value: status });
  if (typed.toLowerCase() === "waiting") return chipsTerm({ name: "waiting", value: "any" });
  const days = daysOf(typed, now, zone);
  if (days !== null) return { kind: "chips", chips: days };
  const [, version] = UUID.exec(word) ?? [];
  // A run's id has version 8, so any other UUID is an entity's.
  if (version === "8") return { kind: "run", id: word.toLowerCase() };
  if (version !== undefined) return chipsTerm({ name: "entityId", value: word });
  return { kind: "word", word };
}

function chipsTerm(...chips: readonly Chip[]): Meaning {
  return { kind: "chips", chips };
}

/** The range of a word that names whole days: `yesterday`, `last tuesday`, a date. Null for every other word. */
function daysOf(typed: string, now: Date, zone: Zone): readonly Chip[] | null {
  const text = typed.toLowerCase();
  const [from, to] = [sinceInstant(text, now, zone), untilInstant(text, now, zone)];
  // A time of day begins and ends at one instant.
  if (from === null || to === null || from.getTime() === to.getTime()) return null;
  return [
    { name: "createdAfter", value: from.toISOString() },
    { name: "createdBefore", value: to.toISOString() },
  ];
}

/**
 * With the time that the address has: the relative word after `since`, otherwise an instant. What names no time stays,
 * and is refused.
 */
function timed(chip: Chip, now: Date, zone: Zone): Chip {
  const text = chip.value.toLowerCase().trim().replaceAll(/\s+/g, " ");
  switch (chip.name) {
    case "status":
    case "waiting":
      return { name: chip.name, value: text };
    case "createdAfter":
      if (isRelative(text)) return { name: "since", value: text };
      return { name: "createdAfter", value: sinceInstant(text, now, zone)?.toISOString() ?? chip.value };
    case "createdBefore":
      return { name: "createdBefore", value: untilInstant(text, now, zone)?.toISOString() ?? chip.value };
    default:
      return chip;
  }
}

const GROUP = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** The most characters of the values that are texts, as the service counts. */
const MAX_CHARACTERS = { actionName: 255, triggeredBy: 255, label: 64, subject: 128, text: 100 } as const;
/** Characters that the service takes in none of these texts. */
const REFUSED_CHARACTERS = {
  actionName: /\p{Cc}/u,
  triggeredBy: /\p{Cc}/u,
  label: /[\p{Cc}\p{Zl}\p{Zp}]/u,
  subject: /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|^[\p{Z}\u2800]*$/u,
  text: /\p{Cc}/u,
} as const;
/** What every time becomes. `Date.parse` takes other texts for times, such as 2026-02-30, and the service does not. */
const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
const TIMES = "Type a time such as 2h, yesterday, last tuesday or 2026-11-24.";

/**
 * Why the service would refuse a filter, and what to type instead; null if it takes the filter. A filter that is refused
 * would leave the list empty.
 */
function problemOf(typed: string, { name, value }: Chip): string | null {
  if (value === "") return needsValue(typed);
  const isOneOf = (known: readonly string[]) =>
    known.includes(value) ? null : `“${typed}”: type one of ${known.join(", ")}.`;
  switch (name) {
    case "status":
      return isOneOf(STATUSES);
    case "waiting":
      return isOneOf(WAITING_FILTERS);
    case "entityId":
      return UUID.test(value) ? null : `“${typed}”: the id of an entity is a UUID.`;
    case "group":
      return GROUP.test(value)
        ? null
        : `“${typed}”: a group’s name has letters, digits, dots, hyphens and underscores.`;
    case "since":
      return null;
    case "createdAfter":
    case "createdBefore":
      return INSTANT.test(value) ? null : `“${typed}” names no time. ${TIMES}`;
    default:
      return problemOfText(typed, name, value);
  }
}

function problemOfText(typed: string, name: keyof typeof MAX_CHARACTERS, value: string): string | null {
  const [most, least] = [MAX_CHARACTERS[name], name === "text" ? TEXT_MIN_CHARACTERS : 1];
  const length = [...value].length;
  if (length > most) return `“${[...typed].slice(0, 20).join("")}…” is too long. Type at most ${most} characters.`;
  if (length < least) return `“${typed}” is too short. Type at least ${least} characters.`;
  const isTaken = value.isWellFormed() && !REFUSED_CHARACTERS[name].test(value);
  return isTaken ? null : "A character can’t be searched for. Remove it.";
}

function needsValue(typed: string): string {
  return `“${typed}” needs a value. Type it behind the colon.`;
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
const TEXT_MIN_CHARACTERS = 2;
const OF_EACH_FIELD = 6;
/** Other runs can contain the end of an id, such as their retries. */
const ENDING_RUNS = 20;
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
export function localSuggestions(
  text: string,
  rows: readonly RunHint[],
  now: Date,
  zone = LOCAL,
): readonly Suggestion[] {
  const word = wordAtEnd(text);
  if (word === "") return SINCE_PRESETS.map((preset) => timeOffer("since", preset, now, zone));
  const prefixed = prefixedOf(word);
  if (prefixed !== null) {
    const value = prefixed.value.toLowerCase();
    const begins = (one: string) => one.startsWith(value) && one !== value;
    if (prefixed.name === "status") return STATUSES.filter(begins).map(statusOffer);
    if (prefixed.name === "waiting") return WAITING_FILTERS.filter(begins).map(waitingOffer);
    if (prefixed.name === "createdAfter")
      return SINCE_PRESETS.filter(begins).map((one) => timeOffer("since", one, now, zone));
    if (prefixed.name === "createdBefore")
      return UNTIL_PRESETS.filter(begins).map((one) => timeOffer("until", one, now, zone));
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

function timeOffer(prefix: "since" | "until", preset: string, now: Date, zone: Zone): Suggestion {
  const [term] = termsOf(`${prefix}:${preset}`, now, zone);
  // Every preset is a chip by itself.
  const [chip] = term?.kind === "chips" ? term.chips : [];
  return { kind: "chip", chip: chip ?? { name: "since", value: preset } };
}

interface LookedUp {
  readonly chips: readonly Chip[];
  /** The run to open; null if there is none. */
  readonly runId: string | null;
  /** The words that the service would refuse, as they were typed. */
  readonly left: readonly string[];
  /** What to say of the first of them; null if nothing is left. */
  readonly problem: string | null;
}

/** `text`: a word to search for. */
type Found =
  | { readonly chips: readonly Chip[] }
  | { readonly runId: string }
  | { readonly text: string }
  | { readonly problem: string };

/**
 * Looks up the words of a search that are no chips by themselves. A word that equals a value, without case, becomes the
 * chip of that value. Otherwise it can be the end of a run's id. If it is nothing of this, it is a text to search for, and
 * several such words are one text. Throws an ActionRunsError.
 */
export async function lookUp(reader: Client, terms: readonly Term[], signal: AbortSignal): Promise<LookedUp> {
  const found = await Promise.all(
    terms.map(async (term) => ({ typed: term.typed, meaning: await meaningOf(reader, term, signal) })),
  );
  const chips = found.flatMap(({ meaning }) => ("chips" in meaning ? meaning.chips : []));
  const runIds = found.flatMap(({ meaning }) => ("runId" in meaning ? [meaning.runId] : []));
  const text = found.flatMap(({ meaning }) => ("text" in meaning ? [meaning.text] : [])).join(" ");
  const refused = found.flatMap(({ typed, meaning }) => ("problem" in meaning ? [{ typed, ...meaning }] : []));
  const asText: Chip = { name: "text", value: text };
  const problem = text === "" ? null : problemOf(text, asText);
  if (problem !== null) refused.push({ typed: text, problem });
  else if (text !== "") chips.push(asText);
  return {
    chips,
    runId: runIds[0] ?? null,
    left: refused.map(({ typed }) => typed),
    problem: refused[0]?.problem ?? null,
  };
}

async function meaningOf(reader: Client, term: Term, signal: AbortSignal): Promise<Found> {
  switch (term.kind) {
    case "chips":
      return { chips: term.chips };
    case "run":
      return { runId: term.id };
    case "refused":
      return { problem: term.problem };
    case "word":
      return meaningOfWord(reader, term.word, signal);
  }
}

async function meaningOfWord(reader: Client, word: string, signal: AbortSignal): Promise<Found> {
  if ([...word].length < FACET_MIN_CHARACTERS || [...word].length > MAX_CHARACTERS.text) return { text: word };
  const search = { fields: FACET_FIELDS, contains: word };
  const all = facetSuggestions(await facetsOf(reader, search, signal), search);
  // The first field counts if several have the value. The chip says which one it is.
  const equal = all.find((one) => one.kind === "chip" && isEqualWord(one.chip.value, word));
  if (equal?.kind === "chip") return { chips: [equal.chip] };
  const runId = isIdEnd(word) ? await runByEnd(reader, word.toLowerCase(), signal) : null;
  return runId === null ? { text: word } : { runId };
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

/** The id of the only run that ends so, among those that one page of a search looks at; null if it is not one. */
async function runByEnd(reader: Client, end: string, signal: AbortSignal): Promise<string | null> {
  const { entries, next } = await reader.runs.list({ text: end, limit: ENDING_RUNS }, { signal }).page();
  const [run, ...others] = entries.filter(({ id }) => id.endsWith(end));
  return run === undefined || others.length > 0 || (next !== null && entries.length === ENDING_RUNS) ? null : run.id;
}

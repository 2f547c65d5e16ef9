/**
 * What somebody typed into the search, word by word. A word is a chip by itself if it says which filter it means: a
 * status, `waiting`, `label:shop-42`, `@nightly`, `last tuesday`. Other words are looked up. A word that is no value of
 * anything is a text to search for, so that no word leads nowhere. `zone`: where days begin, by default this machine's.
 */
import type { Client } from "../../client/index.ts";
import { RUN_FILTER_NAMES, RUN_FILTERS } from "../../words/run-filters.ts";
import { isRelative, LOCAL, SINCE_PRESETS, sinceInstant, untilInstant, type Zone } from "../../words/since.ts";
import { STATUSES } from "../../words/statuses.ts";
import { WAITING_FILTERS } from "../../words/waiting.ts";
import type { Chip, FilterName } from "./filters.ts";
import type { RunRow } from "./run-list.ts";

type Meaning =
  | { readonly kind: "chips"; readonly chips: readonly Chip[] }
  /** The whole id of a run. */
  | { readonly kind: "run"; readonly id: string }
  | { readonly kind: "word"; readonly word: string }
  /** What the service would refuse, such as `label:` without a value. `problem`: what to type instead. */
  | { readonly kind: "refused"; readonly problem: string };

/** `typed`: as it stands in the field, with its quotation marks. */
export type Term = Meaning & { readonly typed: string };

/** What can stand before a colon, in lower case: a filter as the page shows it, or as the API names it. */
const PREFIXES: ReadonlyMap<string, FilterName> = new Map<string, FilterName>([
  ...RUN_FILTER_NAMES.flatMap((name) => [
    [RUN_FILTERS[name].shown.replace(/ .*/, ""), name] as const,
    [name.toLowerCase(), name] as const,
  ]),
  ["text", "text"],
]);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Words are parted by spaces. Within quotation marks, a space is a part of the word. */
const WORDS = /(?:[^\s"]|"[^"]*"?)+/g;

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
  if (before.toLowerCase() === "last") return daysOf(joined, now, zone) !== null;
  const name = before.includes(":") ? prefixedOf(before)?.name : undefined;
  if (name !== "createdAfter" && name !== "createdBefore") return false;
  return sinceInstant(prefixedOf(joined)?.value ?? "", now, zone) !== null;
}

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
  const from = sinceInstant(text, now, zone);
  const to = from && untilInstant(text, now, zone);
  // A time of day begins and ends at one instant.
  if (from === null || to === null || from.getTime() === to.getTime()) return null;
  return [
    { name: "createdAfter", value: from.toISOString() },
    { name: "createdBefore", value: to.toISOString() },
  ];
}

/** With the time as the address has it: a relative word, or an instant. What names no time stays, and is refused. */
function timed({ name, value }: Chip, now: Date, zone: Zone): Chip {
  const text = value.toLowerCase().trim().replaceAll(/\s+/g, " ");
  if (name === "status" || name === "waiting") return { name, value: text };
  if (name === "createdAfter" && isRelative(text)) return { name: "since", value: text };
  if (name === "createdAfter") return { name, value: sinceInstant(text, now, zone)?.toISOString() ?? value };
  if (name === "createdBefore") return { name, value: untilInstant(text, now, zone)?.toISOString() ?? value };
  return { name, value };
}

type Form = readonly [form: RegExp, instead: string];
const oneOf = (values: readonly string[]): Form => [
  new RegExp(`^(${values.join("|")})$`),
  `: type one of ${values.join(", ")}.`,
];
/** What every time becomes. `Date.parse` takes other texts for times, such as 2026-02-30, and the service does not. */
const INSTANT: Form = [
  /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
  " names no time. Type a time such as 2h, yesterday, last tuesday or 2026-11-24.",
];
/** The values that are no texts, and what to type instead of another one. */
const FORMS: Readonly<Partial<Record<FilterName, Form>>> = {
  status: oneOf(STATUSES),
  waiting: oneOf(WAITING_FILTERS),
  entityId: [UUID, ": the id of an entity is a UUID."],
  group: [/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, ": a group’s name has letters, digits, dots, hyphens and underscores."],
  createdAfter: INSTANT,
  createdBefore: INSTANT,
};
/** Of the values that are texts: how many characters the service takes, and which it does not. */
const TEXTS = {
  actionName: { least: 1, most: 255, refused: /\p{Cc}/u },
  triggeredBy: { least: 1, most: 255, refused: /\p{Cc}/u },
  label: { least: 1, most: 64, refused: /[\p{Cc}\p{Zl}\p{Zp}]/u },
  subject: { least: 1, most: 128, refused: /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|^[\p{Z}\u2800]*$/u },
  text: { least: 2, most: 100, refused: /\p{Cc}/u },
} as const;

/**
 * Why the service would refuse a filter, and what to type instead; null if it takes the filter. A filter that is refused
 * would leave the list empty.
 */
function problemOf(typed: string, { name, value }: Chip): string | null {
  if (value === "") return needsValue(typed);
  const [form, instead] = FORMS[name] ?? [];
  if (form !== undefined) return form.test(value) ? null : `“${typed}”${instead}`;
  if (!(name in TEXTS)) return null;
  const { least, most, refused } = TEXTS[name as keyof typeof TEXTS];
  const length = [...value].length;
  if (length > most) return `“${[...typed].slice(0, 20).join("")}…” is too long. Type at most ${most} characters.`;
  if (length < least) return `“${typed}” is too short. Type at least ${least} characters.`;
  const isTaken = value.isWellFormed() && !refused.test(value);
  return isTaken ? null : "A character can’t be searched for. Remove it.";
}

function needsValue(typed: string): string {
  return `“${typed}” needs a value. Type it behind the colon.`;
}

/** Whether the word can be the end of a run's id. */
export function isIdEnd(word: string): boolean {
  return /^(?=.*[0-9a-f])[0-9a-f-]{6,35}$/i.test(word);
}

/** The filters whose values the service finds. */
const FACET_FIELDS = ["actionName", "subject", "label", "triggeredBy"] as const;

type FacetField = (typeof FACET_FIELDS)[number];

interface FacetSearch {
  readonly fields: readonly FacetField[];
  readonly contains: string;
}

export type RunHint = Pick<RunRow, "id" | "actionName" | "status" | "createdAt">;

export type Suggestion =
  | { readonly kind: "chip"; readonly chip: Chip }
  | { readonly kind: "run"; readonly run: RunHint };

/** The service looks for no shorter values. */
const FACET_MIN_CHARACTERS = 2;
const OF_EACH_FIELD = 6;
/** Other runs can contain the end of an id, such as their retries. */
const ENDING_RUNS = 20;
const RUNS_MAX = 6;
/** The values that the page knows without the service. */
const VALUES: Readonly<Partial<Record<FilterName, readonly string[]>>> = {
  status: STATUSES,
  waiting: WAITING_FILTERS,
  createdAfter: SINCE_PRESETS,
  createdBefore: ["today", "yesterday"],
};

/** The word at the end of the text, which somebody still types; empty after a space. */
export function wordAtEnd(text: string): string {
  return /\s$/.test(text) ? "" : (wordsOf(text).at(-1) ?? "");
}

export function textBefore(text: string): string {
  return text.slice(0, text.length - wordAtEnd(text).length);
}

/** What to ask the service for a word; null if it can't help. */
export function facetSearchOf(word: string): FacetSearch | null {
  const prefixed = prefixedOf(word);
  const contains = (prefixed?.value ?? word).replaceAll('"', "");
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
  const lower = word.toLowerCase();
  const offersOf = (name: FilterName, isOffered: (value: string) => boolean) =>
    (VALUES[name] ?? [])
      .filter(isOffered)
      .map((value) => ({ kind: "chip", chip: timed({ name, value }, now, zone) }) as const);
  if (word === "") return offersOf("createdAfter", () => true);
  const prefixed = prefixedOf(word);
  if (prefixed !== null) {
    const typed = prefixed.value.toLowerCase();
    return offersOf(prefixed.name, (one) => one.startsWith(typed) && one !== typed);
  }
  const ended = isIdEnd(word) ? rows.filter(({ id }) => id.endsWith(lower)).slice(0, RUNS_MAX) : [];
  return [
    ...offersOf("status", (one) => one.startsWith(lower)),
    ...offersOf("waiting", () => "waiting".startsWith(lower)),
    ...ended.map((run) => ({ kind: "run", run }) as const),
  ];
}

export type FoundFacets = Readonly<Partial<Record<FacetField, readonly string[]>>>;

/** `found` can be for a part of the text: then only what contains the whole text is offered. */
export function facetSuggestions(found: FoundFacets, search: FacetSearch | null) {
  if (search === null) return [];
  const part = asciiLower(search.contains);
  return search.fields.flatMap((name) =>
    (found[name] ?? [])
      .filter((value) => asciiLower(value).includes(part))
      .slice(0, OF_EACH_FIELD)
      .map((value) => ({ kind: "chip", chip: { name, value } }) as const),
  );
}

/**
 * Looks up the words of a search that are no chips by themselves. A word that equals a value, without case, becomes the
 * chip of that value. Otherwise it can be the end of a run's id. If it is nothing of this, it is a text to search for, and
 * several such words are one text. `runId`: the run to open; null if there is none. `left`: the words that the service
 * would refuse, as they were typed. `problem`: of the first of them; null if nothing is left. Throws an ActionRunsError.
 */
export async function lookUp(reader: Client, terms: readonly Term[], signal: AbortSignal) {
  const found = await Promise.all(
    terms.map(async (term): Promise<Term> => {
      if (term.kind !== "word") return term;
      return { typed: term.typed, ...(await meaningOfWord(reader, term.word, signal)) };
    }),
  );
  const chips = found.flatMap((term) => (term.kind === "chips" ? term.chips : []));
  const refused: { typed: string; problem: string }[] = found.filter((term) => term.kind === "refused");
  const typed = found.flatMap((term) => (term.kind === "word" ? [term.word] : [])).join(" ");
  const text: Chip = { name: "text", value: typed };
  const problem = typed === "" ? null : problemOf(typed, text);
  if (problem !== null) refused.push({ typed, problem });
  else if (typed !== "") chips.push(text);
  return {
    chips,
    runId: found.find((term) => term.kind === "run")?.id ?? null,
    left: refused.map(({ typed }) => typed),
    problem: refused[0]?.problem ?? null,
  };
}

/** A word that stays one is a text to search for. */
async function meaningOfWord(reader: Client, word: string, signal: AbortSignal): Promise<Meaning> {
  const text: Meaning = { kind: "word", word };
  if ([...word].length < FACET_MIN_CHARACTERS || [...word].length > TEXTS.text.most) return text;
  const search = { fields: FACET_FIELDS, contains: word };
  const all = facetSuggestions(await facetsOf(reader, search, signal), search);
  // The first field counts if several have the value. The chip says which one it is.
  const equal = all.find(({ chip }) => isEqualWord(chip.value, word));
  if (equal !== undefined) return chipsTerm(equal.chip);
  const id = isIdEnd(word) ? await runByEnd(reader, word.toLowerCase(), signal) : null;
  return id === null ? text : { kind: "run", id };
}

/** The values that contain a text, of each field. Throws an ActionRunsError. */
export async function facetsOf(reader: Client, { fields, contains }: FacetSearch, signal: AbortSignal) {
  const found = await Promise.all(
    fields.map(async (field) => {
      const { values } = await reader.runs.facets({ field, contains }, { signal });
      return [field, values] as const;
    }),
  );
  return Object.fromEntries(found) as FoundFacets;
}

/** The id of the only run that ends so, among those that one page of a search looks at; null if it is not one. */
async function runByEnd(reader: Client, end: string, signal: AbortSignal): Promise<string | null> {
  const { entries, next } = await reader.runs.list({ text: end, limit: ENDING_RUNS }, { signal }).page();
  const [run, ...others] = entries.filter(({ id }) => id.endsWith(end));
  return run === undefined || others.length > 0 || (next !== null && entries.length === ENDING_RUNS) ? null : run.id;
}

/**
 * Looks up the words of a search that are no chips by themselves. A word that equals exactly one value, without case,
 * becomes the chip of that value. Otherwise it can be the end of a run's id, among the newest 5000 runs.
 */

import type { Client } from "../../client/index.ts";
import type { Chip } from "./filters.ts";
import { isIdEnd, type Term } from "./search-terms.ts";
import {
  FACET_FIELDS,
  FACET_MIN_CHARACTERS,
  type FacetSearch,
  type FoundFacets,
  facetSuggestions,
  isEqualWord,
  type RunHint,
  type Suggestion,
} from "./suggestions.ts";

/** Among so many runs the end of an id is looked for, newest first. */
const NEWEST = 5000;
/** The API's longest page. */
const PAGE_RUNS = 200;
const RUNS_MAX = 10;

export interface LookedUp {
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

/** `known`: runs that the page has already. Throws an ActionRunsError. */
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
    const suggestions = runs.slice(0, RUNS_MAX).map((one) => ({ kind: "run", run: one }) as const);
    return { problem: `${runs.length} runs have ids that end with “${word}”. Choose one.`, suggestions };
  }
  if (all.length > 0) {
    return { problem: `“${word}” is only a part of a value. Choose a whole one.`, suggestions: all };
  }
  const noRun = isIdEnd(word) ? `, and none of the newest ${NEWEST} runs has an id that ends with it` : "";
  return { problem: `No action, label or token name contains “${word}”${noRun}.`, suggestions: [] };
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

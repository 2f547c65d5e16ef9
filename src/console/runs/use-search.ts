/**
 * The state of the search: what is typed, what is offered for it, and what happens to it. The filters themselves are in
 * the address, so this only leads to other addresses.
 */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useSession } from "../session/session.tsx";
import { sentenceOf } from "../ui/error-view.tsx";
import { type Chip, chipsOf, withChip, withoutChip } from "./filters.ts";
import { facetsOf, lookUp } from "./look-up.ts";
import { termsOf, wordsOf } from "./search-terms.ts";
import {
  type FoundFacets,
  facetSearchOf,
  facetSuggestions,
  localSuggestions,
  type RunHint,
  type Suggestion,
  textBefore,
  wordAtEnd,
} from "./suggestions.ts";

/** So long after the last key the service is asked. */
const TYPED_FOR_MS = 150;

export interface Search {
  readonly text: string;
  readonly suggestions: readonly Suggestion[];
  /** Why the text did not become chips; null if nothing is wrong. */
  readonly problem: string | null;
  readonly isBusy: boolean;
  readonly type: (text: string) => void;
  /** Turns the whole text into chips, as far as its words are clear. Resolves with whether some are not. */
  readonly apply: () => Promise<boolean>;
  readonly choose: (suggestion: Suggestion) => void;
  readonly removeLast: () => void;
}

interface SearchOptions {
  readonly query: URLSearchParams;
  /** Runs that the page knows. */
  readonly rows: readonly RunHint[];
  readonly onChange: (query: URLSearchParams) => void;
  readonly onOpen: (id: string, query: URLSearchParams) => void;
}

interface Unclear {
  readonly problem: string;
  readonly suggestions: readonly Suggestion[];
}

export function useSearch({ query, rows, onChange, onOpen }: SearchOptions): Search {
  const { reader } = useSession();
  const [text, setText] = useState("");
  const [unclear, setUnclear] = useState<Unclear | null>(null);
  const [isBusy, setBusy] = useState(false);
  const lookingUp = useRef<AbortController | null>(null);
  const found = useFacets(unclear === null ? wordAtEnd(text) : "");
  const suggestions = useMemo(() => {
    if (unclear !== null) return unclear.suggestions;
    const chips = chipsOf(query);
    const isThere = (chip: Chip) => chips.some(({ name, value }) => name === chip.name && value === chip.value);
    return [...localSuggestions(text, rows, new Date()), ...found].filter(
      (one) => one.kind === "run" || !isThere(one.chip),
    );
  }, [unclear, text, rows, found, query]);
  useEffect(() => () => lookingUp.current?.abort(), []);

  function type(typed: string) {
    lookingUp.current?.abort();
    setBusy(false);
    setUnclear(null);
    setText(typed);
  }

  /** Leads to the address with these chips, or to the run. The words that are left stay in the field. */
  function go(chips: readonly Chip[], runId: string | null, left: readonly string[]) {
    const changed = chips.reduce(withChip, query);
    type(left.length === 0 ? "" : `${left.join(" ")} `);
    if (runId !== null) onOpen(runId, changed);
    else if (chips.length > 0) onChange(changed);
  }

  async function apply() {
    const terms = termsOf(text, new Date());
    if (terms.length === 0) return false;
    type(text);
    const aborter = new AbortController();
    lookingUp.current = aborter;
    setBusy(true);
    try {
      const { chips, runId, left, problem, suggestions } = await lookUp(reader, terms, rows, aborter.signal);
      if (aborter.signal.aborted) return false;
      go(chips, runId, left);
      setText(left.join(" "));
      setUnclear(problem === null ? null : { problem, suggestions });
      return problem !== null;
    } catch (error) {
      if (aborter.signal.aborted) return false;
      setBusy(false);
      setUnclear({ problem: sentenceOf(error), suggestions: [] });
      return true;
    }
  }

  function choose(suggestion: Suggestion) {
    // The suggestions after a problem are for the first word, and otherwise they are for the last one.
    const rest = unclear === null ? textBefore(text) : wordsOf(text).slice(1).join(" ");
    const terms = termsOf(rest, new Date());
    const clear = terms.flatMap((term) => (term.kind === "chip" ? [term.chip] : []));
    const left = wordsOf(rest).filter((_, index) => terms[index]?.kind !== "chip");
    if (suggestion.kind === "chip") go([...clear, suggestion.chip], null, left);
    else go(clear, suggestion.run.id, left);
  }

  function removeLast() {
    const last = chipsOf(query).at(-1);
    if (last !== undefined) onChange(withoutChip(query, last));
  }

  return { text, suggestions, isBusy, type, apply, choose, removeLast, problem: unclear?.problem ?? null };
}

/** What the service finds for a word, a moment after it was typed. */
function useFacets(word: string): readonly Suggestion[] {
  const { reader } = useSession();
  const [found, setFound] = useState<FoundFacets>({});
  const search = useMemo(() => facetSearchOf(word), [word]);
  useEffect(() => {
    if (search === null) return;
    const aborter = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const values = await facetsOf(reader, search, aborter.signal);
        if (!aborter.signal.aborted) setFound(values);
      } catch {
        // Without suggestions one can still type the whole value. Enter says what is wrong.
        if (!aborter.signal.aborted) setFound({});
      }
    }, TYPED_FOR_MS);
    return () => {
      clearTimeout(timer);
      aborter.abort();
    };
  }, [reader, search]);
  return useMemo(() => facetSuggestions(found, search), [found, search]);
}

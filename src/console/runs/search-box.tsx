/**
 * The search of the list: a combobox with a listbox, after the pattern of the ARIA authoring practices. What is found
 * becomes chips.
 */
import type { RefObject, TargetedKeyboardEvent } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { STATUSES } from "../../words/statuses.ts";
import { useSession } from "../session/session.tsx";
import { sentenceOf } from "../ui/load.tsx";
import { StatusMark } from "../ui/parts.tsx";
import { RelativeTime, useZone } from "../ui/time.tsx";
import { DateRange } from "./date-range.tsx";
import { type Chip, chipName, chipsOf, chipText, chipValue, isTime, withChip, withoutChip } from "./filters.ts";
import {
  type FoundFacets,
  facetSearchOf,
  facetSuggestions,
  facetsOf,
  localSuggestions,
  lookUp,
  type RunHint,
  type Suggestion,
  termsOf,
  textBefore,
  wordAtEnd,
} from "./search.ts";

interface SearchBoxProps extends Pick<Parameters<typeof useSearch>[0], "query" | "rows" | "onChange" | "onOpen"> {
  readonly input: RefObject<HTMLInputElement | null>;
}

/** Longer than the longest filter. */
const MAX_CHARACTERS = 1000;

export function SearchBox({ input, ...options }: SearchBoxProps) {
  const search = useSearch(options);
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState<number | null>(null);
  const { text, suggestions, problem, isBusy } = search;
  const isShown = isOpen && suggestions.length > 0;
  const chosen = isShown && active !== null ? suggestions[active] : undefined;

  function close() {
    setOpen(false);
    setActive(null);
  }
  function open() {
    setOpen(true);
    setActive(null);
  }
  function apply() {
    close();
    void search.apply();
  }
  function choose(suggestion: Suggestion) {
    close();
    search.choose(suggestion);
  }
  function move(step: number) {
    if (!isShown) {
      open();
      if (suggestions.length === 0) return;
    }
    setActive((at) => {
      if (at === null) return step > 0 ? 0 : suggestions.length - 1;
      return (at + step + suggestions.length) % suggestions.length;
    });
  }
  function press(event: TargetedKeyboardEvent<HTMLInputElement>) {
    // An input method uses the keys itself.
    if (event.isComposing) return;
    const leave = () => event.currentTarget.blur();
    const use = KEYS[event.key];
    if (use?.({ search, chosen, isShown, apply, choose, close, move, leave }) === true) event.preventDefault();
  }
  return (
    <search class="search">
      <div class="row no-wrap gap-6">
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label="Search the runs"
          aria-expanded={isShown}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={chosen === undefined ? undefined : `${id}-${active}`}
          aria-describedby={problem === null ? undefined : `${id}-problem`}
          aria-busy={isBusy}
          placeholder="Search: failed deploy label:shop @ci since:today"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          maxLength={MAX_CHARACTERS}
          enterkeyhint="search"
          value={text}
          onInput={(event) => {
            search.type(event.currentTarget.value);
            open();
          }}
          onClick={open}
          onBlur={close}
          onKeyDown={press}
        />
        <DateRange onPick={search.add} />
      </div>
      <p id={`${id}-problem`} class="field-error" role="status">
        <bdi>{problem}</bdi>
      </p>
      <div class="search-offer" hidden={!isShown}>
        <div id={`${id}-list`} role="listbox" aria-label="Suggestions">
          {suggestions.map((suggestion, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's, which keeps the focus
            <div
              key={keyOf(suggestion)}
              id={`${id}-${index}`}
              role="option"
              class="row no-wrap"
              tabIndex={-1}
              aria-selected={index === active}
              // A press takes the focus at once, and without the focus the list would close before the click.
              onPointerDown={(event) => event.preventDefault()}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => choose(suggestion)}
            >
              <Offer suggestion={suggestion} />
            </div>
          ))}
        </div>
        <p class="hint">
          Also a status, <code>waiting</code>, <code>group:</code>, <code>label:</code>, <code>action:</code>,{" "}
          <code>@who</code>, <code>entity:</code>, <code>since:</code>, <code>until:</code>, <code>last tuesday</code>,
          the end of a run’s id, or any text that a run contains.
        </p>
      </div>
    </search>
  );
}

interface Pressed {
  readonly search: Search;
  readonly chosen: Suggestion | undefined;
  readonly isShown: boolean;
  readonly apply: () => void;
  readonly choose: (suggestion: Suggestion) => void;
  readonly close: () => void;
  readonly move: (step: number) => void;
  readonly leave: () => void;
}

/** What each key does. True: the browser must not use the key as well. */
const KEYS: Readonly<Record<string, (pressed: Pressed) => boolean>> = {
  Enter({ chosen, choose, apply }) {
    if (chosen === undefined) apply();
    else choose(chosen);
    return true;
  },
  ArrowDown({ move }) {
    move(1);
    return true;
  },
  ArrowUp({ move }) {
    move(-1);
    return true;
  },
  Escape({ isShown, close, search, leave }) {
    if (isShown) close();
    else {
      search.type("");
      leave();
    }
    return true;
  },
  Backspace({ search }) {
    if (search.text !== "") return false;
    search.removeLast();
    return true;
  },
};

function keyOf(suggestion: Suggestion): string {
  return suggestion.kind === "run" ? suggestion.run.id : `${suggestion.chip.name} ${suggestion.chip.value}`;
}

function Offer({ suggestion }: { readonly suggestion: Suggestion }) {
  const { minute } = useZone();
  if (suggestion.kind === "run") {
    const { id, actionName, status, createdAt } = suggestion.run;
    return (
      <>
        <StatusMark status={status} />
        <bdi>{actionName}</bdi>
        <code>…{id.slice(-12)}</code>
        <span class="to-end muted small">
          <RelativeTime at={createdAt} />
        </span>
      </>
    );
  }
  const { chip } = suggestion;
  const status = STATUSES.find((one) => chip.name === "status" && one === chip.value);
  return (
    <>
      {status === undefined ? (
        <bdi>{isTime(chip) ? chipText(chip, minute) : chipValue(chip, minute)}</bdi>
      ) : (
        <StatusMark status={status} />
      )}{" "}
      <span class="to-end muted small">{isTime(chip) ? "time" : chipName(chip)}</span>
    </>
  );
}

/** So long after the last key the service is asked. */
const TYPED_FOR_MS = 150;

interface Search {
  readonly text: string;
  readonly suggestions: readonly Suggestion[];
  /** Why a word did not become a chip; null if nothing is wrong. */
  readonly problem: string | null;
  readonly isBusy: boolean;
  readonly type: (text: string) => void;
  /** Turns the whole text into chips. What the service would refuse stays in the field. */
  readonly apply: () => Promise<void>;
  readonly choose: (suggestion: Suggestion) => void;
  readonly removeLast: () => void;
  readonly add: (chips: readonly Chip[]) => void;
}

interface SearchOptions {
  readonly query: URLSearchParams;
  /** Runs that the page knows. */
  readonly rows: readonly RunHint[];
  readonly onChange: (query: URLSearchParams) => void;
  readonly onOpen: (id: string, query: URLSearchParams) => void;
}

/**
 * The state of the search: what is typed, what is offered for it, and what happens to it. The filters themselves are in
 * the address, so this only leads to other addresses.
 */
function useSearch({ query, rows, onChange, onOpen }: SearchOptions): Search {
  const { reader } = useSession();
  const { zone } = useZone();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const lookingUp = useRef<AbortController | null>(null);
  const found = useFacets(wordAtEnd(text));
  const suggestions = useMemo(() => {
    const chips = chipsOf(query);
    const isThere = (chip: Chip) => chips.some(({ name, value }) => name === chip.name && value === chip.value);
    return [...localSuggestions(text, rows, new Date(), zone), ...found].filter(
      (one) => one.kind === "run" || !isThere(one.chip),
    );
  }, [text, rows, found, query, zone]);
  useEffect(() => () => lookingUp.current?.abort(), []);

  function type(typed: string) {
    lookingUp.current?.abort();
    setBusy(false);
    setProblem(null);
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
    const terms = termsOf(text, new Date(), zone);
    if (terms.length === 0) return;
    type(text);
    const aborter = new AbortController();
    lookingUp.current = aborter;
    setBusy(true);
    try {
      const { chips, runId, left, problem } = await lookUp(reader, terms, aborter.signal);
      if (aborter.signal.aborted) return;
      go(chips, runId, left);
      setText(left.join(" "));
      setProblem(problem);
    } catch (error) {
      if (aborter.signal.aborted) return;
      setBusy(false);
      setProblem(sentenceOf(error));
    }
  }

  function choose(suggestion: Suggestion) {
    const terms = termsOf(textBefore(text), new Date(), zone);
    const clear = terms.flatMap((term) => (term.kind === "chips" ? term.chips : []));
    const left = terms.flatMap(({ kind, typed }) => (kind === "chips" ? [] : [typed]));
    if (suggestion.kind === "chip") go([...clear, suggestion.chip], null, left);
    else go(clear, suggestion.run.id, left);
  }

  function removeLast() {
    const last = chipsOf(query).at(-1);
    if (last !== undefined) onChange(withoutChip(query, last));
  }

  return {
    text,
    suggestions,
    isBusy,
    type,
    apply,
    choose,
    removeLast,
    problem,
    add: (chips) => onChange(chips.reduce(withChip, query)),
  };
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

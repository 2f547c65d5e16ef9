/** The search of the list: an ARIA combobox, and a calendar beside it. What is found or picked becomes chips. */
import type { RefObject, TargetedKeyboardEvent } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { LOCAL, sinceInstant, untilInstant } from "../../words/since.ts";
import { STATUSES } from "../../words/statuses.ts";
import { useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, DialogButton, TextField, useForm } from "../ui/forms.tsx";
import { sentenceOf } from "../ui/load.tsx";
import { Icon, StatusMark } from "../ui/parts.tsx";
import { RelativeTime, useZone } from "../ui/time.tsx";
import { type Chip, chipName, chipText, chipValue, isTime, useFilters, withChip, withoutChip } from "./filters.ts";
import { useRunHref } from "./run-link.tsx";
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

interface SearchBoxProps {
  readonly input: RefObject<HTMLInputElement | null>;
  readonly rows: readonly RunHint[];
}

/** Longer than the longest filter. */
const MAX_CHARACTERS = 1000;

export function SearchBox({ input, rows }: SearchBoxProps) {
  const { text, suggestions, problem, isBusy, ...search } = useSearch(rows);
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState<number | null>(null);
  const isShown = isOpen && suggestions.length > 0;
  const chosen = isShown && active !== null ? suggestions[active] : undefined;

  function toggle(isOpen: boolean) {
    setOpen(isOpen);
    setActive(null);
  }
  function choose(suggestion: Suggestion) {
    toggle(false);
    search.choose(suggestion);
  }
  function move(step: number) {
    if (!isShown) toggle(true);
    if (suggestions.length === 0) return;
    setActive((at) => {
      if (at === null) return step > 0 ? 0 : suggestions.length - 1;
      return (at + step + suggestions.length) % suggestions.length;
    });
  }
  function press(event: TargetedKeyboardEvent<HTMLInputElement>) {
    // An input method uses the keys itself.
    if (event.isComposing) return;
    switch (event.key) {
      case "Enter":
        if (chosen !== undefined) choose(chosen);
        else {
          toggle(false);
          void search.apply();
        }
        break;
      case "ArrowDown":
      case "ArrowUp":
        move(event.key === "ArrowDown" ? 1 : -1);
        break;
      case "Escape":
        if (isShown) toggle(false);
        else {
          search.type("");
          event.currentTarget.blur();
        }
        break;
      case "Backspace":
        if (text !== "") return;
        search.removeLast();
        break;
      default:
        return;
    }
    event.preventDefault();
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
            toggle(true);
          }}
          onClick={() => toggle(true)}
          onBlur={() => toggle(false)}
          onKeyDown={press}
        />
        <DialogButton
          aria-label="Pick days"
          title="Pick days"
          dialog={(close) => <DateDialog onPick={search.add} onClose={close} />}
        >
          <Icon name="calendar" />
        </DialogButton>
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

/**
 * The state of the search: what is typed, what is offered for it, and what happens to it. The filters themselves are in
 * the address, so this only leads to other addresses.
 */
function useSearch(rows: readonly RunHint[]) {
  const { reader } = useSession();
  const { query, chips, change } = useFilters();
  const hrefOfRun = useRunHref();
  const router = useRouter();
  const { zone } = useZone();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const lookingUp = useRef<AbortController | null>(null);
  const found = useFacets(wordAtEnd(text));
  const suggestions = useMemo(() => {
    const isThere = (chip: Chip) => chips.some(({ name, value }) => name === chip.name && value === chip.value);
    return [...localSuggestions(text, rows, new Date(), zone), ...found].filter(
      (one) => one.kind === "run" || !isThere(one.chip),
    );
  }, [text, rows, found, chips, zone]);
  useEffect(() => () => lookingUp.current?.abort(), []);

  function type(typed: string) {
    lookingUp.current?.abort();
    setBusy(false);
    setProblem(null);
    setText(typed);
  }

  const withChips = (added: readonly Chip[]) => added.reduce(withChip, query);

  /** Leads to the address with these chips, or to the run. The words that are left stay in the field. */
  function go(added: readonly Chip[], runId: string | null, left: readonly string[]) {
    type(left.length === 0 ? "" : `${left.join(" ")} `);
    if (runId !== null) router.navigate(hrefOfRun(runId, withChips(added)));
    else if (added.length > 0) change(withChips(added));
  }

  return {
    text,
    suggestions,
    /** Why a word did not become a chip; null if nothing is wrong. */
    problem,
    isBusy,
    type,
    /** Turns the whole text into chips. What the service would refuse stays in the field. */
    async apply() {
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
    },
    choose(suggestion: Suggestion) {
      const terms = termsOf(textBefore(text), new Date(), zone);
      const clear = terms.flatMap((term) => (term.kind === "chips" ? term.chips : []));
      const left = terms.flatMap(({ kind, typed }) => (kind === "chips" ? [] : [typed]));
      if (suggestion.kind === "chip") go([...clear, suggestion.chip], null, left);
      else go(clear, suggestion.run.id, left);
    },
    removeLast() {
      const last = chips.at(-1);
      if (last !== undefined) change(withoutChip(query, last));
    },
    add: (added: readonly Chip[]) => change(withChips(added)),
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
      // Without suggestions one can still type the whole value. Enter says what is wrong.
      const values = await facetsOf(reader, search, aborter.signal).catch(() => ({}));
      if (!aborter.signal.aborted) setFound(values);
    }, TYPED_FOR_MS);
    return () => {
      clearTimeout(timer);
      aborter.abort();
    };
  }, [reader, search]);
  return useMemo(() => facetSuggestions(found, search), [found, search]);
}

interface DateDialogProps {
  /** Gets the days as chips, as if they were typed. */
  readonly onPick: (chips: readonly Chip[]) => void;
  readonly onClose: () => void;
}

function DateDialog({ onPick, onClose }: DateDialogProps) {
  const { zone } = useZone();
  const { change, texts, field } = useForm({ from: "", to: "" });
  function pick() {
    const chips = chipsOfDays(texts.from, texts.to, zone);
    if (typeof chips === "string") return change.refuse(new Map([["from", chips]]));
    onPick(chips);
    onClose();
  }
  return (
    <ChangeDialog title="Runs of these days" change={change} onSubmit={pick} onClose={onClose} verb="Show runs" isLocal>
      <div class="grid">
        <TextField label="From" type="date" {...field("from")} />
        <TextField label="To, included" type="date" {...field("to")} />
      </div>
    </ChangeDialog>
  );
}

/** `from`, `to`: dates, or empty for no bound. The chips, or what is wrong. PURE, apart from the time zone. */
export function chipsOfDays(from: string, to: string, zone = LOCAL, now = new Date()): readonly Chip[] | string {
  const [first, end] = [sinceInstant(from, now, zone), untilInstant(to, now, zone)];
  if ((from !== "" && first === null) || (to !== "" && end === null)) return "Pick a day of the calendar.";
  if (first === null && end === null) return "Pick at least one day.";
  if (first !== null && end !== null && end <= first) return "The first day is after the last one. Swap them.";
  const bounds = [["createdAfter", first] as const, ["createdBefore", end] as const];
  return bounds.flatMap(([name, at]) => (at === null ? [] : [{ name, value: at.toISOString() }]));
}

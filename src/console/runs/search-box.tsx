/**
 * The search of the list: a combobox with a listbox, after the pattern of the ARIA authoring practices. What is found
 * becomes chips (filter-chips.tsx).
 */

import type { RefObject, TargetedKeyboardEvent } from "preact";
import { useId, useState } from "preact/hooks";
import { StatusMark } from "../ui/status.tsx";
import { STATUSES } from "../ui/statuses.ts";
import { RelativeTime } from "../ui/time.tsx";
import { chipName, chipText, chipValue, isTime } from "./chip-words.ts";
import type { Suggestion } from "./suggestions.ts";
import { type Search, useSearch } from "./use-search.ts";

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
  async function apply() {
    close();
    // What an unclear word can mean is offered.
    if (await search.apply()) setOpen(true);
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
          <code>@who</code>, <code>entity:</code>, <code>since:</code>, <code>until:</code>, or the end of a run’s id.
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
  if (suggestion.kind === "run") {
    const { id, actionName, status, createdAt } = suggestion.run;
    return (
      <>
        <StatusMark status={status} />
        <bdi class="offer-value">{actionName}</bdi>
        <code>…{id.slice(-12)}</code>
        <span class="offer-kind">
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
        <bdi class="offer-value">{isTime(chip) ? chipText(chip) : chipValue(chip)}</bdi>
      ) : (
        <StatusMark status={status} />
      )}{" "}
      <span class="offer-kind">{isTime(chip) ? "time" : chipName(chip)}</span>
    </>
  );
}

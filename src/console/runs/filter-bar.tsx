/** The filters of the list. They show what the address says. A change leads to another address. */

import type { ComponentChildren, RefObject, TargetedKeyboardEvent } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { ActionRunSummary } from "../../client/index.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Icon } from "../ui/icons.tsx";
import { StatusIcon } from "../ui/status.tsx";
import { STATUSES } from "../ui/statuses.ts";
import {
  fromFieldTime,
  isFiltered,
  type TextFilter,
  toFieldTime,
  withLabel,
  withoutFilters,
  withoutLabel,
  withStatusToggled,
  withText,
} from "./filters.ts";
import type { RunRow } from "./run-row.ts";

const SUGGESTIONS_MAX = 50;

interface FiltersProps {
  readonly query: URLSearchParams;
  readonly onChange: (query: URLSearchParams) => void;
}

interface StatusFiltersProps extends FiltersProps {
  readonly counts: ActionRunSummary | null;
}

/** Each status with the number of its runs. A toggle button: pressed if the list is limited to it. */
export function StatusFilters({ query, onChange, counts }: StatusFiltersProps) {
  const chosen = query.getAll("status");
  return (
    <fieldset class="status-filters" aria-label="Status">
      {STATUSES.map((status) => (
        <button
          key={status}
          type="button"
          class={`status-filter is-${status}`}
          aria-pressed={chosen.includes(status)}
          onClick={() => onChange(withStatusToggled(query, status))}
        >
          <StatusIcon status={status} />
          {status} <span class="number">{counts === null ? "" : countText(counts[status])}</span>
        </button>
      ))}
    </fieldset>
  );
}

function countText(count: ActionRunSummary["failed"]): string {
  return typeof count === "number" ? count.toLocaleString("en") : `${count.atLeast.toLocaleString("en")}+`;
}

interface FieldFiltersProps extends FiltersProps {
  /** Runs that are shown: their values are suggested. */
  readonly rows: readonly RunRow[];
  /** Gets the first field. */
  readonly fields: RefObject<HTMLDivElement | null>;
  /** On a narrow page, the fields are shown only if somebody asks for them. */
  readonly areOpen: boolean;
}

export function FieldFilters({ query, onChange, rows, fields, areOpen }: FieldFiltersProps) {
  const suggestions = useMemo(
    () => ({
      actionName: distinct(rows.map(({ actionName }) => actionName)),
      entityId: distinct(rows.map(({ entityId }) => entityId)),
      triggeredBy: distinct(rows.map(({ triggeredBy }) => triggeredBy)),
      label: distinct(rows.flatMap(({ labels }) => labels)),
    }),
    [rows],
  );
  function text(label: string, name: "actionName" | "entityId" | "triggeredBy") {
    return (
      <FilterField
        label={label}
        value={query.get(name) ?? ""}
        suggestions={suggestions[name]}
        onChange={(value) => onChange(withText(query, name, value))}
      />
    );
  }
  function time(label: string, name: Extract<TextFilter, `created${string}`>) {
    return (
      <FilterField
        label={label}
        type="datetime-local"
        value={toFieldTime(query.get(name) ?? "")}
        onChange={(value) => onChange(withText(query, name, fromFieldTime(value)))}
      />
    );
  }
  return (
    <div class={areOpen ? "field-filters is-open" : "field-filters"} ref={fields}>
      {text("Action", "actionName")}
      {text("Entity", "entityId")}
      <FilterField
        label="Label"
        value=""
        suggestions={suggestions.label}
        onChange={(value) => onChange(withLabel(query, value))}
      />
      {text("Triggered by", "triggeredBy")}
      {time("Created after", "createdAfter")}
      {time("Created before", "createdBefore")}
    </div>
  );
}

/** The labels that a run must have. */
export function LabelFilters({ query, onChange }: FiltersProps) {
  const labels = query.getAll("label");
  if (labels.length === 0) return null;
  return (
    <div class="chosen">
      <span class="muted">Labels</span>
      {labels.map((label) => (
        <Chosen key={label} what={label} onRemove={() => onChange(withoutLabel(query, label))}>
          <bdi>{label}</bdi>
        </Chosen>
      ))}
    </div>
  );
}

export function ClearFilters({ query, onChange }: FiltersProps) {
  if (!isFiltered(query)) return null;
  return (
    <Button kind="quiet" onClick={() => onChange(withoutFilters(query))}>
      Clear the filters
    </Button>
  );
}

interface ChosenProps {
  readonly what: string;
  readonly onRemove: () => void;
  readonly children: ComponentChildren;
}

function Chosen({ what, onRemove, children }: ChosenProps) {
  return (
    <span class="chip">
      <span class="chip-text">{children}</span>
      <button type="button" aria-label={`Remove the label ${what}`} onClick={onRemove}>
        <Icon name="cross" />
      </button>
    </span>
  );
}

interface FilterFieldProps {
  readonly label: string;
  readonly value: string;
  readonly type?: "text" | "datetime-local";
  readonly suggestions?: readonly string[];
  readonly onChange: (value: string) => void;
}

/** Applied by Enter, or when the focus leaves it. The API compares whole values, so half a value would find nothing. */
function FilterField({ label, value, type = "text", suggestions = [], onChange }: FilterFieldProps) {
  const input = useRef<HTMLInputElement>(null);
  const list = `suggested-${label.toLowerCase().replaceAll(" ", "-")}`;
  // The address says what the field holds, also after "Back".
  useLayoutEffect(() => put(input.current, value), [value]);
  function apply() {
    const typed = input.current?.value.trim() ?? "";
    put(input.current, value);
    if (typed !== value) onChange(typed);
  }
  function press(event: TargetedKeyboardEvent<HTMLInputElement>) {
    if (event.key === "Enter") apply();
    if (event.key !== "Escape") return;
    put(input.current, value);
    input.current?.blur();
  }
  return (
    <>
      <TextField
        ref={input}
        label={label}
        type={type}
        list={suggestions.length === 0 ? undefined : list}
        onBlur={apply}
        onKeyDown={press}
      />
      {suggestions.length === 0 ? null : (
        <datalist id={list}>
          {suggestions.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </>
  );
}

function put(input: HTMLInputElement | null, value: string): void {
  if (input !== null) input.value = value;
}

function distinct(values: readonly (string | null)[]): readonly string[] {
  return [...new Set(values.filter((value) => value !== null))].sort().slice(0, SUGGESTIONS_MAX);
}

/** The filters that the address has, each as a chip that can be removed. A filter that is refused says so here. */

import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Icon } from "../ui/icons.tsx";
import { chipName, chipText, chipValue } from "./chip-words.ts";
import { type Chip, withInstants, withoutChip, withoutFilters } from "./filters.ts";
import type { Refusal } from "./refusal.ts";

interface FilterChipsProps {
  readonly query: URLSearchParams;
  readonly chips: readonly Chip[];
  readonly refusal: Refusal | null;
  readonly onChange: (query: URLSearchParams) => void;
}

export function FilterChips({ query, chips, refusal, onChange }: FilterChipsProps) {
  if (chips.length === 0) return null;
  return (
    <div class="chosen">
      <ul aria-label="Filters" class="chips">
        {chips.map((chip) => {
          const isRefused = refusal?.chips.has(chip) === true;
          return (
            <li key={`${chip.name} ${chip.value}`} class={isRefused ? "chip is-refused" : "chip"}>
              {isRefused ? <Icon name="warning" /> : null}
              <span class="chip-text">
                {chipName(chip)} <bdi>{chipValue(chip)}</bdi>
              </span>
              <button
                type="button"
                aria-label={`Remove ${chipText(chip)}`}
                aria-describedby={isRefused ? "refused-filter" : undefined}
                onClick={() => onChange(withoutChip(query, chip))}
              >
                <Icon name="cross" />
              </button>
            </li>
          );
        })}
      </ul>
      <span class="chosen-end">
        <CopyButton what="link" text={() => linkTo(query)} hasWord="Copy link" />
        <Button kind="quiet" onClick={() => onChange(withoutFilters(query))}>
          Clear the filters
        </Button>
      </span>
      {refusal === null ? null : (
        <p id="refused-filter" class="field-error" role="alert">
          <bdi>{refusal.sentence}</bdi> No runs are listed until you change the filter.
        </p>
      )}
    </div>
  );
}

/** A link that shows the same runs tomorrow. */
function linkTo(query: URLSearchParams): string {
  const instants = withInstants(query, new Date()).toString();
  return `${location.origin}${location.pathname}?${instants}`;
}

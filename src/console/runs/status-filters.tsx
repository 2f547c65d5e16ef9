/** Each status with the number of its runs. A toggle button: pressed if the list is limited to it. */

import type { ActionRunSummary } from "../../client/index.ts";
import { StatusIcon } from "../ui/status.tsx";
import { STATUSES } from "../ui/statuses.ts";
import { countText } from "./counts.ts";
import { withStatusToggled } from "./filters.ts";

interface StatusFiltersProps {
  readonly query: URLSearchParams;
  readonly onChange: (query: URLSearchParams) => void;
  readonly counts: ActionRunSummary | null;
}

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

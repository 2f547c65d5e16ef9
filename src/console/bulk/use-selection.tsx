/** The selection of the list: it ends when the filters change, and each change is read out. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useRoute } from "../router.tsx";
import type { RunRow } from "../runs/run-list.ts";
import type { ShownRuns } from "../runs/run-source.ts";
import { useNotices } from "../ui/parts.tsx";
import {
  allToggled,
  areAllSelected,
  filterKey,
  isNothing,
  isSelected,
  matchedCount,
  NOTHING,
  type Selection,
  selectionText,
  toggled,
} from "./selection.ts";

export type Selecting = ReturnType<typeof useSelection>;

export function useSelection({ listed, isStale }: Pick<ShownRuns, "listed" | "isStale">) {
  const { query } = useRoute();
  const { announce } = useNotices();
  const key = filterKey(query);
  const [held, setHeld] = useState({ key, selection: NOTHING });
  const isOver = held.key !== key;
  const selection = isOver ? NOTHING : held.selection;
  useEffect(() => {
    if (!isOver) return;
    if (!isNothing(held.selection)) announce("Nothing is selected, because the filters changed.");
    setHeld({ key, selection: NOTHING });
  }, [announce, isOver, held, key]);
  const rows = listed?.list.rows;
  const shown = useMemo(() => rows?.map(({ id }) => id) ?? [], [rows]);
  const matched = listed?.counts == null ? null : matchedCount(listed.counts, query);
  function change(to: Selection) {
    setHeld({ key, selection: to });
    announce(isNothing(to) ? "Nothing is selected." : `${selectionText(to, matched)}.`);
  }
  return {
    selection,
    isNothing: isNothing(selection),
    /** The rows are still those of the address before, and none of them can be selected. */
    isStale,
    /** How many runs match the filter; null until the list is there. */
    matched,
    toggle(id: string, isRange: boolean) {
      if (!isStale) change(toggled(selection, shown, id, isRange));
    },
    toggleAll: () => change(allToggled(selection, shown)),
    /** Selects everything that matches, also what the list does not show. */
    selectMatching: () => change({ kind: "filter" }),
    clear: () => change(NOTHING),
  };
}

/** Of a run's id. */
const ID_END = 6;

interface SelectionCellProps {
  readonly row: RunRow;
  readonly isOn: boolean;
  readonly isStale: boolean;
  readonly onToggle: (isRange: boolean) => void;
}

/** The checkboxes of the list. The whole cell can be pressed. With Shift it selects a range. */
export function SelectionCell({ row: { id, title, actionName }, isOn, isStale, onToggle }: SelectionCellProps) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the checkbox's
    <td
      class="col-check"
      onClick={({ shiftKey }) => onToggle(shiftKey)}
      onMouseDown={(event) => {
        // Otherwise the browser would select the text of the rows between.
        if (event.shiftKey) event.preventDefault();
      }}
    >
      <input
        type="checkbox"
        checked={isOn}
        disabled={isStale}
        aria-label={`Select ${title ?? actionName} …${id.slice(-ID_END)}`}
      />
    </td>
  );
}

interface SelectionHeadProps {
  readonly selecting: Selecting;
  readonly rows: readonly RunRow[];
}

export function SelectionHead({ selecting: { selection, isStale, toggleAll }, rows }: SelectionHeadProps) {
  const box = useRef<HTMLInputElement>(null);
  const isOn = areAllSelected(
    selection,
    rows.map(({ id }) => id),
  );
  const isPartly = !isOn && rows.some(({ id }) => isSelected(selection, id));
  useEffect(() => {
    if (box.current !== null) box.current.indeterminate = isPartly;
  }, [isPartly]);
  return (
    <th class="col-check">
      <input
        ref={box}
        type="checkbox"
        checked={isOn}
        disabled={isStale}
        aria-label="Select all runs of this page"
        onChange={toggleAll}
      />
    </th>
  );
}

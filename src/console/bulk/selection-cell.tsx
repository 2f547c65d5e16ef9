/** The checkboxes of the list. The whole cell can be pressed. With Shift it selects a range. */

import { useEffect, useRef } from "preact/hooks";
import type { RunRow } from "../runs/run-row.ts";
import { areAllSelected, isSelected } from "./selection.ts";
import type { Selecting } from "./use-selection.ts";

/** Of a run's id. */
const ID_END = 6;

interface SelectionCellProps {
  readonly row: RunRow;
  readonly isOn: boolean;
  readonly isStale: boolean;
  readonly onToggle: (isRange: boolean) => void;
}

export function SelectionCell({ row: { id, actionName }, isOn, isStale, onToggle }: SelectionCellProps) {
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
        aria-label={`Select ${actionName} …${id.slice(-ID_END)}`}
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

/** The selection of the list: it ends when the filters change, and each change is read out. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { useRoute } from "../routes/router.tsx";
import type { Count } from "../runs/counts.ts";
import type { ShownRuns } from "../runs/use-run-list.ts";
import { useNotices } from "../ui/notices.tsx";
import {
  allToggled,
  filterKey,
  isNothing,
  matchedCount,
  NOTHING,
  type Selection,
  selectionText,
  toggled,
} from "./selection.ts";

export interface Selecting {
  readonly selection: Selection;
  readonly isNothing: boolean;
  /** The rows are still those of the address before, and none of them can be selected. */
  readonly isStale: boolean;
  /** How many runs match the filter; null until the list is there. */
  readonly matched: Count | null;
  readonly toggle: (id: string, isRange: boolean) => void;
  /** All rows that are shown. */
  readonly toggleAll: () => void;
  /** Selects everything that matches, also what the list does not show. */
  readonly selectMatching: () => void;
  readonly clear: () => void;
}

export function useSelection({ listed, isStale }: Pick<ShownRuns, "listed" | "isStale">): Selecting {
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
  const matched = listed === null ? null : matchedCount(listed.counts, query);
  function change(to: Selection) {
    setHeld({ key, selection: to });
    announce(isNothing(to) ? "Nothing is selected." : `${selectionText(to, matched)}.`);
  }
  return {
    selection,
    isNothing: isNothing(selection),
    isStale,
    matched,
    toggle(id, isRange) {
      if (!isStale) change(toggled(selection, shown, id, isRange));
    },
    toggleAll: () => change(allToggled(selection, shown)),
    selectMatching: () => change({ kind: "filter" }),
    clear: () => change(NOTHING),
  };
}

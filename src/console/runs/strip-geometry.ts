/** The bars of the strip. PURE. */

import { tookOf } from "../ui/durations.ts";
import { STRIP_RUNS } from "./run-list.ts";
import type { RunRow } from "./run-row.ts";

/** The room of one bar with its gap, in CSS pixels. */
const BAR_PX = 5;
/** The lowest bar, as a part of the strip's height. */
const LOWEST = 0.08;

export interface Bar {
  readonly row: RunRow;
  /** 0 to 1 of the strip's height. */
  readonly height: number;
}

/** How many bars a strip of this width can show. */
export function barsFor(widthPx: number): number {
  return Math.min(Math.floor(widthPx / BAR_PX), STRIP_RUNS);
}

/**
 * Oldest first, as time goes. The scale is logarithmic, because one run can take a thousand times as long as another.
 * `rows`: newest first. `now`: the end of open runs.
 */
export function barsOf(rows: readonly RunRow[], now: number): readonly Bar[] {
  const sizes = rows.map((row) => Math.log2(1 + durationMs(row, now) / 1000));
  const highest = Math.max(...sizes, 1);
  return rows
    .map((row, index) => ({ row, height: LOWEST + (1 - LOWEST) * ((sizes[index] ?? 0) / highest) }))
    .reverse();
}

function durationMs(row: RunRow, now: number): number {
  const { from, to } = tookOf(row);
  return Math.max((to === null ? now : Date.parse(to)) - Date.parse(from), 0);
}

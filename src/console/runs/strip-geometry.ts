/** The bars of the strip. PURE. */

import { tookOf } from "../ui/durations.ts";
import { STRIP_RUNS } from "./run-list.ts";
import type { RunRow } from "./run-row.ts";

/** The room of one bar with its gap, in CSS pixels. */
const BAR_PX = 5;
/** The same for a finger (WCAG 2.5.8). */
const FINGER_PX = 24;
/** The lowest bar, as a part of the strip's height. */
const LOWEST = 0.08;
/** This part of the runs says how long runs usually take. */
const USUAL = 0.95;
/** Fewer runs than this have no usual duration. */
const USUAL_FROM_RUNS = 8;

export interface Bar {
  readonly row: RunRow;
  /** 0 to 1 of the strip's height. */
  readonly height: number;
  /** The run took longer than the strip's height can say. */
  readonly isCut: boolean;
}

/** How many bars a strip of this width can show. */
export function barsFor(widthPx: number, hasFinger: boolean): number {
  return Math.min(Math.floor(widthPx / (hasFinger ? FINGER_PX : BAR_PX)), STRIP_RUNS);
}

/**
 * Oldest first, as time goes. The scale is logarithmic, because one run can take a thousand times as long as another. It
 * ends at twice the duration that 95 % of the runs keep to, so that one stuck run does not flatten all others.
 * `rows`: newest first. `now`: the end of open runs.
 */
export function barsOf(rows: readonly RunRow[], now: number): readonly Bar[] {
  const seconds = rows.map((row) => durationMs(row, now) / 1000);
  const top = topOf(seconds);
  return rows
    .map((row, index) => {
      const took = seconds[index] ?? 0;
      const part = Math.min(Math.log2(1 + took) / Math.log2(1 + top), 1);
      return { row, height: LOWEST + (1 - LOWEST) * part, isCut: took > top };
    })
    .reverse();
}

/** How long a run took whose bar just reaches the strip's upper end, in ms. */
export function fullHeightMs(rows: readonly RunRow[], now: number): number {
  return 1000 * topOf(rows.map((row) => durationMs(row, now) / 1000));
}

/** The duration at the strip's upper end, in seconds. */
function topOf(seconds: readonly number[]): number {
  const sorted = [...seconds].sort((one, other) => one - other);
  const longest = sorted.at(-1) ?? 0;
  const usual = sorted[Math.floor((sorted.length - 1) * USUAL)] ?? 0;
  return Math.max(sorted.length < USUAL_FROM_RUNS ? longest : Math.min(longest, 2 * usual), 1);
}

function durationMs(row: RunRow, now: number): number {
  const { from, to } = tookOf(row);
  return Math.max((to === null ? now : Date.parse(to)) - Date.parse(from), 0);
}

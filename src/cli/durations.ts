/**
 * What waited, ran and took mean, and how durations and ages are written. Waited: from creation to the start. Ran: from
 * the start to the end. Took: from creation to the end. PURE.
 */

import type { ActionRun } from "../client/index.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** In ms. null: the run has not come so far, or nobody knows. */
export interface RunTimes {
  readonly waitedMs: number | null;
  readonly ranMs: number | null;
  readonly tookMs: number | null;
}

export function timesOf({
  createdAt,
  startedAt,
  completedAt,
}: Pick<ActionRun, "createdAt" | "startedAt" | "completedAt">): RunTimes {
  const tookMs = between(createdAt, completedAt);
  // Without a heartbeat a run starts with its report. Then only the job knows when its work began.
  if (startedAt === null || startedAt === completedAt) return { waitedMs: null, ranMs: null, tookMs };
  return { waitedMs: between(createdAt, startedAt), ranMs: between(startedAt, completedAt), tookMs };
}

function between(from: string, to: string | null): number | null {
  return to === null ? null : Math.max(Date.parse(to) - Date.parse(from), 0);
}

/** `840ms`, `12.3s`, `3m 12s`, `1h 04m`, `2d 3h`. */
export function durationText(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)}ms`;
  // Later than this, one decimal would round to 60.0s.
  if (ms < MINUTE - 50) return `${(ms / SECOND).toFixed(1)}s`;
  const seconds = Math.round(ms / SECOND);
  if (seconds < HOUR / SECOND) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < DAY / MINUTE) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** `now`, `12s`, `5m`, `3h`, `2d`. `ms`: how long ago. */
export function ageText(ms: number): string {
  if (ms < SECOND) return "now";
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h`;
  return `${Math.floor(ms / DAY)}d`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

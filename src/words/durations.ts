/** Durations and ages as people read them, and what waited, ran and took mean. PURE. */
import type { components } from "../client/openapi.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type RunTimes = Pick<components["schemas"]["ActionRun"], "createdAt" | "startedAt" | "completedAt">;

/** A part of a run's time. `to`: null if it goes on. */
export interface Span {
  readonly from: string;
  readonly to: string | null;
}

export function tookOf({ createdAt, completedAt }: RunTimes): Span {
  return { from: createdAt, to: completedAt };
}

/** How long a run waited: from its creation to its start. Null if nobody knows when it started. */
export function waitedOf(run: RunTimes): Span | null {
  return isStartKnown(run) ? { from: run.createdAt, to: run.startedAt } : null;
}

/** How long a run ran: from its start to its end. Null if nobody knows when it started. */
export function ranOf(run: RunTimes): Span | null {
  return isStartKnown(run) && run.startedAt !== null ? { from: run.startedAt, to: run.completedAt } : null;
}

/** A job that reports only its end starts and ends at the same instant, so nobody knows how long it worked. */
function isStartKnown({ startedAt, completedAt }: RunTimes): boolean {
  return startedAt !== null && startedAt !== completedAt;
}

/** In ms. Null: the run has not come so far, or nobody knows. */
export function lengthOf(span: Span | null): number | null {
  if (span === null || span.to === null) return null;
  return Math.max(Date.parse(span.to) - Date.parse(span.from), 0);
}

const AGES = new Intl.RelativeTimeFormat("en", { style: "narrow", numeric: "always" });

/** `840ms`, `12.3s`, `3m 12s`, `1h 04m`, `2d 3h`. A running clock shows whole seconds, so that it does not flicker. */
export function formatDuration(ms: number, { isRunning = false } = {}): string {
  const whole = Math.max(ms, 0);
  if (isRunning && whole < MINUTE) return `${Math.floor(whole / SECOND)}s`;
  if (whole < SECOND) return `${Math.round(whole)}ms`;
  // Later than this, one decimal would round to 60.0s.
  if (whole < MINUTE - 50) return `${(whole / SECOND).toFixed(1)}s`;
  const seconds = isRunning ? Math.floor(whole / SECOND) : Math.round(whole / SECOND);
  if (seconds < HOUR / SECOND) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < DAY / MINUTE) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** `now`, `12s ago`, `5m ago`, `in 3h`. `ms`: how long ago; negative if it is still to come; NaN for no instant. */
export function formatAge(ms: number): string {
  const size = Math.abs(ms);
  if (Number.isNaN(size)) return "";
  if (size < SECOND) return "now";
  // Rounded towards zero, because a run that is 119 s old was created one minute ago.
  if (size < MINUTE) return AGES.format(Math.trunc(-ms / SECOND), "second");
  if (size < HOUR) return AGES.format(Math.trunc(-ms / MINUTE), "minute");
  if (size < DAY) return AGES.format(Math.trunc(-ms / HOUR), "hour");
  return AGES.format(Math.trunc(-ms / DAY), "day");
}

/** `now`, `12s`, `5m`, `3h`, `2d`, for a table. `ms`: how long ago. */
export function shortAge(ms: number): string {
  return formatAge(Math.max(ms, 0)).replace(" ago", "");
}

/** How often to look whether an age of this size has another text, in ms. */
export function ageStepMs(ms: number): number {
  if (Math.abs(ms) < MINUTE) return SECOND;
  return Math.abs(ms) < HOUR ? 5 * SECOND : MINUTE;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

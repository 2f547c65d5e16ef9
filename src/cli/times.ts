/**
 * What waited, ran and took mean, and how durations and ages are written. Waited: from creation to the start. Ran: from
 * the start to the end. Took: from creation to the end. PURE.
 */

import { InvalidArgumentError, type Option } from "commander";
import type { Schemas } from "../client/index.ts";
import { SuggestingOption } from "./command.ts";

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
}: Pick<Schemas["ActionRun"], "createdAt" | "startedAt" | "completedAt">): RunTimes {
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

/* SECTION: Reads when a list begins: a time ago, a day, or an instant. Days begin at midnight in the machine's time zone. */

const MINUTE_MS = 60_000;
const UNIT_MS: Readonly<Record<string, number>> = {
  m: MINUTE_MS,
  h: 60 * MINUTE_MS,
  d: 24 * 60 * MINUTE_MS,
  w: 7 * 24 * 60 * MINUTE_MS,
};
const ACCEPTED =
  "Use a time ago such as 30m, 24h, 7d or 2w, today, yesterday, a date such as 2026-01-31, " +
  "or a time such as 2026-01-31T12:00:00Z.";

/** The option --since, for lists that --created-after filters. */
export function sinceOption(): Option {
  return new SuggestingOption(
    "--since <when>",
    "only runs created since then: 30m, 24h, 7d, today, yesterday or a date, in your time zone",
    ["today", "yesterday", "1h", "24h", "7d"],
  )
    .conflicts("createdAfter")
    .argParser(readWhen);
}

/** A reader of instants, for options of other commands. */
export function readWhen(text: string): string {
  const at = sinceOf(text, new Date());
  if (at === null) throw new InvalidArgumentError(ACCEPTED);
  return at.toISOString();
}

/** The instant that `text` means at `now`; null if it means none. PURE, apart from the machine's time zone. */
export function sinceOf(text: string, now: Date): Date | null {
  const [, count, unit = ""] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  if (count !== undefined) return valid(new Date(now.getTime() - Number(count) * (UNIT_MS[unit] ?? 0)));
  if (text === "today") return midnight(now, 0);
  if (text === "yesterday") return midnight(now, -1);
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (day !== undefined) return calendarDay(Number(year), Number(month), Number(day));
  // Without an offset, an instant would depend on the machine, and readers of a script would not see it.
  if (!/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/.test(text)) return null;
  return valid(new Date(text.toUpperCase()));
}

function midnight(now: Date, days: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
}

/** null for a day that no calendar has, such as 2026-02-30. */
function calendarDay(year: number, month: number, day: number): Date | null {
  const date = new Date(year, month - 1, day);
  const isThatDay = date.getFullYear() === year && date.getMonth() === month - 1 && date.getDate() === day;
  return isThatDay ? date : null;
}

function valid(date: Date): Date | null {
  return Number.isNaN(date.getTime()) ? null : date;
}

/* SECTION: Reads a time ahead: `+2h` from now, or an instant with an offset. */

const LATER_MINUTE_MS = 60_000;
const LATER_UNIT_MS: Readonly<Record<string, number>> = {
  m: LATER_MINUTE_MS,
  h: 60 * LATER_MINUTE_MS,
  d: 24 * 60 * LATER_MINUTE_MS,
};
const LATER_ACCEPTED =
  "Use a time from now such as +30m, +2h or +1d, or a time with an offset such as 2026-01-31T06:00:00+01:00.";

/**
 * A reader for options. It turns `+2h` into an instant before anything is sent, so that a retry of the request repeats
 * the same instant.
 */
export function readLater(text: string): string {
  const at = laterOf(text, Date.now());
  if (at === null) throw new InvalidArgumentError(LATER_ACCEPTED);
  return at;
}

/** The instant that `text` means at `now`; null if it means none. An instant stays as it is written. PURE. */
export function laterOf(text: string, now: number): string | null {
  const [, count, unit = ""] = /^\+(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(now + Number(count) * (LATER_UNIT_MS[unit] ?? 0)).toISOString();
  // Without an offset, an instant would depend on the machine. The service refuses what no calendar has.
  return /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/.test(text) ? text : null;
}

/* SECTION: Reads how long the old secret of a token or a webhook endpoint still works after a rotation. PURE. */

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** As the API bounds it. */
const MAX_SECONDS = 604_800;

/** Seconds from a text such as `90s`, `30m`, `12h` or `7d`; `0` needs no unit. */
export function readGracePeriod(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds = text === "0" ? 0 : Number(count || Number.NaN) * (UNIT_SECONDS[unit] ?? Number.NaN);
  if (seconds >= 0 && seconds <= MAX_SECONDS) return seconds;
  throw new InvalidArgumentError("Use a time such as 30m, 12h or 7d, at most 7d. 0 ends the old secret at once.");
}

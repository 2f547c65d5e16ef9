/** Reads when a list begins: a time ago, a day, or an instant. Days begin at midnight in the machine's time zone. */

import { InvalidArgumentError, type Option } from "commander";
import { SuggestingOption } from "./options.ts";

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

/**
 * Times as people say them: `2h`, `yesterday`, `friday 18:00`, a date. One reader for the command line and the console, so
 * that both understand the same. PURE, apart from `LOCAL`, the time zone of this machine.
 *
 * Days begin and end at midnight in the zone, and a day on which the clocks change has 23 or 25 hours. A local time that
 * comes twice is the first one. One that the clocks skip is as much later.
 */

export const SINCE_PRESETS = ["1h", "today", "yesterday", "24h", "7d"];

export const TIMES_HELP =
  "a duration such as 30m, 2h, 7d or 2w, a day such as today, friday, last tuesday or 2026-11-28, a time such as 18:00, or both such as " +
  "friday 18:00, or 2026-11-28T18:00:00Z";

/** Minutes by which the clocks of a zone are ahead of UTC at an instant. */
export type Zone = (at: number) => number;

export const LOCAL: Zone = (at) => -new Date(at).getTimezoneOffset();
export const UTC: Zone = () => 0;

interface Said {
  readonly now: Date;
  readonly zone: Zone;
  /** Whether the text is about the past. `2h`, `friday` and `18:00` have two meanings. */
  readonly isPast: boolean;
}

/** No time is longer. */
const TEXT_MAX_CHARACTERS = 64;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The instants of the years from 0 to 9999. */
const YEARS = [Date.parse("0000-01-01"), Date.parse("+010000-01-01")] as const;
export const UNIT_MS: Readonly<Record<string, number>> = { m: MINUTE_MS, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS };
const SPAN = /^(\+|in )?(\d{1,5}) ?([mhdw])( ago)?$/;
const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const CLOCK = /^(?:(.+) )?(\d\d?):(\d\d)$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
/** Of RFC 3339, or without its offset. */
const DATE_TIME = /^(\d{4}-\d\d-\d\d)[t ](\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?(z|[+-]\d\d:\d\d)?$/;

/** Whether the text means another instant tomorrow, so that an address keeps it as it is. */
export function isRelative(text: string): boolean {
  return !/^\d{4}-/.test(text) && sinceInstant(text, new Date(0), UTC) !== null;
}

/** The first instant of what the text names; null if it names none. A weekday is the last one, also today. */
export function sinceInstant(text: string, now: Date, zone: Zone = LOCAL): Date | null {
  return instantOf(text, { now, zone, isPast: true }, 0);
}

/** The first instant after what the text names, because `until yesterday` includes yesterday; null if it names none. */
export function untilInstant(text: string, now: Date, zone: Zone = LOCAL): Date | null {
  return instantOf(text, { now, zone, isPast: true }, 1);
}

/** The same for a time ahead: `2h` is in two hours, and `friday` is the midnight with which the next one begins. */
export function laterInstant(text: string, now: Date, zone: Zone = LOCAL): Date | null {
  return instantOf(text, { now, zone, isPast: false }, 0);
}

/** `later`: how many days after a day that is named without a time. */
function instantOf(text: string, said: Said, later: 0 | 1): Date | null {
  const { now, zone } = said;
  if (text.length > TEXT_MAX_CHARACTERS) return null;
  const words = text.trim().toLowerCase().replaceAll(/\s+/g, " ");
  if (words === "now") return now;
  const at = spanOf(words, said) ?? dateTimeOf(words, zone) ?? dayOf(words, said, later);
  // No instant of RFC 3339 has another year.
  return at !== null && at >= YEARS[0] && at < YEARS[1] ? new Date(at) : null;
}

function spanOf(text: string, { now, isPast }: Said): number | null {
  const [whole, ahead, count, unit = "", ago] = SPAN.exec(text) ?? [];
  if (whole === undefined || (ahead !== undefined && ago !== undefined)) return null;
  const isAgo = ago !== undefined || (isPast && ahead === undefined);
  return now.getTime() + (isAgo ? -1 : 1) * Number(count) * (UNIT_MS[unit] ?? 0);
}

function dateTimeOf(text: string, zone: Zone): number | null {
  const [whole, date = "", hours, minutes, seconds = "0", offset] = DATE_TIME.exec(text) ?? [];
  if (whole === undefined) return null;
  const day = dateOf(date);
  if (day === null) return null;
  if (offset !== undefined) return Date.parse(text.toUpperCase().replace(" ", "T"));
  const time = timeOf(hours, minutes);
  return time === null || Number(seconds) >= 60
    ? null
    : instantIn(zone, day + time + Math.floor(Number(seconds) * 1000));
}

function dayOf(text: string, said: Said, later: number): number | null {
  const [clock, before, hours, minutes] = CLOCK.exec(text) ?? [];
  const isEveryDay = clock !== undefined && before === undefined;
  const named = isEveryDay ? { day: todayOf(said), everyDays: 1 } : namedDay(before ?? text, said);
  const time = clock === undefined ? 0 : timeOf(hours, minutes);
  if (named === null || time === null) return null;
  return nearest(named, time, said, clock === undefined ? later * DAY_MS : 0);
}

/**
 * Midnights, as ms that a clock in UTC would show. `everyDays`: the day comes again after so many days, and the nearest
 * one in the direction of the text is meant. Null: there is only this one.
 */
interface NamedDay {
  readonly day: number;
  readonly everyDays: number | null;
}

function namedDay(text: string, said: Said): NamedDay | null {
  const today = todayOf(said);
  const away = ["yesterday", "today", "tomorrow"].indexOf(text) - 1;
  if (away >= -1) return { day: today + away * DAY_MS, everyDays: null };
  const date = dateOf(text);
  if (date !== null) return { day: date, everyDays: null };
  const [, which, name = ""] = /^(last |next )?([a-z]{3,})$/.exec(text) ?? [];
  const weekday = WEEKDAYS.findIndex((one) => one === name || one.slice(0, 3) === name);
  if (weekday < 0) return null;
  // The days from today until that weekday.
  const ahead = (weekday - new Date(today).getUTCDay() + 7) % 7;
  if (which === undefined) return { day: today + ahead * DAY_MS, everyDays: 7 };
  // Neither is today.
  const days = which === "next " ? ahead || 7 : ahead - 7;
  return { day: today + days * DAY_MS, everyDays: null };
}

/** The time of the day that is the nearest before or after now. `added`: to what is returned. */
function nearest({ day, everyDays }: NamedDay, time: number, { now, zone, isPast }: Said, added = 0): number {
  const named = (days: number) => day + days * DAY_MS + time;
  if (everyDays === null) return instantIn(zone, named(0) + added);
  const candidates = [-everyDays, 0, everyDays].map(named);
  const isBefore = (wall: number) => instantIn(zone, wall) <= now.getTime();
  const wall = isPast ? candidates.findLast(isBefore) : candidates.find((one) => !isBefore(one));
  return instantIn(zone, (wall ?? named(0)) + added);
}

/** The midnight with which this day began, as ms that a clock in UTC would show. */
function todayOf({ now, zone }: Said): number {
  const wall = now.getTime() + zone(now.getTime()) * MINUTE_MS;
  return wall - (((wall % DAY_MS) + DAY_MS) % DAY_MS);
}

/** Null if no calendar has the date, such as 2026-02-30. */
function dateOf(text: string): number | null {
  const [, year, month, day] = DATE.exec(text)?.map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined) return null;
  const at = new Date(0);
  // Unlike Date.UTC, this takes a year before 100 as it is.
  at.setUTCFullYear(year, month - 1, day);
  return at.getUTCMonth() === month - 1 && at.getUTCDate() === day ? at.getTime() : null;
}

function timeOf(hours: string | undefined, minutes: string | undefined): number | null {
  if (hours === undefined || minutes === undefined || Number(hours) > 23 || Number(minutes) > 59) return null;
  return (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
}

/** The instant at which the clocks of the zone show this. */
function instantIn(zone: Zone, wall: number): number {
  // No zone changes its clocks twice within a day. Before a change they were ahead by `before`, and then by `after`.
  const [before, after] = [zone(wall - DAY_MS), zone(wall + DAY_MS)].map((ahead) => wall - ahead * MINUTE_MS);
  const shows = (at: number) => at + zone(at) * MINUTE_MS === wall;
  if (before === undefined || after === undefined) return wall;
  // Twice: `before` comes first. Never: the clocks skip it, and `before` is as much later.
  return !shows(before) && shows(after) ? after : before;
}

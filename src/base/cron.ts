/**
 * Cron expressions: which ones we accept, and when their times are. PURE.
 *
 * We check the text ourselves, because the library accepts more: six fields, `L`, `W`, `#`, `?` and dates. It gets only
 * numbers, `*` and `*` with a step. Times follow cron(8). A time in the hour that the clocks skip comes when they have
 * moved, and one in the hour that they repeat comes once. If minute or hour begins with `*`, times follow the wall
 * clock.
 */
import { Cron } from "croner";
import { err, ok, type Result } from "./result.ts";
import { DAY_MS, MINUTE_MS } from "./time.ts";

export interface CronTimes {
  readonly cron: string;
  readonly timezone: string;
}

/** A cron without a time in so many days is refused. Leap days are at most eight years apart, but the next one is in 2028. */
const FIRST_TIME_MAX_MS = 5 * 365 * DAY_MS + 2 * DAY_MS;

export const CRON_NAMES: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
};

interface Field {
  readonly noun: string;
  readonly min: number;
  readonly max: number;
  /** In the order of their numbers, from `min` on. */
  readonly names?: readonly string[];
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
const FIELDS: readonly Field[] = [
  { noun: "minute", min: 0, max: 59 },
  { noun: "hour", min: 0, max: 23 },
  { noun: "day of the month", min: 1, max: 31 },
  { noun: "month", min: 1, max: 12, names: MONTHS },
  // Sunday is 0 and 7.
  { noun: "day of the week", min: 0, max: 7, names: DAYS },
];

/** What is wrong with a cron, as the end of a sentence that begins with the member's name. Null if nothing is. */
export function cronFault({ cron, timezone }: CronTimes, now: number): string | null {
  const pattern = toPattern(cron);
  if (!pattern.ok) return pattern.error;
  const [first] = nextTimes({ cron, timezone }, now, 1);
  return first === undefined || first > now + FIRST_TIME_MAX_MS ? "has no time in the next five years." : null;
}

/** Whether this is the name of a time zone that the runtime knows. An offset such as `+01:00` is not one. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The first `count` times after an instant, in ms. Fewer if there are no more. Throws if `cron` is not valid. */
export function nextTimes(times: CronTimes, after: number, count: number): readonly number[] {
  return toCron(times)
    .nextRuns(count, new Date(after))
    .map((at) => at.getTime());
}

/** The last time at this instant or before; null if there is none. Throws if `cron` is not valid. */
export function lastTime(times: CronTimes, now: number): number | null {
  // The library wants an instant behind the time, and knows whole seconds.
  const behind = new Date(Math.floor(now / MINUTE_MS) * MINUTE_MS + 1000);
  return toCron(times).previousRuns(1, behind)[0]?.getTime() ?? null;
}

/** RFC 3339 with the offset of the zone at that instant. */
export function localTime(at: number, timezone: string): string {
  const format = new Intl.DateTimeFormat("en", { timeZone: timezone, timeZoneName: "longOffset" });
  const name = format.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value ?? "GMT";
  const [, sign = "+", hours = "00", minutes = "00"] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
  const offsetMs = Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
  return `${new Date(at + offsetMs).toISOString().slice(0, -1)}${sign}${hours}:${minutes}`;
}

function toCron({ cron, timezone }: CronTimes): Cron {
  const pattern = toPattern(cron);
  if (!pattern.ok) throw new Error(`a stored cron ${pattern.error}`);
  return new Cron(pattern.value, { timezone, mode: "5-part", fixedTimeRule: "no-wildcard" });
}

function toPattern(cron: string): Result<string, string> {
  const named = cron.startsWith("@") ? CRON_NAMES[cron] : cron;
  if (named === undefined)
    return err(`has an unknown name; send one of ${Object.keys(CRON_NAMES).join(", ")}, or five fields.`);
  const texts = named.trim().split(/ +/);
  if (texts.length !== FIELDS.length) {
    return err("has not five fields; send minute, hour, day of the month, month and day of the week.");
  }
  const fields: string[] = [];
  for (const [i, field] of FIELDS.entries()) {
    const numbers = toNumbers(texts[i] ?? "", field);
    if (!numbers.ok) return err(`has a fault in the field ${field.noun}: ${numbers.error}`);
    fields.push(numbers.value);
  }
  return ok(fields.join(" "));
}

const STEP_ONLY = /^\*(?:\/(\d{1,2}))?$/;
const PART = /^(\w+)(?:-(\w+)(?:\/(\d{1,2}))?)?$/;

/** One field in numbers: `*`, `*` with a step, or a list without ranges. */
function toNumbers(text: string, field: Field): Result<string, string> {
  const star = STEP_ONLY.exec(text);
  if (star !== null) {
    const step = stepOf(star[1], field);
    return step === null ? err(stepFault(field)) : ok(step === 1 ? "*" : `*/${step}`);
  }
  const found = new Set<number>();
  const name = field.names === undefined ? "" : `, or a name such as ${field.names[1]}`;
  for (const part of text.split(",")) {
    if (part.startsWith("*")) return err("* stands alone, or with a step as in */5.");
    const [isPart, from, to = from, stepText] = PART.exec(part) ?? [];
    if (isPart === undefined) return err(`${SYNTAX}.`);
    const [first, last, step] = [numberOf(from, field), numberOf(to, field), stepOf(stepText, field)];
    if (first === null || last === null) return err(`send numbers from ${field.min} to ${field.max}${name}.`);
    if (step === null) return err(stepFault(field));
    // SUN ends a week as well as it begins one.
    const end = last < first && last === 0 && field.names === DAYS ? 7 : last;
    if (end < first) return err("a range goes from the lower to the higher value.");
    for (let n = first; n <= end; n += step) found.add(field.names === DAYS ? n % 7 : n);
  }
  return ok([...found].sort((a, b) => a - b).join(","));
}

const SYNTAX = "send *, a number, a range such as 1-5, a step such as */5 or 1-30/5, or a list of numbers and ranges";

function stepFault({ max }: Field): string {
  return `a step is a number from 1 to ${max}.`;
}

function stepOf(text: string | undefined, { max }: Field): number | null {
  const step = text === undefined ? 1 : Number(text);
  return step >= 1 && step <= max ? step : null;
}

function numberOf(text = "", { min, max, names = [] }: Field): number | null {
  if (/^\d{1,2}$/.test(text)) return Number(text) >= min && Number(text) <= max ? Number(text) : null;
  const at = names.indexOf(text.toUpperCase());
  return at < 0 ? null : at + min;
}

/** Readers of times for options: all take the same texts, in the time zone of this machine. And of a grace period. */
import { InvalidArgumentError } from "commander";
import { laterInstant, sinceInstant, TIMES_HELP, UNIT_MS, untilInstant } from "../words/since.ts";

/** An instant that every machine reads alike. It can be more precise than a Date. */
const INSTANT = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/;
/** The longest grace period, as the API bounds it. */
const GRACE_MAX_SECONDS = 604_800;

/** In the past: the first instant of what the text names. */
export function readSince(text: string): string {
  return instantOf(text, sinceInstant);
}

/** In the past: the first instant after what the text names, so that a day is within. */
export function readUntil(text: string): string {
  return instantOf(text, untilInstant);
}

/** In the past: the first instant of what the text names. One of RFC 3339 stays as it is written. */
export function readPast(text: string): string {
  return INSTANT.test(text) ? text : readSince(text);
}

/** The same ahead. The service refuses what no calendar has. */
export function readLater(text: string): string {
  return INSTANT.test(text) ? text : instantOf(text, laterInstant);
}

/** It is read before anything is sent, so that a retry of the request repeats the same instant. */
function instantOf(text: string, read: typeof sinceInstant): string {
  const at = read(text, new Date());
  if (at !== null) return at.toISOString();
  throw new InvalidArgumentError(`Use ${TIMES_HELP}.`);
}

/** How long an old secret still works, in seconds, from `90s`, `30m`, `12h` or `7d`. `0` needs no unit. */
export function readGracePeriod(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const unitMs = unit === "s" ? 1000 : (UNIT_MS[unit] ?? Number.NaN);
  const seconds = text === "0" ? 0 : Number(count || Number.NaN) * (unitMs / 1000);
  if (seconds >= 0 && seconds <= GRACE_MAX_SECONDS) return seconds;
  throw new InvalidArgumentError("Use a time such as 30m, 12h or 7d, at most 7d. 0 ends the old secret at once.");
}

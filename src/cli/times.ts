/** Readers of times for options: when a list begins, a time ahead, and a grace period. */
import { InvalidArgumentError } from "commander";
import { sinceInstant, UNIT_MS } from "../words/since.ts";

/** An offset is required, because an instant that depends on the machine would surprise the readers of a script. */
const INSTANT = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/;
const LOCAL_TIME = /^\d{4}-\d\d-\d\d[Tt ]\d/;
/** The longest grace period, as the API bounds it. */
const GRACE_MAX_SECONDS = 604_800;

/** An instant from `24h`, `yesterday`, a date or a time. Days begin at midnight in the machine's time zone. */
export function readWhen(text: string): string {
  const isLocal = LOCAL_TIME.test(text) && !INSTANT.test(text);
  const at = isLocal ? null : sinceInstant(text, new Date());
  if (at !== null) return at.toISOString();
  throw new InvalidArgumentError(
    "Use a time ago such as 30m, 24h, 7d or 2w, today, yesterday, a date such as 2026-01-31, " +
      "or a time such as 2026-01-31T12:00:00Z.",
  );
}

/**
 * An instant from `+2h`, or one that stays as it is written. It is read before anything is sent, so that a retry of the
 * request repeats the same instant. The service refuses what no calendar has.
 */
export function readLater(text: string): string {
  const [, count, unit = ""] = /^\+(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(Date.now() + Number(count) * (UNIT_MS[unit] ?? 0)).toISOString();
  if (INSTANT.test(text)) return text;
  throw new InvalidArgumentError(
    "Use a time from now such as +30m, +2h or +1d, or a time with an offset such as 2026-01-31T06:00:00+01:00.",
  );
}

/** How long an old secret still works, in seconds, from `90s`, `30m`, `12h` or `7d`. `0` needs no unit. */
export function readGracePeriod(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const unitMs = unit === "s" ? 1000 : (UNIT_MS[unit] ?? Number.NaN);
  const seconds = text === "0" ? 0 : Number(count || Number.NaN) * (unitMs / 1000);
  if (seconds >= 0 && seconds <= GRACE_MAX_SECONDS) return seconds;
  throw new InvalidArgumentError("Use a time such as 30m, 12h or 7d, at most 7d. 0 ends the old secret at once.");
}

/** Reads a time ahead: `+2h` from now, or an instant with an offset. */

import { InvalidArgumentError } from "commander";

const MINUTE_MS = 60_000;
const UNIT_MS: Readonly<Record<string, number>> = { m: MINUTE_MS, h: 60 * MINUTE_MS, d: 24 * 60 * MINUTE_MS };
const ACCEPTED =
  "Use a time from now such as +30m, +2h or +1d, or a time with an offset such as 2026-01-31T06:00:00+01:00.";

/**
 * A reader for options. It turns `+2h` into an instant before anything is sent, so that a retry of the request repeats
 * the same instant.
 */
export function readLater(text: string): string {
  const at = laterOf(text, Date.now());
  if (at === null) throw new InvalidArgumentError(ACCEPTED);
  return at;
}

/** The instant that `text` means at `now`; null if it means none. An instant stays as it is written. PURE. */
export function laterOf(text: string, now: number): string | null {
  const [, count, unit = ""] = /^\+(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(now + Number(count) * (UNIT_MS[unit] ?? 0)).toISOString();
  // Without an offset, an instant would depend on the machine. The service refuses what no calendar has.
  return /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/.test(text) ? text : null;
}

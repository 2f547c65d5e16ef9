/**
 * Times as people say them: `24h`, `yesterday`, a date. PURE, apart from the time zone of this machine. Days begin and
 * end at midnight there, and a day on which the clocks change has 23 or 25 hours.
 */

/** What the search offers. */
export const SINCE_PRESETS = ["1h", "today", "yesterday", "24h", "7d"];

/** The units of a time ago or ahead. */
export const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };
const AGO = /^(\d{1,5})([mhdw])$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
/** Without an offset it is a local time. */
const TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?$/;

/** Whether the text means another instant tomorrow, so that an address keeps it as it is. */
export function isRelative(text: string): boolean {
  return AGO.test(text) || text === "today" || text === "yesterday";
}

/** The first instant of what the text names; null if it names none. */
export function sinceInstant(text: string, now: Date): Date | null {
  return dayOf(text, now, 0) ?? momentOf(text, now);
}

/** The first instant after what the text names, because `until yesterday` includes yesterday; null if it names none. */
export function untilInstant(text: string, now: Date): Date | null {
  return dayOf(text, now, 1) ?? momentOf(text, now);
}

/** The midnight with which the named day begins, or a later day. */
function dayOf(text: string, now: Date, later: number): Date | null {
  const [year, month, day] = [now.getFullYear(), now.getMonth(), now.getDate()];
  if (text === "today") return new Date(year, month, day + later);
  if (text === "yesterday") return new Date(year, month, day - 1 + later);
  const [, y, m, d] = DATE.exec(text)?.map(Number) ?? [];
  if (y === undefined || m === undefined || d === undefined) return null;
  const named = new Date(y, m - 1, d);
  // No calendar has 2026-02-30.
  if (named.getFullYear() !== y || named.getMonth() !== m - 1 || named.getDate() !== d) return null;
  return new Date(y, m - 1, d + later);
}

function momentOf(text: string, now: Date): Date | null {
  const [, count, unit = ""] = AGO.exec(text) ?? [];
  const at =
    count === undefined
      ? TIME.test(text)
        ? new Date(text.toUpperCase().replace(" ", "T"))
        : null
      : new Date(now.getTime() - Number(count) * (UNIT_MS[unit] ?? 0));
  return at === null || Number.isNaN(at.getTime()) ? null : at;
}

/** Durations, time limits and instants. A Worker has only the wall clock, which may step back. */

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Infinity if the clock has stepped back behind `at`. For waits, limits and memories: doing it again is safe. */
export function msSinceOrLongAgo(at: number, now: number): number {
  return now < at ? Number.POSITIVE_INFINITY : now - at;
}

/** 0 if the clock has stepped back behind `at`. For what must not be given up early: keeping it for longer is safe. */
export function msSinceOrJustNow(at: number, now: number): number {
  return Math.max(now - at, 0);
}

export class Timeout extends Error {}

/** The result of `work`. Throws what it throws, or Timeout after `maxMs`. The work itself goes on. */
export async function within<T>(maxMs: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Timeout(`no answer within ${maxMs} ms`)), maxMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

export function rfc3339(ms: number): string;
export function rfc3339(ms: number | null): string | null;
export function rfc3339(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** An instant, rounded down and up to a millisecond, because the text can be more precise. */
export interface Instant {
  readonly floorMs: number;
  readonly ceilMs: number;
}

const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/** The first whole ms at this instant or later. No response can show a later year than 9999. */
export function shownMs({ ceilMs }: Instant): number {
  return Math.min(ceilMs, LAST_MS);
}

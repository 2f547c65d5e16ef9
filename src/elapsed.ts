/**
 * Measures time by a clock that may step back; a Worker has no other. An instant that lies ahead was noted before the
 * clock stepped back. Nobody knows how long ago that was, so it counts as long ago: nothing lasts longer than promised.
 */

/** Milliseconds from `at` to `now`; Infinity when the clock has stepped back behind `at`. */
export function msSince(at: number, now: number): number {
  return now < at ? Number.POSITIVE_INFINITY : now - at;
}

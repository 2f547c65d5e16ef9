/**
 * Measures time by the wall clock, because a Worker has no other, and that clock may step back. An instant in the future
 * was noted before the clock stepped back, so it counts as long ago. Nothing then lasts longer than promised.
 */

/** Milliseconds from `at` to `now`; Infinity if the clock has stepped back behind `at`. */
export function msSince(at: number, now: number): number {
  return now < at ? Number.POSITIVE_INFINITY : now - at;
}

/** Random numbers from a seed, so that a soak can be planned again. Only the timing differs. */

/** At least 0 and less than 1. */
export type Random = () => number;

/** Mulberry32. Each `part` of the soak has its own sequence. */
export function randomFrom(seed: number, part: number): Random {
  let state = (seed * 0x9e3779b1 + part * 0x85ebca6b) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Random numbers that are the same for the same seed, on any machine. */

export type Random = () => number;

/** mulberry32: 32 bits of state, evenly spread over [0, 1). */
export function mulberry32(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed of its own for each scenario, so that adding one leaves the others as they were. */
export function seedOf(seed: number, name: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The time to the next arrival, where arrivals know nothing of each other (a Poisson process). */
export function nextArrivalMs(random: Random, perSecond: number): number {
  return (-Math.log(1 - random()) * 1000) / perSecond;
}

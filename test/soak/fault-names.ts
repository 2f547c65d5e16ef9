/** What can be wrong with D1 during a soak. The Worker of the soak knows how to make each of them. */

export const FAULTS = [
  "slow",
  "hanging",
  "refusing",
  "refusing writes",
  "refusing reads",
  "holding writes back",
  "committing, then failing",
  "full",
] as const;

export type FaultName = (typeof FAULTS)[number];

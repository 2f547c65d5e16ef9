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
  "refusing batches late",
] as const;

export type FaultName = (typeof FAULTS)[number];

/** What the soak tells an isolate about D1. */
export interface FaultsTold {
  /** Null: D1 is well. */
  readonly fault: FaultName | null;
  /** The number of the only database that has the fault; null if all have it. */
  readonly only: number | null;
  /** Whether D1 refuses single rows. */
  readonly refusesRows: boolean;
}

/** One run in so many. */
const ONE_IN = 256;

/** Whether D1 refuses each version of this run once. The end of an id is an HMAC, so such runs lie everywhere. */
export function isRefused(id: string): boolean {
  return Number.parseInt(id.slice(-8), 16) % ONE_IN === 0;
}

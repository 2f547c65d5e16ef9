/** When to try again. PURE: the random part is an argument. */

import { ActionRunsError } from "../../client/index.ts";

const FIRST_MS = 2000;
const LONGEST_MS = 60_000;

/**
 * After how many ms a read that failed is worth another try; null if it would fail again. `failed`: how many tries
 * failed in a row. `random`: 0 to 1, so that many consoles do not come back at the same moment.
 */
export function retryInMs(error: unknown, failed: number, random: number): number | null {
  if (!(error instanceof ActionRunsError)) return null;
  const { status, retryAfterMs } = error;
  // A 5xx without the API's own code comes from a proxy.
  if (status !== null && status !== 429 && status < 500) return null;
  const backoff = Math.min(FIRST_MS * 2 ** (failed - 1), LONGEST_MS);
  return Math.round((retryAfterMs ?? 0) + backoff * (0.5 + random / 2));
}

/** When to poll next: about every `everyMs`, with a fifth of jitter. */
export function pollInMs(everyMs: number, random: number): number {
  return Math.round(everyMs * (0.9 + random / 5));
}

/**
 * Compares the reports of a job with the deliveries that an endpoint's receiver has heard: each reported run must have
 * arrived there.
 */

import { setTimeout as delay } from "node:timers/promises";
import { heardBy } from "./receiving.ts";

const NOTIFIED_WITHIN_MS = 30_000;
const POLL_MS = 20;

export interface Notified {
  /** From the answer of each report to the arrival of its delivery. Negative if the delivery came first. */
  readonly delaysMs: readonly number[];
  /** From the beginning of the job to the last delivery. */
  readonly elapsedMs: number;
  /** Runs that were reported, and whose delivery is missing. */
  readonly missing: readonly string[];
}

/**
 * `reports`: for each run, when the answer to its report arrived. `beganAt`: when the job began. Returns when all have
 * arrived, or after 30 s.
 */
export async function whenNotified(
  receiver: string,
  reports: ReadonlyMap<string, number>,
  beganAt: number,
): Promise<Notified> {
  const arrivals = new Map<string, number>();
  const until = performance.now() + NOTIFIED_WITHIN_MS;
  const isMissing = (run: string) => !arrivals.has(run);
  for (;;) {
    for (const { id, at } of await heardBy(receiver)) {
      const run = id.replace(/-ended$/, "");
      if (!arrivals.has(run)) arrivals.set(run, at);
    }
    if (![...reports.keys()].some(isMissing) || performance.now() > until) break;
    await delay(POLL_MS);
  }
  const arrived = [...reports].flatMap(([run, answeredAt]) => {
    const at = arrivals.get(run);
    return at === undefined ? [] : [{ at, delayMs: at - answeredAt }];
  });
  return {
    delaysMs: arrived.map(({ delayMs }) => delayMs),
    elapsedMs: Math.max(...arrived.map(({ at }) => at)) - beganAt,
    missing: [...reports.keys()].filter(isMissing),
  };
}

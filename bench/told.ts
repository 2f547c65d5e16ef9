/**
 * Compares the reports of a job with the deliveries that an endpoint's receiver has heard: each reported run must have
 * been told.
 */

import { setTimeout as delay } from "node:timers/promises";
import { heardBy } from "./receiving.ts";

const TOLD_WITHIN_MS = 30_000;
const POLL_MS = 20;

export interface Told {
  /** From the answer of each report to the arrival of its delivery. Negative if the delivery came first. */
  readonly delaysMs: readonly number[];
  /** From the beginning of the job to the last delivery. */
  readonly elapsedMs: number;
  /** Runs that were reported and not told. */
  readonly untold: readonly string[];
}

/**
 * `reports`: for each run, when the answer to its report arrived. `beganAt`: when the job began. Returns when all are
 * told, or after 30 s.
 */
export async function whenTold(receiver: string, reports: ReadonlyMap<string, number>, beganAt: number): Promise<Told> {
  const arrivals = new Map<string, number>();
  const until = performance.now() + TOLD_WITHIN_MS;
  const isUntold = (run: string) => !arrivals.has(run);
  for (;;) {
    for (const { id, at } of await heardBy(receiver)) {
      const run = id.replace(/-ended$/, "");
      if (!arrivals.has(run)) arrivals.set(run, at);
    }
    if (![...reports.keys()].some(isUntold) || performance.now() > until) break;
    await delay(POLL_MS);
  }
  const told = [...reports].flatMap(([run, answeredAt]) => {
    const at = arrivals.get(run);
    return at === undefined ? [] : [{ at, delayMs: at - answeredAt }];
  });
  return {
    delaysMs: told.map(({ delayMs }) => delayMs),
    elapsedMs: Math.max(...told.map(({ at }) => at)) - beganAt,
    untold: [...reports.keys()].filter(isUntold),
  };
}

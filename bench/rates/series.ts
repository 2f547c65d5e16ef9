/** What the rounds of one operation at one number of callers have measured. */

import type { OperationName } from "../load/operations.ts";
import type { Attempt } from "./attempts.ts";
import type { Callers } from "./comparisons.ts";

export interface Series {
  readonly operation: OperationName;
  readonly callers: Callers;
  /** How many rounds there were to be. */
  readonly rounds: number;
  /** Responses a second, for each round; null if the round has no figure. */
  readonly rates: (number | null)[];
  readonly latenciesMs: number[];
  /** Processor time of the operation's server for one response, for each round that has a figure. */
  readonly cpuUs: number[];
  /** Responses a second to the other load, for each round. */
  readonly meanwhileRates: number[];
  /** From the answer of each report to the arrival of its delivery at a webhook endpoint. Negative if it came first. */
  readonly notifiedAfterMs: number[];
  /** Deliveries a second, from the beginning of the round to the last delivery, for each round. */
  readonly notifiedRates: number[];
  failures: number;
  firstFailure: string | null;
  /** How often a peer was found dead, in a warm-up or a round. */
  deaths: number;
  /** Rounds without a job, because the peer had died too often. */
  leftOut: number;
}

export function newSeries(operation: OperationName, callers: Callers, rounds: number): Series {
  const nothing = { rates: [], latenciesMs: [], cpuUs: [], meanwhileRates: [], notifiedAfterMs: [], notifiedRates: [] };
  return { operation, callers, rounds, ...nothing, failures: 0, firstFailure: null, deaths: 0, leftOut: 0 };
}

/** A round without a job. */
export function leaveOut(series: Series): void {
  series.leftOut++;
  series.rates.push(null);
}

/** Adds what a round has measured. */
export function add(series: Series, { measured, cpuUs, deaths }: Attempt): void {
  series.deaths += deaths;
  // Without a response there is no rate: the peer died, or the round before it made no run to report on.
  if (measured === null || measured.answers === 0) {
    series.rates.push(null);
    return;
  }
  const { answers, elapsedMs, latenciesMs, meanwhilePerSecond, notified, failures, firstFailure } = measured;
  series.rates.push((answers / elapsedMs) * 1000);
  for (const latency of latenciesMs) series.latenciesMs.push(latency);
  // Other load uses the same server.
  if (cpuUs !== null && meanwhilePerSecond === null) series.cpuUs.push(cpuUs / answers);
  if (meanwhilePerSecond !== null) series.meanwhileRates.push(meanwhilePerSecond);
  const { delaysMs, elapsedMs: notifyingMs } = notified ?? { delaysMs: [], elapsedMs: 0 };
  for (const ms of delaysMs) series.notifiedAfterMs.push(ms);
  if (delaysMs.length > 0) series.notifiedRates.push((delaysMs.length / notifyingMs) * 1000);
  series.failures += failures;
  series.firstFailure ??= firstFailure;
}

/** By the nearest rank. The median of an even number of values is the mean of the two middle ones. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (low === undefined || high === undefined) return Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

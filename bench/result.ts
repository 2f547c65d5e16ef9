/** Makes the result from the measurements: medians, ratios of the rounds, percentiles. PURE. */

import { CALLERS, type Callers, COMPARISONS, type Comparison } from "./comparisons.ts";
import type { Hops } from "./hops.ts";
import type { Series } from "./measure.ts";
import type { OperationName } from "./operations.ts";

/** The target for the median of an end's way to the receiver, from the answer of its report. */
const TOLD_WITHIN_MS = 50;

export interface Row extends Pick<Series, "operation" | "callers" | "failures" | "firstFailure"> {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Responses a second to the other load; null without other load. */
  readonly meanwhilePerSecond: number | null;
  /** Null for the limits and the peer. */
  readonly hops: Hops | null;
}

export interface Ratio {
  readonly operation: OperationName;
  readonly limit: OperationName;
  readonly callers: Callers;
  readonly ours: Row;
  readonly limits: Row;
  /** The median of the rounds' own ratios; null if any response was wrong. */
  readonly ratio: number | null;
  /** The middle half of the rounds' ratios lies between these two. */
  readonly middle: readonly [number, number];
  readonly target: number | null;
}

/** What a webhook endpoint heard at one number of callers. */
export interface Telling {
  readonly operation: OperationName;
  readonly callers: Callers;
  /** From the answer of a report to the arrival of its message. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** For the median. */
  readonly targetMs: number | null;
  readonly perSecond: number;
}

export interface Result {
  readonly rows: readonly Row[];
  readonly tellings: readonly Telling[];
  readonly ratios: readonly Ratio[];
  readonly failures: number;
}

export function toResult(
  series: readonly Series[],
  hops: ReadonlyMap<OperationName, Hops>,
  comparisons: readonly Comparison[] = COMPARISONS,
): Result {
  const rows = series.map(
    ({ rates, latenciesMs, meanwhileRates, toldAfterMs: _, toldRates: __, ...one }) => ({
      ...one,
      perSecond: quantile(rates, 0.5),
      p50Ms: quantile(latenciesMs, 0.5),
      p99Ms: quantile(latenciesMs, 0.99),
      meanwhilePerSecond: meanwhileRates.length === 0 ? null : quantile(meanwhileRates, 0.5),
      hops: hops.get(one.operation) ?? null,
    }),
  );
  const failures = rows.reduce((sum, row) => sum + row.failures, 0);
  const find = (operation: OperationName, callers: Callers) =>
    series.findIndex((one) => one.operation === operation && one.callers === callers);
  const ratios = comparisons.flatMap(({ ours, limit, targets }) =>
    CALLERS.flatMap((callers, at) => {
      const [a, b] = [find(ours, callers), find(limit, callers)];
      const [our, limits] = [rows[a], rows[b]];
      if (our === undefined || limits === undefined) return [];
      const each = (series[a]?.rates ?? []).map((rate, i) => rate / (series[b]?.rates[i] ?? Number.NaN));
      const ratio = failures > 0 ? null : quantile(each, 0.5);
      const middle = [quantile(each, 0.25), quantile(each, 0.75)] as const;
      const target = targets?.[at] ?? null;
      return [{ operation: ours, limit, callers, ours: our, limits, ratio, middle, target }];
    }),
  );
  const told = series.filter(({ toldRates }) => toldRates.length > 0);
  const tellings = told.map(({ operation, callers, toldAfterMs, toldRates }) => ({
    ...{ operation, callers, p50Ms: quantile(toldAfterMs, 0.5), p99Ms: quantile(toldAfterMs, 0.99) },
    targetMs: callers === 1 ? TOLD_WITHIN_MS : null,
    perSecond: quantile(toldRates, 0.5),
  }));
  return { rows, tellings, ratios, failures };
}

/** By the nearest rank. The median of an even number of values is the mean of the two middle ones. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (low === undefined || high === undefined) return Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Makes the result from the measurements: medians, ratios of the rounds, percentiles. PURE. */

import { OPERATIONS, type OperationName } from "../load/operations.ts";
import { CALLERS, type Callers, COMPARISONS, type Comparison, CPU_TARGETS } from "../rates/comparisons.ts";
import type { Hops } from "../rates/hops.ts";
import type { Measurements } from "../rates/measure.ts";
import { quantile, type Series } from "../rates/series.ts";

/** The target for the median of an end's way to the receiver, from the answer of its report. */
const NOTIFIED_WITHIN_MS = 50;

export interface Row extends Pick<Series, "operation" | "callers" | "failures" | "firstFailure"> {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Responses a second to the other load; null without other load. */
  readonly meanwhilePerSecond: number | null;
  /** Null for the limits and the peers. */
  readonly hops: Hops | null;
  /** Processor time of the server's processes for one response; null if nobody knows. */
  readonly cpuUs: number | null;
  /** Responses for each second of the server's processor time. */
  readonly perCpuSecond: number | null;
  readonly cpuTarget: number | null;
  /** What happened to the rounds: a death of the server, wrong responses. Null if nothing did. */
  readonly note: string | null;
}

export interface Ratio {
  readonly operation: OperationName;
  readonly limit: OperationName;
  readonly callers: Callers;
  readonly ours: Row;
  readonly limits: Row;
  /** The median of the ratios of the rounds that both have; null if there is none, or if a response was wrong. */
  readonly ratio: number | null;
  /** The middle half of the rounds' ratios lies between these two. */
  readonly middle: readonly [number, number];
  readonly target: number | null;
}

/** What a webhook endpoint heard at one number of callers. */
export interface Notification {
  readonly operation: OperationName;
  readonly callers: Callers;
  /** From the answer of a report to the arrival of its delivery. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** For the median. */
  readonly targetMs: number | null;
  readonly perSecond: number;
}

export interface Result {
  readonly rows: readonly Row[];
  readonly notifications: readonly Notification[];
  readonly ratios: readonly Ratio[];
  readonly failures: number;
  /** Why the measuring ended early; null if it did not. */
  readonly brokenOff: string | null;
}

export function toResult(
  { series, brokenOff }: Measurements,
  hops: ReadonlyMap<OperationName, Hops>,
  comparisons: readonly Comparison[] = COMPARISONS,
): Result {
  const rows = series.map((one) => toRow(one, hops.get(one.operation) ?? null));
  const failures = rows.reduce((sum, row) => sum + row.failures, 0);
  const find = (operation: OperationName, callers: Callers) =>
    series.findIndex((one) => one.operation === operation && one.callers === callers);
  const ratios = comparisons.flatMap(({ ours, limit, targets }) =>
    CALLERS.flatMap((callers, at) => {
      const [a, b] = [find(ours, callers), find(limit, callers)];
      const [our, limits] = [rows[a], rows[b]];
      if (our === undefined || limits === undefined) return [];
      const each = ratesOf(series[a], series[b]);
      const isWrong = our.failures + limits.failures > 0;
      const ratio = isWrong || each.length === 0 ? null : quantile(each, 0.5);
      const middle = [quantile(each, 0.25), quantile(each, 0.75)] as const;
      const target = targets?.[at] ?? null;
      return [{ operation: ours, limit, callers, ours: our, limits, ratio, middle, target }];
    }),
  );
  const notified = series.filter(({ notifiedRates }) => notifiedRates.length > 0);
  const notifications = notified.map(({ operation, callers, notifiedAfterMs, notifiedRates }) => ({
    operation,
    callers,
    p50Ms: quantile(notifiedAfterMs, 0.5),
    p99Ms: quantile(notifiedAfterMs, 0.99),
    targetMs: callers === 1 ? NOTIFIED_WITHIN_MS : null,
    perSecond: quantile(notifiedRates, 0.5),
  }));
  return { rows, notifications, ratios, failures, brokenOff };
}

function toRow(series: Series, hops: Hops | null): Row {
  const { operation, callers, rates, latenciesMs, meanwhileRates, cpuUs: costs } = series;
  const cpuUs = costs.length === 0 || series.failures > 0 ? null : quantile(costs, 0.5);
  return {
    operation,
    callers,
    failures: series.failures,
    firstFailure: series.firstFailure,
    perSecond: quantile(rates.filter(isMeasured), 0.5),
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    meanwhilePerSecond: meanwhileRates.length === 0 ? null : quantile(meanwhileRates, 0.5),
    hops,
    cpuUs,
    perCpuSecond: cpuUs === null ? null : 1e6 / cpuUs,
    cpuTarget: CPU_TARGETS[operation]?.[callers] ?? null,
    note: noteOf(series),
  };
}

/** The ratios of the rounds that both have. */
function ratesOf(ours?: Series, limit?: Series): number[] {
  return (ours?.rates ?? []).flatMap((rate, round) => {
    const other = limit?.rates[round] ?? null;
    return rate === null || other === null ? [] : [rate / other];
  });
}

function noteOf({ operation, rates, rounds, deaths, leftOut, failures }: Series): string | null {
  const measured = rates.filter(isMeasured).length;
  const parts = [
    deaths > 0 ? `${OPERATIONS[operation].server} ended ${times(deaths)}` : "",
    leftOut > 0 ? `the last ${leftOut} rounds were left out` : "",
    failures > 0 ? `wrong responses: ${failures}` : "",
    measured < rounds || deaths > 0 ? `${measured} of ${rounds} rounds` : "",
  ].filter(Boolean);
  return parts.length === 0 ? null : parts.join(", ");
}

function times(n: number): string {
  return n === 1 ? "once" : `${n} times`;
}

function isMeasured(rate: number | null): rate is number {
  return rate !== null;
}

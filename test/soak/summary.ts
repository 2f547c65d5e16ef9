/** What a soak says at its end. */

import type { SoakRecord } from "./record.ts";

export interface Outcome {
  readonly seed: number;
  readonly tookMs: number;
  /** How long the checks took after the last request. */
  readonly checksMs: number;
  /** How long the last row took to be replicated; null if some never did. */
  readonly replicatedMs: number | null;
  /** Runs in D1. */
  readonly rows: number;
  /** How many of them were compared with a get. */
  readonly compared: number;
  /** Runs whose create was acknowledged. */
  readonly runs: number;
  /** How many ms after its end a webhook endpoint with a receiver that is well heard of each run. */
  readonly delays: readonly number[];
}

export function summary(record: SoakRecord, outcome: Outcome): string {
  const { seed, tookMs, checksMs, replicatedMs, rows, compared, runs, delays } = outcome;
  const { counts, acknowledged, slowestGet, violations } = record;
  const line = (name: string, value: string) => `  ${name.padEnd(48)}${value}`;
  const replicated = replicatedMs === null ? "some never were" : `after ${(replicatedMs / 1000).toFixed(1)} s`;
  return [
    `\nSoak of ${Math.round(tookMs / 1000)} s, seed ${seed}`,
    ...[...counts].sort(([a], [b]) => a.localeCompare(b)).map(([what, count]) => line(what, String(count))),
    line("acknowledged changes", String(acknowledged)),
    line("acknowledged runs; runs in D1", `${runs}; ${rows}`),
    line("runs in D1 compared with a get", String(compared)),
    line("an end was told after, median and 95 %", quantiles(delays)),
    line("slowest get", `${slowestGet.ms} ms (${slowestGet.what})`),
    line("everything was replicated by itself", replicated),
    line("the last checks took", `${(checksMs / 1000).toFixed(1)} s`),
    line("VIOLATIONS", String(violations)),
  ].join("\n");
}

function quantiles(delays: readonly number[]): string {
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (part: number) => Math.max(sorted[Math.floor(sorted.length * part)] ?? 0, 0);
  return `${at(0.5)} ms; ${at(0.95)} ms`;
}

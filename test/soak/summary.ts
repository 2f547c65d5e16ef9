/** What a soak says at its end. */

import type { SoakRecord } from "./record.ts";

export interface Outcome {
  readonly seed: number;
  readonly tookMs: number;
  /** How long the last row took to land; null if some never did. */
  readonly landedMs: number | null;
  /** Runs in D1. */
  readonly rows: number;
  /** Runs whose create was acknowledged. */
  readonly runs: number;
}

export function summary(record: SoakRecord, { seed, tookMs, landedMs, rows, runs }: Outcome): string {
  const { counts, acknowledged, slowestGet, violations } = record;
  const line = (name: string, value: string) => `  ${name.padEnd(48)}${value}`;
  const landed = landedMs === null ? "some never landed" : `after ${(landedMs / 1000).toFixed(1)} s`;
  return [
    `\nSoak of ${Math.round(tookMs / 1000)} s, seed ${seed}`,
    ...[...counts].sort(([a], [b]) => a.localeCompare(b)).map(([what, count]) => line(what, String(count))),
    line("acknowledged changes", String(acknowledged)),
    line("acknowledged runs; runs in D1", `${runs}; ${rows}`),
    line("slowest get", `${slowestGet.ms} ms (${slowestGet.what})`),
    line("everything landed by itself", landed),
    line("VIOLATIONS", String(violations)),
  ].join("\n");
}

/** How the last runs of an action went. PURE. */

import type { RunRow } from "../runs/run-row.ts";
import { tookOf } from "../ui/durations.ts";

export interface RunStatistics {
  /** Runs that succeeded or failed. A run that somebody cancelled says nothing about the action. */
  readonly decided: number;
  readonly succeeded: number;
  /** Of those that succeeded or failed, in ms; null if there are none. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

export function statisticsOf(rows: readonly RunRow[]): RunStatistics {
  const decided = rows.filter(({ status }) => status === "succeeded" || status === "failed");
  const durations = decided.map(durationOf).sort((a, b) => a - b);
  return {
    decided: decided.length,
    succeeded: decided.filter(({ status }) => status === "succeeded").length,
    p50Ms: percentile(durations, 50),
    p95Ms: percentile(durations, 95),
  };
}

/** The smallest value that is at least as large as `percent` of all (nearest rank). `sorted`: smallest first. */
function percentile(sorted: readonly number[], percent: number): number | null {
  return sorted[Math.max(Math.ceil((percent / 100) * sorted.length) - 1, 0)] ?? null;
}

function durationOf(row: RunRow): number {
  const { from, to } = tookOf(row);
  return Math.max(Date.parse(to ?? from) - Date.parse(from), 0);
}

/** `94 %`. Only if all succeeded it is 100 %, and only if none did it is 0 %. */
export function formatRate({ decided, succeeded }: RunStatistics): string {
  const percent = Math.round((succeeded / decided) * 100);
  const isMixed = succeeded > 0 && succeeded < decided;
  return `${isMixed ? Math.min(Math.max(percent, 1), 99) : percent} %`;
}

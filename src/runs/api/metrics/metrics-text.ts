/**
 * Metrics in Prometheus's text format 0.0.4. Names follow OpenTelemetry's `cicd.pipeline.run.*` where it has one. Every
 * series is there from the first scrape on, with 0, so that `rate()` sees the first increase. The only labels are
 * status, cause and le: their values are ours, so none needs an escape. PURE.
 */

import { ENDED_STATUSES, OPEN_STATUSES } from "../../run.ts";
import { BUCKETS_SECONDS, ENDS, type Histogram, type RunCounts } from "../../run-counts.ts";

type Labels = Readonly<Record<string, string>>;

/** `now`: when the counts were asked for, in ms. */
export function metricsText({ open, ended }: RunCounts, now: number): string {
  return [
    ...family("cicd_pipeline_run_active", "gauge", "Runs that are open, by status."),
    ...OPEN_STATUSES.map((status) => sample("cicd_pipeline_run_active", { status }, open[status].runs)),
    ...family(
      "action_runs_oldest_open_age_seconds",
      "gauge",
      "Time since the oldest open run was created, by status. 0 if there is none.",
    ),
    ...OPEN_STATUSES.map((status) => {
      const { oldestAt } = open[status];
      const ageMs = oldestAt === null ? 0 : Math.max(0, now - oldestAt);
      return sample("action_runs_oldest_open_age_seconds", { status }, ageMs / 1000);
    }),
    ...family("action_runs_ended_total", "counter", "Runs that have ended, by status and by what ended them."),
    ...ENDS.map(([status, cause]) =>
      sample("action_runs_ended_total", { status, cause }, ended.ended[`${status}/${cause}`] ?? 0),
    ),
    ...histogram(
      "action_runs_waited_seconds",
      "Time from the creation of an ended run to its start, or to its end if it never started.",
      ended.waited,
    ),
    ...histogram(
      "cicd_pipeline_run_duration_seconds",
      "Time from the start of an ended run to its end. Runs that never started are left out.",
      ended.ran,
    ),
    "",
  ].join("\n");
}

function family(name: string, type: "gauge" | "counter" | "histogram", help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
  return `${name}{${pairs.join(",")}} ${value}`;
}

function histogram(name: string, help: string, byStatus: Readonly<Record<string, Histogram>>): string[] {
  const series = ENDED_STATUSES.flatMap((status) => {
    const { buckets = [], sumMs = 0 } = byStatus[status] ?? {};
    let runs = 0;
    const bounds = [...BUCKETS_SECONDS.map(String), "+Inf"];
    const cumulative = bounds.map((le, i) => {
      runs += buckets[i] ?? 0;
      return sample(`${name}_bucket`, { status, le }, runs);
    });
    return [...cumulative, sample(`${name}_sum`, { status }, sumMs / 1000), sample(`${name}_count`, { status }, runs)];
  });
  return [...family(name, "histogram", help), ...series];
}

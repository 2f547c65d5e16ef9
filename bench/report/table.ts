/** The result as a table for a terminal and for README.md. PURE. */

import type { Notification, Ratio, Result, Row } from "./result.ts";

const HEAD =
  "operation|callers|ours/s|limit|limit/s|ratio|target|p50 ms|p99 ms|limit p50 ms|hops|meanwhile/s; limit|what happened";
const EACH = "operation|callers|/s|p50 ms|p99 ms|CPU us|per CPU second|target|what happened";

export function toTable({ ratios, rows, notifications }: Result): string {
  const compared = markdown([HEAD.split("|"), ...ratios.map(comparedLine)]);
  const each = markdown([EACH.split("|"), ...rows.map(rowLine)]);
  return [compared, each, ...(notifications.length === 0 ? [] : [notificationTable(notifications)])].join("\n\n");
}

function comparedLine({ operation, callers, ours, limit, limits, ratio, middle, target }: Ratio): string[] {
  const shown = ratio === null ? "none" : `${two(ratio)} (${two(middle[0])} to ${two(middle[1])})`;
  const paces = [ours, limits].map(({ meanwhilePerSecond: pace }) => (pace === null ? "none" : whole(pace)));
  const notes = [ours, limits].flatMap((row) => (row.note === null ? [] : [`${row.operation}: ${row.note}`]));
  return [
    operation,
    String(callers),
    whole(ours.perSecond),
    limit,
    whole(limits.perSecond),
    shown,
    targeted(ratio, target, two),
    ...latencies(ours),
    two(limits.p50Ms),
    hopsOf(ours),
    paces.every((pace) => pace === "none") ? "" : paces.join("; "),
    notes.join("; "),
  ];
}

/** One operation by itself. */
function rowLine({ operation, callers, perSecond, cpuUs, perCpuSecond, cpuTarget, note, ...row }: Row): string[] {
  return [
    operation,
    String(callers),
    whole(perSecond),
    ...latencies(row),
    ...[cpuUs, perCpuSecond].map((n) => (n === null ? "" : whole(n))),
    targeted(perCpuSecond, cpuTarget, whole),
    note ?? "",
  ];
}

/** A target that a number should reach. */
function targeted(n: number | null, target: number | null, show: (n: number) => string): string {
  if (target === null) return "";
  return n === null ? show(target) : `${show(target)} ${n >= target ? "met" : "missed"}`;
}

function notificationTable(notifications: readonly Notification[]): string {
  const head = "from a report's answer to its delivery|callers|p50 ms|p99 ms|target|deliveries/s".split("|");
  const lines = notifications.map(({ operation, callers, p50Ms, p99Ms, targetMs, perSecond }) => [
    operation,
    `${callers}`,
    two(p50Ms),
    two(p99Ms),
    targetMs === null ? "" : `${targetMs} ${p50Ms <= targetMs ? "met" : "missed"}`,
    whole(perSecond),
  ]);
  return markdown([head, ...lines]);
}

function latencies({ p50Ms, p99Ms }: Pick<Row, "p50Ms" | "p99Ms">): string[] {
  return [two(p50Ms), two(p99Ms)];
}

/** D1 calls and object calls of one request. */
function hopsOf({ hops }: Row): string {
  return hops === null ? "" : `${short(hops.d1)} D1, ${short(hops.coordinator)} object`;
}

/** A table in Markdown with aligned columns. */
export function markdown(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => (line[i] ?? "").length)));
  const toLine = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head, ...rest] = lines.map(toLine);
  return [head, `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...rest].join("\n");
}

/** Empty if no round has a figure. */
const whole = (n: number) => (Number.isNaN(n) ? "" : String(Math.round(n)));
const two = (n: number) => (Number.isNaN(n) ? "" : n.toFixed(2));
const short = (n: number) => String(Math.round(n * 1000) / 1000);

/** The result as a table for a terminal and for README.md. PURE. */

import type { Ratio, Result, Row, Telling } from "./result.ts";

const HEAD =
  "operation|callers|ours/s|limit|limit/s|ratio|target|p50 ms|p99 ms|limit p50 ms|hops|meanwhile/s; limit";

export function toTable({ ratios, rows, tellings, failures }: Result): string {
  const alone = rows
    .filter(({ operation }) => operation === "object write" || operation === "D1 upsert")
    .map(({ operation, callers, ...row }) => [operation, `${callers}`, whole(row.perSecond), ...times(row)]);
  const compared = markdown([HEAD.split("|"), ...ratios.map(comparedLine)]);
  const limits = markdown([["limit alone", "callers", "/s", "p50 ms", "p99 ms"], ...alone]);
  const told = failures > 0 || tellings.length === 0 ? [] : [toldTable(tellings)];
  return [compared, limits, ...told].join("\n\n");
}

function comparedLine({ operation, callers, ours, limit, limits, ratio, middle, target }: Ratio): string[] {
  const shown =
    ratio === null ? "none: wrong answers" : `${two(ratio)} (${two(middle[0])} to ${two(middle[1])})`;
  const met = ratio === null || target === null ? "" : ratio >= target ? "met" : "missed";
  const paces = [ours, limits].map(({ meanwhilePerSecond: pace }) => (pace === null ? "none" : whole(pace)));
  return [
    ...[operation, String(callers), whole(ours.perSecond), limit, whole(limits.perSecond), shown],
    target === null ? "" : `${two(target)} ${met}`,
    ...[...times(ours), two(limits.p50Ms), hopsOf(ours)],
    paces.every((pace) => pace === "none") ? "" : paces.join("; "),
  ];
}

function toldTable(tellings: readonly Telling[]): string {
  const head = "from a report's answer to its message|callers|p50 ms|p99 ms|target|messages/s".split("|");
  const lines = tellings.map(({ operation, callers, p50Ms, p99Ms, targetMs, perSecond }) => [
    ...[operation, `${callers}`, two(p50Ms), two(p99Ms)],
    targetMs === null ? "" : `${targetMs} ${p50Ms <= targetMs ? "met" : "missed"}`,
    whole(perSecond),
  ]);
  return markdown([head, ...lines]);
}

function times({ p50Ms, p99Ms }: Pick<Row, "p50Ms" | "p99Ms">): string[] {
  return [two(p50Ms), two(p99Ms)];
}

/** D1 calls and object calls of one request. */
function hopsOf({ hops }: Row): string {
  return hops === null ? "" : `${short(hops.d1)} D1, ${short(hops.coordinator)} object`;
}

/** A table in Markdown with aligned columns. */
export function markdown(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => (line[i] ?? "").length)));
  const toLine = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head, ...rest] = lines.map(toLine);
  return [head, `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...rest].join("\n");
}

const whole = (n: number) => String(Math.round(n));
const two = (n: number) => n.toFixed(2);
const short = (n: number) => String(Math.round(n * 1000) / 1000);

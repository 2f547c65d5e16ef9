/** What was measured, as tables for a terminal and for a page. PURE. */

import { quantile } from "../result.ts";
import { markdown } from "../table.ts";
import { FULL_BYTES } from "./footprint.ts";
import { deedsOf } from "./growing.ts";
import type { Growth } from "./growth.ts";
import { FLAT, layoutsOf, ratioOf } from "./limits.ts";

/** A statement below this is lost in whatever is around it. */
const WORTH_MS = 0.1;

type Lines = readonly (readonly string[])[];

export function toTables(growth: Growth): string {
  const sections: readonly (readonly [string, Lines])[] = [
    ["Requests: p50 ms, all sizes asked in turn", operationLines(growth)],
    ["SQLite alone: each statement once, and the rows that the runtime counts", deedLines(growth)],
    ["Statements that take longer where there is more", slowerLines(growth)],
    ["A start of a coordinator", startLines(growth)],
    ["Callbacks to a coordinator that removes runs", busyLines(growth)],
    ["Bytes of a run", byteLines(growth)],
    ["Memory of the service", memoryLines(growth)],
  ];
  return sections.map(([title, lines]) => `${title}\n\n${markdown(lines)}`).join("\n\n");
}

function operationLines(growth: Growth): string[][] {
  const head = ["operation", "callers", "runs in", ...growth.sizes.map(whole), "p99 at most", "ratio", ""];
  const lines = layoutsOf(growth).map(([where, series]) => {
    const { ratio, middle } = ratioOf(series);
    const p50 = series.map(({ latenciesMs }) => two(quantile(latenciesMs, 0.5)));
    const p99 = Math.max(...series.map(({ latenciesMs }) => quantile(latenciesMs, 0.99)));
    const shown = `${two(ratio)} (${two(middle[0])} to ${two(middle[1])})`;
    const { operation = "", callers = 0 } = series[0] ?? {};
    return [operation, String(callers), where, ...p50, two(p99), shown, ratio > FLAT ? "OVER" : ""];
  });
  return [head, ...lines];
}

function deedLines({ sizes, statements }: Growth): string[][] {
  const head = ["deed", "statements", ...sizes.map((runs) => `${whole(runs)}, ms`), "ratio", "rows read"];
  const lines = deedsOf(statements).map(({ during, statements: count, ms, rowsRead }) => [
    during,
    String(count),
    ...ms.map(three),
    two(growthOf(ms)),
    rowsRead.join("; "),
  ]);
  return [head, ...lines];
}

function slowerLines(growth: Growth): string[][] {
  const head = ["during", "in", "statement", ...growth.sizes.map((runs) => `${whole(runs)}, ms`), "ratio"];
  const lines = growth.statements
    .filter(({ ms }) => (ms.at(-1) ?? 0) > WORTH_MS && growthOf(ms) > FLAT)
    .map(({ during, database, sql, ms }) => [
      during,
      database,
      sql.length > 70 ? `${sql.slice(0, 70)}…` : sql,
      ...ms.map(three),
      two(growthOf(ms)),
    ]);
  return [head, ...lines];
}

function startLines({ cold, sizes }: Growth): string[][] {
  const runs = whole((sizes.at(-1) ?? 0) / 4);
  return [
    ["it holds", "starts", "first call, p50 ms", "worst ms", "next call, p50 ms"],
    ...(
      [
        [`${runs} runs`, cold.full],
        ["1 run", cold.empty],
      ] as const
    ).map(([holds, starts]) => [
      holds,
      String(cold.starts),
      two(starts.firstMs),
      two(starts.worstFirstMs),
      two(starts.nextMs),
    ]),
  ];
}

function busyLines({ busy }: Growth): string[][] {
  const { purged, tookMs, perSecond, before, during, after } = busy;
  const purge = `${whole(purged)} in ${(tookMs / 1000).toFixed(1)} s, ${whole(perSecond)}/s`;
  return [
    ["it removes", "callbacks", "p50 ms", "p99 ms", "worst ms"],
    ...(
      [
        ["nothing", before],
        [purge, during],
        ["nothing any more", after],
      ] as const
    ).map(([what, of]) => [what, String(of.callbacks), two(of.p50Ms), two(of.p99Ms), two(of.maxMs)]),
  ];
}

function byteLines({ footprints }: Growth): string[][] {
  const full = `runs in ${FULL_BYTES / 1e9} GB`;
  const lines = footprints.map(({ store, bytesPerRun, indexShare, parts, runsBeforeFull }) => {
    const largest = Object.entries(parts)
      .filter(([, bytes]) => bytes >= 1)
      .map(([name, bytes]) => `${name} ${Math.round(bytes)}`);
    return [
      store,
      whole(bytesPerRun),
      `${Math.round(indexShare * 100)} %`,
      whole(runsBeforeFull),
      largest.join(", "),
    ];
  });
  return [["in", "bytes", "in indexes", full, "tables and indexes"], ...lines];
}

function memoryLines({ memory }: Growth): string[][] {
  const mib = (bytes: number | null) => (bytes === null ? "not known" : two(bytes / 2 ** 20));
  const lines = memory.map(({ runs, heapBytes, residentBytes }) => [
    whole(runs),
    mib(heapBytes),
    mib(residentBytes),
  ]);
  return [["runs", "isolate's heap after GC, MiB", "workerd's resident memory, MiB"], ...lines];
}

/** How many times as long it takes where there is most. */
function growthOf(ms: readonly number[]): number {
  return (ms.at(-1) ?? Number.NaN) / (ms[0] ?? Number.NaN);
}

const whole = (n: number) => Math.round(n).toLocaleString("en");
const two = (n: number) => n.toFixed(2);
const three = (n: number) => n.toFixed(3);

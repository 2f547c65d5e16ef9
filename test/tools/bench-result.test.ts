/** What the bench makes of its measurements, and how it reads its lists of names. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { readNames } from "../../bench/flags.ts";
import { OPERATIONS, type OperationName } from "../../bench/load/operations.ts";
import type { Attempt } from "../../bench/rates/attempts.ts";
import { measure, TRIAL } from "../../bench/rates/measure.ts";
import { newSeries, type Series } from "../../bench/rates/series.ts";
import { toResult } from "../../bench/report/result.ts";

import { toTable } from "../../bench/report/table.ts";
import { ROOT } from "../../src/dev/wrangler.ts";

const run = promisify(execFile);
const NOTHING = new Map<OperationName, never>();

function series(operation: OperationName, failures = 0): Series {
  const figures = { rates: [100, 110], latenciesMs: [1, 2], cpuUs: [500, 800, 1000] };
  const firstFailure = failures > 0 ? "GET /: 500" : null;
  return { ...newSeries(operation, 16, 2), ...figures, failures, firstFailure };
}

it("tells no ratio of a row with a wrong answer, and all others", () => {
  const all = [series("create"), series("object write + D1 upsert", 1), series("list of 50"), series("D1 page of 50")];
  const { ratios, rows, failures } = toResult({ series: all, brokenOff: null }, NOTHING);
  expect(ratios.map(({ operation, ratio }) => [operation, ratio])).toEqual([
    ["list of 50", 1],
    ["create", null],
  ]);
  expect([failures, rows[1]?.note]).toEqual([1, "wrong responses: 1"]);
});

it("says how many responses a second of processor time gives, and whether that is enough", () => {
  const result = toResult({ series: [series("create"), series("callback", 1)], brokenOff: null }, NOTHING);
  expect(result.rows.map(({ cpuUs, perCpuSecond, cpuTarget }) => [cpuUs, perCpuSecond, cpuTarget])).toEqual([
    [800, 1250, 1300],
    [null, null, 1300],
  ]);
  expect(toTable(result)).toMatch(/\| create +\| 16 .* 1250 +\| 1300 missed /);
});

it("leaves out the rounds of a peer that dies again and again, and says so", async () => {
  const measured = { answers: 10, failures: 0, firstFailure: null, elapsedMs: 100, latenciesMs: [1] };
  const well: Attempt = {
    measured: { ...measured, meanwhilePerSecond: null, notified: null, isRefused: false },
    cpuUs: 5000,
    deaths: 0,
  };
  let jobs = 0;
  const attempt = async ({ operation }: { readonly operation: string }) => {
    if (operation !== "Workflows create") return well;
    jobs++;
    return jobs === 1 ? well : { measured: null, cpuUs: null, deaths: 1 };
  };
  const groups = [[["create"], ["Workflows create"]]] as const;
  const measurements = await measure(attempt, { ...TRIAL, rounds: 9 }, () => {}, groups);
  const [first] = toResult(measurements, NOTHING).ratios;
  expect([jobs, first?.ratio, first?.ours.note, first?.limits.note]).toEqual([
    4 + 6,
    1,
    null,
    "workflows ended 3 times, the last 5 rounds were left out, 1 of 9 rounds",
  ]);
});

it("reads lists of names that have commas themselves", () => {
  const names = Object.keys(OPERATIONS) as OperationName[];
  const read = (...texts: string[]) => readNames(texts, names);
  expect(read("create,callback", "get, open run,hello,create")).toEqual({
    names: ["create", "callback", "get, open run", "hello"],
  });
  expect(read("create, 20 environments,create, routed")).toEqual({
    names: ["create, 20 environments", "create, routed"],
  });
  expect(read("create,get,hello")).toEqual({ unknown: "get" });
  expect(read("create,")).toEqual({ unknown: "" });
});

it("refuses an operation that it does not know before it builds anything", async () => {
  const args = ["--no-warnings", "bench/main.ts", "--only", "create", "--profile", "create,delete"];
  const refused = await run(process.execPath, args, { cwd: ROOT }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused).toMatchObject({ stderr: expect.stringMatching(/^--profile does not know "delete"/) });
});

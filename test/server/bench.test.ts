/** The bench, run as its user would, for as short as it goes: not how fast anything is, but that it measures what it says. */

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CALLERS, COMPARISONS, MEANWHILE } from "../../bench/comparisons.ts";
import type { Growth } from "../../bench/growth/growth.ts";
import type { Series } from "../../bench/measure.ts";
import type { Memory } from "../../bench/memory.ts";
import { type Result, toResult } from "../../bench/result.ts";
import { toTable } from "../../bench/table.ts";
import type { Writes } from "../../bench/writes.ts";
import { ROOT } from "../../src/dev/wrangler.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "action-runs-bench-test-"));
const json = join(folder, "result.json");
const plot = join(folder, "result.svg");
let printed: string;
let result: Result & { readonly writes: Writes };

beforeAll(async () => {
  const args = ["run", "-s", "bench", "--", "--rounds", "1", "--ms", "50", "--json", json, "--plot", plot];
  printed = (await run("npm", args, { cwd: ROOT, timeout: 150_000 })).stdout;
  result = JSON.parse(readFileSync(json, "utf8"));
}, 160_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("tells a ratio for each operation at each number of callers, as a table, as JSON and as a picture", () => {
  const expected = COMPARISONS.flatMap(({ ours, limit }) => CALLERS.map((n) => `${ours}, ${limit}, ${n}`));
  expect(result.ratios.map(({ operation, limit, callers }) => `${operation}, ${limit}, ${callers}`)).toEqual(
    expected,
  );
  expect(result.failures).toBe(0);
  for (const { ratio } of result.ratios) expect(ratio).toBeGreaterThan(0);
  const aimedAt = COMPARISONS.filter(({ targets }) => targets !== null).length * CALLERS.length;
  const [ratios = ""] = printed.split("limit alone");
  expect(ratios.match(/ (met|missed) *\|/g)).toHaveLength(aimedAt);
  expect(readFileSync(plot, "utf8").match(/<rect x=/g)).toHaveLength(expected.length);
});

it("keeps up with its own pace meanwhile, the same on both sides", () => {
  const paces = Object.entries(MEANWHILE).map(([operation, { perSecond }]) => {
    const rows = result.rows.filter((row) => row.operation === operation);
    expect(rows).toHaveLength(CALLERS.length);
    return rows.every(
      (row) => (row.meanwhilePerSecond ?? 0) > 0 && (row.meanwhilePerSecond ?? 0) < 2 * perSecond,
    );
  });
  expect(paces).toEqual(paces.map(() => true));
  expect(result.rows.find(({ operation }) => operation === "hello")?.meanwhilePerSecond).toBeNull();
});

it("counts the rows written for a run, by what they are written for, and the flights", () => {
  const { rows, flights } = result.writes;
  expect(rows.map(({ place, target }) => [place, target])).toEqual([
    ["busy, object", 10],
    ["busy, D1", 8],
    ["alone, object", null],
    ["alone, D1", null],
  ]);
  for (const { place, parts, alarms } of rows) {
    expect(parts.landing).toBeGreaterThan(0);
    expect(parts.purge).toBeGreaterThan(0);
    expect([parts.create > 0, parts.callback > 0]).toEqual(Array(2).fill(place.endsWith("object")));
    if (place === "alone, object") expect(alarms).toBeGreaterThanOrEqual(1);
  }
  // D1 alone: a row and four index entries, then the row and its status, then its end.
  const [busy, alone] = [rows[1], rows[3]];
  expect(busy?.all).toBe(alone?.all);
  expect(flights.perSecond).toBeGreaterThan(1);
  expect(printed).toMatch(/\| busy, object .* (10|8) (met|missed) /);
  expect(printed).toMatch(/flights a second of target 20 (met|missed)/);
});

it("counts round trips as the service's own log does", () => {
  const hops = (operation: string) =>
    result.rows.filter((row) => row.operation === operation).map((row) => row.hops);
  expect(hops("refused callback")).toEqual(CALLERS.map(() => ({ d1: 0, coordinator: 0 })));
  expect(hops("list of 50")).toEqual(CALLERS.map(() => ({ d1: 1, coordinator: 0 })));
  expect(hops("get, ended run")).toEqual(CALLERS.map(() => ({ d1: 0, coordinator: 0 })));
  expect(hops("get, open run")).toEqual(CALLERS.map(() => ({ d1: 1, coordinator: 0 })));
  expect(hops("create")).toEqual(CALLERS.map(() => ({ d1: 0, coordinator: 1 })));
  expect(hops("callback")).toEqual(CALLERS.map(() => ({ d1: 0, coordinator: 1 })));
});

it("reads no more rows where there are more runs", async () => {
  const file = join(folder, "growth.json");
  const args = ["--growth", "--runs", "10000,20000", "--rounds", "1", "--json", file];
  await run("npm", ["run", "-s", "bench", "--", ...args], { cwd: ROOT, timeout: 150_000 });
  const growth: Growth = JSON.parse(readFileSync(file, "utf8"));
  for (const { ms } of growth.times) expect(ms.flat().every((each) => each > 0)).toBe(true);
  const tables = growth.statements.map(({ sql }) => /^(D1|object): .*?(?:FROM|INTO|UPDATE) (\w+)/.exec(sql));
  expect(tables.map((match) => `${match?.[1]} ${match?.[2]}`)).toEqual(
    expect.arrayContaining(["D1 runs", "object runs", "object events"]),
  );
}, 160_000);

it("weighs the service beside a hello and naive creates", async () => {
  const file = join(folder, "memory.json");
  const args = ["run", "-s", "bench", "--", "--memory", "--requests", "100", "--json", file];
  await run("npm", args, { cwd: ROOT, timeout: 150_000 });
  const { memory }: { memory: Memory[] } = JSON.parse(readFileSync(file, "utf8"));
  expect(memory.map(({ operation }) => operation)).toEqual(["hello", "object write + D1 upsert", "mixed"]);
  for (const { samples } of memory) {
    expect(samples.at(-1)?.requests).toBe(100);
    expect(samples.every(({ heapBytes }) => heapBytes > 0)).toBe(true);
  }
}, 160_000);

it("tells no ratio at all where any answer was wrong", () => {
  const series = (operation: Series["operation"], failures: number): Series => ({
    operation,
    callers: 1,
    rates: [100, 110],
    latenciesMs: [1, 2],
    meanwhileRates: [],
    failures,
    firstFailure: failures > 0 ? "GET /: 500" : null,
  });
  const wrong = toResult(
    [series("get, ended run", 0), series("hello", 0), series("list of 50", 1), series("D1 page of 50", 0)],
    new Map(),
  );
  expect(wrong.ratios.map(({ ratio }) => ratio)).toEqual([null, null]);
  expect(toTable(wrong)).not.toMatch(/\b(met|missed)\b/);
  const right = toResult([series("get, ended run", 0), series("hello", 0)], new Map());
  expect(right.ratios.map(({ ratio }) => ratio)).toEqual([1]);
});

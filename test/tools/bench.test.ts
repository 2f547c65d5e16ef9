/**
 * The bench, run as its user would, for as short as it goes: not how fast anything is, but that it measures what it
 * says.
 */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Job } from "../../bench/load/generator.ts";
import { LIST_LIMIT, OPERATIONS } from "../../bench/load/operations.ts";
import { newState } from "../../bench/load/requests.ts";
import { CALLERS, COMPARISONS, type Compared, MEANWHILE } from "../../bench/rates/comparisons.ts";
import { type Plan, TRIAL } from "../../bench/rates/measure.ts";
import { measureRatios } from "../../bench/rates/ratios.ts";
import type { Result } from "../../bench/report/result.ts";
import { toTable } from "../../bench/report/table.ts";
import { bundle, SCRIPTS } from "../../bench/servers/build.ts";
import { type Loaded, withLoad } from "../../bench/servers/loaded.ts";
import { FEW_SEEDS } from "../../bench/servers/seeds.ts";
import type { Trial } from "../../bench/trial.ts";
import { ROOT } from "../../src/dev/wrangler.ts";
import { QUICK_FILES } from "../server/quick-files.ts";
import { until } from "../server/until.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "action-runs-bench-test-"));
const plot = join(folder, "result.svg");
let printed: string;
let result: Result & Pick<Trial, "writes" | "bulkWrites" | "gaps" | "growth" | "memory">;

beforeAll(async () => {
  const json = join(folder, "result.json");
  const args = ["run", "-s", "bench", "--", "--trial", "--plot", plot, "--json", json];
  printed = (await run("npm", args, { cwd: ROOT, env: { ...process.env, TMPDIR: QUICK_FILES } })).stdout;
  result = JSON.parse(readFileSync(json, "utf8"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("builds the limits and the peer exactly as a deploy builds the service", () => {
  bundle({ service: join(ROOT, "src/index.ts") }, folder, false);
  const deployed = readFileSync(SCRIPTS.service, "utf8").replace(/^\/\/# sourceMappingURL=.*\n/m, "");
  expect(readFileSync(join(folder, "service.js"), "utf8") === deployed).toBe(true);
});

it("builds a service that contains neither the descriptions of its operations nor the schemas of its responses", () => {
  const deployed = readFileSync(SCRIPTS.service, "utf8");
  expect(deployed).toContain("/action-runs");
  for (const text of ["operationId", "Returns the action runs", "ActionRunDetails"]) {
    expect(deployed.includes(text), text).toBe(false);
  }
});

it("tells a ratio for each operation at each number of callers, as a table, as JSON and as a picture", () => {
  const expected = COMPARISONS.flatMap(({ ours, limit }) => CALLERS.map((n) => `${ours}, ${limit}, ${n}`));
  expect(result.ratios.map(({ operation, limit, callers }) => `${operation}, ${limit}, ${callers}`)).toEqual(expected);
  expect(result.failures).toBe(0);
  for (const { operation, ratio } of result.ratios) expect([operation, (ratio ?? 0) > 0]).toEqual([operation, true]);
  const aimedAt = COMPARISONS.filter(({ targets }) => targets !== null).length * CALLERS.length;
  const [ratios = ""] = printed.split("CPU us");
  expect(ratios.match(/ (met|missed) *\|/g)).toHaveLength(aimedAt);
  expect(readFileSync(plot, "utf8").match(/<rect x=/g)).toHaveLength(
    result.ratios.filter(({ ratio }) => ratio !== null).length,
  );
});

it("says how fast other callers went meanwhile", () => {
  const paced = result.rows.filter(({ meanwhilePerSecond }) => meanwhilePerSecond !== null);
  expect(new Set(paced.map(({ operation }) => operation))).toEqual(new Set(Object.keys(MEANWHILE)));
});

it("refuses a page that lacks a run which was acknowledged before", () => {
  const state = {
    ...newState({
      token: "",
      runs: "",
      openRuns: [],
      endedRuns: [],
      madeRuns: [],
      list: { path: "", body: "" },
      receiver: "",
    }),
    newest: "550",
  };
  const page = (first: number) =>
    JSON.stringify(Array.from({ length: LIST_LIMIT }, (_, i) => ({ id: String(first - i) })));
  const accepts = (first: number) => OPERATIONS["list while creates"].next(state)?.accepts(200, page(first));
  expect([accepts(549), accepts(550), accepts(551)]).toEqual([false, true, true]);
});

it("counts the rows written for a run, by what they are written for, and the batches", () => {
  const { rows, batches } = result.writes;
  expect(rows.map(({ name, target }) => [name, target])).toEqual([
    ["busy, object", 10],
    ["busy, D1", 8],
    ["alone, object", null],
    ["alone, D1", null],
    ["busy, one endpoint, object", null],
    ["busy, one endpoint, D1", null],
    ["alone, one endpoint, object", null],
    ["alone, one endpoint, D1", null],
    ["busy, webhook, object", null],
    ["busy, webhook, D1", null],
    ["busy, webhook, group, object", null],
    ["busy, webhook, group, D1", null],
    ["busy, webhook, approval, object", null],
    ["busy, webhook, approval, D1", null],
  ]);
  for (const { name, parts, alarms, all } of rows) {
    const { create, approval, callback, fanOut, replication, purge } = parts;
    expect(all).toBeCloseTo(create + approval + callback + fanOut + replication + purge);
    expect(approval > 1).toBe(name === "busy, webhook, approval, object");
    expect(purge).toBeGreaterThanOrEqual(1);
    // Only batches write to D1, and each run is replicated twice.
    if (name.endsWith("D1")) expect([create, callback, alarms, replication > 2]).toEqual([0, 0, 0, true]);
    else expect([create > 1, callback > 1]).toEqual([true, true]);
  }
  expect(rows[1]?.all).toBe(rows[3]?.all);
  // Each delivery is written and updated, and goes with its run. Without an endpoint nothing is written for it.
  const [quiet, notified] = [rows.slice(0, 4), rows.slice(4, 8)];
  expect(quiet.map(({ parts }) => parts.fanOut)).toEqual([0, 0, 0, 0]);
  expect(notified.map(({ parts }) => parts.fanOut >= 4)).toEqual([true, false, true, false]);
  expect(notified.map(({ parts }, i) => parts.purge - (quiet[i]?.parts.purge ?? 0))).toEqual([1, 0, 1, 0]);
  // A busy coordinator hardly ever sets an alarm.
  expect(rows[0]?.alarms).toBeLessThan(1);
  expect(batches.perSecond).toBeGreaterThan(0);
  expect(printed).toMatch(/\| busy, object .* 10 (met|missed) /);
  expect(printed).toMatch(/batches a second, of target 1\.5 (met|missed)/);
});

it("counts the rows that a bulk operation writes besides what it does to its runs", () => {
  const { rows } = result.bulkWrites;
  expect(rows.map(({ name, parts }) => [name, parts.change > 1, parts.replication > 1])).toEqual([
    ["cancel, object", true, false],
    ["cancel, D1", false, true],
    ["retry, object", true, false],
    ["retry, D1", false, true],
  ]);
  // The operation has one page of 25 runs. A cancel's item and count commit with each run.
  for (const { name, parts } of rows) {
    expect(parts.operation).toBeGreaterThan(name === "cancel, object" ? 2 : 0);
    expect(parts.operation).toBeLessThan(name === "cancel, object" ? 3 : 1);
  }
  expect(printed).toMatch(/\| retry, D1 /);
});

it("tells how long after a report its delivery arrives, and how many arrive a second", () => {
  expect(result.notifications.map(({ operation, callers, targetMs }) => [operation, callers, targetMs])).toEqual([
    ["callback, one endpoint", 1, 50],
    ["callback, one chat", 1, 50],
    ["callback, one endpoint", 16, null],
    ["callback, one chat", 16, null],
    ["callback, one endpoint", 64, null],
    ["callback, one chat", 64, null],
  ]);
  // A delivery can come before the answer to its report.
  for (const { p50Ms, p99Ms, perSecond } of result.notifications)
    expect([p99Ms >= p50Ms, perSecond > 0]).toEqual([true, true]);
  expect(printed).toMatch(/\| callback, one endpoint .* 50 (met|missed) /);
});

it("tells how long a group stands still between two runs", () => {
  expect(result.gaps.map(({ queues, targetMs }) => [queues, targetMs])).toEqual([
    [1, 100],
    [2, null],
  ]);
  for (const { p50Ms, p99Ms } of result.gaps) expect([p50Ms > 0, p99Ms >= p50Ms]).toEqual([true, true]);
  expect(printed).toMatch(/\| queues at once: 1 .* 100 (met|missed) /);
});

it("counts round trips as the service's own log does", () => {
  const hops = (operation: string) => result.rows.filter((row) => row.operation === operation).map((row) => row.hops);
  expect(hops("refused callback")).toEqual(CALLERS.map(() => ({ d1: 0, coordinator: 0 })));
  expect(hops("list of 50")).toEqual(CALLERS.map(() => ({ d1: 1, coordinator: 1 })));
  expect(hops("get, ended run")).toEqual(CALLERS.map(() => ({ d1: 0, coordinator: 0 })));
  expect(hops("get, open run")).toEqual(CALLERS.map(() => ({ d1: 0, coordinator: 1 })));
  expect(hops("create")).toEqual(CALLERS.map(() => ({ d1: 0, coordinator: 1 })));
  expect(hops("callback")).toEqual(CALLERS.map(() => ({ d1: 0, coordinator: 1 })));
});

it("reads no more rows where there are more runs", () => {
  for (const { ms } of result.growth.times) expect(ms.flat().every((each) => each > 0)).toBe(true);
  const tables = result.growth.statements.map(({ sql }) => /^(D1|object): .*?(?:FROM|INTO|UPDATE) (\w+)/.exec(sql));
  expect(tables.map((match) => `${match?.[1]} ${match?.[2]}`)).toEqual(
    expect.arrayContaining(["D1 runs", "object runs", "object events"]),
  );
});

it("weighs the service beside a hello and naive creates", () => {
  expect(result.memory.map(({ operation }) => operation)).toEqual(["hello", "object write + D1 upsert", "mixed"]);
  for (const { samples } of result.memory) {
    expect(samples.at(-1)?.requests).toBe(100);
    expect(samples.every(({ heapBytes }) => heapBytes > 0)).toBe(true);
  }
});

const NAIVE = "object write + D1 upsert";
/** One write of ours beside one of the limits. */
const WRITES: Compared = {
  comparisons: [{ ours: "create", limit: NAIVE, targets: null }],
  groups: [[["create"], [NAIVE]]],
  counted: [],
};
/** One caller, because most of the three numbers of callers is the same to this test. */
const TWO_ROUNDS: Plan = { ...TRIAL, rounds: 2, callersShare: 1 / 64 };

/** The same, except that the server of the `nth` job of an operation is killed while the job runs. */
function killing(loaded: Loaded, operation: Job["operation"], nth: number): Loaded {
  let jobs = 0;
  const run = async (job: Job) => {
    if (job.operation !== operation || ++jobs !== nth) return loaded.generator.run(job);
    const isOurs = job.operation === "create";
    const server = loaded.servers.get(isOurs ? "service" : "limits");
    const list = isOurs ? "/bench/shop/envs/made/action-runs" : "/page/limits/limits/envs/limits/action-runs";
    const headers = { Authorization: `Bearer ${loaded.site.secrets.ROOT_TOKEN}` };
    const newest = async () => (await (await fetch(`${server?.origin}${list}`, { headers })).text()).slice(0, 60);
    const before = await newest();
    const measured = loaded.generator.run({ ...job, forMs: 300_000 });
    // The list shows what the job has written.
    while ((await newest()) === before);
    for (const pid of server?.pids ?? []) process.kill(pid, "SIGKILL");
    return measured;
  };
  return { ...loaded, generator: { ...loaded.generator, run } };
}

it("starts a peer again that was killed in a job, and breaks off only if the service dies", async () => {
  const [peerDied, serviceDied] = await withLoad({ peers: ["limits"], seeds: FEW_SEEDS }, async (loaded) => {
    const measureAt = (site: Loaded) => measureRatios(site, TWO_ROUNDS, [], () => {}, WRITES);
    const first = await measureAt(killing(loaded, NAIVE, 1));
    // Jobs 1 and 2 are those of one caller.
    return [first, await measureAt(killing(loaded, "create", 3))] as const;
  });
  const seen = ({ ratios }: Result) =>
    ratios.map(({ ratio, ours, limits }) => [(ratio ?? 0) > 0, ours.perSecond > 0, ours.note, limits.note]);
  expect(seen(peerDied)).toEqual([
    [true, true, null, "limits ended once, 1 of 2 rounds"],
    [true, true, null, null],
    [true, true, null, null],
  ]);
  expect([peerDied.failures, peerDied.brokenOff]).toEqual([0, null]);
  expect(toTable(peerDied)).toContain("object write + D1 upsert: limits ended once, 1 of 2 rounds");
  expect(seen(serviceDied).slice(0, 2)).toEqual([
    [true, true, null, null],
    [false, false, "0 of 2 rounds", "0 of 2 rounds"],
  ]);
  expect([serviceDied.failures, serviceDied.brokenOff]).toEqual([0, expect.stringContaining("ended")]);
});

/** A bench that starts a workerd, and measures for ever. */
const BENCH = `
  import { startRuntime } from "./bench/servers/runtime.ts";
  const script = "export default { fetch: () => new Response() }";
  const { pids } = await startRuntime(process.argv[1], { workers: [{ name: "w", modules: true, script }] });
  console.log(pids.join());
  setInterval(() => {}, 1000);`;

it("leaves no workerd behind when it is killed", async () => {
  const args = ["--no-warnings", "--input-type=module", "--eval", BENCH, folder];
  const bench = execFile(process.execPath, args, { cwd: ROOT });
  const [pid] = await once(createInterface(bench.stdout ?? process.stdin), "line");
  expect(isAlive(Number(pid))).toBe(true);
  bench.kill("SIGKILL");
  await until("workerd has ended", () => !isAlive(Number(pid)));
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/**
 * What a run costs that has no label, gate or trigger, and that no webhook endpoint hears of. No feature may make such a
 * run pay. bench/README.md has these numbers.
 */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { RunCoordinator } from "../../src/runs/coordinator/coordinator.ts";
import {
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  journal,
  MINUTE_MS,
  sqlStorage,
  until,
} from "../support/direct.ts";
import { replicated, replicatedIn } from "../support/replicated.ts";
import { type CreatedRun, createRun, newRunsPath, report, scopeOfPath } from "../support/requests.ts";

const PAST_RETENTION_MS = 30 * DAY_MS + 61 * MINUTE_MS;

/** The first change has the alarm to set, so only the cheapest run counts. */
const RUNS = 4;
/** What the calls send today, by `serializedBytes`. */
const CREATE_BYTES = 364;
const REPORT_BYTES = 156;

interface Call {
  readonly name: string;
  readonly bytes: number;
  /** What the object ran before it first waited. */
  readonly cursors: readonly Cursor[];
}

type Cursor = Pick<SqlStorageCursor<never>, "rowsWritten">;

interface Cost {
  readonly calls: readonly string[];
  readonly statements: number;
  readonly rowsWritten: number;
  readonly bytes: number;
}

it("costs one call and one statement for its create, and the same for its report", async () => {
  const path = newRunsPath();
  const calls = await watchCalls(path);
  const runs: CreatedRun[] = [];
  const created = await cheapest(calls, async () => void runs.push(await createRun(path)));
  expect(created).toMatchObject({ calls: ["runs.create"], statements: 1, rowsWritten: 3 });
  expect(created.bytes).toBeLessThanOrEqual(CREATE_BYTES);
  const reported = await cheapest(calls, async (i) => {
    const run = runs[i];
    if (run === undefined) throw new Error("too few runs");
    expect((await report(run, { status: "succeeded", output: { image: "shop:42" } })).status).toBe(200);
  });
  expect(reported).toMatchObject({ calls: ["runs.applyEvent"], statements: 1, rowsWritten: 3 });
  expect(reported.bytes).toBeLessThanOrEqual(REPORT_BYTES);
});

it("reads one row and writes five in D1 for its create, and reads and writes two for its report", async () => {
  const path = newRunsPath();
  // With its first batch, a coordinator also registers itself.
  await createAged(path);
  await replicatedIn(direct(path), false);
  const prototype = Object.getPrototypeOf(env.DB.prepare("SELECT 1")) as D1PreparedStatement;
  const batches = vi.spyOn(prototype, "run");
  const rows = async () => {
    await replicatedIn(direct(path), false);
    const results = batches.mock.settledResults.map(({ value }) => value as D1Result);
    const isOwn = (_: unknown, i: number) => JSON.stringify(batches.mock.contexts[i]).includes(scopeOfPath(path));
    const own = results.filter(isOwn).map(({ meta }) => [meta.rows_read, meta.rows_written]);
    batches.mockClear();
    return own;
  };
  const id = await createAged(path);
  expect(await rows()).toEqual([[1, 5]]);
  await change(path, id, { type: "succeeded", output: null });
  expect(await rows()).toEqual([[2, 2]]);
});

it("costs no statement about gates, cancels, deliveries or bulk operations when the alarm rings", async () => {
  const path = newRunsPath();
  await createAged(path);
  await replicated(path);
  const statements = await watchStatements(path);
  expect(await runDurableObjectAlarm(coordinator(path))).toBe(true);
  expect(statements()).not.toEqual([]);
  expect(
    statements().filter((sql) =>
      /concurrency_(key|state|limits)|occupied_|pauses|stop_requests|deliveries|bulk_/.test(sql),
    ),
  ).toEqual([]);
});

it("is purged with one deletion in the object, for all runs together", async () => {
  const path = newRunsPath();
  for (const id of [await createAged(path), await createAged(path)])
    await change(path, id, { type: "succeeded", output: null });
  await replicated(path);
  const statements = await watchStatements(path);
  await alarmIn(PAST_RETENTION_MS, coordinator(path));
  await until(async () => (await journal(path, "SELECT id FROM runs")).length === 0);
  expect(statements().flatMap((sql) => /^\s*DELETE FROM (?!metadata)\w+/.exec(sql) ?? [])).toEqual([
    "DELETE FROM runs",
  ]);
});

/** The statements of the coordinator from now on. */
async function watchStatements(path: string): Promise<() => readonly string[]> {
  const exec = vi.spyOn(await sqlStorage(path), "exec");
  const own = await runInDurableObject(coordinator(path), (_instance, { storage }) => storage.sql);
  return () => exec.mock.calls.flatMap(([sql], i) => (exec.mock.contexts[i] === own ? [sql] : []));
}

/** Notes each call of a coordinator from now on. */
async function watchCalls(path: string): Promise<Call[]> {
  const calls: Call[] = [];
  const exec = vi.spyOn(await sqlStorage(path), "exec");
  const { prototype } = RunCoordinator;
  const { call } = prototype;
  vi.spyOn(prototype, "call").mockImplementation(function (this: RunCoordinator, subject, name, args) {
    const before = exec.mock.results.length;
    const answer = call.call(this, subject, name, args);
    const cursors = exec.mock.results.slice(before).map(({ value }) => value as Cursor);
    calls.push({ name: `${subject}.${name}`, bytes: serializedBytes(args), cursors });
    return answer;
  });
  return calls;
}

/** Makes the request for each run, and returns what the cheapest one cost. */
async function cheapest(calls: Call[], request: (i: number) => Promise<void>): Promise<Cost> {
  const costs: Cost[] = [];
  for (let i = 0; i < RUNS; i++) {
    calls.length = 0;
    await request(i);
    const cursors = calls.flatMap((call) => call.cursors);
    costs.push({
      calls: calls.map(({ name }) => name),
      statements: cursors.length,
      rowsWritten: cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0),
      bytes: calls.reduce((sum, { bytes }) => sum + bytes, 0),
    });
  }
  const [first] = costs.sort((a, b) => a.statements - b.statements);
  if (first === undefined) throw new Error("nothing was requested");
  return first;
}

/** About how many bytes V8 makes of a value. node:v8 can't be asked in this runtime. */
function serializedBytes(value: unknown): number {
  if (typeof value === "string") return 2 + value.length;
  if (typeof value === "number") return 9;
  if (typeof value !== "object" || value === null) return 1;
  const entries = Object.entries(value);
  if (Array.isArray(value)) return 5 + entries.reduce((sum, [, item]) => sum + serializedBytes(item), 0);
  return 3 + entries.reduce((sum, [name, item]) => sum + 2 + name.length + serializedBytes(item), 0);
}

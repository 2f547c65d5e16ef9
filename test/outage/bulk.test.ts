/** Bulk operations while D1 or a coordinator can't be reached: they wait, and no count is wrong afterwards. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import type { Collected, Decided } from "../../src/runs/bulk-calls.ts";
import { readRunId } from "../../src/runs/run-id.ts";
import { bulk, bulkOf, bulkPath, itemsOf, type Operation, startBulk } from "../support/bulk.ts";
import { later } from "../support/clock.ts";
import { coordinator, direct, hurryTimers, journal, MINUTE_MS, until } from "../support/direct.ts";
import { breakD1, faults, resetFaults } from "../support/faults.ts";
import { landed } from "../support/landed.ts";
import { ask, createRun, newRunsPath, report } from "../support/requests.ts";
import { beat } from "../support/stream.ts";
import { grantToken, newProject } from "../support/tokens.ts";
import { BulkOperations, RunCoordinator } from "../support/worker.ts";

const CANCEL = { operation: "cancel", filter: { actionName: "deploy" }, maxRuns: 500 };

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const create = (path: string, runs: number) =>
  Promise.all(Array.from({ length: runs }, () => createRun(path)));

/** Time passes, and the operations of the environment have their turn. */
async function pass(path: string, ms: number): Promise<void> {
  later(ms);
  await runDurableObjectAlarm(coordinator(path));
}

const passUntilEnd = (path: string, id: string) =>
  until(async () => {
    await pass(path, 31_000);
    return (await bulkOf(path, id)).completedAt !== null;
  });

it("an operation waits while D1 is down for a minute, and goes on then", async () => {
  const path = newRunsPath();
  const runs = await create(path, 4);
  for (const run of runs) await report(run, { status: "failed", error: "no" });
  await landed(path);
  const retry = { operation: "retry", filter: { status: ["failed"] }, maxRuns: 4 };
  const { body } = await startBulk(path, retry);
  breakD1("down");
  for (let seconds = 0; seconds < 60; seconds += 5) await pass(path, 5000);
  expect((await bulkOf(path, body.id)).completedAt).toBeNull();
  resetFaults();
  await passUntilEnd(path, body.id);
  const { counts } = await bulkOf(path, body.id);
  expect(counts).toEqual({ matched: 4, accepted: 4, skipped: 0, failed: 0, remaining: 0 });
});

it("a run that is created while an operation waits for D1 is not in its set", async () => {
  const path = newRunsPath();
  const [landedBefore] = await create(path, 1);
  await landed(path);
  // The audit entry must be written, and no run may land.
  const lose = (_: string, sql: string) => {
    if (sql.startsWith("INSERT INTO runs")) throw new Error("D1_ERROR: Network connection lost.");
    return false;
  };
  faults.writes = { refuse: lose };
  const [before] = await create(path, 1);
  const { body } = await startBulk(path, CANCEL);
  await pass(path, 30_000);
  const [after] = await create(path, 1);
  expect((await bulkOf(path, body.id)).status).toBe("collecting");
  resetFaults();
  await passUntilEnd(path, body.id);
  const met = (await itemsOf(path, body.id)).map(({ runId }) => runId);
  expect(met).toEqual([before?.id, landedBefore?.id]);
  expect((await ask("GET", `${path}/${after?.id}`)).body).toMatchObject({ status: "pending" });
});

it("a run whose coordinator always fails has failed after ten tries, and no other run", async () => {
  const path = newRunsPath();
  const runs = await create(path, 8);
  const [stuck] = runs;
  const { cancel } = RunCoordinator.prototype;
  let tries = 0;
  vi.spyOn(RunCoordinator.prototype, "cancel").mockImplementation(function failing(
    this: RunCoordinator,
    ...of
  ) {
    if (of[0] !== stuck?.id) return cancel.apply(this, of);
    tries++;
    throw new Error("Network connection lost.");
  });
  const { body } = await startBulk(path, CANCEL);
  await passUntilEnd(path, body.id);
  expect((await bulkOf(path, body.id)).counts).toMatchObject({ matched: 8, accepted: 7, failed: 1 });
  // The Worker calls twice for each try.
  expect(tries).toBe(20);
  expect(await itemsOf(path, body.id, "?outcome=failed")).toMatchObject([
    { runId: stuck?.id, code: "unknown" },
  ]);
});

it("a cancel whose runs D1 can't show has no `ended`, and has it later", async () => {
  const path = newRunsPath();
  const [run] = await create(path, 2);
  if (run === undefined) throw new Error("no run");
  await beat(run);
  const { id } = await bulk(path, CANCEL);
  await landed(path);
  faults.reads = "down";
  expect((await bulkOf(path, id)).ended).toBeNull();
  resetFaults();
  expect((await bulkOf(path, id)).ended).toEqual({ succeeded: 0, failed: 0, cancelled: 1 });
  // The grace of a minute is over, and so is the time that its end may be late.
  later(70_000);
  expect((await ask("GET", `${path}/${run.id}`)).body.status).toBe("cancelled");
  await until(async () => {
    await pass(path, 1000);
    return (await journal(path, "SELECT 1 FROM bulk_operations WHERE is_over = 1")).length === 1;
  });
  faults.reads = "down";
  // It was noted, because no run ends twice.
  expect((await bulkOf(path, id)).ended).toEqual({ succeeded: 0, failed: 0, cancelled: 2 });
});

it("one run whose coordinator never answers makes no other run fail", async () => {
  const path = newRunsPath();
  const runs = await create(path, 8);
  const [stuck] = runs;
  const { cancel } = RunCoordinator.prototype;
  const never = Promise.withResolvers<void>();
  vi.spyOn(RunCoordinator.prototype, "cancel").mockImplementation(async function hanging(
    this: RunCoordinator,
    ...of
  ) {
    if (of[0] === stuck?.id) await never.promise;
    return cancel.apply(this, of);
  });
  // The Worker gives a run up after 8 s.
  hurryTimers();
  const { body } = await startBulk(path, CANCEL);
  await until(async () => (await bulkOf(path, body.id)).counts.accepted === 7);
  const stopped = await ask<Operation>("POST", bulkPath(path, body.id, "/cancel"));
  never.resolve();
  expect(stopped.body).toMatchObject({ status: "aborted", counts: { accepted: 7, failed: 1 } });
});

it("while D1 hangs, no run counts as tried", async () => {
  const project = newProject();
  const path = `${project}/envs/prod/action-runs`;
  const { token } = await grantToken(project, { role: "member" });
  await create(path, 3);
  await landed(path);
  const { decide } = BulkOperations.prototype;
  const answers: Decided[] = [];
  vi.spyOn(BulkOperations.prototype, "decide").mockImplementation(async function noted(
    this: BulkOperations,
    ...of
  ) {
    faults.reads = "hang";
    const answer = await decide.apply(this, of);
    answers.push(answer);
    return answer;
  });
  hurryTimers();
  const { body } = await startBulk(path, CANCEL, { token });
  await until(async () => answers.length > 0);
  expect(answers[0]).toEqual({ type: "not_begun" });
  vi.restoreAllMocks();
  resetFaults();
  await passUntilEnd(path, body.id);
  expect((await bulkOf(path, body.id)).counts).toMatchObject({ matched: 3, accepted: 3 });
});

it("a set waits for a run that D1 has refused so far, for a quarter of an hour", async () => {
  const path = newRunsPath();
  faults.writes = { refuse: (_, sql) => sql.startsWith("INSERT INTO runs") };
  const [refused] = await create(path, 1);
  if (refused === undefined) throw new Error("no run");
  const { coordinator: n } = readRunId(refused.id);
  await until(async () => (await direct(path).upkeep.settle()).lacksRefused);
  faults.writes = {
    refuse: (bound, sql) => sql.startsWith("INSERT INTO runs") && bound.includes(refused.id),
  };
  await create(path, 1);
  await landed(path);
  const { collect } = BulkOperations.prototype;
  const answers: Collected[] = [];
  vi.spyOn(BulkOperations.prototype, "collect").mockImplementation(async function noted(
    this: BulkOperations,
    ...of
  ) {
    const answer = await collect.apply(this, of);
    answers.push(answer);
    return answer;
  });
  const { body: patient } = await startBulk(path, CANCEL);
  await until(async () => {
    await pass(path, 31_000);
    return answers.length > 1;
  });
  expect(answers.slice(0, 2)).toEqual([{ type: "not_settled" }, { type: "not_settled" }]);
  // D1 may never take the run.
  await pass(path, 15 * MINUTE_MS);
  await passUntilEnd(path, patient.id);
  expect((await bulkOf(path, patient.id)).counts).toMatchObject({ matched: 1, accepted: 1 });
});

/** Bulk operations while D1 or the Worker can't be reached: they wait, and no count is wrong afterwards. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { later } from "../support/clock.ts";
import { coordinator, direct, hurryTimers, MINUTE_MS, spyOnCalls, until } from "../support/direct.ts";
import { faults, queueBatches, resetFaults } from "../support/faults.ts";
import { replicated } from "../support/replicated.ts";
import { ask, createRun, newRunsPath, report, scopeOfPath } from "../support/requests.ts";
import { bulkOf, bulkPath, itemsOf, type Operation, startBulk } from "../support/runs/bulk.ts";
import { grantToken, newProject, revokeElsewhere } from "../support/tokens.ts";
import { BulkOperations } from "../support/worker.ts";

const CANCEL = { operation: "cancel", filter: { actionName: "deploy" }, maxRuns: 500 };

const create = (path: string, runs: number) => Promise.all(Array.from({ length: runs }, () => createRun(path)));

async function fail(path: string, runs: number): Promise<string[]> {
  const failed = await create(path, runs);
  for (const run of failed) await report(run, { status: "failed", error: "no" });
  return failed.map(({ id }) => id);
}

/** Time passes, and the operations of the environment go on. */
async function pass(path: string, ms: number): Promise<void> {
  later(ms);
  await runDurableObjectAlarm(coordinator(path));
}

const passUntilEnd = (path: string, id: string) =>
  until(async () => {
    await pass(path, 31_000);
    return (await bulkOf(path, id)).completedAt !== null;
  });

it("the runs of a filter are those that were there when it began, whatever D1 lacks of them and whatever the clocks say", async () => {
  const path = newRunsPath();
  const [stored] = await create(path, 1);
  await replicated(path);
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  faults.writes = { refuse: (_, sql) => sql.startsWith("INSERT INTO runs") };
  const [refused] = await create(path, 1);
  await until(async () => logged.mock.calls.some(([line]) => String(line).includes("run_quarantined")));
  // The clock of the object is behind the clocks that made the ids of these runs.
  const made = Date.now();
  later(MINUTE_MS);
  const [ahead] = await create(path, 1);
  vi.setSystemTime(made);
  faults.reads = "down";
  const { body } = await startBulk(path, CANCEL);
  await pass(path, 0);
  expect((await bulkOf(path, body.id)).status).toBe("collecting");
  later(2 * MINUTE_MS);
  const [after] = await create(path, 1);
  faults.reads = null;
  await passUntilEnd(path, body.id);
  const met = (await itemsOf(path, body.id)).map(({ runId }) => runId);
  expect(met).toEqual([ahead?.id, refused?.id, stored?.id]);
  expect((await ask("GET", `${path}/${after?.id}`)).body).toMatchObject({ status: "pending" });
});

it("a set waits while the database is rebuilt, and a dry run says so", async () => {
  const path = newRunsPath();
  const [lost] = await create(path, 1);
  await replicated(path);
  await env.DB.prepare("DELETE FROM runs WHERE scope = ?").bind(scopeOfPath(path)).run();
  const batches = queueBatches(scopeOfPath(path));
  await direct(path).upkeep.resync();
  const { body } = await startBulk(path, CANCEL);
  await pass(path, MINUTE_MS);
  expect((await bulkOf(path, body.id)).status).toBe("collecting");
  const dryRun = await startBulk(path, { ...CANCEL, dryRun: true });
  expect([dryRun.status, dryRun.body.code]).toEqual([503, "database_unavailable"]);
  batches.open();
  await passUntilEnd(path, body.id);
  expect((await itemsOf(path, body.id)).map(({ runId }) => runId)).toEqual([lost?.id]);
});

it.each(["down", "hang"] as const)(
  "while D1 is %s, nothing is done for a token, and a token that was revoked meanwhile does nothing",
  async (fault) => {
    const project = newProject();
    const path = `${project}/envs/prod/action-runs`;
    const { id, token } = await grantToken(project, { role: "member" });
    const runIds = (await create(path, 3)).map((run) => run.id);
    await replicated(path);
    hurryTimers();
    const failed = vi.spyOn(console, "error");
    const judge = vi.spyOn(BulkOperations.prototype, "judge").mockImplementationOnce(async () => {
      faults.reads = fault;
      throw new Error("D1 does not answer");
    });
    const { body } = await startBulk(path, { operation: "cancel", runIds }, { token });
    const failures = () => failed.mock.calls.filter(([line]) => String(line).includes("bulk_failed")).length;
    await until(async () => {
      await pass(path, 31_000);
      return failures() > 1;
    });
    expect(judge.mock.calls.length).toBeGreaterThan(1);
    expect((await bulkOf(path, body.id)).counts).toMatchObject({ accepted: 0, skipped: 0, failed: 0 });
    await revokeElsewhere(env.DB, id);
    resetFaults();
    await passUntilEnd(path, body.id);
    expect(await bulkOf(path, body.id)).toMatchObject({ abortReason: "token_revoked", counts: { remaining: 3 } });
  },
);

it("a cancel of named runs by the operator and its `ended` need no D1", async () => {
  const path = newRunsPath();
  const runIds = (await create(path, 3)).map(({ id }) => id);
  await replicated(path);
  const { body } = await startBulk(path, { operation: "cancel", runIds });
  faults.reads = "down";
  await until(async () => (await bulkOf(path, body.id)).completedAt !== null);
  expect((await bulkOf(path, body.id)).ended).toEqual({ succeeded: 0, failed: 0, cancelled: 3 });
});

it("a dry run says that D1 does not answer", async () => {
  const path = newRunsPath();
  await create(path, 1);
  await replicated(path);
  faults.reads = "down";
  const { status, body } = await startBulk(path, { ...CANCEL, dryRun: true });
  expect([status, body.code]).toEqual([503, "database_unavailable"]);
});

it("a retry that never answers makes no other retry fail", async () => {
  const path = newRunsPath();
  const runIds = await fail(path, 8);
  const [stuck] = runIds;
  const never = Promise.withResolvers<void>();
  spyOnCalls("runs", "inputs", async (go, [id]) => {
    if (id === stuck) await never.promise;
    return go();
  });
  // The Worker gives a run up after 8 s.
  hurryTimers();
  const { body } = await startBulk(path, { operation: "retry", runIds });
  await until(async () => (await bulkOf(path, body.id)).counts.accepted === 7);
  const stopped = await ask<Operation>("POST", bulkPath(path, body.id, "/cancel"));
  never.resolve();
  expect(stopped.body).toMatchObject({ status: "aborted", counts: { accepted: 7, failed: 1 } });
});

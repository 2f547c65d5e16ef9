/** …/bulk-operations: many runs are cancelled or retried, each of them once. */

import { expect, it } from "vitest";
import { type ActionRun, ask, createRun, newRunsPath, report } from "../../../support/requests.ts";
import { bulk, itemsOf, startBulk } from "../../../support/runs/bulk.ts";

const create = (path: string, runs: number, body: Record<string, unknown> = { actionName: "deploy" }) =>
  Promise.all(Array.from({ length: runs }, () => createRun(path, body)));
const statusOf = async (path: string, id: string) => (await ask("GET", `${path}/${id}`)).body.status;

it("cancels the runs that match a filter, and no other", async () => {
  const path = newRunsPath();
  const hanging = await create(path, 3, { actionName: "hangs" });
  const other = await createRun(path);
  const operation = await bulk(path, { operation: "cancel", filter: { actionName: "hangs" }, maxRuns: 3 });
  expect(operation).toMatchObject({
    operation: "cancel",
    status: "completed",
    abortReason: null,
    filter: { actionName: "hangs" },
    by: "root",
    byId: "root",
    counts: { matched: 3, accepted: 3, skipped: 0, failed: 0, remaining: 0 },
    ended: { succeeded: 0, failed: 0, cancelled: 3 },
  });
  for (const { id } of hanging) expect(await statusOf(path, id)).toBe("cancelled");
  expect(await statusOf(path, other.id)).toBe("pending");
  const items = await itemsOf(path, operation.id);
  expect(items).toEqual(
    hanging
      .map(({ id: runId, actionName }) => ({
        ...{ runId, outcome: "accepted", code: null, newRunId: null },
        ...{ actionName, title: null, subject: null },
      }))
      .sort((a, b) => (a.runId < b.runId ? 1 : -1)),
  );
});

it("retries the runs that are named, and says why it leaves one out", async () => {
  const path = newRunsPath();
  const [failed, open] = await create(path, 2);
  if (failed === undefined || open === undefined) throw new Error("no runs");
  await report(failed, { status: "failed", error: "no" });
  const unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
  const runIds = [failed.id, open.id, unknown, failed.id];
  const operation = await bulk(path, { operation: "retry", runIds });
  expect(operation.counts).toEqual({ matched: 3, accepted: 1, skipped: 2, failed: 0, remaining: 0 });
  const items = await itemsOf(path, operation.id);
  expect(items.map(({ runId, code }) => [runId, code])).toEqual([
    [failed.id, null],
    [open.id, "run_open"],
    [unknown, "run_not_found"],
  ]);
  const { body: again } = await ask<ActionRun & { details: Record<string, unknown> }>(
    "GET",
    `${path}/${items[0]?.newRunId}?include=details`,
  );
  expect(again.details).toMatchObject({ retryOf: failed.id, bulkOperationId: operation.id });
});

it("a dry run stores nothing", async () => {
  const path = newRunsPath();
  const runs = await create(path, 3);
  const wanted = { operation: "cancel", filter: { actionName: "deploy" }, dryRun: true };
  const exact = await startBulk<unknown>(path, { ...wanted, maxRuns: 3 });
  expect(exact.body).toMatchObject({ matched: 3, byStatus: { pending: 3 } });
  const { status, body } = await startBulk<unknown>(path, { ...wanted, maxRuns: 2 });
  expect([status, body]).toEqual([
    200,
    {
      matched: { atLeast: 3 },
      byStatus: { pending: 2, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
      newest: runs
        .map(({ id }) => id)
        .sort()
        .reverse()
        .slice(0, 2),
      wouldStart: 0,
    },
  ]);
});

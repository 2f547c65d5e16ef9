/** What bulk operations cost: each request about them, and each page of runs that is changed. */

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, it, vi } from "vitest";
import { newUuidV7 } from "../../src/base/ids.ts";
import { BulkOperations } from "../../src/runs/api/coordinator-calls.ts";
import type { BulkOrder } from "../../src/runs/bulk.ts";
import { hopsOf, watchHops } from "../support/api/hops.ts";
import { envWith } from "../support/bindings.ts";
import { faults } from "../support/faults.ts";
import { replicated } from "../support/replicated.ts";
import { ask, createRun, newRunsPath, report, scopeOfPath } from "../support/requests.ts";
import { bulk, bulkEnded, bulkPath, startBulk } from "../support/runs/bulk.ts";
import { beat } from "../support/runs/stream.ts";
import { grantToken, newProject } from "../support/tokens.ts";

beforeEach(watchHops);

const UNKNOWN = "0199d2a5-0000-8000-8000-000000000000";
const linesOf = async (go: () => Promise<unknown>) => (await hopsOf(go)).lines;
const costs = (status: number, d1: number, coordinator: number) => [{ status, d1, coordinator }];

it("a bulk operation begins with two calls of the coordinator and one of D1, and its repetition with one call", async () => {
  const path = newRunsPath();
  const headers = { "Idempotency-Key": "k" };
  const body = { operation: "cancel", runIds: [UNKNOWN] };
  expect(await linesOf(() => startBulk(path, body, { headers }))).toEqual(costs(202, 1, 2));
  expect(await linesOf(() => startBulk(path, body, { headers }))).toEqual(costs(202, 0, 1));
  expect(await linesOf(() => startBulk(path, { ...body, reason: "x" }, { headers }))).toEqual(costs(422, 0, 1));
});

it("an operation, its runs, a list of operations and a stop are one call of the coordinator", async () => {
  const path = newRunsPath();
  const { id } = await bulk(path, { operation: "retry", runIds: [UNKNOWN] });
  for (const method of ["GET", "HEAD"]) {
    for (const url of [bulkPath(path), bulkPath(path, id), bulkPath(path, id, "/items?outcome=skipped")]) {
      expect([url, await linesOf(() => ask(method, url))]).toEqual([url, costs(200, 0, 1)]);
    }
  }
  expect(await linesOf(() => ask("POST", bulkPath(path, id, "/cancel")))).toEqual(costs(200, 0, 1));
});

it("a dry run, and a get of a cancel that is over, are one call", async () => {
  const path = newRunsPath();
  const run = await createRun(path);
  await beat(run);
  await replicated(path);
  for (const operation of ["cancel", "retry"]) {
    const body = { operation, filter: { actionName: "deploy" }, maxRuns: 10, dryRun: true };
    expect(await linesOf(() => startBulk(path, body))).toEqual(costs(200, 0, 1));
  }
  const { id } = await bulk(path, { operation: "cancel", runIds: [run.id] });
  expect(await linesOf(() => ask("GET", bulkPath(path, id)))).toEqual(costs(200, 0, 1));
});

it("30 cancels are one read of the set, and for each page a question about the token", async () => {
  const project = newProject();
  const path = `${project}/envs/prod/action-runs`;
  const { token } = await grantToken(project, { role: "member" });
  await Promise.all(Array.from({ length: 30 }, () => createRun(path)));
  await replicated(path);
  const read: string[] = [];
  faults.reads = {
    refuse: (_, sql) => {
      const what = /SELECT looked|^SELECT expires_at/.exec(sql)?.[0];
      if (what !== undefined) read.push(what);
      return false;
    },
  };
  const retries = vi.spyOn(BulkOperations.prototype, "retry");
  const order = { operation: "cancel", filter: { actionName: "deploy" }, maxRuns: 500 };
  const { body } = await startBulk(path, order, { token });
  expect((await bulkEnded(path, body.id)).counts.accepted).toBe(30);
  expect(read).toEqual(["SELECT looked", "SELECT expires_at", "SELECT expires_at"]);
  expect(retries).not.toHaveBeenCalled();
});

it("a retry of a page calls the object twice, and once if it is refused", async () => {
  const path = newRunsPath();
  const [ended, open] = [await createRun(path), await createRun(path)];
  await report(ended, { status: "failed", error: "no" });
  let calls = 0;
  const COORDINATORS = new Proxy(env.COORDINATORS, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (name === "getByName") calls++;
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  const runner = new BulkOperations(createExecutionContext(), envWith({ COORDINATORS }));
  const order: BulkOrder = {
    id: newUuidV7(Date.now()),
    request: { operation: "retry", includeRetried: false },
    filter: null,
    filters: null,
    maxRuns: 1,
    mustNamePerson: false,
    origin: "https://runs.example",
    asker: { tokenId: "root", tokenName: "ci", parents: [], person: null },
  };
  const costOf = async (runId: string, by = order) => {
    calls = 0;
    const [item] = await runner.retry(scopeOfPath(path), by, [runId]);
    return [item?.code, calls];
  };
  expect(await costOf(ended.id)).toEqual([null, 2]);
  expect(await costOf(open.id)).toEqual(["run_open", 2]);
  expect(await costOf(ended.id, { ...order, id: newUuidV7(Date.now()) })).toEqual(["already_retried", 2]);
});

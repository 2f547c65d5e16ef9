/** What bulk operations cost: each request about them, and each page of runs that the service then changes. */

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { mintUuidV7 } from "../../src/base/uuid.ts";
import { BulkOperations } from "../../src/runs/api/bulk/entrypoint.ts";
import type { BulkOrder, BulkRequest } from "../../src/runs/bulk.ts";
import { COORDINATORS } from "../../src/runs/run-id.ts";
import { envWith } from "../support/bindings.ts";
import { bulk, bulkPath, startBulk } from "../support/bulk.ts";
import { ONE_AT_A_TIME, startGated, storeGated } from "../support/gated.ts";
import { hopsOf, watchHops } from "../support/hops.ts";
import { landed } from "../support/landed.ts";
import { ask, createRun, newRunsPath, report, scopeOfPath } from "../support/requests.ts";
import { grantToken, newProject } from "../support/tokens.ts";

beforeEach(watchHops);
afterEach(() => {
  vi.restoreAllMocks();
});

const UNKNOWN = "0199d2a5-0000-8000-8000-000000000000";
const CANCEL: BulkRequest = { operation: "cancel", reason: null, graceSeconds: 60 };
const RETRY: BulkRequest = { operation: "retry", includeRetried: false };
const linesOf = async (go: () => Promise<unknown>) => (await hopsOf(go)).lines;
const costs = (status: number, d1: number, coordinator: number) => [{ status, d1, coordinator }];

it("a bulk operation begins with two calls of one coordinator and one of D1, and its repetition with one call", async () => {
  const path = newRunsPath();
  const headers = { "Idempotency-Key": "k" };
  const body = { operation: "cancel", runIds: [UNKNOWN] };
  expect(await linesOf(() => startBulk(path, body, { headers }))).toEqual(costs(202, 1, 2));
  expect(await linesOf(() => startBulk(path, body, { headers }))).toEqual(costs(202, 0, 1));
  expect(await linesOf(() => startBulk(path, { ...body, reason: "x" }, { headers }))).toEqual(
    costs(422, 0, 1),
  );
});

it("an operation, its runs, a list of operations and a stop are one call of one coordinator", async () => {
  const path = newRunsPath();
  const { id } = await bulk(path, { operation: "retry", runIds: [UNKNOWN] });
  for (const method of ["GET", "HEAD"]) {
    for (const url of [bulkPath(path), bulkPath(path, id), bulkPath(path, id, "/items?outcome=skipped")]) {
      expect([url, await linesOf(() => ask(method, url))]).toEqual([url, costs(200, 0, 1)]);
    }
  }
  expect(await linesOf(() => ask("POST", bulkPath(path, id, "/cancel")))).toEqual(costs(200, 0, 1));
});

it("a cancel asks D1 how its runs have ended, until all of them have", async () => {
  const path = newRunsPath();
  const run = await createRun(path);
  const { id } = await bulk(path, { operation: "cancel", runIds: [run.id] });
  await landed(path);
  const get = () => linesOf(() => ask("GET", bulkPath(path, id)));
  // The first answer that has all ends is kept.
  await get();
  expect(await get()).toEqual(costs(200, 0, 1));
});

it("a dry run calls each coordinator, D1 once, and the coordinators of a cancel's runs once more", async () => {
  const path = newRunsPath();
  await createRun(path);
  const [cancel, retry] = ["cancel", "retry"].map((operation) => () => {
    const filter = { actionName: "deploy" };
    return startBulk(path, { operation, filter, maxRuns: 10, dryRun: true });
  });
  await landed(path);
  expect(await linesOf(() => cancel?.() ?? Promise.reject())).toEqual(costs(200, 1, COORDINATORS + 1));
  expect(await linesOf(() => retry?.() ?? Promise.reject())).toEqual(costs(200, 1, COORDINATORS));
});

it("a refused request for a bulk operation makes no round trip", async () => {
  const path = newRunsPath();
  const { lines, calls } = await hopsOf(async () => {
    await startBulk(path, { operation: "cancel", filter: {}, maxRuns: 1 });
    await startBulk(path, { operation: "cancel", filter: { status: ["done"] }, maxRuns: 1 });
    await ask("GET", bulkPath(path, "no-uuid"));
    await ask("GET", bulkPath(path, UNKNOWN, "/items?outcome=no"));
  });
  expect(lines).toEqual([422, 400, 404, 400].map((status) => ({ status, d1: 0, coordinator: 0 })));
  expect(calls).toBe(0);
});

/** A binding that counts the calls of these methods. */
function counting<T extends object>(binding: T, names: readonly (string | symbol)[]) {
  const counted = { calls: 0 };
  const proxy = new Proxy(binding, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (names.includes(name)) counted.calls++;
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  return { proxy, counted };
}

/** What a call of the Worker's part costs. */
async function costOf<T>(call: (runner: BulkOperations) => Promise<T>) {
  const d1 = counting(env.DB, ["prepare", "withSession"]);
  const coordinators = counting(env.COORDINATORS, ["getByName"]);
  const bindings = envWith({ DB: d1.proxy, COORDINATORS: coordinators.proxy });
  const answer = await call(new BulkOperations(createExecutionContext(), bindings));
  return { answer, d1: d1.counted.calls, coordinator: coordinators.counted.calls };
}

function orderOf(request: BulkRequest, filter: BulkOrder["filter"], tokenId = "root"): BulkOrder {
  return {
    ...{ id: mintUuidV7(Date.now()), request, filter, maxRuns: 1000 },
    asker: { tokenId, tokenName: "ci", parents: [], person: null },
    ...{ mustNamePerson: false, origin: "https://runs.example" },
  };
}

/** What one page costs, and the codes of its runs. */
async function pageOf(path: string, request: BulkRequest, runIds: readonly string[], tokenId = "root") {
  const order = orderOf(request, null, tokenId);
  const { answer, ...cost } = await costOf((runner) => runner.decide(scopeOfPath(path), order, runIds));
  const codes = answer.type === "decided" ? answer.items.map((item) => item?.code) : answer.type;
  return { ...cost, codes };
}

it("to collect asks D1 once, and each coordinator once at the beginning", async () => {
  const path = newRunsPath();
  const ids = [(await createRun(path)).id, (await createRun(path)).id].sort().reverse();
  await landed(path);
  const order = orderOf(CANCEL, { actionName: "deploy" });
  const collect = (below: string | null) =>
    costOf((runner) => runner.collect(scopeOfPath(path), order, below, 1));
  const first = await collect(null);
  expect(first).toMatchObject({ d1: 1, coordinator: COORDINATORS, answer: { runs: [[ids[0], false]] } });
  const next = await collect(ids[0] ?? null);
  expect(next).toMatchObject({ d1: 1, coordinator: 0, answer: { runs: [[ids[1], false]] } });
});

it("a page of cancels asks D1 once whether the asker's token lives, and calls each run's coordinator once", async () => {
  const project = newProject();
  const path = `${project}/envs/prod/action-runs`;
  const { id } = await grantToken(project, { role: "member" });
  const runs = [await createRun(path), await createRun(path), await createRun(path)].map((run) => run.id);
  const accepted = [null, null, null];
  expect(await pageOf(path, CANCEL, runs, id)).toEqual({ d1: 1, coordinator: 3, codes: accepted });
  // The operator has no row. A run that has ended costs the same.
  const codes = ["run_cancelled", "run_cancelled", "run_cancelled"];
  expect(await pageOf(path, CANCEL, runs)).toEqual({ d1: 0, coordinator: 3, codes });
});

it("a retry of a page calls two coordinators, or three if its group is elsewhere", async () => {
  const path = newRunsPath();
  const [ended, open] = [await createRun(path), await createRun(path)];
  await report(ended, { status: "failed", error: "no" });
  await storeGated(path, ONE_AT_A_TIME);
  const { body: gated } = await startGated(path);
  await ask("POST", `${path}/${gated.id}/cancel`, { body: { graceSeconds: 0 } });
  expect(await pageOf(path, RETRY, [ended.id])).toEqual({ d1: 0, coordinator: 2, codes: [null] });
  expect(await pageOf(path, RETRY, [open.id])).toEqual({ d1: 0, coordinator: 2, codes: ["run_open"] });
  const again = await pageOf(path, RETRY, [ended.id]);
  expect(again).toEqual({ d1: 0, coordinator: 2, codes: ["already_retried"] });
  const { coordinator, codes } = await pageOf(path, RETRY, [gated.id]);
  // The key's coordinator can be the group's.
  expect([coordinator, codes]).toEqual([expect.toBeOneOf([2, 3]), [null]]);
});

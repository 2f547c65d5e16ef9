/** `kill -9` of the real server during bulk operations: they go on, and each run has exactly one effect. */

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Installation, killAll, newInstallation, type Server } from "../installation.ts";
import { ask, type CreatedRun, forEachOf } from "../load.ts";
import { bulkStates, journaled, putInD1, type RunInD1 } from "../state.ts";
import { until } from "../until.ts";

/** Runs that only D1 has. Collecting them takes ten calls. */
const IN_D1 = 9900;
/** More than a page of an operation. */
const RUNS = 30;

interface Operation {
  readonly id: string;
  readonly status: string;
  readonly abortReason: string | null;
  readonly counts: Readonly<Record<"matched" | "accepted" | "skipped" | "failed" | "remaining", number>>;
}

interface Item {
  readonly runId: string;
  readonly outcome: string | null;
  readonly newRunId: string | null;
}

interface DetailedRun {
  readonly id: string;
  readonly details: { readonly retryOf: string | null; readonly bulkOperationId: string | null };
}

let installation: Installation;
let server: Server;
let environment = "";
beforeAll(async () => {
  installation = await newInstallation();
  environment = installation.runs.replace("/action-runs", "");
  putInD1(
    installation.state,
    "acme/shop/prod",
    Array.from({ length: IN_D1 }, (_, n) => runInD1(n)),
  );
  server = await installation.start();
});
afterAll(() => installation.remove());

/** No service made its id, so no coordinator knows it. */
function runInD1(n: number): RunInD1 {
  const createdAt = Date.now() - 3_600_000 + n;
  const hex = createdAt.toString(16).padStart(12, "0");
  const id = `${hex.slice(0, 8)}-${hex.slice(8)}-8000-8000-${n.toString(16).padStart(12, "0")}`;
  const body = JSON.stringify({ id, status: "pending", createdAt: new Date(createdAt).toISOString() });
  return { id, actionName: "in-d1", status: "pending", triggeredBy: "ci", body, labels: ["many"] };
}

async function call<T>(method: string, path: string, body?: object, token = installation.token): Promise<T> {
  const url = path.startsWith("http") ? path : `${environment}/${path}`;
  const answer = await ask<T>(method, url, { token, ...(body !== undefined && { body }) });
  if (answer.status > 299) throw new Error(`${method} ${path} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function create(n: number, label: string): Promise<CreatedRun[]> {
  const made: CreatedRun[] = [];
  await forEachOf(Array(n).fill(label), async (label: string) => {
    made.push(await call("POST", "action-runs", { actionName: "deploy", labels: [label] }));
  });
  return made;
}

const begin = (body: object) => call<Operation>("POST", "bulk-operations", body);
const read = (id: string) => call<Operation>("GET", `bulk-operations/${id}`);

async function readWhen(id: string, isSo: (operation: Operation) => boolean): Promise<Operation> {
  let operation = await read(id);
  await until(`operation ${id} is so`, async () => {
    operation = await read(id);
    return isSo(operation);
  });
  return operation;
}

async function items(id: string): Promise<Item[]> {
  return call("GET", `bulk-operations/${id}/items?limit=200`);
}

it("an operation that is killed while it collects finds the same runs", async () => {
  const runs = await create(20, "many");
  const filter = { labels: ["many"], status: ["pending"] };
  const { id } = await begin({ operation: "cancel", reason: "hangs", filter, maxRuns: 10_000 });
  await readWhen(id, ({ counts }) => counts.matched > 0);
  await killAll(server);
  expect(bulkStates(installation.state)).toEqual([{ id, state: "collecting" }]);

  server = await installation.start();
  await readWhen(id, ({ counts }) => counts.accepted >= runs.length);
  await call("POST", `bulk-operations/${id}/cancel`);
  const { counts, abortReason } = await readWhen(id, ({ status }) => status === "aborted");
  expect([abortReason, counts.matched]).toEqual(["asked", IN_D1 + runs.length]);
  expect(counts).toEqual({
    matched: IN_D1 + runs.length,
    accepted: runs.length,
    failed: 0,
    skipped: counts.skipped,
    remaining: IN_D1 - counts.skipped,
  });
  // The newest come first.
  expect(new Set((await items(id)).slice(0, runs.length).map(({ runId }) => runId))).toEqual(
    new Set(runs.map((run) => run.id)),
  );
});

/** Kills the server at the first change of a page, starts it again, and waits for the end of the operation. */
async function killAtFirstChange(body: object): Promise<Operation> {
  const versions = () => [...journaled(installation.state)].toSorted().join();
  const before = versions();
  const { id } = await begin(body);
  // From the files, because a page takes some ten ms.
  while (versions() === before) await delay(1);
  await killAll(server);
  expect(bulkStates(installation.state)).toContainEqual({ id, state: "running" });
  server = await installation.start();
  return readWhen(id, ({ status }) => status !== "running");
}

function all(matched: number) {
  return { status: "completed", counts: { matched, accepted: matched, skipped: 0, failed: 0, remaining: 0 } };
}

it("a cancel that is killed in the middle of a page cancels each run once", async () => {
  const ids = (await create(RUNS, "hanging")).map(({ id }) => id);
  const cancel = await killAtFirstChange({ operation: "cancel", reason: "hangs", runIds: ids });

  expect(cancel).toMatchObject(all(RUNS));
  const effects: number[] = [];
  await forEachOf(ids, async (id) => {
    const events = await call<{ readonly reason?: string }[]>("GET", `action-runs/${id}/events`);
    effects.push(events.filter(({ reason }) => reason === "hangs").length);
  });
  expect(effects).toEqual(ids.map(() => 1));
});

it("a retry that is killed in the middle of a page makes one run for each", async () => {
  const broken = await create(RUNS, "broken");
  await forEachOf(broken, async ({ callback }) => {
    await call("POST", callback.url, { status: "failed", error: "exit code 1" }, callback.token);
  });
  const filter = { labels: ["broken"], status: ["failed"] };
  const retry = await killAtFirstChange({ operation: "retry", filter, maxRuns: 100 });

  expect(retry).toMatchObject(all(RUNS));
  const told = await items(retry.id);
  expect(told.map(({ runId }) => runId).toSorted()).toEqual(broken.map(({ id }) => id).toSorted());
  let runs: DetailedRun[] = [];
  // Just after the start, a list can be stale.
  await until("every run is listed", async () => {
    runs = await call("GET", "action-runs?label=broken&limit=200&include=details");
    return runs.length >= 2 * RUNS;
  });
  const made = runs.filter(({ details }) => details.bulkOperationId === retry.id);
  expect(made.map(({ id, details }) => [details.retryOf, id].join()).toSorted()).toEqual(
    told.map(({ runId, newRunId }) => [runId, newRunId].join()).toSorted(),
  );
  expect(runs.length).toBe(2 * RUNS);
});

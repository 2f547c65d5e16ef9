/** What a hostile caller sends to …/bulk-operations, besides what the tables of this folder try with every route. */

import { beforeAll, describe, expect, it } from "vitest";
import { replicated } from "../support/replicated.ts";
import { ask, type CreatedRun, createRun, newRunsPath } from "../support/requests.ts";
import { bulk, bulkPath, type Item, itemsOf, type Operation, startBulk } from "../support/runs/bulk.ts";
import { grantToken, newProject, type Refusal } from "../support/tokens.ts";

const project = newProject();
const runs = `${project}/envs/prod/action-runs`;
const beside = `${project}/envs/dev/action-runs`;
const elsewhere = newRunsPath();
const UNKNOWN = "0199d2a5-0000-8000-8000-000000000000";
const FILTER = { status: ["pending"] };

let own: CreatedRun;
let foreign: readonly string[];
beforeAll(async () => {
  own = await createRun(runs);
  foreign = [(await createRun(beside)).id, (await createRun(elsewhere)).id];
});

const statusOf = async (path: string, id: string) => (await ask("GET", `${path}/${id}`)).body.status;

describe("a request is refused, and begins nothing", () => {
  it.each<[string, number, string, string | undefined, object]>([
    ["neither runs nor a filter", 400, "invalid_body", undefined, {}],
    ["no runs", 400, "invalid_body", "/runIds", { runIds: [] }],
    ["runs and a filter", 400, "invalid_body", undefined, { runIds: [UNKNOWN], filter: FILTER, maxRuns: 5 }],
    ["runs and maxRuns", 400, "invalid_body", "/maxRuns", { runIds: [UNKNOWN], maxRuns: 5 }],
    ["a filter without maxRuns", 400, "invalid_body", "/maxRuns", { filter: FILTER }],
    ["501 runs", 400, "invalid_body", "/runIds", { runIds: Array.from({ length: 501 }, () => UNKNOWN) }],
    ["a filter without conditions", 422, "empty_filter", "/filter", { filter: {}, maxRuns: 5 }],
    ["only empty lists", 422, "empty_filter", "/filter", { filter: { status: [], labels: [] }, maxRuns: 5 }],
    ["10 001 runs", 400, "invalid_body", "/maxRuns", { filter: FILTER, maxRuns: 10_001 }],
    ["includeRetried", 400, "invalid_body", "/includeRetried", { runIds: [UNKNOWN], includeRetried: true }],
    [
      "a retry with a grace",
      400,
      "invalid_body",
      undefined,
      { operation: "retry", runIds: [UNKNOWN], graceSeconds: 1 },
    ],
    ["a retry with a reason", 400, "invalid_body", undefined, { operation: "retry", runIds: [UNKNOWN], reason: "x" }],
    ["the operation approve", 400, "invalid_body", "/operation", { operation: "approve", runIds: [UNKNOWN] }],
  ])("is $1 $2 with %s", async (_, status, code, pointer, body) => {
    const refused = await startBulk<Refusal>(runs, { operation: "cancel", ...body });
    expect([refused.status, refused.body]).toEqual([status, { error: expect.stringMatching(/\S/), code, pointer }]);
    expect((await ask("GET", bulkPath(runs))).body).toEqual([]);
  });

  it("500 runs are not too many", async () => {
    const runIds = Array.from({ length: 500 }, () => crypto.randomUUID());
    const { status, body } = await startBulk<{ matched: number }>(runs, { operation: "cancel", runIds, dryRun: true });
    expect([status, body.matched]).toEqual([200, 500]);
  });
});

describe("maxRuns", () => {
  it.each([
    ["member", 500, 200],
    ["member", 501, 403],
    ["member", 10_000, 403],
    ["admin", 10_000, 200],
  ] as const)("of a %s: %i is %i", async (role, maxRuns, expected) => {
    const { token } = await grantToken(project, { role });
    const body = { operation: "cancel", filter: FILTER, maxRuns, dryRun: true };
    const { status } = await startBulk<Refusal>(runs, body, { token });
    expect(status).toBe(expected);
  });
});

describe("ids of other environments and projects", () => {
  it("are runs that are not found, exactly as an id that nobody has, and those runs stay as they are", async () => {
    const { token } = await grantToken(project, { role: "admin", envName: "prod" });
    for (const operation of ["cancel", "retry"]) {
      const { id, counts } = await bulk(runs, { operation, runIds: [...foreign, UNKNOWN] }, { token });
      expect(counts).toEqual({ matched: 3, accepted: 0, skipped: 3, failed: 0, remaining: 0 });
      const told = new Set((await itemsOf(runs, id)).map(({ runId: _, ...item }) => JSON.stringify(item)));
      const unknown = { actionName: null, title: null, subject: null };
      const item = { outcome: "skipped", code: "run_not_found", newRunId: null, ...unknown };
      expect([...told]).toEqual([JSON.stringify(item)]);
    }
    expect(await statusOf(beside, foreign[0] ?? "")).toBe("pending");
    expect(await statusOf(elsewhere, foreign[1] ?? "")).toBe("pending");
  });

  it("look to a dry run like ids that nobody has", async () => {
    const looked = async (runIds: readonly string[]) =>
      (await startBulk<unknown>(runs, { operation: "cancel", runIds, dryRun: true })).body;
    const [first, second] = [crypto.randomUUID(), crypto.randomUUID()];
    await replicated(beside);
    expect(await looked(foreign)).toEqual(await looked([first, second]));
  });
});

describe("an operation", () => {
  let operation: Operation;
  beforeAll(async () => {
    operation = await bulk(runs, { operation: "cancel", runIds: [own.id, UNKNOWN] });
  });

  it.each(["GET ", "GET /items", "POST /cancel"])("of another environment is not found: %s", async (route) => {
    const [method = "", rest] = route.split(" ");
    const { token } = await grantToken(project, { role: "owner" });
    for (const path of [beside, elsewhere]) {
      const asked = path === beside ? { token } : {};
      const { status, body } = await ask<Refusal>(method, bulkPath(path, operation.id, rest), asked);
      expect([status, body.code]).toEqual([404, "bulk_operation_not_found"]);
    }
  });

  it("that a viewer may see can't be stopped by them", async () => {
    const { token } = await grantToken(project, { role: "viewer", envName: "prod" });
    expect((await ask("GET", bulkPath(runs, operation.id), { token })).status).toBe(200);
    expect((await ask("POST", bulkPath(runs, operation.id, "/cancel"), { token })).status).toBe(403);
  });

  it("that is over is answered as it is by a stop, and no second entry comes into the audit", async () => {
    const before = (await ask<unknown[]>("GET", `${project}/audit`)).body;
    const { status, body } = await ask<Operation>("POST", bulkPath(runs, operation.id, "/cancel"));
    expect([status, body]).toEqual([200, { ...operation, ended: undefined }]);
    expect((await ask<unknown[]>("GET", `${project}/audit`)).body).toEqual(before);
  });

  it("is shown by no cursor of another one", async () => {
    const cursorOf = async (path: string) => {
      const { headers } = await ask("GET", path);
      return /[?&]cursor=([^&>]+)/.exec(headers.get("Link") ?? "")?.[1];
    };
    const theirs = await bulk(elsewhere, { operation: "cancel", runIds: [UNKNOWN, ...foreign] });
    await bulk(elsewhere, { operation: "cancel", runIds: [UNKNOWN] });
    const ofList = await cursorOf(`${bulkPath(elsewhere)}?limit=1`);
    const ofItems = await cursorOf(`${bulkPath(elsewhere, theirs.id, "/items")}?limit=1`);
    expect([ofList, ofItems]).toEqual([expect.any(String), expect.any(String)]);
    const listed = await ask<Operation[]>("GET", `${bulkPath(runs)}?cursor=${ofList}`);
    const ids = new Set((await ask<Operation[]>("GET", bulkPath(runs))).body.map(({ id }) => id));
    expect(listed.body.filter(({ id }) => !ids.has(id))).toEqual([]);
    const items = await ask<Item[]>("GET", `${bulkPath(runs, operation.id, "/items")}?cursor=${ofItems}`);
    expect(items.body.filter(({ runId }) => ![own.id, UNKNOWN].includes(runId))).toEqual([]);
  });

  it("is not replayed to another token with the same key", async () => {
    const [one, other] = [await grantToken(project, { role: "member" }), await grantToken(project, { role: "member" })];
    const headers = { "Idempotency-Key": "same" };
    const body = { operation: "cancel", runIds: [UNKNOWN] };
    const first = await startBulk(runs, body, { token: one.token, headers });
    const second = await startBulk(runs, body, { token: other.token, headers });
    expect(second.body.id).not.toBe(first.body.id);
    const reused = await startBulk(runs, { ...body, reason: "why" }, { token: one.token, headers });
    expect([reused.status, reused.body.code]).toEqual([422, "idempotency_key_reused"]);
    const again = await startBulk(runs, body, { token: one.token, headers });
    expect([again.body.id, again.headers.get("Idempotent-Replayed")]).toEqual([first.body.id, "true"]);
  });
});

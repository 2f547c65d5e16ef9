/** POST …/bulk-operations: what begins, what does not, and what the audit tells of it. */

import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { journal, until } from "../../../support/direct.ts";
import { faults, resetFaults } from "../../../support/faults.ts";
import { type Ask, ask, createRun, newRunsPath } from "../../../support/requests.ts";
import { bulk, bulkEnded, bulkPath, type Operation, startBulk } from "../../../support/runs/bulk.ts";
import { givenProject, grantToken, revokeElsewhere } from "../../../support/tokens.ts";

const keyed = (key: string, headers: Record<string, string> = {}): Ask => ({
  headers: { "Idempotency-Key": key, ...headers },
});
const CANCEL = { operation: "cancel", filter: { actionName: "deploy" }, maxRuns: 10 };
const listed = async (runs: string) => (await ask<Operation[]>("GET", bulkPath(runs))).body;

interface Entry {
  readonly action: string;
  readonly actorName: string;
  readonly target: string;
  readonly bulk: Readonly<Record<string, unknown>> | null;
}

async function audited(runs: string): Promise<readonly Entry[]> {
  const project = runs.split("/envs/")[0];
  return (await ask<Entry[]>("GET", `${project}/audit`)).body;
}

it("a repeated key finds the operation, and another request with the key is refused", async () => {
  const path = newRunsPath();
  const first = await startBulk(path, CANCEL, keyed("k"));
  expect(first.headers.get("Idempotent-Replayed")).toBeNull();
  await bulkEnded(path, first.body.id);
  // What is said by default can be said as well.
  const again = await startBulk(path, { ...CANCEL, dryRun: false, graceSeconds: 60 }, keyed("k"));
  expect(again.status).toBe(202);
  expect(again.headers.get("Idempotent-Replayed")).toBe("true");
  expect(again.headers.get("Location")).toBe(first.headers.get("Location"));
  expect(again.body).toMatchObject({ id: first.body.id, status: "completed" });
  for (const other of [
    { ...CANCEL, maxRuns: 11 },
    { ...CANCEL, filter: { actionName: "other" } },
  ]) {
    const refused = await startBulk(path, other, keyed("k"));
    expect([refused.status, refused.body.code]).toEqual([422, "idempotency_key_reused"]);
  }
  expect((await listed(path)).length).toBe(1);
});

it("requests with one key that come at the same time begin one operation", async () => {
  const path = newRunsPath();
  const started = await Promise.all(Array.from({ length: 8 }, () => startBulk(path, CANCEL, keyed("k"))));
  expect(new Set(started.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
  expect((await listed(path)).length).toBe(1);
  const id = started[0]?.body.id ?? "";
  const told = ({ action, target }: Entry) => action === "bulk_started" && target === id;
  expect((await audited(path)).filter(told).length).toBe(1);
  await bulkEnded(path, id);
});

it("without an audit entry nothing begins, and the same key begins it later", async () => {
  const path = newRunsPath();
  const { id } = await createRun(path);
  // Warm, so that the request itself needs no D1.
  await listed(path);
  faults.writes = "down";
  const refused = await startBulk(path, CANCEL, keyed("k"));
  expect([refused.status, refused.body.code]).toEqual([503, "database_unavailable"]);
  resetFaults();
  expect(await listed(path)).toEqual([]);
  expect((await ask("GET", `${path}/${id}`)).body.status).toBe("pending");
  expect(await journal(path, "SELECT 1 FROM bulk_operations")).toEqual([]);
  const begun = await startBulk(path, CANCEL, keyed("k"));
  expect(begun.headers.get("Idempotent-Replayed")).toBeNull();
  expect((await bulkEnded(path, begun.body.id)).counts).toMatchObject({ matched: 1, accepted: 1 });
});

it("a token that was revoked elsewhere begins nothing", async () => {
  const { project, path } = givenProject();
  const { id, token } = await grantToken(project, { role: "member" });
  const run = await createRun(path, { actionName: "deploy" }, { token });
  await revokeElsewhere(env.DB, id);
  expect(await startBulk(path, CANCEL, { token })).toMatchObject({ status: 401, body: { code: "token_invalid" } });
  expect(await listed(path)).toEqual([]);
  expect((await ask("GET", `${path}/${run.id}`)).body.status).toBe("pending");
});

it("a token that is revoked before its first batch changes no run", async () => {
  const { project, path } = givenProject();
  const { id, token } = await grantToken(project, { role: "member" });
  const run = await createRun(path, { actionName: "deploy" }, { token });
  faults.readDelayMs = 50;
  const { body } = await startBulk(path, CANCEL, { token });
  await revokeElsewhere(env.DB, id);
  faults.readDelayMs = 0;
  expect(await bulkEnded(path, body.id)).toMatchObject({
    status: "aborted",
    abortReason: "token_revoked",
    counts: { matched: 1, accepted: 0, remaining: 1 },
  });
  expect((await ask("GET", `${path}/${run.id}`)).body.status).toBe("pending");
});

it("the audit tells when an operation begins and how it ends, with filter and counts", async () => {
  const { project, path } = givenProject();
  await createRun(path);
  const { token } = await grantToken(project, { role: "member", name: "ci" });
  const { id } = await bulk(path, CANCEL, { token });
  await until(async () => (await audited(path))[0]?.action === "bulk_ended");
  const named = await bulk(path, { operation: "retry", runIds: ["01890a5d-ac96-774b-bcce-b302099a8057"] });
  const entriesOf = async () => (await audited(path)).filter(({ action }) => action.startsWith("bulk"));
  await until(async () => (await entriesOf()).length === 4);
  const entries = await entriesOf();
  const order = { operation: "cancel", filter: CANCEL.filter, runs: null, maxRuns: 10 };
  const counts = { matched: 1, accepted: 1, skipped: 0, failed: 0, remaining: 0 };
  const end = { status: "completed", abortReason: null };
  expect(entries.toReversed()).toMatchObject([
    { action: "bulk_started", actorName: "ci", target: id, bulk: order },
    { action: "bulk_ended", actorName: "service", target: id, bulk: { ...order, ...end, counts } },
    { action: "bulk_started", actorName: "root", target: named.id, bulk: { filter: null, runs: 1, maxRuns: null } },
    { action: "bulk_ended", target: named.id, bulk: { counts: { matched: 1, skipped: 1 } } },
  ]);
});

it("a sixth operation, and a second retry, must wait", async () => {
  const path = newRunsPath();
  // Nothing is collected while D1 lags.
  faults.writes = { refuse: (_, sql) => sql.startsWith("INSERT INTO runs") };
  await createRun(path);
  const retry = { operation: "retry", filter: { status: ["failed"] }, maxRuns: 10 };
  const first = await startBulk(path, retry);
  expect(await startBulk(path, retry)).toMatchObject({ status: 409, body: { code: "too_many_bulk_operations" } });
  const others = await Promise.all([1, 2, 3, 4].map(() => startBulk(path, CANCEL)));
  expect(others.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
  expect((await startBulk(path, CANCEL)).status).toBe(409);
  const stop = await ask<Operation>("POST", bulkPath(path, first.body.id, "/cancel"));
  expect(stop.body).toMatchObject({ status: "aborted", abortReason: "asked" });
  expect((await startBulk(path, retry)).status).toBe(202);
  resetFaults();
  for (const { id } of await listed(path)) await ask("POST", bulkPath(path, id, "/cancel"));
});

it("more than 500 runs need actions:manage", async () => {
  const { project, path } = givenProject();
  const { token } = await grantToken(project, { role: "member" });
  const wanted = { ...CANCEL, maxRuns: 501, dryRun: true };
  expect(await startBulk(path, wanted, { token })).toMatchObject({ status: 403, body: { code: "forbidden" } });
  expect((await startBulk(path, { ...wanted, maxRuns: 500 }, { token })).status).toBe(200);
  const admin = await grantToken(project, { role: "admin" });
  expect((await startBulk(path, wanted, { token: admin.token })).status).toBe(200);
});

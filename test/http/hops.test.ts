import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { signCallbackToken } from "../../src/auth/callback-token.ts";
import { keyRing } from "../../src/key-ring.ts";
import { mintRunId } from "../../src/runs/run-id.ts";
import { createAged, journal, until } from "../support/direct.ts";
import { faults, holdWrites } from "../support/faults.ts";
import { hopsOf, watchHops } from "../support/hops.ts";
import { ask, createRun, newRunsPath, ROOT, report, rowOf, scopeOfPath } from "../support/requests.ts";

beforeEach(watchHops);
afterEach(() => vi.restoreAllMocks());

function ring() {
  const keys = keyRing(env.CALLBACK_SIGNING_KEYS);
  if (!keys.ok) throw new Error(keys.error);
  return keys.value;
}

async function newToken(path: string, role: string): Promise<string> {
  const [, o, p] = path.split("/");
  const { body } = await ask<{ token: string }>("POST", `/${o}/${p}/tokens`, { body: { name: "ci", role } });
  return body.token;
}

it("a forged, expired or malformed callback token makes no round trip", async () => {
  const path = newRunsPath();
  const run = await createRun(path);
  const { token } = run.callback;
  const past = Date.now() - 1000;
  const late = await mintRunId(ring(), scopeOfPath(path), { createdAt: past - 60_000, coordinator: 0 });
  const expired = await signCallbackToken(ring(), { scope: scopeOfPath(path), runId: late, expiresAt: past });
  const forged = [
    [run.callback.url, `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`],
    [run.callback.url, token.toUpperCase()],
    [run.callback.url, "not-a-token"],
    [run.callback.url, expired],
    [`${path}/${late}/callback`, expired],
    [`${path}/${late}/callback`, token],
    [run.callback.url, token.replace(/:[0-9]{13}:/, `:${Date.now() + 86_400_000}:`)],
    [run.callback.url, (await createRun(path)).callback.token],
    [`${newRunsPath()}/${run.id}/callback`, token],
    [run.callback.url, ROOT],
    [run.callback.url, `terr_${"y".repeat(43)}`],
    [`${path}/no-uuid/callback`, token],
  ] as const;
  for (const [url, token] of forged) {
    const { lines, calls } = await hopsOf(async () => {
      await ask("POST", url, { token, body: { status: "succeeded" } });
      await ask("POST", url.replace(/callback$/, "heartbeat"), { token, body: {} });
    });
    const nothing = { status: 401, d1: 0, coordinator: 0 };
    expect(lines).toEqual([nothing, nothing]);
    expect(calls).toBe(0);
  }
});

it("a callback token that expired over a day ago makes no round trip, even with a key", async () => {
  const path = newRunsPath();
  const expiresAt = Date.now() - 86_400_000;
  const runId = await mintRunId(ring(), scopeOfPath(path), { createdAt: expiresAt - 1, coordinator: 0 });
  const token = await signCallbackToken(ring(), { scope: scopeOfPath(path), runId, expiresAt });
  const headers = { "Idempotency-Key": "again" };
  const asked = { token, headers, body: { status: "succeeded" } };
  expect(await hopsOf(() => ask("POST", `${path}/${runId}/callback`, asked))).toEqual({
    lines: [{ status: 401, d1: 0, coordinator: 0 }],
    calls: 0,
  });
});

it("a cancel with a grace calls the coordinator once, a retry twice, and neither D1", async () => {
  const path = newRunsPath();
  const run = await createRun(path);
  const cancelled = await hopsOf(() => ask("POST", `${path}/${run.id}/cancel?include=details`));
  expect(cancelled.lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
  const retried = await hopsOf(() => ask("POST", `${path}/${run.id}/retry?include=details`));
  expect(retried.lines).toEqual([{ status: 201, d1: 0, coordinator: 2 }]);
});

it("create, callback and cancel call the coordinator once and D1 never", async () => {
  const path = newRunsPath();
  const run = await createRun(path);
  const other = await createRun(path);
  expect((await hopsOf(() => createRun(path))).lines).toEqual([{ status: 201, d1: 0, coordinator: 1 }]);
  const reported = await hopsOf(() => report(run, { status: "succeeded" }));
  expect(reported.lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
  const again = await hopsOf(() => report(run, { status: "succeeded" }));
  expect(again.lines).toEqual([{ status: 409, d1: 0, coordinator: 1 }]);
  const cancelled = await hopsOf(() => ask("DELETE", `${path}/${other.id}`));
  expect(cancelled.lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
});

it("a heartbeat calls the coordinator once, and after the first heartbeat D1 is never written", async () => {
  const run = await createRun(newRunsPath());
  const url = run.callback.url.replace(/callback$/, "heartbeat");
  const { token } = run.callback;
  const beat = (body: unknown) => hopsOf(() => ask("POST", url, { token, body }));
  expect((await beat({})).lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
  for (const body of [{}, { message: "building" }, { message: "building" }, { progress: 0.5 }]) {
    const { lines, calls } = await beat(body);
    expect(lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
    expect(calls).toBe(0);
  }
  expect(await beat({ progress: 2 })).toEqual({
    lines: [{ status: 400, d1: 0, coordinator: 0 }],
    calls: 0,
  });
  await report(run, { status: "succeeded" });
  expect((await beat({})).lines).toEqual([{ status: 409, d1: 0, coordinator: 1 }]);
});

it("a timeline or a finished stream calls the coordinator once and D1 never", async () => {
  const path = newRunsPath();
  const run = await createRun(path);
  await report(run, { status: "succeeded" });
  const { lines, calls } = await hopsOf(async () => {
    await ask("GET", `${path}/${run.id}/events`);
    await ask("GET", `${path}/${run.id}/events?limit=1`);
    await ask("HEAD", `${path}/${run.id}/events`);
  });
  expect(lines).toEqual([200, 200, 200].map((status) => ({ status, d1: 0, coordinator: 1 })));
  expect(calls).toBe(0);
  // There is nothing to watch any more, so no place is taken.
  const headers = { Accept: "text/event-stream", "Last-Event-ID": "3" };
  const stream = await hopsOf(() => ask("GET", `${path}/${run.id}/events`, { headers }));
  expect(stream).toEqual({ lines: [{ status: 204, d1: 0, coordinator: 1 }], calls: 0 });
});

it("a wait calls the coordinator once, and never for an end that the isolate remembers", async () => {
  const path = newRunsPath();
  const run = await createRun(path);
  const wait = () => hopsOf(() => ask("GET", `${path}/${run.id}?wait=1`));
  expect((await wait()).lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
  await report(run, { status: "succeeded" });
  expect((await wait()).lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
  await ask("GET", `${path}/${run.id}`);
  expect(await wait()).toEqual({ lines: [{ status: 200, d1: 0, coordinator: 0 }], calls: 0 });
});

it("reading an open run and listing call D1 once and no coordinator", async () => {
  const path = newRunsPath();
  const run = await createRun(path);
  await createRun(path);
  const next = /[?&](cursor=[^&>]+)/.exec(
    (await ask("GET", `${path}?limit=1`)).headers.get("Link") ?? "",
  )?.[1];
  const queries = [
    "",
    "?limit=1",
    "?status=pending",
    "?status=failed&status=running",
    "?actionName=deploy",
    "?entityId=01890a5d-ac96-774b-bcce-b302099a8057",
    "?triggeredBy=root",
    "?createdAfter=2026-01-31T12:00:00Z",
    "?createdBefore=2099-01-31T12:00:00Z",
    "?status=pending&actionName=deploy",
    `?${next}`,
    `?limit=1&status=pending&triggeredBy=root&${next}`,
  ];
  expect(next).toBeDefined();
  for (const url of [`${path}/${run.id}`, `${path}/${run.id}`, ...queries.map((query) => path + query)]) {
    for (const method of ["GET", "HEAD"]) {
      expect([url, await hopsOf(() => ask(method, url))]).toEqual([
        url,
        { lines: [{ status: 200, d1: 1, coordinator: 0 }], calls: 1 },
      ]);
    }
  }
});

it("creates that arrive during a D1 write share the next write", async () => {
  const path = newRunsPath();
  await createAged(path);
  const gate = holdWrites();
  const before = faults.calls;
  const creating = Array.from({ length: 40 }, () => createAged(path));
  await until(async () => (await journal(path, 0, "SELECT id FROM runs")).length === 41);
  expect(faults.calls - before).toBe(1);
  gate.open();
  const ids = await Promise.all(creating);
  await until(async () => (await rowOf(ids.at(-1) ?? "")) !== null);
  expect(faults.calls - before).toBe(2);
  for (const id of ids) expect(await rowOf(id)).toMatchObject({ version: 1 });
});

it("an ended run that the isolate remembers makes no round trip", async () => {
  const path = newRunsPath();
  const run = await createRun(path);
  await report(run, { status: "succeeded" });
  const first = await hopsOf(() => ask("GET", `${path}/${run.id}`));
  expect(first.lines).toEqual([{ status: 200, d1: 1, coordinator: 0 }]);
  const second = await hopsOf(() => ask("GET", `${path}/${run.id}`));
  expect(second.lines).toEqual([{ status: 200, d1: 0, coordinator: 0 }]);
  expect(second.calls).toBe(0);
});

it("an API token is looked up once in 30 s", async () => {
  const path = newRunsPath();
  const token = await newToken(path, "member");
  const run = await createRun(path);
  const first = await hopsOf(() => createRun(path, { actionName: "a" }, { token }));
  expect(first.lines).toEqual([{ status: 201, d1: 1, coordinator: 1 }]);
  const next = await hopsOf(async () => {
    await createRun(path, { actionName: "a" }, { token });
    await ask("GET", `${path}/${run.id}`, { token });
    await ask("GET", path, { token });
  });
  expect(next.lines).toEqual([
    { status: 201, d1: 0, coordinator: 1 },
    { status: 200, d1: 1, coordinator: 0 },
    { status: 200, d1: 1, coordinator: 0 },
  ]);
});

it("a made-up id reads D1 once and wakes no coordinator", async () => {
  const path = newRunsPath();
  const made = "0199d2a5-1234-8001-8123-456789abcdef";
  for (const [method, suffix] of [
    ["GET", ""],
    ["GET", "/events"],
    ["DELETE", ""],
  ] as const) {
    const { lines } = await hopsOf(() => ask(method, `${path}/${made}${suffix}`));
    expect(lines).toEqual([{ status: 404, d1: 1, coordinator: 0 }]);
  }
});

it("a malformed request makes no round trip", async () => {
  const path = newRunsPath();
  const { lines, calls } = await hopsOf(async () => {
    await ask("GET", path, { token: null });
    await ask("GET", path, { token: "no-such-spelling" });
    await ask("GET", `${path}?limit=0`);
    await ask("POST", path, { body: {} });
    await ask("GET", `${path}/no-uuid`);
    await ask("GET", `${path}/no-uuid/events`);
    await ask("GET", `${path}/${crypto.randomUUID()}?wait=0`);
    await ask("GET", `${path}/${crypto.randomUUID()}/events?cursor=0`);
    await ask("POST", path, { body: { actionName: "a" }, headers: { "Action-Runs-Delivery": "1" } });
    await ask("DELETE", `${path}/no-uuid`);
    await ask("GET", "/nothing");
  });
  expect(lines).toEqual(
    [401, 401, 400, 400, 404, 404, 400, 400, 508, 404, 404].map((status) => ({
      status,
      d1: 0,
      coordinator: 0,
    })),
  );
  expect(calls).toBe(0);
});

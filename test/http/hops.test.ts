import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { signCallbackToken } from "../../src/auth/token-format.ts";
import { createRunId } from "../../src/runs/run-id.ts";
import type { Env } from "../../src/settings/env.ts";
import { keyRing } from "../../src/settings/key-ring.ts";
import { hopPaths, hopsOf } from "../support/api/hops.ts";
import { askWith, envWith } from "../support/bindings.ts";
import { createAged, journal } from "../support/direct.ts";
import { faults, holdWrites } from "../support/faults.ts";
import { replicated } from "../support/replicated.ts";
import { ask, type CreatedRun, createRun, ROOT, report, rowOf, scopeOfPath } from "../support/requests.ts";
import { beat } from "../support/runs/stream.ts";

const newPath = hopPaths();

const NEW_KEY = "the-new-signing-key-of-32-bytes-and-more";
const OLD_RING = envWith({ CALLBACK_SIGNING_KEYS: "the-old-signing-key-of-32-bytes-and-more" });

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

async function createUnder(environment: Env, path: string): Promise<CreatedRun> {
  const answer = await askWith<CreatedRun>(environment, "POST", path, { body: { actionName: "deploy" } });
  expect(answer.status).toBe(201);
  return answer.body;
}

function wrongTag(id: string): string {
  return id.slice(0, -1) + (id.endsWith("0") ? "1" : "0");
}

it("a forged, expired or malformed callback token makes no round trip", async () => {
  const path = newPath();
  const run = await createRun(path);
  const { token } = run.callback;
  const past = Date.now() - 1000;
  const late = await createRunId(ring(), scopeOfPath(path), past - 60_000);
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
    [`${newPath()}/${run.id}/callback`, token],
    [run.callback.url, ROOT],
    [run.callback.url, `terr_${"y".repeat(43)}`],
    [`${path}/no-uuid/callback`, token],
  ] as const;
  await replicated(path);
  for (const [url, token] of forged) {
    const { lines, calls } = await hopsOf(async () => {
      await ask("POST", url, { token, body: { status: "succeeded" } });
      await ask("POST", url.replace(/callback$/, "heartbeat"), { token, body: {} });
    });
    const nothing = { status: 401, d1: 0, coordinator: 0 };
    expect(lines).toEqual([nothing, nothing]);
    expect(calls).toBe(0);
    if (!/^[^:]+:[^:]+:[^:]+$/.test(token)) continue;
    const got = await hopsOf(() => ask("GET", url.replace(/\/callback$/, ""), { token }));
    expect(got).toEqual({ lines: [nothing], calls: 0 });
  }
});

it("a get with the run's callback token calls the coordinator once, and not D1", async () => {
  const path = newPath();
  const { id, callback } = await createRun(path);
  const { lines } = await hopsOf(() => ask("GET", `${path}/${id}`, { token: callback.token }));
  expect(lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
});

it("a callback token that expired over a day ago makes no round trip, even with a key", async () => {
  const path = newPath();
  const expiresAt = Date.now() - 86_400_000;
  const runId = await createRunId(ring(), scopeOfPath(path), expiresAt - 1);
  const token = await signCallbackToken(ring(), { scope: scopeOfPath(path), runId, expiresAt });
  const headers = { "Idempotency-Key": "again" };
  const asked = { token, headers, body: { status: "succeeded" } };
  expect(await hopsOf(() => ask("POST", `${path}/${runId}/callback`, asked))).toEqual({
    lines: [{ status: 401, d1: 0, coordinator: 0 }],
    calls: 0,
  });
});

it("a cancel with a grace calls the coordinator once, a retry twice, and D1 only the entry of a cancel in the audit", async () => {
  const path = newPath();
  const [run, pending] = [await createRun(path), await createRun(path)];
  await beat(run);
  await replicated(path);
  const headers = { "Idempotency-Key": "k" };
  const change = (id: string, what: "cancel" | "retry", body = {}) =>
    hopsOf(() => ask("POST", `${path}/${id}/${what}?include=details`, { headers, body }));
  const once = (status: number, coordinator = 1, d1 = 0) => [{ status, d1, coordinator }];
  expect((await change(pending.id, "cancel")).lines).toEqual(once(200, 1, 1));
  // The second time it is a replay, and writes the same row again.
  for (let n = 0; n < 2; n++) expect((await change(run.id, "cancel")).lines).toEqual(once(202, 1, 1));
  expect((await change(run.id, "cancel", { graceSeconds: 1 })).lines).toEqual(once(422));
  // The run is open, and no other run has the key.
  expect((await change(run.id, "retry")).lines).toEqual(once(409, 2));
  await report(run, { status: "succeeded" });
  expect((await change(run.id, "cancel", { reason: "late" })).lines).toEqual(once(422));
  for (let n = 0; n < 2; n++) expect((await change(run.id, "retry")).lines).toEqual(once(201, 2));
});

it("a retry of a run of an action reads D1 as a run of the action does: not while the isolate knows the action", async () => {
  const path = newPath();
  const action = `${path.replace(/action-runs$/, "actions")}/deploy`;
  const forget = () => ask("PUT", action, { body: { labels: ["a"] } });
  await forget();
  const { body: run } = await ask<CreatedRun>("POST", `${action}/runs`);
  await report(run, { status: "succeeded" });
  await replicated(path);
  const retried = () => hopsOf(() => ask("POST", `${path}/${run.id}/retry`));
  expect((await retried()).lines).toEqual([{ status: 201, d1: 0, coordinator: 2 }]);
  await forget();
  expect((await retried()).lines).toEqual([{ status: 201, d1: 1, coordinator: 2 }]);
  expect((await retried()).lines).toEqual([{ status: 201, d1: 0, coordinator: 2 }]);
});

describe("a create that is refused", () => {
  const labels = Array.from({ length: 10 }, (_, n) => `l${n}`);
  const trigger = { type: "webhook", url: "https://10.0.0.1/" };
  it.each([
    { why: "invalid_body", create: "action-runs", body: { actionName: "deploy", trigger } },
    { why: "too_many_labels", create: "actions/deploy/runs", body: { labels: ["one more"] } },
    { why: "action_not_found", create: "actions/gone/runs", body: {} },
  ])(
    "before its coordinator is asked calls it once if it has a key, and otherwise never: $why",
    async ({ why, create, body }) => {
      const environment = newPath().replace(/action-runs$/, "");
      await ask("PUT", `${environment}actions/deploy`, { body: { labels } });
      const refused = async (headers: Record<string, string>) => {
        const { lines } = await hopsOf(async () => {
          const answer = await ask<{ code: string }>("POST", environment + create, { body, headers });
          expect(answer.body.code).toBe(why);
        });
        return lines.map(({ coordinator }) => coordinator);
      };
      expect(await refused({})).toEqual([0]);
      expect(await refused({ "Idempotency-Key": "k" })).toEqual([1]);
    },
  );

  it("by its coordinator calls it only once", async () => {
    const path = newPath();
    const headers = { "Idempotency-Key": "k" };
    await createRun(path, { actionName: "deploy" }, { headers });
    const reused = () => ask("POST", path, { body: { actionName: "test" }, headers });
    expect((await hopsOf(reused)).lines).toEqual([{ status: 422, d1: 0, coordinator: 1 }]);
  });
});

it("every change calls the coordinator once and waits for no D1", async () => {
  const path = newPath();
  const [run, other, beaten] = [await createRun(path), await createRun(path), await createRun(path)];
  const gate = holdWrites();
  const once = (status: number, d1 = 0) => [{ status, d1, coordinator: 1 }];
  const cancel = (id: string) => hopsOf(() => ask("DELETE", `${path}/${id}`));
  const headers = { "Idempotency-Key": "order-1" };
  const create = () => hopsOf(() => createRun(path, { actionName: "deploy" }, { headers }));
  expect((await hopsOf(() => createRun(path))).lines).toEqual(once(201));
  expect((await create()).lines).toEqual(once(201));
  expect((await create()).lines).toEqual(once(201));
  expect((await hopsOf(() => report(run, { status: "succeeded" }))).lines).toEqual(once(200));
  expect((await hopsOf(() => report(run, { status: "succeeded" }))).lines).toEqual(once(409));
  // Its entry in the audit, which the answer does not wait for.
  expect((await cancel(other.id)).lines).toEqual(once(200, 1));
  expect((await cancel(other.id)).lines).toEqual(once(409));
  expect((await hopsOf(() => beat(beaten))).lines).toEqual(once(200));
  gate.open();
});

it("a heartbeat calls the coordinator once, and after the first heartbeat D1 is never written", async () => {
  const path = newPath();
  const run = await createRun(path);
  const url = run.callback.url.replace(/callback$/, "heartbeat");
  const { token } = run.callback;
  const beat = (body: unknown) => hopsOf(() => ask("POST", url, { token, body }));
  expect((await beat({})).lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
  await replicated(path);
  for (const body of [{}, { message: "building" }, { message: "building" }, { progress: 0.5 }]) {
    const { lines, calls } = await beat(body);
    expect(lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
    expect(calls).toBe(0);
  }
  expect(await beat({ progress: 2 })).toEqual({ lines: [{ status: 400, d1: 0, coordinator: 0 }], calls: 0 });
  await report(run, { status: "succeeded" });
  expect((await beat({})).lines).toEqual([{ status: 409, d1: 0, coordinator: 1 }]);
});

it("a page of the feed calls the coordinator once and D1 never, with or without a cursor", async () => {
  const path = newPath();
  await createRun(path);
  await replicated(path);
  for (const query of ["", "?after=0", "?after=0&wait=60", "?after=0&label=a&actionName=b&include=details"]) {
    for (const method of ["GET", "HEAD"]) {
      expect([query, await hopsOf(() => ask(method, `${path}/changes${query}`))]).toEqual([
        query,
        { lines: [{ status: 200, d1: 0, coordinator: 1 }], calls: 0 },
      ]);
    }
  }
  const { lines } = await hopsOf(() => ask("GET", `${path}/changes?after=1`));
  expect(lines).toEqual([{ status: 400, d1: 0, coordinator: 0 }]);
});

it("a timeline or a finished stream calls the coordinator once and D1 never", async () => {
  const path = newPath();
  const run = await createRun(path);
  await report(run, { status: "succeeded" });
  await replicated(path);
  const { lines, calls } = await hopsOf(async () => {
    await ask("GET", `${path}/${run.id}/events`);
    await ask("GET", `${path}/${run.id}/events?limit=1`);
    await ask("HEAD", `${path}/${run.id}/events`);
  });
  expect(lines).toEqual([200, 200, 200].map((status) => ({ status, d1: 0, coordinator: 1 })));
  expect(calls).toBe(0);
  // There is nothing to watch any more, so there is no subscription.
  const headers = { Accept: "text/event-stream", "Last-Event-ID": "3" };
  const stream = await hopsOf(() => ask("GET", `${path}/${run.id}/events`, { headers }));
  expect(stream).toEqual({ lines: [{ status: 204, d1: 0, coordinator: 1 }], calls: 0 });
});

it("a wait calls the coordinator once, and never for an end that the isolate remembers", async () => {
  const path = newPath();
  const run = await createRun(path);
  const wait = () => hopsOf(() => ask("GET", `${path}/${run.id}?wait=1`));
  expect((await wait()).lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
  await report(run, { status: "succeeded" });
  expect((await wait()).lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
  await ask("GET", `${path}/${run.id}`);
  await replicated(path);
  expect(await wait()).toEqual({ lines: [{ status: 200, d1: 0, coordinator: 0 }], calls: 0 });
});

it("a get of an open run calls its coordinator once and D1 never", async () => {
  const path = newPath();
  const run = await createRun(path);
  await replicated(path);
  for (const method of ["GET", "HEAD"]) {
    expect(await hopsOf(() => ask(method, `${path}/${run.id}`))).toEqual({
      lines: [{ status: 200, d1: 0, coordinator: 1 }],
      calls: 0,
    });
  }
});

it.each([
  ["a list calls the coordinator once, and then D1 once", "", 1],
  ["a summary calls D1 once and no coordinator", "/summary", 0],
])("%s, whatever it asks for", async (_what, suffix, coordinator) => {
  const path = newPath();
  await createRun(path);
  await createRun(path);
  const { headers } = await ask("GET", `${path}?limit=1`);
  const next = /[?&](cursor=[^&>]+)/.exec(headers.get("Link") ?? "")?.[1];
  expect(next).toBeDefined();
  await replicated(path);
  const filters = [
    "",
    "status=pending",
    "status=failed&status=running",
    "actionName=deploy",
    "entityId=01890a5d-ac96-774b-bcce-b302099a8057",
    "triggeredBy=root",
    "createdAfter=2026-01-31T12:00:00Z",
    "createdBefore=2099-01-31T12:00:00Z",
    "status=pending&actionName=deploy",
    "label=a",
    "label=a&label=b&status=pending&actionName=deploy",
  ];
  const pages = ["limit=1", "include=details", "include=details&label=a", `${next}`, `limit=1&label=a&${next}`];
  for (const query of suffix === "" ? [...filters, ...pages] : filters) {
    for (const method of ["GET", "HEAD"]) {
      expect([query, await hopsOf(() => ask(method, `${path}${suffix}?${query}`))]).toEqual([
        query,
        { lines: [{ status: 200, d1: 1, coordinator }], calls: 1 },
      ]);
    }
  }
});

it("a list by text calls the coordinator once, which reads D1", async () => {
  const path = newPath();
  await createRun(path);
  await replicated(path);
  for (const query of ["text=deploy", "text=none", "text=deploy&label=a&include=details"]) {
    expect(await hopsOf(() => ask("GET", `${path}?${query}`))).toEqual({
      lines: [{ status: 200, d1: 0, coordinator: 1 }],
      calls: 1,
    });
  }
});

it.each(["facets?field=label&contains=de", "newest?actionName=a&actionName=b"])(
  "%s calls D1 once and no coordinator",
  async (what) => {
    const asked = () => ask("GET", `${newPath()}/${what}`);
    expect(await hopsOf(asked)).toEqual({ lines: [{ status: 200, d1: 1, coordinator: 0 }], calls: 1 });
  },
);

it("a cancel of a run whose id no key of the ring verifies asks D1 whether the run exists, and then its coordinator", async () => {
  const path = newPath();
  const { id } = await createUnder(OLD_RING, path);
  await replicated(path);
  const environment = envWith({ CALLBACK_SIGNING_KEYS: NEW_KEY });
  const { lines } = await hopsOf(() => askWith(environment, "DELETE", `${path}/${id}`));
  // Also its entry in the audit, which the answer does not wait for.
  expect(lines).toEqual([{ status: 200, d1: 2, coordinator: 1 }]);
});

it("creates that arrive during a D1 write share the next write", async () => {
  const path = newPath();
  await createAged(path);
  await replicated(path);
  let written = 0;
  const count = (bound: string) => {
    if (bound.includes(scopeOfPath(path))) written++;
    return false;
  };
  faults.writes = { refuse: count };
  const gate = holdWrites();
  const first = await createAged(path);
  // Answered while nothing can be replicated.
  const ids = await Promise.all(Array.from({ length: 40 }, () => createAged(path)));
  expect(await journal(path, "SELECT id FROM runs")).toHaveLength(42);
  for (const id of [first, ...ids]) expect(await rowOf(id)).toBeNull();
  gate.open();
  await replicated(path);
  for (const id of [first, ...ids]) expect(await rowOf(id)).toMatchObject({ version: 1 });
  expect(written).toBeLessThanOrEqual(2);
});

it("an ended run that the isolate remembers makes no round trip", async () => {
  const path = newPath();
  const run = await createRun(path);
  await report(run, { status: "succeeded" });
  const first = await hopsOf(() => ask("GET", `${path}/${run.id}`));
  expect(first.lines).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
  await replicated(path);
  const second = await hopsOf(() => ask("GET", `${path}/${run.id}`));
  expect(second.lines).toEqual([{ status: 200, d1: 0, coordinator: 0 }]);
  expect(second.calls).toBe(0);
});

it("metrics read D1 once and ask the coordinator if D1 lists it, and then nobody for 10 s", async () => {
  const path = newPath();
  const metrics = path.replace(/action-runs$/, "metrics");
  await createRun(path);
  await replicated(path);
  const first = await hopsOf(() => ask("GET", metrics));
  expect(first).toEqual({ lines: [{ status: 200, d1: 1, coordinator: 1 }], calls: 1 });
  const shared = await hopsOf(() => ask("HEAD", metrics));
  expect(shared).toEqual({ lines: [{ status: 200, d1: 0, coordinator: 0 }], calls: 0 });
  const nowhere = await hopsOf(() => ask("GET", newPath().replace(/action-runs$/, "metrics")));
  expect(nowhere.lines).toEqual([{ status: 200, d1: 1, coordinator: 0 }]);
});

it("an API token is looked up once in 30 s", async () => {
  const path = newPath();
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
    { status: 200, d1: 0, coordinator: 1 },
    { status: 200, d1: 1, coordinator: 1 },
  ]);
});

it("GET /whoami looks up an API token once in 30 s, and ROOT_TOKEN never", async () => {
  const token = await newToken(newPath(), "viewer");
  const asked = await hopsOf(async () => {
    for (const who of [token, token, ROOT]) await ask("GET", "/whoami", { token: who });
  });
  const lines = [1, 0, 0].map((d1) => ({ status: 200, d1, coordinator: 0 }));
  // The second call writes the hour of the token's use, and no response waits for it.
  expect(asked).toEqual({ lines, calls: 2 });
});

it("a made-up id reads D1 once and wakes no coordinator", async () => {
  const path = newPath();
  const made = "0199d2a5-1234-8001-8123-456789abcdef";
  for (const [method, suffix] of [
    ["GET", ""],
    ["GET", "?include=details"],
    ["GET", "/events"],
    ["DELETE", ""],
    ["POST", "/cancel"],
    ["POST", "/retry"],
  ] as const) {
    const { lines } = await hopsOf(() => ask(method, `${path}/${made}${suffix}`));
    expect(lines).toEqual([{ status: 404, d1: 1, coordinator: 0 }]);
  }
});

it("of an endpoint, D1 is asked once and the coordinator once", async () => {
  const path = newPath();
  const endpoint = `${path.replace(/action-runs$/, "webhook-endpoints")}/chat`;
  await ask("PUT", endpoint, { body: { url: "https://hooks.example.com/x", events: ["action_run.*"] } });
  const run = await createRun(path);
  await report(run, { status: "succeeded" });
  await replicated(path);
  const since = { since: new Date().toISOString(), include: "failed" };
  const made = "0199d2a5-1234-8001-8123-456789abcdef";
  const forged = wrongTag(run.id);
  // The isolate learns the endpoint.
  await ask("POST", `${endpoint}/test`);
  const asked: [number, number, number, string, string, object?][] = [
    [200, 1, 1, "GET", "/status"],
    [200, 1, 1, "GET", "/deliveries"],
    [200, 1, 1, "POST", "/test"],
    [202, 1, 1, "POST", `/deliveries/${run.id}/resend`],
    [404, 0, 0, "POST", `/deliveries/${made}/resend`],
    [404, 0, 0, "POST", `/deliveries/${forged}/resend`],
    [202, 1, 1, "POST", "/recover", since],
    [200, 1, 2, "POST", "/test", { runId: run.id }],
    [404, 0, 0, "POST", "/test", { runId: forged }],
  ];
  for (const [status, d1, coordinator, method, suffix, body] of asked) {
    const { lines } = await hopsOf(() => ask(method, endpoint + suffix, body && { body }));
    expect([suffix, lines]).toEqual([suffix, [{ status, d1, coordinator }]]);
  }
  const unknown = await hopsOf(async () => {
    for (const suffix of ["/status", "/deliveries"]) await ask("GET", `${endpoint}-x${suffix}`);
    await ask("POST", `${endpoint}-x/deliveries/${run.id}/resend`);
    await ask("POST", `${endpoint}-x/recover`, { body: since });
    await ask("POST", `${endpoint}-x/test`);
  });
  expect(unknown.lines).toEqual(Array(5).fill({ status: 404, d1: 1, coordinator: 0 }));
});

const HERE = "/acme/shop/envs/malformed";
const RUNS = `${HERE}/action-runs`;
const A_RUN = `${RUNS}/0199d2a5-1234-8001-8123-456789abcdef`;

it.each<[status: number, method: string, path: string, options?: object]>([
  [401, "GET", RUNS, { token: null }],
  [401, "GET", RUNS, { token: "no-such-spelling" }],
  [404, "GET", "/nothing"],
  [508, "POST", RUNS, { body: { actionName: "a" }, headers: { "Action-Runs-Delivery": "1" } }],
  [400, "GET", `${RUNS}?limit=0`],
  [400, "GET", `${RUNS}?label=`],
  [400, "GET", `${RUNS}/summary?limit=1`],
  [400, "POST", RUNS, { body: {} }],
  [400, "POST", RUNS, { body: { actionName: "a", notBefore: "soon" } }],
  [404, "GET", `${RUNS}/no-uuid`],
  [400, "GET", `${A_RUN}?wait=0`],
  [400, "GET", `${A_RUN}?include=all`],
  [404, "GET", `${RUNS}/no-uuid/events`],
  [400, "GET", `${A_RUN}/events?cursor=0`],
  [404, "DELETE", `${RUNS}/no-uuid`],
  [404, "POST", `${RUNS}/no-uuid/cancel`],
  [400, "POST", `${A_RUN}/cancel`, { body: { graceSeconds: -1 } }],
  [404, "POST", `${RUNS}/no-uuid/retry`],
  [400, "POST", `${A_RUN}/retry`, { body: { labels: [] } }],
  [404, "POST", `${RUNS}/no-uuid/approve`],
  [400, "POST", `${A_RUN}/approve`, { body: { reason: 1 } }],
  [404, "POST", `${RUNS}/no-uuid/reject`],
  [400, "POST", `${A_RUN}/reject`, { body: { reason: 1 } }],
  [404, "POST", `${RUNS}/no-uuid/release`],
  [404, "GET", `${RUNS}/no-uuid/approval`],
  [400, "PUT", `${HERE}/pauses/prod`, { body: {} }],
  [404, "PUT", `${HERE}/pauses/-no`, { body: { reason: "freeze" } }],
  [404, "DELETE", `${HERE}/pauses/-no`],
  [400, "GET", `${HERE}/concurrency-groups?group=-`],
  [422, "POST", `${HERE}/bulk-operations`, { body: { operation: "cancel", filter: {}, maxRuns: 1 } }],
  [400, "POST", `${HERE}/bulk-operations`, { body: { operation: "cancel", filter: { status: ["done"] }, maxRuns: 1 } }],
  [404, "GET", `${HERE}/bulk-operations/no-uuid`],
  [400, "GET", `${HERE}/bulk-operations/0199d2a5-0000-8000-8000-000000000000/items?outcome=no`],
  [400, "GET", `${HERE}/actions?cursor=-`],
  [400, "PUT", `${HERE}/actions/a`, { body: { timeout: 0 } }],
  [400, "PUT", `${HERE}/actions/a`, { body: { parametersSchema: { $ref: "https://a.example" } } }],
  [400, "POST", `${HERE}/actions/a/runs`, { body: { actionName: "a" } }],
  [404, "DELETE", `${HERE}/actions/-a`],
])("a malformed request makes no round trip: %i for %s %s", async (status, method, path, options) => {
  const { lines, calls } = await hopsOf(() => ask(method, path, options));
  expect({ lines, calls }).toEqual({ lines: [{ status, d1: 0, coordinator: 0 }], calls: 0 });
});

/** What people see of an action's request before it is sent, and what a test really sends. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { newActionsPath, put as putAt, runsOf, SIGNING_SECRET } from "../../actions/actions.ts";
import { journal } from "../../support/direct.ts";
import { type Receiver, receiver } from "../../support/receiver/client.ts";
import { ask } from "../../support/requests.ts";
import { grantToken, type Refusal } from "../../support/tokens.ts";
import { useSettings } from "../../support/use-settings.ts";
import { answering, ORIGIN } from "../../webhooks/runs.ts";

await useSettings("development");

interface Request {
  readonly method: string;
  readonly url: string | null;
  readonly headers: Record<string, string | null>;
  readonly payload?: unknown;
}
type Previewed = { readonly request: Request | null } & Partial<Refusal> & { readonly pointer?: string };
interface Tested extends Partial<Refusal> {
  readonly status?: number | null;
  readonly outcome?: string;
  readonly reason?: string;
  readonly excerpt?: string | null;
  readonly pointer?: string;
}

const NAME = "deploy";
const newPath = () => `${newActionsPath()}/${NAME}`;
const preview = (path: string, body: object, token?: string) =>
  ask<Previewed>("POST", `${ORIGIN}${path}/preview`, { body, ...(token !== undefined && { token }) });
const test = (path: string, body: object = {}, token?: string) =>
  ask<Tested>("POST", `${ORIGIN}${path}/test`, { body, ...(token !== undefined && { token }) });
const put = (path: string, body: object) => putAt(ORIGIN + path, body);
const projectOf = (path: string) => path.split("/").slice(0, 3).join("/");

async function auditOf(path: string): Promise<string[]> {
  const { body } = await ask<{ action: string; actorName: string }[]>("GET", `${projectOf(path)}/audit`);
  return body.map(({ action }) => action).toReversed();
}

/** Every row of D1 that a run or a definition could be in. */
async function rowsIn(path: string): Promise<number> {
  const scope = path
    .split("/")
    .slice(1, 6)
    .filter((part) => part !== "envs")
    .slice(0, 3)
    .join("/");
  const tables = ["runs", "definitions", "definition_versions", "coordinators"];
  const counts = await Promise.all(
    tables.map((table) => env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE scope = ?`).bind(scope).first("n")),
  );
  return counts.reduce<number>((sum, n) => sum + Number(n), 0);
}

const triggerTo = (to: Pick<Receiver, "url">, more: object = {}) => ({ type: "webhook", url: to.url, ...more });

describe("a preview", () => {
  it("shows the request that an approver would see, sends nothing and stores nothing", async () => {
    const to = receiver();
    const path = newPath();
    const definition = {
      trigger: {
        ...triggerTo(to),
        url: `${to.url}/{{ parameters.version }}`,
        method: "PUT",
        headers: { Authorization: "Bearer {{ parameters.version }}", Accept: "text/plain", "X-Kept": null },
        secrets: { key: null },
        signingSecret: null,
        payload: {
          v: "{{ parameters.version }}",
          key: "{{ secrets.key }}",
          url: "{{ run.callbackUrl }}",
          token: "{{ run.callbackToken }}",
          by: "{{ run.triggeredBy }}",
          entity: "{{ entity.id }}",
        },
      },
      parametersSchema: { type: "object", properties: { version: { type: "string" } }, additionalProperties: false },
      title: "deploy {{ parameters.version }} for {{ labels.team }}",
      subject: "{{ parameters.version }}",
      labels: ["team:shop"],
    };
    const entityId = crypto.randomUUID();
    const { status, body } = await preview(path, { definition, parameters: { version: "1.4.2" }, entityId });
    expect([status, body]).toEqual([
      200,
      {
        request: {
          method: "PUT",
          url: `${to.url}/1.4.2`,
          headers: { Authorization: null, Accept: "text/plain", "X-Kept": null },
          payload: {
            v: "1.4.2",
            key: null,
            url: expect.stringContaining(`${runsOf(path.replace(/\/deploy$/, ""))}/`),
            token: null,
            by: "root",
            entity: entityId,
          },
        },
        title: "deploy 1.4.2 for shop",
        subject: "1.4.2",
      },
    ]);
    expect([await to.inbox(), await rowsIn(path), await auditOf(path)]).toEqual([[], 0, []]);
    // The run is made up: nothing can be reported about it, and nothing can be read.
    const { url } = (body.request ?? { payload: { url: "" } }).payload as { url: string };
    expect((await ask("GET", new URL(url).pathname.replace(/\/callback$/, ""))).status).toBe(404);
  });

  it("shows the stored action, and never opens its secrets", async () => {
    const path = newPath();
    const secret = "a-stored-secret-8842";
    const headers = { "X-Key": secret };
    const trigger = triggerTo(receiver(), { headers, secrets: { a: secret }, payload: ["{{ secrets.a }}"] });
    expect((await put(path, { trigger, approval: {} })).status).toBe(201);
    // Sealed bytes that no key opens.
    await env.DB.prepare("UPDATE definitions SET secrets = x'00' WHERE name = ? AND scope LIKE ?")
      .bind(NAME, `${projectOf(path).slice(1)}/%`)
      .run();
    const { body } = await preview(path, {});
    expect(body.request).toMatchObject({ headers: { "X-Key": null }, payload: [null] });
    expect(await preview(path.replace(NAME, "other"), {})).toMatchObject({
      status: 404,
      body: { code: "action_not_found" },
    });
  });

  it("needs no parameters that the schema accepts, nor those of the queue's key", async () => {
    const definition = {
      trigger: { ...triggerTo(receiver()), payload: "{{ parameters.a }}" },
      parametersSchema: { type: "object", required: ["a"], properties: { a: { type: "integer" } } },
      concurrency: { group: "deploys", key: "{{ parameters.a }}" },
    };
    expect((await preview(newPath(), { definition })).body.request?.payload).toBe(null);
    expect((await preview(newPath(), { definition, parameters: { a: "x" } })).body.request?.payload).toBe("x");
  });

  it("has no request without a trigger, and needs no person for an action with gates", async () => {
    const path = newPath();
    expect((await preview(path, { definition: {} })).body).toEqual({ request: null, title: null, subject: null });
    const { token } = await grantToken(projectOf(path), { role: "admin", mayActForOthers: true });
    const definition = { trigger: triggerTo(receiver()), approval: {}, concurrency: { group: "deploys" } };
    expect((await preview(path, { definition }, token)).status).toBe(200);
  });

  it.each([
    ["a member that is wrong", { timeout: 0 }, {}, "invalid_body", "/definition/timeout"],
    [
      "a URL that may not be called",
      { trigger: { url: "ftp://a.example.com/" } },
      {},
      "invalid_body",
      "/definition/trigger/url",
    ],
    [
      "a slip in a placeholder",
      {
        trigger: { payload: "{{ parameters.b }}" },
        parametersSchema: { properties: { a: {} }, additionalProperties: false },
      },
      {},
      "invalid_body",
      "/definition/trigger/payload",
    ],
    [
      "a value that no header can carry",
      { trigger: { headers: { Accept: "{{ parameters.a }}" } } },
      { a: "é" },
      "invalid_body",
      "/definition/trigger/headers/Accept",
    ],
    [
      "a value that leads out of the path",
      { trigger: { url: "/{{ parameters.a }}/x" } },
      { a: ".." },
      "invalid_body",
      "/definition/trigger/url",
    ],
    [
      "a secret that is not there",
      { trigger: { payload: "{{ secrets.a }}" } },
      {},
      "invalid_body",
      "/definition/trigger/payload",
    ],
    ["a gate without a trigger", { approval: {} }, {}, "gate_needs_trigger", "/definition/approval"],
    ["half a surrogate pair", { trigger: { payload: "\ud800" } }, {}, null, undefined],
  ])(
    "of %s says what a create would say, with a pointer into the body",
    async (_what, sent, parameters, code, pointer) => {
      const to = receiver();
      const { trigger, ...others } = sent as { trigger?: { url?: string }; [name: string]: unknown };
      const url = trigger?.url?.startsWith("/") ? to.url + trigger.url : (trigger?.url ?? to.url);
      const definition = { ...others, ...(trigger && { trigger: { type: "webhook", ...trigger, url } }) };
      const { body } = await preview(newPath(), { definition, parameters });
      expect([body.code ?? null, body.pointer]).toEqual([code, pointer]);
      expect(await to.inbox()).toEqual([]);
    },
  );
});

describe("a test", () => {
  it("sends the real request once, marked as a test, of a run that does not exist", async () => {
    const to = await answering({ status: 202, body: "queued" });
    const path = newPath();
    const trigger = triggerTo(to, {
      headers: { Authorization: "Bearer the-stored-secret" },
      signingSecret: SIGNING_SECRET,
      payload: { v: "{{ parameters.v }}", url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}" },
    });
    await put(path, { trigger });
    const rows = await rowsIn(path);
    const answer = await test(path, { parameters: { v: 7 } });
    expect([answer.status, answer.body]).toEqual([
      200,
      { status: 202, outcome: "delivered", reason: "answered 202", durationMs: expect.any(Number), excerpt: "queued" },
    ]);
    const [request, ...others] = await to.inbox();
    expect(others).toEqual([]);
    expect(request?.headers).toMatchObject({
      authorization: "Bearer the-stored-secret",
      "action-runs-test": "true",
      "webhook-signature": expect.stringContaining("v1,"),
    });
    const { v, url, token } = JSON.parse(request?.body ?? "");
    expect(v).toBe(7);
    // The token has the format of one, and opens nothing.
    const at = new URL(url).pathname;
    expect(token).toMatch(/^[0-9a-f-]{36}:\d{13}:[0-9a-f]{64}$/);
    for (const [method, where] of [
      ["POST", at],
      ["POST", at.replace(/callback$/, "heartbeat")],
      ["GET", at.replace(/\/callback$/, "")],
    ] as const) {
      const body = method === "GET" ? {} : { body: { status: "succeeded" } };
      expect((await ask<Refusal>(method, where, { token, ...body })).body.code).toBe("token_invalid");
    }
    expect(await rowsIn(path)).toBe(rows);
    expect(await auditOf(path)).toEqual(["action_put", "action_tested"]);
  });

  it("tries a definition that is not stored, with the stored secrets only where a PUT would keep them", async () => {
    const [to, evil] = [await answering({ status: 204 }), await answering({ status: 204 })];
    const path = newPath();
    await put(path, { trigger: triggerTo(to, { headers: { "X-Key": "the-stored-key" } }) });
    const at = (receiver: Pick<Receiver, "url">) => ({
      definition: { trigger: triggerTo(receiver, { headers: { "X-Key": null }, payload: "new" }) },
    });
    expect((await test(path, at(to))).body.outcome).toBe("delivered");
    const [request] = await to.inbox();
    expect([request?.headers["x-key"], request?.body]).toEqual(["the-stored-key", '"new"']);
    const elsewhere = { url: evil.url.replace("127.0.0.1", "localhost") };
    expect(await test(path, at(elsewhere))).toMatchObject({
      status: 422,
      body: { code: "secret_required", pointer: "/definition/trigger/headers/X-Key" },
    });
    expect(await evil.inbox()).toEqual([]);
  });

  it("never goes around a gate, neither of the stored action nor of the definition", async () => {
    const to = await answering({ status: 204 });
    const trigger = triggerTo(to);
    const gates = [{ approval: {} }, { concurrency: { group: "deploys" } }];
    for (const gate of gates) {
      const path = newPath();
      await put(path, { trigger, ...gate });
      const refused = [
        await test(path),
        // It would take the gate away.
        await test(path, { definition: { trigger } }),
        await test(path.replace(NAME, "other"), { definition: { trigger, ...gate } }),
      ];
      expect(refused.map(({ status, body }) => [status, body.code])).toEqual(Array(3).fill([409, "test_skips_gates"]));
      expect(await auditOf(path)).toEqual(["action_put"]);
    }
    expect(await to.inbox()).toEqual([]);
  });

  it("hears at once of a gate that the isolate did not know", async () => {
    const to = await answering({ status: 204 });
    const path = newPath();
    await put(path, { trigger: triggerTo(to) });
    expect((await test(path)).status).toBe(200);
    await env.DB.prepare(
      `UPDATE definitions SET definition = json_set(definition, '$.approval', json('{"required":1,"allowSelf":false}'))
       WHERE name = ? AND scope LIKE ?`,
    )
      .bind(NAME, `${projectOf(path).slice(1)}/%`)
      .run();
    expect((await test(path)).body.code).toBe("test_skips_gates");
    expect(await to.inbox()).toHaveLength(1);
  });

  it("says what became of it: refused, failed, or nothing to send", async () => {
    const path = newPath();
    const outcomes = [];
    for (const status of [401, 503]) {
      const to = await answering({ status, body: "no" });
      const { body } = await test(path, { definition: { trigger: triggerTo(to) } });
      outcomes.push([body.status, body.outcome, body.excerpt]);
      expect(await to.inbox()).toHaveLength(1);
    }
    expect(outcomes).toEqual([
      [401, "refused", "no"],
      [503, "failed", "no"],
    ]);
    const nowhere = await test(path, { definition: { trigger: { type: "webhook", url: "http://127.0.0.1:9/" } } });
    expect(nowhere.body).toMatchObject({ status: null, outcome: "failed", excerpt: null });
    expect((await test(path, { definition: {} })).body.code).toBe("test_needs_trigger");
    await put(path, {});
    expect((await test(path)).body.code).toBe("test_needs_trigger");
  });

  it("is counted with the tests of endpoints, and is for those who may manage actions", async () => {
    const to = await answering({ status: 204 });
    const path = newPath();
    await put(path, { trigger: triggerTo(to) });
    const endpoint = path.replace("/actions/deploy", "/webhook-endpoints/chat");
    const definition = { url: to.url, events: ["action_run.*"] };
    expect((await ask("POST", `${ORIGIN}${endpoint}/test`, { body: { definition } })).status).toBe(200);
    const statuses = [];
    for (let n = 0; n < 10; n++) statuses.push((await test(path)).status);
    expect(statuses).toEqual([...Array(9).fill(200), 429]);
    for (const role of ["member", "viewer"] as const) {
      const { token } = await grantToken(projectOf(path), { role });
      expect((await test(path, {}, token)).body.code).toBe("forbidden");
      expect((await preview(path, {}, token)).body.code).toBe("forbidden");
    }
    expect(await to.inbox()).toHaveLength(10);
    // The object knows no run.
    expect(await journal(runsOf(path.replace(/\/deploy$/, "")), "SELECT id FROM runs")).toEqual([]);
  });
});

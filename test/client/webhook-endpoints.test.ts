/** Webhook endpoints: what the client sends, and what it makes of the answers. */

import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import type { WebhookEndpoint } from "../../src/client/index.ts";
import { all, json, nothing, RUN, refusal, reset, stub, thrown } from "./stub.ts";

const DEFINITION: WebhookEndpoint = { url: "https://hooks.example.com/a-secret-path", events: ["action_run.failed"] };
const SHOWN = {
  url: null,
  headers: {},
  events: ["action_run.failed"],
  signingSecret: null,
  includeUnstored: false,
  onlyOnChange: false,
  disabled: false,
};
const SECRET = "whsec_bWFkZSBieSB0aGUgc2VydmljZQ==";
const ENDPOINTS = "/acme/shop/envs/prod/webhook-endpoints";
const CHAT = `${ENDPOINTS}/chat`;
const next = (path: string) => ({ Link: `<https://elsewhere.example${path}?cursor=c1>; rel="next"` });
const accepted = (response: ServerResponse) => {
  response.writeHead(202).end();
};

describe("put", () => {
  it("sends the definition, and gives the secret that was made beside one that can be put again", async () => {
    const made = json(201, { ...SHOWN, signingSecret: SECRET }, { ETag: '"1"' });
    const { client, asked } = await stub(made, json(200, SHOWN, { ETag: '"2"' }));
    const { webhookEndpoints } = client();
    const put = await webhookEndpoints.put("chat", DEFINITION, { ifVersion: null });
    expect(put).toEqual({ name: "chat", version: 1, definition: SHOWN, signingSecret: SECRET });
    const again = await webhookEndpoints.put("chat", put.definition, { ifVersion: 1 });
    expect(again).toMatchObject({ version: 2, signingSecret: null });
    expect(asked).toMatchObject([
      { method: "PUT", url: CHAT, headers: { "if-none-match": "*" } },
      { method: "PUT", url: CHAT, headers: { "if-match": '"1"' } },
    ]);
    expect(asked.map(({ body }) => JSON.parse(body))).toEqual([DEFINITION, SHOWN]);
  });

  it("is retried, but not with a condition that its own first try could break", async () => {
    const { client, asked } = await stub(reset, json(200, SHOWN, { ETag: '"1"' }));
    await client().webhookEndpoints.put("chat", DEFINITION);
    expect(asked).toHaveLength(2);
    const other = await stub(reset);
    await thrown(other.client().webhookEndpoints.put("chat", DEFINITION, { ifVersion: null }));
    expect(other.asked).toHaveLength(1);
  });
});

it("an endpoint can't have a name that would address something else, and nothing is sent", async () => {
  const { client, asked } = await stub(nothing);
  const { webhookEndpoints } = client();
  for (const name of ["", "..", "a/b", "a b", "a".repeat(64)]) {
    const error = await thrown(webhookEndpoints.enable(name));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain("The webhook endpoint's name can't be");
    expect(await thrown(webhookEndpoints.deliveryPage(name))).toBeInstanceOf(TypeError);
  }
  expect(await thrown(webhookEndpoints.resend("chat", ".."))).toBeInstanceOf(TypeError);
  expect(asked).toEqual([]);
});

it("lists follow their pages, deliveries with their filter on each of them", async () => {
  const listed = { name: "chat", version: 1, changedAt: RUN.createdAt, definition: SHOWN };
  const delivery = { runId: RUN.id, type: "action_run.failed", state: "failed", attempts: [], nextAttemptAt: null };
  const { client, asked } = await stub(
    json(200, [listed], next(ENDPOINTS)),
    json(200, []),
    json(200, [delivery], next(`${CHAT}/deliveries`)),
    json(200, [delivery]),
    json(200, [delivery], next(`${CHAT}/deliveries`)),
  );
  const { webhookEndpoints } = client();
  expect(await all(webhookEndpoints.list())).toEqual([listed]);
  expect(await all(webhookEndpoints.deliveries("chat", { state: "failed" }))).toHaveLength(2);
  const page = await webhookEndpoints.deliveryPage("chat", { limit: 1 });
  expect(page).toEqual({ deliveries: [delivery], next: "c1" });
  expect(asked.map(({ url }) => url)).toEqual([
    ENDPOINTS,
    `${ENDPOINTS}?cursor=c1`,
    `${CHAT}/deliveries?state=failed`,
    `${CHAT}/deliveries?state=failed&cursor=c1`,
    `${CHAT}/deliveries?limit=1`,
  ]);
});

describe("delete", () => {
  it("succeeds if the first try did and its response was lost, and only then", async () => {
    const { client } = await stub(reset, refusal(404, "webhook_endpoint_not_found"));
    await client().webhookEndpoints.delete("chat");
    const other = await stub(refusal(404, "webhook_endpoint_not_found"));
    expect(await thrown(other.client().webhookEndpoints.delete("chat"))).toMatchObject({ status: 404 });
  });
});

it("a message is sent again, and the empty 202 is no error", async () => {
  const { client, asked } = await stub(accepted);
  const { webhookEndpoints } = client();
  expect(await webhookEndpoints.resend("chat", RUN.id)).toBeUndefined();
  await webhookEndpoints.resend("chat", RUN.id, { type: "action_run.failed" });
  expect(asked.map(({ method, url, body }) => [method, url, body])).toEqual([
    ["POST", `${CHAT}/deliveries/${RUN.id}/resend`, "{}"],
    ["POST", `${CHAT}/deliveries/${RUN.id}/resend`, '{"type":"action_run.failed"}'],
  ]);
});

it("a recovery that was refused throws, and one that was accepted says how far it is", async () => {
  const body = { since: RUN.createdAt, include: "missing" } as const;
  const begun = { ...body, until: null, messages: 0, isOver: false };
  const { client, asked } = await stub(json(202, begun), refusal(409, "recovery_under_way"));
  const { webhookEndpoints } = client();
  expect(await webhookEndpoints.recover("chat", body)).toEqual(begun);
  expect(await thrown(webhookEndpoints.recover("chat", body))).toMatchObject({ code: "recovery_under_way" });
  expect(JSON.parse(asked[0]?.body ?? "")).toEqual(body);
});

it("a test is not sent twice, because the receiver may have got the first one", async () => {
  const result = { status: 200, durationMs: 12, outcome: "delivered", reason: "answered 200", excerpt: null };
  const { client, asked } = await stub(json(200, result), reset);
  const { webhookEndpoints } = client();
  const test = { type: "action_run.failed", definition: DEFINITION } as const;
  expect(await webhookEndpoints.test("chat", test)).toEqual(result);
  expect(JSON.parse(asked[0]?.body ?? "")).toEqual(test);
  expect(await thrown(webhookEndpoints.test("chat"))).toMatchObject({ code: "unreachable" });
  expect(asked).toHaveLength(2);
});

it("a rotation has one key in all its tries, so that a retry makes no further secret", async () => {
  const rotated = { signingSecret: null, graceEndsAt: RUN.createdAt };
  const { client, asked } = await stub(reset, json(200, rotated));
  expect(await client().webhookEndpoints.rotateSecret("chat", { gracePeriodSeconds: 60 })).toEqual(rotated);
  const [first, second] = asked.map(({ headers }) => headers["idempotency-key"]);
  expect(first).toMatch(/^[0-9a-f-]{36}$/);
  expect(second).toBe(first);
  expect(asked[1]).toMatchObject({ url: `${CHAT}/rotate-secret`, body: '{"gracePeriodSeconds":60}' });
});

it("status, enable, versions and one version are asked for where the API has them", async () => {
  const version = { version: 2, changedAt: RUN.createdAt, actor: "root", actorName: "root", definition: SHOWN };
  const status = { origin: null, health: { state: "unknown" }, incomplete: false };
  const { client, asked } = await stub(
    json(200, status),
    nothing,
    json(200, [version]),
    json(200, [version]),
    json(200, SHOWN),
    nothing,
    json(200, SHOWN, { ETag: 'W/"2"' }),
  );
  const { webhookEndpoints } = client();
  expect(await webhookEndpoints.status("chat")).toEqual(status);
  expect(await webhookEndpoints.enable("chat")).toBeUndefined();
  expect(await all(webhookEndpoints.versions("chat"))).toEqual([version]);
  expect(await webhookEndpoints.versionPage("chat")).toEqual({ versions: [version], next: null });
  expect(await webhookEndpoints.getVersion("chat", 2)).toEqual(SHOWN);
  await webhookEndpoints.deleteVersion("chat", 1);
  expect(await webhookEndpoints.get("chat")).toEqual({ name: "chat", version: 2, definition: SHOWN });
  expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
    `GET ${CHAT}/status`,
    `POST ${CHAT}/enable`,
    `GET ${CHAT}/versions`,
    `GET ${CHAT}/versions`,
    `GET ${CHAT}/versions/2`,
    `DELETE ${CHAT}/versions/1`,
    `GET ${CHAT}`,
  ]);
});

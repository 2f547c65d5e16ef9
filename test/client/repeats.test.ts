/** What calls do when a response was lost: a change must take effect once, and a delete may find nothing left. */

import { describe, expect, it } from "vitest";
import type { Client } from "../../src/client/index.ts";
import { revokedAlone } from "../support/api/api-objects.ts";
import { json, nothing, RUN, refusal, reset, stub, thrown } from "./stub.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
type Options = { readonly idempotencyKey?: string };
type Call = (client: Client, options?: Options) => Promise<unknown>;

const KEYED: Readonly<Record<string, Call>> = {
  "runs.create": ({ runs }, options) => runs.create({ actionName: "deploy" }, options),
  "runs.retry": ({ runs }, options) => runs.retry(RUN.id, options),
  "runs.cancel": ({ runs }, options) => runs.cancel(RUN.id, options),
  "runs.cancelPending": ({ runs }, options) => runs.cancelPending(RUN.id, options),
  "runs.approve": ({ runs }, options) => runs.approve(RUN.id, options),
  "runs.reject": ({ runs }, options) => runs.reject(RUN.id, options),
  "runs.release": ({ runs }, options) => runs.release(RUN.id, options),
  "actions.run": ({ actions }, options) => actions.run("deploy", {}, options),
  "bulkOperations.create": ({ bulkOperations }, options) =>
    bulkOperations.create({ operation: "retry", runIds: [RUN.id] }, options),
  "actions.rotateInboundSecret": ({ actions }, options) => actions.rotateInboundSecret("deploy", options),
  "webhookEndpoints.rotateSecret": ({ webhookEndpoints }, options) => webhookEndpoints.rotateSecret("chat", options),
};

it.each(Object.entries(KEYED))(
  "%s sends one key in all tries, another one in each call, or the given one",
  async (_, call) => {
    const { client, asked } = await stub(reset, refusal(503, "overloaded"), json(200, RUN));
    expect(await call(client())).toEqual(RUN);
    await call(client());
    await call(client(), { idempotencyKey: "order 17" });
    const keys = asked.map(({ headers }) => headers["idempotency-key"]);
    expect(keys[0]).toMatch(UUID);
    expect(keys.slice(1, 3)).toEqual([keys[0], keys[0]]);
    expect(keys[3]).not.toBe(keys[0]);
    expect(keys[4]).toBe("order 17");
  },
);

const NIGHTLY = { action: "deploy", cron: "@daily", timezone: "UTC" };

it.each<[string, Call]>([
  ["runs.get", ({ runs }) => runs.get(RUN.id)],
  ["actions.put without a condition", ({ actions }) => actions.put("deploy", {})],
  ["schedules.put without a condition", ({ schedules }) => schedules.put("x", NIGHTLY)],
  ["actions.tryInbound", ({ actions }) => actions.tryInbound("deploy", { body: {} })],
  [
    "webhookEndpoints.put without a condition",
    ({ webhookEndpoints }) => webhookEndpoints.put("x", { url: null, events: [] }),
  ],
])("%s is repeated, because it has the same effect again", async (_, call) => {
  const { client, asked } = await stub(reset, json(200, RUN, { ETag: '"4"' }));
  await call(client());
  expect(asked).toHaveLength(2);
});

describe("only a 429, which had no effect, repeats", () => {
  it.each<[string, Call]>([
    ["tokens.create, because a token may exist", ({ tokens }) => tokens.create({ name: "ci", role: "member" })],
    ["tokens.rotate, because there may be a new secret", ({ tokens }) => tokens.rotate("1")],
    ["webhookEndpoints.test, because the receiver may have got it", (client) => client.webhookEndpoints.test("chat")],
    [
      "a put for one version, which its own first try would break",
      ({ actions }) => actions.put("x", {}, { ifVersion: 3 }),
    ],
    ["a put that only creates", ({ actions }) => actions.put("x", {}, { ifVersion: null })],
  ])("no other failure repeats %s", async (_, call) => {
    const lost = await stub(reset, json(200, RUN, { ETag: '"1"' }));
    expect(await thrown(call(lost.client()))).toMatchObject({ code: "unreachable", status: null });
    const down = await stub(refusal(503, "database_unavailable"), json(200, RUN, { ETag: '"1"' }));
    expect(await thrown(call(down.client()))).toMatchObject({ code: "database_unavailable" });
    const { client, asked } = await stub(refusal(429, "too_many_requests"), json(200, RUN, { ETag: '"1"' }));
    await call(client());
    expect([lost, down, { asked }].map((one) => one.asked.length)).toEqual([1, 1, 2]);
  });
});

describe("a delete succeeds if a try before it did and its response was lost, and only then", () => {
  const ENV = "/acme/shop/envs/prod";
  const MORE = { moreWebhookEndpoints: true, moreActions: true, moreSchedules: true, moreApprovedRuns: true };
  it.each<[string, Call, string, unknown?]>([
    [`${ENV}/actions/x`, ({ actions }) => actions.delete("x"), "action_not_found"],
    [`${ENV}/actions/x/versions/1`, ({ actions }) => actions.deleteVersion("x", 1), "version_not_found"],
    [`${ENV}/schedules/x`, ({ schedules }) => schedules.delete("x"), "schedule_not_found"],
    [`${ENV}/webhook-endpoints/x`, (client) => client.webhookEndpoints.delete("x"), "webhook_endpoint_not_found"],
    [
      `${ENV}/webhook-endpoints/x/versions/1`,
      (client) => client.webhookEndpoints.deleteVersion("x", 1),
      "version_not_found",
    ],
    [`${ENV}/pauses/deploys`, ({ pauses }) => pauses.delete("deploys"), "pause_not_found"],
    ["/acme/shop/sessions/1", ({ sessions }) => sessions.end("1"), "session_not_found"],
    // The lost response may have named endpoints.
    [
      "/acme/shop/tokens/1",
      ({ tokens }) => tokens.revoke("1"),
      "token_not_found",
      { ...revokedAlone("1"), ...MORE, waitingRuns: { atLeast: 0 } },
    ],
  ])("DELETE %s succeeds if its second try is $2, and fails if its first is", async (url, call, gone, value) => {
    const twice = await stub(reset, refusal(404, gone));
    expect(await call(twice.client())).toEqual(value);
    expect(twice.asked).toMatchObject([
      { method: "DELETE", url },
      { method: "DELETE", url },
    ]);
    const never = await stub(refusal(404, gone));
    expect(await thrown(call(never.client()))).toMatchObject({ code: gone });
    const other = await stub(reset, refusal(404, "not_found"));
    expect(await thrown(call(other.client()))).toMatchObject({ code: "not_found" });
  });

  it("and sends the condition of its version", async () => {
    const { client, asked } = await stub(nothing);
    expect(await client().actions.delete("deploy", { ifVersion: 3 })).toBeUndefined();
    expect(asked).toMatchObject([{ headers: { "if-match": '"3"' } }]);
  });
});

/** A workflow that reports, over faults; and tokens, which the API does not know again. */

import { describe, expect, it } from "vitest";
import { callback } from "../../src/client/index.ts";
import { json, page, RUN, refusal, reset, stub, TOKEN, thrown } from "./stub.ts";

const PATH = "/acme/shop/envs/prod/action-runs/x/callback";
const DONE = { ...RUN, status: "succeeded" };
const QUICK = { retryDelayMs: 1, timeoutMs: 2000 };

describe("a callback", () => {
  it("reports success and failure, and sends heartbeats", async () => {
    const { url, asked } = await stub(json(200, DONE));
    const { succeed, fail, heartbeat } = callback(`${url}${PATH}`, TOKEN, QUICK);
    expect(await succeed()).toEqual(DONE);
    await succeed({ url: "https://shop.example" });
    await fail("exit 1");
    await fail("exit 1", { log: "…" });
    // Members that are not known yet are passed on.
    expect(await heartbeat()).toEqual(DONE);
    await heartbeat({ message: "half", progress: 0.5 });
    const beat = PATH.replace("callback", "heartbeat");
    expect(asked.map(({ method, url, body }) => [method, url, JSON.parse(body)])).toEqual([
      ["POST", PATH, { status: "succeeded" }],
      ["POST", PATH, { status: "succeeded", output: { url: "https://shop.example" } }],
      ["POST", PATH, { status: "failed", error: "exit 1" }],
      ["POST", PATH, { status: "failed", error: "exit 1", output: { log: "…" } }],
      ["POST", beat, {}],
      ["POST", beat, { message: "half", progress: 0.5 }],
    ]);
    for (const { headers } of asked) {
      expect(headers).toMatchObject({ authorization: `Bearer ${TOKEN}`, "content-type": "application/json" });
    }
  });

  it("retries a report with the same key, and a replay is a success", async () => {
    const replay = json(200, DONE, { "Idempotent-Replayed": "true" });
    const { url, asked } = await stub(reset, page(502), refusal(503, "coordinator_unavailable"), replay);
    const reporting = callback(`${url}${PATH}`, TOKEN, QUICK);
    expect(await reporting.succeed({ n: 1 })).toEqual(DONE);
    expect(await reporting.succeed({ n: 1 })).toEqual(DONE);
    const keys = new Set(asked.map(({ headers }) => headers["idempotency-key"]));
    expect([...keys]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    expect(new Set(asked.map(({ body }) => body)).size).toBe(1);
  });

  it("has a random key, or the given one", async () => {
    const { url, asked } = await stub(json(200, DONE));
    await callback(`${url}${PATH}`, TOKEN).succeed();
    await callback(`${url}${PATH}`, TOKEN).succeed();
    await callback(`${url}${PATH}`, TOKEN, { idempotencyKey: "job 17" }).fail("no");
    const keys = asked.map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(keys).size).toBe(3);
    expect(keys[2]).toBe("job 17");
  });

  it.each([
    [401, "token_expired"],
    [409, "run_cancelled"],
    [404, "run_not_found"],
    [400, "invalid_body"],
  ])("does not retry after %i %s", async (status, code) => {
    const { url, asked } = await stub(refusal(status, code));
    expect(await thrown(callback(`${url}${PATH}`, TOKEN, QUICK).succeed())).toMatchObject({ status, code });
    expect(asked).toHaveLength(1);
  });

  it("throws the signal's own reason after an abort", async () => {
    const { url } = await stub(refusal(503, "not_ready", { "Retry-After": "30" }));
    const reporting = callback(`${url}${PATH}`, TOKEN, QUICK);
    for (const call of [
      (signal: AbortSignal) => reporting.succeed({}, { signal }),
      (signal: AbortSignal) => reporting.fail("no", undefined, { signal }),
      (signal: AbortSignal) => reporting.heartbeat({}, { signal }),
    ]) {
      const aborter = new AbortController();
      const calling = thrown(call(aborter.signal));
      setTimeout(() => aborter.abort("enough"), 30);
      expect(await calling).toBe("enough");
    }
  });

  it.each([
    ["", TOKEN],
    ["/relative/callback", TOKEN],
    ["https://runs.example.com/", TOKEN],
    ["https://runs.example.com/a/callbacks", TOKEN],
    ["https://user:word@runs.example.com/a/callback", TOKEN],
    ["https://runs.example.com/a/callback", ""],
    ["https://runs.example.com/a/callback", `${TOKEN}\n`],
  ])("at %j with the token %j throws a TypeError and sends nothing", (url, token) => {
    expect(() => callback(url, token)).toThrow(TypeError);
  });
});

describe("a token", () => {
  const NEW = { name: "ci", role: "member" } as const;
  const MADE = { id: "1", token: "terr_x" };

  it.each([
    ["a reset", reset, { code: "unreachable", status: null }],
    ["503", refusal(503, "database_unavailable"), { code: "database_unavailable" }],
  ])("is not created again after %s, because it may exist", async (_, answer, expected) => {
    const { client, asked } = await stub(answer, json(201, MADE));
    expect(await thrown(client().tokens.create(NEW))).toMatchObject(expected);
    expect(asked).toHaveLength(1);
  });

  it("is created again after a 429, which had no effect", async () => {
    const { client, asked } = await stub(refusal(429, "too_many_requests"), json(201, MADE));
    expect(await client().tokens.create(NEW)).toEqual(MADE);
    expect(asked.map(({ body }) => JSON.parse(body))).toEqual([NEW, NEW]);
  });

  it("is rotated with the grace period, and not again after a lost response, as it may have a new secret", async () => {
    const { client, asked } = await stub(json(200, MADE), refusal(503, "database_unavailable"), json(200, MADE));
    expect(await client().tokens.rotate("1", { overlapSeconds: 0 })).toEqual(MADE);
    expect(asked[0]).toMatchObject({ method: "POST", url: "/acme/shop/tokens/1/rotate" });
    expect(JSON.parse(asked[0]?.body ?? "")).toEqual({ overlapSeconds: 0 });
    expect(await thrown(client().tokens.rotate("1"))).toMatchObject({ code: "database_unavailable" });
    expect(asked.map(({ body }) => JSON.parse(body))).toEqual([{ overlapSeconds: 0 }, {}]);
  });

  it("is revoked, even if the response to the first try was lost", async () => {
    const left = {
      webhookEndpoints: [{ envName: "production", name: "chat" }],
      moreWebhookEndpoints: false,
      actions: [{ envName: "production", name: "deploy" }],
      moreActions: false,
      waitingRuns: 1,
      approvedRuns: [],
      moreApprovedRuns: false,
    };
    const once = await stub(json(200, { revoked: ["1", "2"], ...left }));
    expect(await once.client().tokens.revoke("1")).toEqual({ revoked: ["1", "2"], ...left });
    expect(once.asked[0]).toMatchObject({ method: "DELETE", url: "/acme/shop/tokens/1" });
    const twice = await stub(reset, refusal(404, "token_not_found"));
    // The lost response may have named endpoints.
    const unknown = {
      webhookEndpoints: [],
      moreWebhookEndpoints: true,
      actions: [],
      moreActions: true,
      waitingRuns: { atLeast: 0 },
      approvedRuns: [],
      moreApprovedRuns: true,
    };
    expect(await twice.client().tokens.revoke("1")).toEqual({ revoked: ["1"], ...unknown });
    const never = await stub(refusal(404, "token_not_found"));
    expect(await thrown(never.client().tokens.revoke("1"))).toMatchObject({ code: "token_not_found" });
  });
});

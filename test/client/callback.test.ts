/** A workflow that reports, over faults. */

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

  it.each([400, 403, 413, 422])(
    "sends a heartbeat again without its tail after %d, and no tail from then on",
    async (status) => {
      const { url, asked } = await stub(refusal(status, "invalid_body"), json(200, DONE));
      const { heartbeat } = callback(`${url}${PATH}`, TOKEN, QUICK);
      for (const message of ["a", "b"]) expect(await heartbeat({ message, tail: "one\n" })).toEqual(DONE);
      expect(asked.map(({ body }) => JSON.parse(body))).toEqual([
        { message: "a", tail: "one\n" },
        { message: "a" },
        { message: "b" },
      ]);
    },
  );

  it("throws the refusal of a heartbeat whose tail is not the reason, and sends the next tail", async () => {
    const refused = refusal(400, "invalid_body");
    const { url, asked } = await stub(refused, refused, refusal(409, "run_failed"), json(200, DONE));
    const { heartbeat } = callback(`${url}${PATH}`, TOKEN, QUICK);
    expect(await thrown(heartbeat({ progress: 7, tail: "one\n" }))).toMatchObject({ status: 400 });
    expect(await thrown(heartbeat({ tail: "two\n" }))).toMatchObject({ status: 409 });
    await heartbeat({ tail: "three\n" });
    expect(asked.map(({ body }) => JSON.parse(body))).toEqual([
      { progress: 7, tail: "one\n" },
      { progress: 7 },
      { tail: "two\n" },
      { tail: "three\n" },
    ]);
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

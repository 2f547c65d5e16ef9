/** What the client retries and what it does not, against a server that fails in every way. */

import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { ActionRunsError } from "../../src/client/index.ts";
import { retryAfterMsOf, retryPauseMs } from "../../src/client/transport.ts";
import {
  type Answer,
  all,
  CREATED,
  half,
  hang,
  json,
  page,
  RUN,
  refusal,
  reset,
  stream,
  stub,
  thrown,
} from "./stub.ts";

const BODY = { actionName: "deploy", parameters: { ünïcode: [1, null] } };
const created = json(201, CREATED);

const PASSING: readonly (readonly [string, Answer])[] = [
  ["429", refusal(429, "too_many_requests")],
  ["a proxy's 429", page(429)],
  ["503", refusal(503, "coordinator_overloaded")],
  ["a proxy's 503", page(503)],
  ["a proxy's 502", page(502)],
  ["an empty 504", page(504, "")],
  ["a gateway's JSON that is not the API's", json(502, { message: "Bad Gateway" })],
  ["a gateway's JSON that is nearly the API's", json(500, { error: "Bad Gateway" })],
  ["a CDN's 522", page(522)],
  ["a connection that is reset", reset],
  ["a body that breaks off", half(CREATED)],
];

const LASTING: readonly (readonly [string, Answer, object])[] = [
  ["400", refusal(400, "invalid_body"), { status: 400, code: "invalid_body", pointer: null }],
  [
    "400 with a pointer",
    json(400, { error: "No.", code: "invalid_body", pointer: "/a~1b" }),
    { status: 400, code: "invalid_body", pointer: "/a~1b" },
  ],
  [
    "400 with a pointer that is no text",
    json(400, { error: "No.", code: "invalid_body", pointer: ["a"] }),
    { status: 400, code: "invalid_body", pointer: null },
  ],
  ["401", refusal(401, "token_invalid"), { status: 401, code: "token_invalid" }],
  ["404", refusal(404, "not_found"), { status: 404, code: "not_found" }],
  ["408 of a proxy", page(408), { status: 408, code: "unexpected_answer" }],
  ["409", refusal(409, "run_running"), { status: 409, code: "run_running" }],
  ["422", refusal(422, "idempotency_key_reused"), { status: 422, code: "idempotency_key_reused" }],
  ["500 in the API's words", refusal(500, "internal_error"), { status: 500, code: "internal_error" }],
  ["a success in HTML", page(200), { status: 200, code: "unexpected_answer" }],
  ["an empty success", page(201, ""), { status: 201, code: "unexpected_answer" }],
  ["a success that holds null", json(200, null), { status: 200, code: "unexpected_answer" }],
  ["a status that there is not", page(999), { status: 999, code: "unexpected_answer" }],
];

describe("a create", () => {
  it.each(PASSING)("is retried after %s with the same bytes and the same key", async (_, answer) => {
    const { client, asked } = await stub(answer, answer, created);
    expect(await client().runs.create(BODY)).toEqual(CREATED);
    expect(asked).toHaveLength(3);
    const [first, ...others] = asked.map(({ method, url, body, headers }) => ({
      method,
      url,
      body,
      key: headers["idempotency-key"],
    }));
    expect(first).toMatchObject({
      method: "POST",
      url: "/acme/shop/envs/prod/action-runs",
      body: JSON.stringify(BODY),
      key: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
    });
    expect(others).toEqual([first, first]);
  });

  it.each(LASTING)("is not retried after %s", async (_, answer, expected) => {
    const { client, asked } = await stub(answer, created);
    expect(await thrown(client().runs.create(BODY))).toMatchObject(expected);
    expect(asked).toHaveLength(1);
  });

  it.each([
    [undefined, 5],
    [2, 3],
    [0, 1],
  ])("with retries: %s is tried %i times, then throws the last error", async (retries, tries) => {
    const { client, asked } = await stub(refusal(503, "database_unavailable"));
    const error = await thrown(client({ retries }).runs.create(BODY));
    expect(error).toBeInstanceOf(ActionRunsError);
    expect(error).toMatchObject({
      name: "ActionRunsError",
      message: "Sentence of database_unavailable.",
      status: 503,
      code: "database_unavailable",
      requestId: "id-of-database_unavailable",
    });
    expect(asked).toHaveLength(tries);
  });
});

describe("timing", () => {
  it("waits as long as Retry-After says", async () => {
    const { client, asked } = await stub(refusal(503, "not_ready", { "Retry-After": "1" }), created);
    await client().runs.create(BODY);
    expect((asked[1]?.at ?? 0) - (asked[0]?.at ?? 0)).toBeGreaterThan(950);
  });

  it("throws at once if Retry-After is more than a minute", async () => {
    const { client, asked } = await stub(refusal(429, "too_many_requests", { "Retry-After": "61" }), created);
    expect(await thrown(client().runs.create(BODY))).toMatchObject({ status: 429, retryAfterMs: 61_000 });
    expect(asked).toHaveLength(1);
  });

  it.each([
    ["no answer", hang],
    ["half an answer", half(CREATED, "hang")],
  ])("%s within timeoutMs counts as a network error", async (_, answer) => {
    const again = await stub(answer, created);
    expect(await again.client({ timeoutMs: 500 }).runs.create(BODY)).toEqual(CREATED);
    const never = await stub(answer);
    const error = await thrown(never.client({ timeoutMs: 300, retries: 1 }).runs.create(BODY));
    expect(error).toMatchObject({
      status: null,
      code: "unreachable",
      requestId: null,
      cause: { message: "no response within 300 ms" },
    });
    expect(never.asked).toHaveLength(2);
  });

  it.each([
    [null, null],
    ["", null],
    ["7", 7000],
    [" 7 ", 7000],
    ["-1", null],
    ["1.5", null],
    ["1e3", null],
    ["soon", null],
    ["Thu, 01 Jan 1970 00:01:00 GMT", 60_000],
    ["Wed, 31 Dec 1969 23:59:59 GMT", 0],
    ["Thu, 99 Jan 1970 00:01:00 GMT", null],
    ["foo 1", null],
    ["Wed, 31 Jun 1970 00:00:00 GMT", null],
    ["Thursday, 01-Jan-70 00:00:05 GMT", null],
    ["Thu Jan  1 00:00:05 1970", null],
  ])("Retry-After: %s is %s ms", (value, expected) => {
    expect(retryAfterMsOf(value, 0)).toBe(expected);
  });

  it("backoff doubles up to 10 s, with full jitter", () => {
    expect([0, 1, 2, 3, 10, 2000].map((failed) => retryPauseMs(500, failed, 1))).toEqual([
      500, 1000, 2000, 4000, 10_000, 10_000,
    ]);
    expect([retryPauseMs(500, 1, 0), retryPauseMs(500, 1, 0.5)]).toEqual([0, 500]);
  });
});

const COME_BACK = refusal(503, "not_ready", { "Retry-After": "30" });

describe("an abort", () => {
  const reason = { any: "value, as it is" };

  it.each<readonly [string, Answer]>([
    ["before an answer", hang],
    ["within a body", half(CREATED, "hang")],
    ["between two tries", COME_BACK],
  ])("%s ends the call with the signal's own reason", async (_, answer) => {
    // Once as the last try there is.
    for (const retries of answer === COME_BACK ? [4] : [0, 4]) {
      const { client, asked } = await stub(answer);
      const aborter = new AbortController();
      const call = thrown(client({ retries }).runs.create(BODY, { signal: aborter.signal }));
      while (asked.length === 0) await delay(5);
      setTimeout(() => aborter.abort(reason), 60);
      expect(await call).toBe(reason);
      expect(asked).toHaveLength(1);
    }
  });

  it("before the call sends nothing", async () => {
    const { client, asked } = await stub(created);
    const signal = AbortSignal.abort(reason);
    const { runs, tokens, audit } = client();
    const calls = [
      runs.create(BODY, { signal }),
      runs.get(RUN.id, { signal }),
      runs.cancel(RUN.id, { signal }),
      runs.wait(RUN.id, { signal }),
      all(runs.list({}, { signal })),
      all(runs.events(RUN.id, { signal })),
      all(runs.watch(RUN.id, { signal })),
      tokens.create({ name: "ci", role: "member" }, { signal }),
      tokens.revoke(RUN.id, { signal }),
      all(tokens.list({}, { signal })),
      all(audit.list({}, { signal })),
    ];
    for (const call of calls) expect(await thrown(call)).toBe(reason);
    expect(asked).toHaveLength(0);
  });

  it("works after a garbage collection", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const { client } = await stub(hang);
    const aborter = new AbortController();
    const call = thrown(client().runs.create(BODY, { signal: aborter.signal }));
    await delay(100);
    for (let n = 0; n < 3; n++) collect();
    aborter.abort(reason);
    expect(await call).toBe(reason);
  });

  it("leaves no listener on a signal that outlives many calls", async () => {
    const events = stream('data: {"seq":1,"type":"ended"}\n\n');
    const { client } = await stub((response, asked) =>
      (asked.url?.endsWith("/events") ? events : json(200, RUN))(response, asked),
    );
    let listeners = 0;
    const { signal } = new AbortController();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    for (let n = 0; n < 5; n++) {
      await client().runs.get(RUN.id, { signal });
      await all(client().runs.watch(RUN.id, { signal }));
    }
    expect(listeners).toBe(0);
  });
});

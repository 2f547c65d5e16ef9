/** How a stop request is filled in, and that nothing that was sealed passes for something else. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { keyRing } from "../../src/settings/key-ring.ts";
import type { AnswerValues } from "../../src/webhooks/answer-values.ts";
import { type Sealed, sealedFor } from "../../src/webhooks/sealed-request.ts";
import { filledStop, type StopRequest } from "../../src/webhooks/stop-request.ts";
import { WebhookSender } from "../../src/webhooks/webhook.ts";
import { envWith } from "../support/bindings.ts";
import { answering } from "./runs.ts";

const STOP: StopRequest = {
  method: "POST",
  url: ["https://ci.example.com/jobs/", ["id", "url"], "/stop"],
  headers: [["X-Job", ["job ", ["id", "text"]]]],
  body: ['{"id":', ["id", "json"], "}"],
  ...{ signingSecret: null, origin: "https://runs.example" },
};
const answerOf = (id: string | number): AnswerValues => [["id", id]];

it("every place of a value is filled, each in its own encoding", () => {
  expect(filledStop(STOP, answerOf('a "b"'))).toMatchObject({
    ok: true,
    value: {
      url: "https://ci.example.com/jobs/a%20%22b%22/stop",
      headers: { "X-Job": 'job a "b"' },
      body: '{"id":"a \\"b\\""}',
    },
  });
});

it.each<[string, StopRequest, AnswerValues | null, string]>([
  ["no answer is known", STOP, null, "no answer is known that has {{ response.id }}"],
  ["the answer has no such value", STOP, [["x", 1]], "the answer has no usable {{ response.id }}"],
  ["the value has 257 characters", STOP, answerOf("x".repeat(257)), "has more than 256 characters"],
  ["the value is two lines", STOP, answerOf("1\r\nX-Evil: 1"), "characters that no header can carry"],
  ["the value leaves the path", STOP, answerOf(".."), "would leave the URL's path"],
])("nothing is sent if %s", (_what, stop, answer, reason) => {
  const filled = filledStop(stop, answer);
  expect(filled).toMatchObject({ ok: false, error: expect.stringContaining(reason) });
});

describe("what was sealed", () => {
  const RUN = "01a212de-9b55-8003-a8a9-dd2c148ea617";
  const SCOPE = "acme/shop/production";
  const KEYS = String(env.CALLBACK_SIGNING_KEYS);

  /** What becomes of an attempt whose parts were sealed for these roles and runs. */
  async function sent(request: [Sealed, string], answer?: [Sealed, string]) {
    const ring = keyRing(KEYS);
    if (!ring.ok) throw new Error(ring.error);
    const to = await answering({ status: 204 });
    const whole = { ...STOP, url: to.url, headers: {}, body: "{}", origin: "http://localhost:8787" };
    const later = { ...whole, url: [to.url], headers: [], body: ["{}"] };
    const seal = (value: object, [what, runId]: [Sealed, string]) =>
      ring.value.seal(JSON.stringify(value), sealedFor(SCOPE, runId, what));
    const isStop = answer !== undefined;
    const attempt = {
      ...{ scope: SCOPE, runId: RUN, attempt: 1, sealed: await seal(isStop ? later : whole, request) },
      ...(isStop && { stop: { answer: await seal(answerOf(1), answer) } }),
    };
    const sender = new WebhookSender({} as ExecutionContext, envWith({ CALLBACK_SIGNING_KEYS: KEYS }));
    const { status, reason } = await sender.send(attempt);
    expect(await to.inbox()).toHaveLength(status === null ? 0 : 1);
    return status ?? reason;
  }

  const OTHER = RUN.replace("0", "1");
  it.each<[string, [Sealed, string], [Sealed, string] | undefined, number | RegExp]>([
    ["as a webhook is sent", ["delivery", RUN], undefined, 204],
    ["as a stop request is sent", ["stop", RUN], ["answer", RUN], 204],
    ["as a stop request starts no job", ["stop", RUN], undefined, /key that sealed the request/],
    ["as a webhook stops no job", ["delivery", RUN], ["answer", RUN], /key that sealed the request/],
    ["for another run starts no job", ["delivery", OTHER], undefined, /key that sealed the request/],
    ["for another run stops no job", ["stop", OTHER], ["answer", RUN], /key that sealed the request/],
    ["as a request is no answer", ["stop", RUN], ["stop", RUN], /key that sealed the receiver's answer/],
    [
      "as the answer of another run is no answer",
      ["stop", RUN],
      ["answer", OTHER],
      /key that sealed the receiver's/,
    ],
  ])("%s", async (_what, request, answer, outcome) => {
    const got = await sent(request, answer);
    if (typeof outcome === "number") expect(got).toBe(outcome);
    else expect(got).toMatch(outcome);
  });
});

/** How a stop request is filled in, and that nothing that was sealed passes for something else. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { keyRing } from "../../../src/settings/key-ring.ts";
import type { ResponseValues } from "../../../src/webhooks/response.ts";
import { WebhookSender } from "../../../src/webhooks/sender.ts";
import { filledStopRequest, type StopTemplate } from "../../../src/webhooks/trigger-requests.ts";
import { type SealedKind, sealedFor } from "../../../src/webhooks/webhook-request.ts";

import { envWith } from "../../support/bindings.ts";
import { useSettings } from "../../support/use-settings.ts";
import { answering } from "../runs.ts";

await useSettings("development");

const STOP: StopTemplate = {
  method: "POST",
  url: ["https://ci.example.com/jobs/", ["id", "url"], "/stop"],
  headers: [["X-Job", ["job ", ["id", "text"]]]],
  body: ['{"id":', ["id", "json"], "}"],
  signingSecret: null,
  origin: "https://runs.example",
};
const answerOf = (id: string | number): ResponseValues => [["id", id]];

it("every place of a value is filled, each in its own encoding", () => {
  expect(filledStopRequest(STOP, answerOf('a "b"'))).toMatchObject({
    ok: true,
    value: {
      url: "https://ci.example.com/jobs/a%20%22b%22/stop",
      headers: { "X-Job": 'job a "b"' },
      body: '{"id":"a \\"b\\""}',
    },
  });
});

it.each<[string, StopTemplate, ResponseValues | null, string]>([
  ["no response is known", STOP, null, "no response is known that has {{ response.id }}"],
  ["the response has no such value", STOP, [["x", 1]], "the response has no usable {{ response.id }}"],
  ["the value has 257 characters", STOP, answerOf("x".repeat(257)), "has more than 256 characters"],
  ["the value is two lines", STOP, answerOf("1\r\nX-Evil: 1"), "characters that no header can carry"],
  ["the value leaves the path", STOP, answerOf(".."), "would leave the URL's path"],
])("nothing is sent if %s", (_what, stop, answer, reason) => {
  const filled = filledStopRequest(stop, answer);
  expect(filled).toMatchObject({ ok: false, error: expect.stringContaining(reason) });
});

describe("what was sealed", () => {
  const RUN = "01a212de-9b55-8003-a8a9-dd2c148ea617";
  const SCOPE = "acme/shop/production";
  const KEYS = String(env.CALLBACK_SIGNING_KEYS);

  /** What becomes of an attempt whose parts were sealed as these kinds and for these runs. */
  async function sent(request: [SealedKind, string], response?: [SealedKind, string]) {
    const ring = keyRing(KEYS);
    if (!ring.ok) throw new Error(ring.error);
    const to = await answering({ status: 204 });
    const whole = { ...STOP, url: to.url, headers: {}, body: "{}", origin: "http://localhost:8787" };
    const later = { ...whole, url: [to.url], headers: [], body: ["{}"] };
    const seal = (value: object, [kind, runId]: [SealedKind, string]) =>
      ring.value.seal(JSON.stringify(value), sealedFor(SCOPE, runId, kind));
    const isStop = response !== undefined;
    const attempt = {
      scope: SCOPE,
      runId: RUN,
      attempt: 1,
      isUnsure: false,
      sealed: await seal(isStop ? later : whole, request),
      ...(isStop && { stopRequest: { response: await seal(answerOf(1), response) } }),
    };
    const sender = new WebhookSender({} as ExecutionContext, envWith({ CALLBACK_SIGNING_KEYS: KEYS }));
    const { status, reason } = await sender.send(attempt);
    expect(await to.inbox()).toHaveLength(status === null ? 0 : 1);
    return status ?? reason;
  }

  const OTHER = RUN.replace("0", "1");
  it.each<[string, [SealedKind, string], [SealedKind, string] | undefined, number | RegExp]>([
    ["as a webhook is sent", ["dispatch", RUN], undefined, 204],
    ["as a stop request is sent", ["stop", RUN], ["response", RUN], 204],
    ["as a stop request starts no job", ["stop", RUN], undefined, /key that sealed the request/],
    ["as a webhook stops no job", ["dispatch", RUN], ["response", RUN], /key that sealed the request/],
    ["for another run starts no job", ["dispatch", OTHER], undefined, /key that sealed the request/],
    ["for another run stops no job", ["stop", OTHER], ["response", RUN], /key that sealed the request/],
    ["as a request is no response", ["stop", RUN], ["stop", RUN], /key that sealed the receiver's response/],
    [
      "as the response of another run is no response",
      ["stop", RUN],
      ["response", OTHER],
      /key that sealed the receiver's/,
    ],
  ])("%s, and the outcome is $3", async (_what, request, response, outcome) => {
    const got = await sent(request, response);
    if (typeof outcome === "number") expect(got).toBe(outcome);
    else expect(got).toMatch(outcome);
  });
});

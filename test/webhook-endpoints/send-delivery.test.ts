/** Deliveries to real receivers: what arrives, what an answer means, and that its text is sealed. */

import { env } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import type { DeliveryAttempt } from "../../src/runs/endpoint-deliveries.ts";
import { keyRing } from "../../src/settings/key-ring.ts";
import type { WholeEndpoint } from "../../src/webhook-endpoints/definition.ts";
import { openExcerpt, type SentDelivery, sendDelivery } from "../../src/webhook-endpoints/send-delivery.ts";

import { envWith } from "../support/bindings.ts";
import type { Answer, Receiver } from "../support/receiver/client.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, ORIGIN, untilNobodyWaits } from "../webhooks/runs.ts";
import { attemptOf, endpointOf } from "./ended-run.ts";

await useSettings("development");

const MIB = 1024 * 1024;
const opened = keyRing(env.CALLBACK_SIGNING_KEYS);
if (!opened.ok) throw new Error(opened.error);
const ring = opened.value;

function send(endpoint: WholeEndpoint, attempt = attemptOf(), settings = {}): Promise<SentDelivery> {
  return sendDelivery(endpoint, attempt, { env: envWith(settings), ring });
}

async function sendTo(answer: Answer, members: object = {}): Promise<{ sent: SentDelivery; to: Receiver }> {
  const to = await answering(answer);
  return { sent: await send(endpointOf({ url: to.url, ...members })), to };
}

const newSecret = () => `whsec_${crypto.getRandomValues(new Uint8Array(32)).toBase64()}`;

it("all secrets in their grace period sign, and each of them alone verifies what arrived", async () => {
  const to = await answering({ status: 204 });
  const signingSecrets = [newSecret(), newSecret(), newSecret()];
  const sent = await send(endpointOf({ url: to.url }, { signingSecrets, version: 7 }));
  expect(sent).toMatchObject({ verdict: "delivered", isAlive: true, status: 204, version: 7, excerpt: null });
  const [request] = await to.inbox();
  if (request === undefined) throw new Error("nothing arrived");
  const { body, headers } = request;
  expect(headers["webhook-signature"]).toMatch(/^(v1,[A-Za-z0-9+/]{43}= ?){3}$/);
  for (const secret of signingSecrets) {
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
  }
  expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow("No matching signature found");
  expect(() => new Webhook(signingSecrets[0] ?? "").verify(`${body} `, headers)).toThrow("No matching");
});

it("each attempt has the same id, and the loop guard's header; without a secret there is no signature", async () => {
  const to = await answering({});
  const attempt = attemptOf({ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" });
  const endpoint = endpointOf({
    url: `${to.url}/{{ parameters.branch }}?s={{ event.type }}`,
    headers: { "X-Own": "a" },
  });
  await send(endpoint, attempt);
  await send(endpoint, attempt);
  const requests = await to.inbox();
  const id = `${attempt.runId}-ended`;
  for (const { method, path, headers, body } of requests) {
    expect(method).toBe("POST");
    expect(path.endsWith("/main?s=action_run.failed")).toBe(true);
    expect(headers).toMatchObject({
      "webhook-id": id,
      "idempotency-key": id,
      "action-runs-delivery": attempt.runId,
      "x-own": "a",
      "content-type": "application/json",
      "webhook-timestamp": expect.stringMatching(/^\d{10}$/),
    });
    expect(headers).not.toHaveProperty("webhook-signature");
    expect(headers).not.toHaveProperty("traceparent");
    expect(JSON.parse(body).data.consoleUrl).toBe(`${ORIGIN}/console/-/acme/shop/production/runs/${attempt.runId}`);
  }
  expect(requests).toHaveLength(2);
});

describe("an answer", () => {
  const OF_ATTEMPT = { scope: "acme/shop/production", endpoint: "chat@1", runId: attemptOf().runId };

  it.each<[string, Answer, Partial<SentDelivery>]>([
    [
      "302, which is not followed,",
      { mode: "redirect", status: 302 },
      { verdict: "failed", isAlive: true, reason: "answered 302, and redirects are not followed" },
    ],
    ["401", { status: 401 }, { verdict: "failed", isAlive: true, reason: "answered 401" }],
    ["422", { status: 422 }, { verdict: "refused", isAlive: true, reason: "answered 422" }],
    [
      "429 with Retry-After",
      { status: 429, headers: { "Retry-After": "120" } },
      { verdict: "failed", isAlive: false, retryAfter: "120" },
    ],
    ["503", { status: 503 }, { verdict: "failed", isAlive: false, status: 503 }],
    [
      "a reset",
      { mode: "reset" },
      { verdict: "failed", isAlive: false, status: null, reason: "could not be reached, or broke the connection off" },
    ],
    ["that is not HTTP", { mode: "not_http" }, { verdict: "failed", isAlive: false, status: null }],
    ["410", { status: 410 }, { verdict: "unwanted", isAlive: true, status: 410 }],
  ])("%s gives $2 after one request", async (_what, answer, expected) => {
    const { sent, to } = await sendTo(answer);
    expect(sent).toMatchObject(expected);
    expect(await to.inbox()).toHaveLength(1);
  });

  it("410 of a URL with placeholders is about one run", async () => {
    const to = await answering({ status: 410 });
    const sent = await send(endpointOf({ url: `${to.url}/{{ parameters.branch }}` }));
    expect(sent).toMatchObject({ verdict: "refused", isAlive: true, status: 410 });
  });

  it("of 20 MB is read only at its start", async () => {
    const { sent, to } = await sendTo({ mode: "enormous", status: 200 });
    expect(sent).toMatchObject({ verdict: "delivered", status: 200 });
    expect(await untilNobodyWaits(to)).toBeLessThan(32 * MIB);
    expect((await openExcerpt(ring, sent.excerpt ?? "", OF_ATTEMPT))?.length).toBe(1025);
  });

  it("may repeat every secret: its text is sealed, and opens only for its endpoint and run", async () => {
    const secrets = { KEY: "a-secret-of-the-endpoint" };
    const headers = { Authorization: "Bearer {{ secrets.KEY }}" };
    const { sent } = await sendTo({ mode: "echo", status: 500 }, { headers, secrets, payload: "{{ secrets.KEY }}" });
    expect(JSON.stringify(sent)).not.toContain(secrets.KEY);
    const excerpt = sent.excerpt ?? "";
    expect(await openExcerpt(ring, excerpt, OF_ATTEMPT)).toContain(secrets.KEY);
    expect(await openExcerpt(ring, excerpt, { ...OF_ATTEMPT, endpoint: "chat@2" })).toBeNull();
    expect(await openExcerpt(ring, excerpt, { ...OF_ATTEMPT, runId: "another" })).toBeNull();
    expect(await openExcerpt(ring, excerpt, { ...OF_ATTEMPT, scope: "acme/shop/stage" })).toBeNull();
    expect(await openExcerpt(ring, "no base64!", OF_ATTEMPT)).toBeNull();
  });
});

describe("nothing is sent", () => {
  const UNSENT = { status: null, durationMs: 0, excerpt: null, retryAfter: null, isAlive: null, version: 7 };

  it("of a delivery that can't be rendered, and that ends it", async () => {
    const to = await answering({});
    const sent = await send(endpointOf({ url: `${to.url}/{{ parameters.sha }}/x` }));
    const reason =
      "was not called: url has nothing between two slashes, because a value is empty or missing; send the value";
    expect(sent).toEqual({ ...UNSENT, verdict: "refused", reason });
    expect(await to.inbox()).toEqual([]);
  });

  it("while the service's settings can't be used, and that is no attempt", async () => {
    const to = await answering({});
    const sent = await send(endpointOf({ url: to.url }), attemptOf(), { WEBHOOK_PORTS: "no port" });
    const reason = "was not called: the service's webhook settings can't be used";
    expect(sent).toEqual({ ...UNSENT, verdict: "not_made", reason });
    expect(await to.inbox()).toEqual([]);
  });

  it.each<[string, object, string]>([
    [
      "to a host that the operator allows no longer",
      { WEBHOOK_HOSTS: "ci.example.com" },
      "The URL's host is not one of those that the operator allows.",
    ],
    ["to loopback after development", { ALLOW_INSECURE_WEBHOOKS: "" }, "The URL's scheme is not allowed."],
  ])("%s, and that attempt fails", async (_what, settings, sentence) => {
    const to = await answering({});
    const sent = await send(endpointOf({ url: to.url }), attemptOf(), settings);
    expect(sent).toMatchObject({ ...UNSENT, verdict: "failed", reason: expect.stringContaining(sentence) });
    expect(await to.inbox()).toEqual([]);
  });

  it("to the service itself", async () => {
    const sent = await send(endpointOf({ url: `${ORIGIN}/acme/shop` }));
    expect(sent).toMatchObject({ verdict: "failed", reason: expect.stringContaining("leads back to this service") });
  });
});

it("with PUBLIC_URL, links begin with it, whatever the origin of the PUT was", async () => {
  const to = await answering({});
  const attempt: DeliveryAttempt = attemptOf();
  await send(endpointOf({ url: to.url, payload: "{{ run.url }}" }), attempt, {
    PUBLIC_URL: "http://127.0.0.1:9/runs/",
  });
  const [request] = await to.inbox();
  const url = `http://127.0.0.1:9/runs/acme/shop/envs/production/action-runs/${attempt.runId}`;
  expect(request?.body).toBe(JSON.stringify(url));
});

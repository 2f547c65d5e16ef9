/** The signature fits what arrives. The public library of the Standard Webhooks specification verifies it. */

import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import type { ReceivedRequest } from "../support/receiver/client.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, fire } from "./runs.ts";

await useSettings("development");

function newSecret(bytes: number): string {
  return `whsec_${crypto.getRandomValues(new Uint8Array(bytes)).toBase64()}`;
}

function verified(secret: string, { body, headers }: Pick<ReceivedRequest, "body" | "headers">): unknown {
  return new Webhook(secret).verify(body, { ...headers });
}

async function signedRequest(secret: string, trigger: Record<string, unknown> = {}): Promise<ReceivedRequest> {
  const r = await answering({ status: 202 });
  const body = { parameters: { name: 'snow ☃ \u{1f600} "quoted"' } };
  await fire(r.url, { signingSecret: secret, ...trigger }, { body });
  const [request] = await r.untilInbox(1);
  if (request === undefined) throw new Error("nothing arrived");
  return request;
}

describe("a signature", () => {
  it.each([24, 25, 26, 32, 64])("is verified with a secret of %i bytes", async (bytes) => {
    const secret = newSecret(bytes);
    const request = await signedRequest(secret);
    expect(verified(secret, request)).toEqual(JSON.parse(request.body));
    expect(request.headers["webhook-signature"]).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
  });

  it("covers a form as it was sent, but the library then throws unless it is told not to parse JSON", async () => {
    const secret = newSecret(32);
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const request = await signedRequest(secret, { headers, payload: { name: "{{ parameters.name }}" } });
    expect(() => new Webhook(secret).verify(request.body, { ...request.headers }, { jsonParse: false })).not.toThrow();
    expect(() => verified(secret, request)).toThrow(SyntaxError);
    expect(() => verified(newSecret(32), request)).toThrow("No matching signature found");
  });

  it.each<[string, (request: ReceivedRequest) => Partial<Record<string, string>>]>([
    ["body", ({ body }) => ({ body: `${body} ` })],
    ["id", () => ({ "webhook-id": "another" })],
    ["timestamp", ({ headers }) => ({ "webhook-timestamp": String(Number(headers["webhook-timestamp"]) + 1) })],
  ])("covers the %s", async (_what, changed) => {
    const secret = newSecret(32);
    const request = await signedRequest(secret);
    const { body = request.body, ...headers } = changed(request);
    const tampered = { body, headers: { ...request.headers, ...headers } as ReceivedRequest["headers"] };
    expect(() => verified(secret, tampered)).toThrow("No matching signature found");
  });

  it("is new for each attempt, with the time it left and the same id", async () => {
    const secret = newSecret(32);
    // Timestamps are whole seconds.
    const r = await answering({ status: 503, headers: { "Retry-After": "2" } }, { status: 202 });
    const { created } = await fire(r.url, { signingSecret: secret });
    const [first, second] = await r.untilInbox(2);
    if (first === undefined || second === undefined) throw new Error("not sent twice");
    for (const request of [first, second]) {
      expect(() => verified(secret, request)).not.toThrow();
      expect(request.headers["webhook-id"]).toBe(created.id);
      expect(Math.abs(Number(request.headers["webhook-timestamp"]) - request.at / 1000)).toBeLessThan(60);
    }
    const leftLater = Number(second.headers["webhook-timestamp"]) - Number(first.headers["webhook-timestamp"]);
    expect(leftLater).toBeGreaterThanOrEqual(1);
    expect(second.headers["webhook-signature"]).not.toBe(first.headers["webhook-signature"]);
  });

  it("is missing without a secret, but id and time are sent", async () => {
    const r = await answering({ status: 202 });
    const { created } = await fire(r.url);
    const [request] = await r.untilInbox(1);
    expect(request?.headers).toMatchObject({
      "webhook-id": created.id,
      "webhook-timestamp": expect.stringMatching(/^\d{10}$/),
    });
    expect(request?.headers).not.toHaveProperty("webhook-signature");
  });
});

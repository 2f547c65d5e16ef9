/** A receiver trusts only what a secret of its endpoint signed a moment ago. */

import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { verifyWebhook, WebhookVerificationError } from "../../src/client/index.ts";

const newSecret = () => `whsec_${randomBytes(32).toString("base64")}`;
const SECRET = newSecret();
const OLD_SECRET = newSecret();
const BODY = JSON.stringify({ type: "action_run.failed", data: { run: { error: "☃ \u{1f600}" } } });

/** The headers of a message that all of these secrets signed. */
function headersOf(body: string, secrets: readonly string[] = [SECRET, OLD_SECRET], at = new Date()) {
  const id = "019c0e5a-1800-8000-8000-0000000000aa-ended";
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(" "),
  };
}

describe("a genuine message is its JSON", () => {
  it.each([
    ["with the newest secret", BODY, headersOf(BODY), SECRET],
    ["with a secret in its grace period", BODY, headersOf(BODY), OLD_SECRET],
    ["as bytes", new TextEncoder().encode(BODY), headersOf(BODY), SECRET],
    ["with the headers of fetch", BODY, new Headers(headersOf(BODY)), SECRET],
    ["with the headers of Node", BODY, { ...headersOf(BODY), "set-cookie": ["a"], via: undefined }, SECRET],
    ["with headers in capitals", BODY, { ...capitals(headersOf(BODY)) }, SECRET],
  ])("returns the JSON of one %s", (_how, body, headers, secret) => {
    const message = verifyWebhook(body, headers, secret);
    expect(message).toEqual(JSON.parse(BODY));
    expect(message.data.run.error).toBe("☃ \u{1f600}");
  });

  it("of the type of its payload", () => {
    const body = '{"text":"deploy: failed"}';
    expect(verifyWebhook<{ text: string }>(body, headersOf(body), SECRET).text).toBe("deploy: failed");
  });
});

function capitals(headers: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
}

describe("a message is refused", () => {
  const HOUR = 3_600_000;
  const headers = headersOf(BODY);
  const { "webhook-signature": _, ...unsigned } = headers;
  it.each<[string, string, object, string, string]>([
    ["whose body has another blank", `${BODY} `, headers, SECRET, "No matching signature"],
    ["that another secret signed", BODY, headers, newSecret(), "No matching signature"],
    ["under another id", BODY, { ...headers, "webhook-id": "x" }, SECRET, "No matching signature"],
    ["without a signature", BODY, unsigned, SECRET, "Missing required headers"],
    ["without headers", BODY, new Headers(), SECRET, "Missing required headers"],
    ["of an hour ago", BODY, headersOf(BODY, [SECRET], new Date(Date.now() - HOUR)), SECRET, "too old"],
    ["of the next hour", BODY, headersOf(BODY, [SECRET], new Date(Date.now() + HOUR)), SECRET, "too new"],
  ])("names the reason to refuse one %s", (_what, body, refused, secret, sentence) => {
    const verify = () => verifyWebhook(body, refused as Headers, secret);
    expect(verify).toThrow(WebhookVerificationError);
    expect(verify).toThrow(sentence);
  });

  it("that is genuine but no JSON, with another error", () => {
    expect(() => verifyWebhook("a=b", headersOf("a=b"), SECRET)).toThrow(SyntaxError);
    expect(() => verifyWebhook("a=b", headers, SECRET)).toThrow(WebhookVerificationError);
  });
});

it("a body that was parsed before, and a secret of something else, are mistakes of the program", () => {
  const verify =
    (body: unknown, secret = SECRET) =>
    () =>
      verifyWebhook(body as string, headersOf(BODY), secret);
  expect(verify(JSON.parse(BODY))).toThrow(
    new TypeError(
      "The body is neither text nor bytes. Pass the request's body as it arrived, before anything parses it.",
    ),
  );
  for (const secret of ["", "whsec_", "whsec_ü", "an-api-token"]) {
    expect(verify(BODY, secret)).toThrow(TypeError);
    expect(verify(BODY, secret)).toThrow("The secret is not a signing secret.");
  }
});

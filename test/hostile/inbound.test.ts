/** Events as nobody sends them by accident: other spellings of the URL, headers twice, and bodies that are poison. */

import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import {
  bearer,
  type EventAnswer,
  github,
  givenInbound,
  type Proof,
  runOf,
  SECRET,
  send,
  standard,
} from "../starts/events.ts";
import { ask, parse } from "../support/requests.ts";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

describe("the URL of an action's events", () => {
  it.each<[string, (url: string) => string]>([
    ["in capitals", (url) => url.replace("/deploy/", "/DEPLOY/")],
    ["with another environment in capitals", (url) => url.replace("/envs/e", "/envs/E")],
    ["with a blank behind the action", (url) => url.replace("/deploy/", "/deploy%20/")],
    ["with NUL behind the action", (url) => url.replace("/deploy/", "/deploy%00/")],
    ["with a slash in the action", (url) => url.replace("/deploy/", "/x%2F..%2Fdeploy/")],
    ["with two slashes", (url) => url.replace("/deploy/", "//deploy/")],
    ["with a slash behind", (url) => `${url}/`],
    ["with more behind the id", (url) => `${url}A`],
    ["with the id in padded base64", (url) => `${url}=`],
  ])("%s is not found, even with the secret", async (_what, change) => {
    const { runs, url } = await givenInbound();
    const refused = await send(change(url));
    expect([refused.status, refused.body.code]).toEqual([404, "not_found"]);
    expect((await ask("GET", runs)).body).toEqual([]);
  });

  it.each(["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "takes no %s, also from the page of another site",
    async (method) => {
      const { url } = await givenInbound();
      const headers = { Authorization: `Bearer ${SECRET}`, Origin: "https://evil.example" };
      const { status, headers: answered } = await ask(method, url, { token: null, headers });
      expect([status, answered.get("Allow"), answered.get("Access-Control-Allow-Origin")]).toEqual([405, "POST", null]);
    },
  );
});

describe("a header that comes twice", () => {
  const twice =
    (proof: Proof, name: string): Proof =>
    async (raw) => {
      const headers = await proof(raw);
      return { ...headers, [name]: `${headers[name]}, ${headers[name]}` };
    };

  it.each([
    ["token", twice(bearer(), "Authorization")],
    ["token", twice(() => ({ "X-Gitlab-Token": SECRET }), "X-Gitlab-Token")],
    ["github", twice(github(), "X-Hub-Signature-256")],
    ["standard-webhooks", twice(standard(), "webhook-id")],
    ["standard-webhooks", twice(standard(), "webhook-timestamp")],
  ] as const)("proves nothing with %s", async (verify, proof) => {
    const { url } = await givenInbound({ verify });
    expect((await send(url, {}, proof)).body.code).toBe("event_unverified");
  });
});

describe("a body", () => {
  it.each<[string, string, unknown]>([
    ["members that objects inherit", '{"__proto__":{"x":1},"constructor":{"prototype":{"y":1}}}', undefined],
    ["a member twice", '{"a":1,"a":{"__proto__":2}}', { a: JSON.parse('{"__proto__":2}') }],
    ["NUL in a text", '{"a":"\\u0000"}', undefined],
    ["half a surrogate pair", '{"a":"\\ud800","\\udc00":1}', undefined],
    ["a byte order mark", "\ufeff{}", {}],
    ["no object", "null", null],
    ["62 levels", "[".repeat(62) + "]".repeat(62), undefined],
  ])("with %s is kept as it is, and changes nothing else", async (_what, raw, expected) => {
    const { runs, url } = await givenInbound();
    const event = expected === undefined ? JSON.parse(raw) : expected;
    const { parameters } = await runOf(runs, await send(url, raw));
    expect(JSON.stringify(parameters)).toBe(JSON.stringify({ event }));
    expect([Object.hasOwn(Object.prototype, "x"), ({} as { y?: number }).y]).toEqual([false, undefined]);
  });

  it("that is a form can have 10 000 fields, and names that objects inherit", async () => {
    const { runs, url } = await givenInbound();
    const fields = Array.from({ length: 10_000 }, (_, n) => `k${n}=1`);
    const { parameters } = await runOf(runs, await send(url, fields.join("&"), bearer(), FORM));
    expect(Object.keys((parameters as { event: object }).event)).toHaveLength(10_000);
    const odd = await runOf(runs, await send(url, "__proto__=1&constructor=2&payload=3&payload=4", bearer(), FORM));
    expect(JSON.stringify(odd.parameters)).toBe('{"event":{"__proto__":"1","constructor":"2","payload":["3","4"]}}');
  });

  it("that is compressed is refused, because its proof is about other bytes", async () => {
    const { url } = await givenInbound();
    const { readable, writable } = new CompressionStream("gzip");
    const writer = writable.getWriter();
    void writer.write(new TextEncoder().encode("{}")).then(() => writer.close());
    const body = await new Response(readable).arrayBuffer();
    const headers = {
      Authorization: `Bearer ${SECRET}`,
      "Content-Type": "application/json",
      "Content-Encoding": "gzip",
    };
    const sent = new Request(new URL(url, "https://runs.example.com"), { method: "POST", body, headers });
    const response = await exports.default.fetch(sent);
    const refused = parse<EventAnswer>(response, await response.text());
    expect([response.status, refused.code]).toEqual([400, "invalid_body"]);
  });

  it("whose value no concurrency key can have is refused, and holds up nothing", async () => {
    const concurrency = { group: "prod", key: "{{ parameters.event.a }}" };
    const { url } = await givenInbound(undefined, { concurrency });
    for (const a of ["\0", "\ud800", "a\nb", "x".repeat(10_000)]) {
      expect((await send(url, { a })).body.code).toBe("invalid_concurrency_key");
    }
    expect((await send(url, { a: "ok" })).status).toBe(201);
  });
});

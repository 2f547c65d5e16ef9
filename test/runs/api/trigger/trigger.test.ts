/** Which triggers a create refuses. The refusal names the place and comes before any storage is touched. */

import { describe, expect, it } from "vitest";
import { ask } from "../../../support/requests.ts";
import { expectRefused, expectTaken, PATH, WEBHOOK } from "./trigger-create.ts";

/** JSON in which `__proto__` is a member like any other. */
const json = (text: string) => JSON.parse(text) as Record<string, unknown>;
const secretOf = (bytes: number) => `whsec_${new Uint8Array(bytes).fill(7).toBase64()}`;
const nested = (text: string) => ({ a: [{ b: 1 }, { b: text }] });

it("a full trigger and a minimal one reach the coordinator", async () => {
  await expectTaken({ trigger: WEBHOOK });
  await expectTaken({
    heartbeatTimeout: 5,
    parameters: { branch: "main" },
    trigger: {
      ...WEBHOOK,
      url: "https://ci.example.com/hooks/{{ parameters.branch }}?id={{ run.id }}",
      method: "PATCH",
      headers: { Authorization: "Bearer {{ parameters.branch }}", "X-Empty": "", "User-Agent": "mine" },
      payload: nested("{{ run.callbackToken }}"),
      signingSecret: secretOf(32),
      retry: { maxAttempts: 10, initialDelayMs: 3_600_000 },
      startOn: "heartbeat",
    },
  });
  await expectTaken({
    trigger: {
      ...WEBHOOK,
      headers: { Authorization: "Bearer {{ secrets.api }}" },
      payload: { token: "{{ secrets.api }}" },
      secrets: { api: "s3cret-of-the-api" },
      link: "{{ response.html_url }}",
      cancel: {
        url: "https://ci.example.com/runs/{{ response.id }}/cancel?of={{ run.id }}",
        method: "DELETE",
        headers: { Authorization: "Bearer {{ secrets.api }}", "X-Where": "{{ response.headers.location }}" },
        payload: ["{{ response.a.b.0 }}"],
      },
    },
  });
});

describe("a member that can't have a secret or a value of the response is refused", () => {
  const CANCEL = { url: "https://ci.example.com/stop" };
  const secrets = { api: "s3cret-of-the-api" };
  const of = (path: string) => `{{ response.${path} }}`;
  it.each<[string, Record<string, unknown>, string]>([
    [
      "a secret in the URL",
      { url: `${WEBHOOK.url}/{{ secrets.api }}`, secrets },
      "trigger.url: {{ secrets.api }} is a secret",
    ],
    [
      "a secret in the link",
      { link: "https://ci.example.com/{{ secrets.api }}", secrets },
      "trigger.link: {{ secrets.api }} is a",
    ],
    [
      "a secret in cancel's URL",
      { cancel: { url: `${CANCEL.url}/{{ secrets.api }}` }, secrets },
      "trigger.cancel.url: {{ secrets.api }}",
    ],
    [
      "the callback token in the link",
      { link: "https://ci.example.com/{{ run.callbackToken }}" },
      "trigger.link: {{ run.callbackToken }} is a secret",
    ],
    [
      "everything about the run in the link, which is the callback token as well",
      { link: "https://ci.example.com/?run={{ run }}" },
      "trigger.link: {{ run.callbackToken }} is a secret",
    ],
    [
      "an unknown secret in a header",
      { headers: { "X-A": "{{ secrets.a }}" }, secrets },
      "trigger.headers: uses a secret, which is missing",
    ],
    ["an unknown secret in the payload", { payload: ["{{ secrets.a }}"] }, "trigger.payload: uses {{ secrets.a }}"],
    [
      "__proto__ as a secret",
      { payload: ["{{ secrets.__proto__ }}"], secrets },
      "trigger.payload: uses {{ secrets.__proto__ }}",
    ],
    ["all secrets", { payload: "{{ secrets }}", secrets }, "trigger.payload: {{ secrets }} is unknown"],
    [
      "an unknown secret in cancel",
      { cancel: { ...CANCEL, payload: "{{ secrets.a }}" } },
      "trigger.cancel.payload: uses {{ secrets.a }}",
    ],
    ["a secret whose name has a space", { secrets: { "a b": "x" } }, "trigger.secrets.a b: is not a valid name"],
    ["a secret that is no text", { secrets: { a: null } }, "trigger.secrets.a: send a string"],
    ["secrets that are null", { secrets: null, payload: "{{ secrets.a }}" }, "trigger.secrets: send a JSON object"],
    ["an empty secret", { secrets: { a: "" } }, "trigger.secrets.a: is empty"],
    ["a long secret", { secrets: { a: "x".repeat(4097) } }, "trigger.secrets.a: is too long"],
    [
      "21 secrets",
      { secrets: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`s${n}`, "x"])) },
      "trigger.secrets: has 21",
    ],
    ["the answer in the URL", { url: `${WEBHOOK.url}/${of("id")}` }, "trigger.url: {{ response.id }} is not known yet"],
    ["the answer in a header", { headers: { "X-A": of("id") } }, "trigger.headers.X-A: {{ response.id }} is not known"],
    ["the answer in the payload", { payload: of("id") }, "trigger.payload: {{ response.id }} is not known yet"],
    [
      "the answer as cancel's host",
      { cancel: { url: `https://${of("host")}/` } },
      "trigger.cancel.url: Placeholders are only",
    ],
    [
      "the answer as cancel's port",
      { cancel: { url: `https://a.example:${of("port")}/` } },
      "trigger.cancel.url: Placeholders are",
    ],
    ["the whole response", { link: "{{ response }}" }, "trigger.link: {{ response }} is the whole response"],
    [
      "another header",
      { link: of("headers.set-cookie") },
      "trigger.link: {{ response.headers.set-cookie }} is unknown",
    ],
    [
      "a part of the header",
      { link: of("headers.location.length") },
      "trigger.link: {{ response.headers.location.length }} is unknown",
    ],
    ["all headers", { link: of("headers") }, "trigger.link: {{ response.headers }} is unknown"],
    ["a link that is http", { link: `http://ci.example.com/${of("id")}` }, "trigger.link: send one placeholder"],
    ["a link that is javascript:", { link: `javascript:alert(${of("id")})` }, "trigger.link: send one placeholder"],
    [
      "a link with credentials",
      { link: `https://user:password@ci.example.com/${of("id")}` },
      "trigger.link: send one placeholder",
    ],
    ["a link with two placeholders", { link: of("a") + of("b") }, "trigger.link: send one placeholder"],
    ["a link from a parameter", { link: "{{ parameters.link }}" }, "trigger.link: send one placeholder"],
    [
      "21 values of the answer",
      { cancel: { ...CANCEL, payload: of("id").repeat(21) } },
      "trigger: link and cancel use more than 20 values",
    ],
    ["cancel without a URL", { cancel: {} }, "trigger.cancel.url: "],
    ["cancel with GET", { cancel: { ...CANCEL, method: "GET" } }, "trigger.cancel.method: "],
    [
      "cancel with a reserved header",
      { cancel: { ...CANCEL, headers: { Host: "x" } } },
      "trigger.cancel.headers.Host: ",
    ],
    [
      "cancel to loopback",
      { cancel: { url: "https://127.0.0.1/stop" } },
      "trigger.cancel.url: The URL's host is an IP address",
    ],
    ["cancel with a member it does not know", { cancel: { ...CANCEL, retry: {} } }, "trigger.cancel: "],
  ])("refuses %s, and says why", async (_what, more, start) => {
    await expectRefused({ trigger: { ...WEBHOOK, ...more } }, start);
  });
});

describe("a trigger is refused", () => {
  it.each<[string, unknown, string]>([
    ["that is null", null, "trigger: "],
    ["that is a string", "webhook", "trigger: "],
    ["that is a list", [WEBHOOK], "trigger: "],
    ["that is empty", {}, "trigger.type: "],
    ["of another type", { ...WEBHOOK, type: "email" }, "trigger.type: "],
    ["without a URL", { type: "webhook" }, "trigger.url: "],
    ["with a member it does not know", { ...WEBHOOK, secret: "x" }, "trigger: "],
    ["with __proto__", json(`{"type":"webhook","url":"${WEBHOOK.url}","__proto__":{"a":1}}`), "trigger: "],
    ["with constructor", { ...WEBHOOK, constructor: 1 }, "trigger: "],
    ["with a number for a URL", { ...WEBHOOK, url: 1 }, "trigger.url: "],
    ["with a URL too long", { ...WEBHOOK, url: `https://ci.example.com/${"x".repeat(2048)}` }, "trigger.url: "],
    ["with the method GET", { ...WEBHOOK, method: "GET" }, "trigger.method: "],
    ["with a method in small letters", { ...WEBHOOK, method: "post" }, "trigger.method: "],
    ["with a list of headers", { ...WEBHOOK, headers: [["a", "b"]] }, "trigger.headers: "],
    ["with null for headers", { ...WEBHOOK, headers: null }, "trigger.headers: "],
    ["that starts on a whim", { ...WEBHOOK, startOn: "whim" }, "trigger.startOn: "],
    ["with null for retry", { ...WEBHOOK, retry: null }, "trigger.retry: "],
    ["with a member of retry it does not know", { ...WEBHOOK, retry: { factor: 2 } }, "trigger.retry: "],
    ["with __proto__ in retry", { ...WEBHOOK, retry: json('{"__proto__":{"a":1}}') }, "trigger.retry: "],
    ["with a secret that is no string", { ...WEBHOOK, signingSecret: 1 }, "trigger.signingSecret: "],
  ])("refuses one %s, and names the place", (_, trigger, place) => expectRefused({ trigger }, place));

  it.each([0, 11, -1, 1.5, "3", null, true, 1e21])("with %j attempts", (maxAttempts) =>
    expectRefused({ trigger: { ...WEBHOOK, retry: { maxAttempts } } }, "trigger.retry.maxAttempts: "),
  );

  it.each([0, 99, 3_600_001, 100.5, "100", null])("with a first delay of %j", (initialDelayMs) =>
    expectRefused({ trigger: { ...WEBHOOK, retry: { initialDelayMs } } }, "trigger.retry.initialDelayMs: "),
  );

  it.each([{ maxAttempts: 1, initialDelayMs: 100 }, { maxAttempts: 10, initialDelayMs: 3_600_000 }, {}])(
    "but not with %j",
    (retry) => expectTaken({ trigger: { ...WEBHOOK, retry } }),
  );

  it.each([
    ["without the prefix", secretOf(32).slice("whsec_".length)],
    ["with the prefix alone", "whsec_"],
    ["with the prefix in capitals", secretOf(32).replace("whsec_", "WHSEC_")],
    ["of no base64", `whsec_${"*".repeat(40)}`],
    ["of base64 without its padding", secretOf(32).replace(/=+$/, "")],
    ["with more behind it", `${secretOf(32)}A`],
    ["of 23 bytes", secretOf(23)],
    ["of 65 bytes", secretOf(65)],
  ])("with a signing secret %s", (_, signingSecret) =>
    expectRefused({ trigger: { ...WEBHOOK, signingSecret } }, "trigger.signingSecret: "),
  );

  it.each([24, 64])("but not with a signing secret of %d bytes", (bytes) =>
    expectTaken({ trigger: { ...WEBHOOK, signingSecret: secretOf(bytes) } }),
  );

  it.each<[unknown, string]>([
    [0, "heartbeatTimeout: "],
    [43_201, "heartbeatTimeout: "],
    [1.5, "heartbeatTimeout: "],
    ["5", "heartbeatTimeout: "],
    [null, "heartbeatTimeout: "],
  ])("as a heartbeatTimeout of %j is", (heartbeatTimeout, place) => expectRefused({ heartbeatTimeout }, place));
});

describe("a header is refused by its name", () => {
  const RESERVED = [
    "host",
    "Host",
    "content-length",
    "Content-Length",
    "idempotency-key",
    "IDEMPOTENCY-KEY",
    "webhook-id",
    "Webhook-Timestamp",
    "webhook-SIGNATURE",
    "webhook-anything",
    "Action-Runs-Delivery",
    "Accept-Encoding",
    "Connection",
    "Keep-Alive",
    "Transfer-Encoding",
    "TE",
    "Trailer",
    "Upgrade",
    "Expect",
    "Proxy-Authorization",
    "CF-Connecting-IP",
    "cf-worker",
    "CDN-Loop",
  ];
  it.each(RESERVED)("%s, which is ours or the connection's", async (name) => {
    await expectRefused({ trigger: { ...WEBHOOK, headers: { [name]: "x" } } }, `trigger.headers.${name}: `);
  });

  it.each(["", " ", "X A", "X:", "X\n", "X\r\nY", "X\0", "X(1)", "\u00e4", "X\u2028", "{{run.id}}", '"', "a/b"])(
    "%j, which is none",
    (name) => expectRefused({ trigger: { ...WEBHOOK, headers: { [name]: "x" } } }, `trigger.headers.${name}: `),
  );

  it.each([1, true, null, {}, ["x"]])("X-Value with %j, which is no text", (value) =>
    expectRefused({ trigger: { ...WEBHOOK, headers: { "X-Value": value } } }, "trigger.headers.X-Value: "),
  );

  it.each([
    "a\nb",
    "a\rb",
    "a\r\nX-More: 1",
    "a\0b",
    "\u007f",
    "p\u00e4ss",
    "\u{1f680}",
    "\ud800",
    "{{ nonsense.x }}",
    "{{ run.secret }}",
    "{{ parameters.x",
  ])("X-Value with %j, which can't be sent", (value) =>
    expectRefused({ trigger: { ...WEBHOOK, headers: { "X-Value": value } } }, "trigger.headers.X-Value: "),
  );

  it("that differs from another only by case", () =>
    expectRefused({ trigger: { ...WEBHOOK, headers: { "X-A": "1", "x-a": "2" } } }, "trigger.headers.x-a: "));

  it.each(["a\nb", "a\r\nX-More: 1", "\0", "p\u00e4ss", "\ud800", { a: "\u00e4" }])(
    "where a parameter puts in %j",
    (x) =>
      expectRefused(
        { parameters: { x }, trigger: { ...WEBHOOK, headers: { "X-Value": "a {{ parameters.x }}" } } },
        "trigger.headers.X-Value: ",
      ),
  );

  it("but not because its name is also a member of Object, such as __proto__", async () => {
    const headers = json('{"__proto__":"1","constructor":"2","toString":"3","hasOwnProperty":"4"}');
    await expectTaken({ trigger: { ...WEBHOOK, headers } });
    await expectRefused(
      { trigger: { ...WEBHOOK, headers: json('{"__proto__":"\\n"}') } },
      "trigger.headers.__proto__: ",
    );
  });
});

describe("a payload is refused by the place in it", () => {
  it.each<[string, unknown, string]>([
    ["an unknown root", nested("{{ nonsense.x }}"), "trigger.payload.a.1.b: "],
    ["a member that run lacks", nested("{{ run.secret }}"), "trigger.payload.a.1.b: "],
    ["a member of Object's", nested("{{ run.constructor }}"), "trigger.payload.a.1.b: "],
    ["__proto__ for a root", nested("{{ __proto__.x }}"), "trigger.payload.a.1.b: "],
    ["a placeholder never closed", nested("{{ run.id"), "trigger.payload.a.1.b: "],
    ["a placeholder in a key", { a: { "{{ run.id }}": 1 } }, "trigger.payload.a.{{ run.id }}: "],
    ["a placeholder below __proto__", json('{"__proto__":{"x":"{{ no.x }}"}}'), "trigger.payload.__proto__.x: "],
    ["a payload that is just text", "{{ nonsense }}", "trigger.payload: "],
  ])("names the place of %s", (_, payload, place) => expectRefused({ trigger: { ...WEBHOOK, payload } }, place));

  it("a number that overflows", async () => {
    const trigger = `{"type":"webhook","url":"${WEBHOOK.url}","payload":{"a":1e400}}`;
    const answer = await ask("POST", PATH, { raw: `{"actionName":"deploy","trigger":${trigger}}` });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_body" } });
    expect(answer.body.error).toMatch(/^trigger\.payload: has a number that is too large/);
  });

  it.each<[string, unknown]>([
    ["null", null],
    ["a list", [1, "{{ run.id }}"]],
    ["text", "{{ run.id }}"],
    ["members by the names of Object's own", json('{"__proto__":{"constructor":{"prototype":{"a":1}}}}')],
    ["a path into nothing, for what does not exist becomes null", { a: "{{ parameters.none.at.all }}" }],
  ])("but not %s", (_, payload) => expectTaken({ trigger: { ...WEBHOOK, payload } }));
});

describe("size", () => {
  const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).byteLength;
  /** A trigger of exactly so many bytes, two for each letter put in. */
  function triggerOf(bytes: number) {
    const left = bytes - bytesOf({ ...WEBHOOK, payload: "" });
    return { ...WEBHOOK, payload: "\u00e4".repeat(left >> 1) + "x".repeat(left & 1) };
  }

  it("a trigger of 64 KiB is taken; a byte more is not", async () => {
    const MAX = 64 * 1024;
    expect([bytesOf(triggerOf(MAX)), bytesOf(triggerOf(MAX + 1))]).toEqual([MAX, MAX + 1]);
    await expectTaken({ trigger: triggerOf(MAX) });
    await expectRefused(
      { trigger: triggerOf(MAX + 1) },
      `trigger: has ${MAX + 1} bytes without its secrets; send at most ${MAX}.`,
    );
  });

  it("a payload that comes to 512 KiB is taken; a byte more is not", async () => {
    const MAX = 512 * 1024;
    const x = "x".repeat(128 * 1024);
    const payload = (more: string) => [
      "{{ parameters.x }}{{ parameters.x }}{{ parameters.x }}{{ parameters.x }}",
      more,
    ];
    // The brackets, two pairs of quotes, and a comma between are seven bytes; the four values fill the rest.
    const parameters = { x: x.slice(0, -2) };
    const fits = { parameters, trigger: { ...WEBHOOK, payload: payload("z") } };
    expect(4 * parameters.x.length + 8).toBe(MAX);
    await expectTaken(fits);
    await expectRefused(
      { parameters, trigger: { ...WEBHOOK, payload: payload("zz") } },
      `trigger.payload: has more than ${MAX} bytes`,
    );
  });

  it("headers whose names and values together come to more than 32 KiB are refused", async () => {
    const headers = { "X-A": "{{ parameters.x }}", "X-B": "{{ parameters.x }}" };
    const room = 16 * 1024 - "X-A".length;
    const trigger = { ...WEBHOOK, headers };
    await expectTaken({ parameters: { x: "x".repeat(room) }, trigger });
    await expectRefused({ parameters: { x: "x".repeat(room + 1) }, trigger }, "trigger.headers: ");
  });

  it("a URL that a value makes longer than 2048 characters is refused", async () => {
    const url = "https://ci.example.com/{{ parameters.x }}";
    const room = 2048 - "https://ci.example.com/".length;
    await expectTaken({ parameters: { x: "x".repeat(room) }, trigger: { ...WEBHOOK, url } });
    await expectRefused({ parameters: { x: "x".repeat(room + 1) }, trigger: { ...WEBHOOK, url } }, "trigger.url: ");
  });
});

describe("a form is one flat object", () => {
  const FORM = { "content-TYPE": "application/x-www-form-urlencoded; charset=utf-8" };
  it.each<[string, Record<string, unknown>]>([
    ["an object inside", { payload: { a: { b: 1 } } }],
    ["a list inside", { payload: { a: [1] } }],
    ["an object that a parameter puts in", { payload: { a: "{{ parameters }}" } }],
    ["a list", { payload: ["a"] }],
    ["text", { payload: "a=b" }],
    ["null", { payload: null }],
    ["no payload of its own", {}],
  ])("%s is refused", (_, rest) =>
    expectRefused({ trigger: { ...WEBHOOK, headers: FORM, ...rest } }, "trigger.payload: "),
  );

  it("of texts, numbers, booleans and null is taken", () =>
    expectTaken({ trigger: { ...WEBHOOK, headers: FORM, payload: { a: "b", n: 1, t: true, z: null } } }));
});

/** Which values of a receiver's answer are used, and what they may contain. */

import { describe, expect, it } from "vitest";
import { answerValues } from "../../src/dispatch/answer-values.ts";
import { type SentRequest, valueSecretsOf } from "../../src/dispatch/request-secrets.ts";

const RUN = "01a212de-9b55-8003-a8a9-dd2c148ea617";
const REQUEST: SentRequest = {
  url: "https://api.github.com/repos/octo-organisation/a-shop-with-a-long-name/actions/workflows/1/dispatches?k=query-secret-1",
  headers: { Authorization: "Bearer header-secret-22", Accept: "application/vnd.github+json" },
  body: JSON.stringify({
    ref: "release-of-the-day",
    inputs: {
      callback_token: `callback:${RUN}:1795668017573:0123456789abcdef`,
      password: "payload-secret-3",
    },
  }),
  signingSecret: "whsec_c2lnbmluZy1zZWNyZXQtb2YtMjQtYg==",
  callbackToken: `callback:${RUN}:1795668017573:0123456789abcdef`,
  otherSecrets: ["named-secret-4", "pin42"],
};
const KNOWN = [
  "https://",
  "api.github.com",
  `https://runs.example/acme/shop/envs/e/action-runs/${RUN}/callback`,
];

function valuesOf(answer: unknown, wanted: readonly string[], location: string | null = null) {
  const bytes = new TextEncoder().encode(typeof answer === "string" ? answer : JSON.stringify(answer));
  const found = answerValues(bytes, location, wanted, valueSecretsOf(REQUEST, "v1,c2lnbmF0dXJl"), KNOWN);
  return { ...found, values: Object.fromEntries(found.values) };
}

describe("a value is used", () => {
  it.each<[string, unknown, string, unknown]>([
    ["a text", { id: "a" }, "id", "a"],
    ["a number", { id: 61 }, "id", 61],
    ["a fraction", { id: 0.5 }, "id", 0.5],
    ["zero", { id: 0 }, "id", 0],
    ["false", { id: false }, "id", false],
    ["a deep one", { a: { b: [{ c: "d" }] } }, "a.b.0.c", "d"],
    ["of a list", [{ id: 1 }], "0.id", 1],
    ["an own member __proto__", '{"__proto__":{"id":7}}', "__proto__.id", 7],
    ["an own member constructor", { constructor: { name: "x" } }, "constructor.name", "x"],
    ["behind a byte order mark", '\ufeff{"id":1}', "id", 1],
  ])("%s", (_what, answer, key, value) => {
    expect(valuesOf(answer, [key])).toEqual({ values: { [key]: value }, secret: [] });
  });

  it("from the Location header, and not from a member that is called headers", () => {
    const answer = { headers: { location: "https://evil.example/" } };
    expect(valuesOf(answer, ["headers.location"], "/queue/item/7/").values).toEqual({
      "headers.location": "/queue/item/7/",
    });
    expect(valuesOf(answer, ["headers.location"]).values).toEqual({});
  });
});

it.each<[string, unknown, string]>([
  ["an inherited member", {}, "constructor"],
  ["an inherited member of a text", { id: "abc" }, "id.length"],
  ["the length of a list", { id: [1] }, "id.length"],
  ["a member of the prototype", {}, "__proto__.toString"],
  ["a member of a number", { id: 1 }, "id.0"],
  ["an object", { id: {} }, "id"],
  ["an empty text", { id: "" }, "id"],
  ["a text of 2049 characters", { id: "x".repeat(2049) }, "id"],
  ["a rounded number", '{"id":9007199254740993}', "id"],
  ["an endless number", '{"id":-1e999}', "id"],
  ["of a text that is cut", '{"id":1', "id"],
  ["of a text that is no JSON", "id: 1", "id"],
])("%s is no value", (_what, answer, key) => {
  expect(valuesOf(answer, [key])).toEqual({ values: {}, secret: [] });
});

describe("a value is not kept if it contains", () => {
  const SECRETS: Readonly<Record<string, string>> = {
    "a header's value": "header-secret-22",
    "a piece of it": "see ader-sec",
    "a query value": "query-secret-1",
    "a value of the payload": "payload-secret-3",
    "the signing secret": "c2lnbmluZy1zZWNyZXQtb2YtMjQtYg",
    "the end of the callback token": "0123456789abcdef",
    "a secret with a name": "named-secret-4",
    "the signature of the attempt": "c2lnbmF0dXJl",
    "a short secret with a name": "x=pin42",
    "a secret in base64": btoa("header-secret-22"),
    "a secret in percent escapes": "%68eader%2Dsecret%2D22",
  };
  it.each(Object.entries(SECRETS))("%s", (_what, text) => {
    expect(valuesOf({ a: 1, b: text }, ["a", "b"])).toEqual({ values: { a: 1 }, secret: ["b"] });
  });
});

it.each([
  "https://github.com/octo-organisation/a-shop-with-a-long-name/actions/runs/19876543210",
  `https://ci.example.com/jobs/${RUN}`,
  "https://ci.example.com/branches/release-of-the-day",
])("the page of a job may contain what is no credential: %s", (text) => {
  expect(valuesOf({ html_url: text }, ["html_url"]).values).toEqual({ html_url: text });
});

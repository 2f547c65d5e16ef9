/**
 * Texts with places for values that are known later: cut at their markers and filled in, whatever the other values are.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillIn, keysOf, type LaterText, type ResponseValue } from "../../../src/webhooks/response.ts";
import { trigger } from "../../../src/webhooks/trigger.ts";
import { renderLater, renderTrigger } from "../../../src/webhooks/trigger-requests.ts";
import { contextWith } from "./template-context.ts";

const CONTEXT = contextWith({});
const URL = "https://ci.example.com/jobs/{{ response.id }}";

function stopOf(cancel: object, parameters: Record<string, unknown> = {}, nonce?: string) {
  const whole = { cancel: { url: URL, method: "POST" as const, headers: {}, ...cancel } };
  const rendered = renderLater(whole, { ...CONTEXT, parameters }, nonce);
  if (!rendered.ok || rendered.value.stopRequest === null) throw new Error("not rendered");
  return rendered.value.stopRequest;
}

const filled = (payload: unknown, value: ResponseValue, parameters = {}) =>
  JSON.parse(fillIn(stopOf({ payload }, parameters).body, () => value)) as unknown;

describe("a value in a payload", () => {
  it("keeps its type where it is alone", () => {
    expect(filled(["{{ response.id }}"], 7)).toEqual([7]);
    expect(filled({ a: "{{ response.id }}" }, true)).toEqual({ a: true });
    expect(filled("{{ response.id }}", 'a "b"')).toBe('a "b"');
  });

  it("becomes text inside other text, quotes and all", () => {
    expect(filled('"{{ response.id }}', 'x"y')).toBe('"x"y');
    expect(filled('"{{ response.id }}"', 7)).toBe('"7"');
    expect(filled("{{ response.id }}{{ response.id }}", "\\")).toBe("\\\\");
  });

  it("is never read as a template or as a place for a value", () => {
    const body = stopOf({ payload: ["{{ response.a }}", "{{ response.b }}"] }).body;
    const values: Record<string, string> = { a: "{{ response.b }}", b: "{{ run.callbackToken }}" };
    expect(JSON.parse(fillIn(body, (key) => values[key] ?? ""))).toEqual(Object.values(values));
  });
});

it("a value in a form is encoded for it", () => {
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const { body } = stopOf({ headers, payload: { a: "{{ response.id }}", b: "x {{ response.id }}" } });
  const form = new URLSearchParams(fillIn(body, () => "1&c=2 +%"));
  expect([...form]).toEqual([
    ["a", "1&c=2 +%"],
    ["b", "x 1&c=2 +%"],
  ]);
});

describe("the JSON text of a value", () => {
  const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
  const VALUES: readonly ResponseValue[] = ["x", 7, true, "\"', 1&c=2 +%\\\n", "ж\u007f😀", "\ud800"];

  it.each(VALUES)("%j can be read back from every place", (value) => {
    const cancel = {
      url: `${URL}?q={{ json response.id }}`,
      headers: { X: '{"id":{{ json response.id }}}' },
      payload: { alone: "{{ json response.id }}", in: '{"id":{{ json response.id }}}', id: "{{ response.id }}" },
    };
    const { url, headers, body } = stopOf(cancel);
    const [[, header] = ["", []]] = headers;
    const put = (text: LaterText) => fillIn(text, () => value);
    const query = decodeURIComponent(put(url).split("?q=")[1] ?? "");
    expect(JSON.parse(query)).toBe(value);
    expect(put(header)).toMatch(/^[ -~]*$/);
    expect(JSON.parse(put(header))).toEqual({ id: value });
    const { alone, in: inText, id } = JSON.parse(put(body));
    expect([JSON.parse(alone), JSON.parse(inText), id]).toEqual([value, { id: value }, value]);
    const form = new URLSearchParams(put(stopOf({ ...cancel, headers: FORM }).body));
    expect([JSON.parse(form.get("alone") ?? ""), JSON.parse(form.get("in") ?? "")]).toEqual([value, { id: value }]);
    expect(keysOf(url, header, body)).toEqual(["id"]);
  });
});

it("JSON text alone is no link, so it is refused", () => {
  const parsed = (link: string) => trigger.safeParse({ type: "webhook", url: "https://ci.example.com/", link });
  expect(parsed("{{ response.url }}").success).toBe(true);
  expect(parsed("https://ci.example.com/?q={{ json response.url }}").success).toBe(true);
  const sentence = parsed("{{ json response.url }}").error?.issues.map(({ message }) => message);
  expect(sentence).toEqual([expect.stringMatching("^send one placeholder, as in {{ response.html_url }}")]);
});

it("a parameter can't break out of the JSON in a form field", () => {
  const webhook = {
    url: "https://ci.example.com/change_hook/base",
    method: "POST" as const,
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    payload: { project: "shop", properties: '{"all":{{ json parameters }},"one":{{ json parameters.p }}}' },
  };
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.constant('","admin":true,"x":"')), (p) => {
      const rendered = renderTrigger(webhook, { ...CONTEXT, parameters: { p } });
      if (!rendered.ok) throw new Error(rendered.error.message);
      const form = new URLSearchParams(rendered.value.body);
      expect([...form.keys()]).toEqual(["project", "properties"]);
      expect(JSON.parse(form.get("properties") ?? "")).toEqual({ all: { p }, one: p });
    }),
  );
});

it("a value in a URL stays in its place", () => {
  const { url } = stopOf({});
  expect(fillIn(url, () => "a/../b?c#d@e")).toBe("https://ci.example.com/jobs/a%2F..%2Fb%3Fc%23d%40e");
  expect(keysOf(url, url)).toEqual(["id"]);
});

it("a parameter can't look like a place for a value, because it does not know the markers", () => {
  // Made of everything that a marker is made of, but of another rendering.
  const rendered = stopOf({ payload: "{{ response.id }}" }, {}, "f".repeat(32));
  expect(rendered.body).toEqual([["id", "json"]]);
  fc.assert(
    fc.property(fc.string(), fc.integer(), (text, number) => {
      const parameter = `${"f".repeat(32)}t0e${text}"${"f".repeat(32)}a0e"`;
      const payload = { p: "{{ parameters.p }}", id: "{{ response.id }}", both: "{{ parameters.p }}{{ response.id }}" };
      expect(filled(payload, number, { p: parameter })).toEqual({
        p: parameter,
        id: number,
        both: `${parameter}${number}`,
      });
    }),
  );
});

it("the default payload has no secrets, and the default stop request has nothing", () => {
  const webhook = { url: "https://ci.example.com/", method: "POST" as const, headers: {} };
  const rendered = renderTrigger(webhook, { ...CONTEXT, secrets: { token: "a-secret-token" } });
  expect(rendered.ok && JSON.parse(rendered.value.body)).toEqual(CONTEXT);
  expect(stopOf({}).body).toEqual(["{}"]);
});

/**
 * Texts with places for values that are known later: cut at their marks and filled in, whatever the other values are.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderLater, renderTrigger } from "../../src/webhooks/request/prepare.ts";
import { fillIn, keysOf, type ResponseValue } from "../../src/webhooks/template/later-text.ts";
import type { TemplateContext } from "../../src/webhooks/template/placeholder.ts";

const CONTEXT: TemplateContext = {
  run: {
    ...{ id: "run-1", actionName: "deploy", triggeredBy: "ci", createdAt: "2026-01-01T00:00:00.000Z" },
    ...{ callbackUrl: "https://runs.example/callback", callbackToken: "token", expiresAt: "later" },
  },
  parameters: {},
  recommendations: {},
  entity: { id: null },
};
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

it("a value in a URL stays in its place", () => {
  const { url } = stopOf({});
  expect(fillIn(url, () => "a/../b?c#d@e")).toBe("https://ci.example.com/jobs/a%2F..%2Fb%3Fc%23d%40e");
  expect(keysOf(url, url)).toEqual(["id"]);
});

it("a parameter can't look like a place for a value, because it does not know the marks", () => {
  // Made of everything that a mark is made of, but of another rendering.
  const marked = stopOf({ payload: "{{ response.id }}" }, {}, "f".repeat(32));
  expect(marked.body).toEqual([["id", "json"]]);
  fc.assert(
    fc.property(fc.string(), fc.integer(), (text, number) => {
      const parameter = `${"f".repeat(32)}t0e${text}"${"f".repeat(32)}a0e"`;
      const payload = {
        p: "{{ parameters.p }}",
        id: "{{ response.id }}",
        both: "{{ parameters.p }}{{ response.id }}",
      };
      expect(filled(payload, number, { p: parameter })).toEqual({
        p: parameter,
        id: number,
        both: `${parameter}${number}`,
      });
    }),
  );
});

it("the default payload has no secrets, and the default stop request has nothing", () => {
  const trigger = { url: "https://ci.example.com/", method: "POST" as const, headers: {} };
  const rendered = renderTrigger(trigger, { ...CONTEXT, secrets: { token: "a-secret-token" } });
  expect(rendered.ok && JSON.parse(rendered.value.body)).toEqual(CONTEXT);
  expect(stopOf({}).body).toEqual(["{}"]);
});

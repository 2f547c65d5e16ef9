/** What bounds a trigger's secrets, and what neither a refusal nor the form of a request tells of them. */

import { expect, it } from "vitest";
import {
  HEADERS_MAX,
  RENDERED_HEADERS_MAX_BYTES,
  RENDERED_MAX_BYTES,
  SECRET_MAX_CHARACTERS,
  SECRET_USES_MAX,
  SECRETS_MAX,
  TRIGGER_MAX_BYTES,
} from "../../../src/base/limits.ts";
import { trigger } from "../../../src/webhooks/trigger.ts";
import { renderLater, renderTrigger } from "../../../src/webhooks/trigger-requests.ts";
import { contextWith } from "../template/template-context.ts";

const URL = "https://ci.example.com/hook";
const LONG = "s".repeat(SECRET_MAX_CHARACTERS);
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const many = (count: number, text: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`s${n}`, text]));
const uses = (count: number) => Array.from({ length: count }, () => "{{ secrets.s0 }}");
const parsed = (more: object) => trigger.safeParse({ type: "webhook", url: URL, ...more });
const sentences = (more: object) => parsed(more).error?.issues.map(({ message }) => message);

it("the size of a trigger counts no secret and no header's value", () => {
  const headers = many(HEADERS_MAX, LONG);
  const most = {
    headers,
    secrets: many(SECRETS_MAX, LONG),
    signingSecret: `whsec_${btoa("k".repeat(64))}`,
    cancel: { url: URL, headers },
  };
  const counted = { ...most, headers: many(HEADERS_MAX, ""), secrets: many(SECRETS_MAX, ""), signingSecret: "" };
  const open = { type: "webhook", url: URL, ...counted, cancel: { url: URL, headers: many(HEADERS_MAX, "") } };
  const room = TRIGGER_MAX_BYTES - JSON.stringify({ ...open, payload: "" }).length;
  expect(sentences({ ...most, payload: "x".repeat(room) })).toBeUndefined();
  expect(sentences({ ...most, payload: "x".repeat(room + 1) })).toEqual([
    `has ${TRIGGER_MAX_BYTES + 1} bytes without its secrets; send at most ${TRIGGER_MAX_BYTES}.`,
  ]);
});

const TOO_MANY_USES = `uses secrets more than ${SECRET_USES_MAX} times; use them less often.`;
const TOO_MANY_HEADERS = `has ${HEADERS_MAX + 1} headers; send at most ${HEADERS_MAX}.`;
it.each<[string, object, string]>([
  [
    "a header's value is too long",
    { headers: { X: `${LONG}s` } },
    `is too long; send at most ${SECRET_MAX_CHARACTERS} characters.`,
  ],
  ["there are too many headers", { headers: many(HEADERS_MAX + 1, "s") }, TOO_MANY_HEADERS],
  [
    "the stop request has too many headers",
    { cancel: { url: URL, headers: many(HEADERS_MAX + 1, "s") } },
    TOO_MANY_HEADERS,
  ],
  [
    "payload and headers use secrets too often",
    { secrets: { s0: "s" }, payload: uses(SECRET_USES_MAX), headers: { X: "{{ json secrets.s0 }}" } },
    TOO_MANY_USES,
  ],
  [
    "both requests together use secrets too often",
    { secrets: { s0: "s" }, payload: uses(SECRET_USES_MAX), cancel: { url: URL, payload: uses(1) } },
    TOO_MANY_USES,
  ],
])("a trigger is refused if %s", (_what, more, message) => expect(sentences(more)).toEqual([message]));

it("the names of headers and the values put in have at most 32 KiB, whatever text stands around them", () => {
  const whole = trigger.parse({ type: "webhook", url: URL, headers: { "X-Ref": "{{ parameters.p }}", "X-Key": LONG } });
  const room = RENDERED_HEADERS_MAX_BYTES - "X-RefX-Key".length;
  expect(renderTrigger(whole, contextWith({ p: "p".repeat(room) })).ok).toBe(true);
  expect(renderTrigger(whole, contextWith({ p: "p".repeat(room + 1) }))).toEqual({
    ok: false,
    error: {
      path: ["trigger", "headers"],
      message: `their names and the values put in have more than ${RENDERED_HEADERS_MAX_BYTES} bytes; send less.`,
    },
  });
});

it.each([
  ["JSON", {}, '"', "\u0001"],
  ["a form", FORM, "\u0800", "\u0800"],
])("no request of %s has more than 2 MB when it is sealed", (_what, form, letter, secret) => {
  const secrets = many(SECRETS_MAX, secret.repeat(SECRET_MAX_CHARACTERS / 8));
  const headers = { ...many(7, '"'.repeat(SECRET_MAX_CHARACTERS)), ...form };
  const payload = { a: "{{ json secrets.s0 }}".repeat(SECRET_USES_MAX), b: "{{ parameters.p }}" };
  const whole = trigger.parse({ type: "webhook", url: URL, secrets, headers, payload });
  const rendered = (n: number) => renderTrigger(whole, { ...contextWith({ p: letter.repeat(n) }), secrets });
  let [fits, refused] = [0, RENDERED_MAX_BYTES];
  while (refused - fits > 1) {
    const n = (fits + refused) >> 1;
    if (rendered(n).ok) fits = n;
    else refused = n;
  }
  const sealed = new TextEncoder().encode(JSON.stringify(rendered(fits))).byteLength;
  expect(sealed).toBeGreaterThan(500_000);
  expect(sealed).toBeLessThan(2_000_000);
});

it("no secret decides whether a body is a form", () => {
  const headers = { "Content-Type": "application/x-www-form-urlencod{{ secrets.s }}" };
  const cancel = { url: URL, headers, payload: { a: [] } };
  const whole = trigger.parse({ type: "webhook", url: URL, secrets: { s: "x" }, headers, payload: { a: [] }, cancel });
  for (const s of ["ed", "ed; x", "e-2", "x"]) {
    expect(renderTrigger(whole, { ...contextWith({}), secrets: { s } }).ok).toBe(true);
    expect(renderLater(whole, { ...contextWith({}), secrets: { s } }).ok).toBe(true);
  }
});

it("no sentence quotes a part of a header's value", () => {
  const headers = { Authorization: "Bearer {{ secrets.alpha }}" };
  const sentence = "uses a secret, which is missing in secrets; add it.";
  expect(sentences({ headers, cancel: { url: URL, headers } })).toEqual([sentence, sentence]);
});

/**
 * No limit tells how long a secret is. Whoever grows a text of their own until it is refused finds the same bound
 * whatever the secret beside it is. Secrets have bounds of their own.
 */

import { describe, expect, it } from "vitest";
import {
  HEADERS_MAX,
  RENDERED_HEADERS_MAX_BYTES,
  RENDERED_MAX_BYTES,
  SECRET_MAX_CHARACTERS,
  SECRET_USES_MAX,
  SECRETS_MAX,
  TRIGGER_MAX_BYTES,
} from "../../src/base/limits.ts";
import { trigger } from "../../src/webhooks/trigger.ts";
import { filledStopRequest, renderLater, renderTrigger } from "../../src/webhooks/trigger-requests.ts";

import { newActionsPath, ORIGIN_A, put, run } from "../actions/actions.ts";
import { ask, newRunsPath } from "../support/requests.ts";
import { grantToken } from "../support/tokens.ts";
import { ORIGIN } from "./runs.ts";

const LENGTHS = [1, 300, 4000];

/** The largest number that is taken, if all below it are. */
async function largest(max: number, isTaken: (n: number) => Promise<boolean> | boolean): Promise<number> {
  let [taken, refused] = [0, max];
  while (refused - taken > 1) {
    const n = (taken + refused) >> 1;
    if (await isTaken(n)) taken = n;
    else refused = n;
  }
  return taken;
}

const context = (p: string, s: string) => ({
  run: {
    id: "i",
    actionName: "a",
    triggeredBy: "t",
    createdAt: "c",
    callbackUrl: "u",
    callbackToken: "k",
    expiresAt: "e",
    timeoutSeconds: 60,
    traceparent: null,
  },
  parameters: { p },
  recommendations: {},
  entity: { id: null },
  secrets: { s },
});

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
/** Where a secret and a caller's text can stand side by side. */
const PLACES: Readonly<Record<string, (secret: string) => { headers?: object; payload?: unknown }>> = {
  "a header's value": (secret) => ({ headers: { X: `${secret}{{ parameters.p }}` } }),
  "another header": (secret) => ({ headers: { A: secret, X: "{{ parameters.p }}" } }),
  "a secret in a header": () => ({ headers: { X: "{{ secrets.s }}{{ parameters.p }}" } }),
  "a secret in another header": () => ({ headers: { A: "{{ secrets.s }}", X: "{{ parameters.p }}" } }),
  "a secret in a text": () => ({ payload: ["{{ secrets.s }} and {{ parameters.p }}"] }),
  "the JSON text of a secret": () => ({
    headers: { X: "{{ json secrets.s }}" },
    payload: ["{{ json secrets.s }}{{ parameters.p }}"],
  }),
  "a secret alone": () => ({ payload: { a: "{{ secrets.s }}", b: "{{ parameters.p }}" } }),
  "a secret in a form": () => ({ headers: FORM, payload: { a: "x{{ secrets.s }}", b: "{{ parameters.p }}" } }),
};
const URL = `${ORIGIN_A}/hook`;
/** Nobody listens there. */
const NOBODY = "http://127.0.0.1:1/hook";

describe.each(Object.entries(PLACES))("the longest parameter beside %s", (_place, requestOf) => {
  /** For each length of the secret. */
  const bounds = (isTaken: (secret: string, p: string) => boolean) =>
    Promise.all(
      LENGTHS.map((length) => largest(2 * RENDERED_MAX_BYTES, (n) => isTaken("s".repeat(length), "p".repeat(n)))),
    );

  it("is the same for every length of the secret, in the webhook", async () => {
    const found = await bounds((secret, p) => {
      const whole = trigger.parse({ type: "webhook", url: URL, secrets: { s: "x" }, ...requestOf(secret) });
      return renderTrigger(whole, context(p, secret)).ok;
    });
    expect(found).toEqual(LENGTHS.map(() => found[0]));
    expect(found[0]).toBeGreaterThan(RENDERED_HEADERS_MAX_BYTES - 100);
  });

  it("and in the stop request", async () => {
    const found = await bounds((secret, p) => {
      const cancel = { url: URL, ...requestOf(secret) };
      const whole = trigger.parse({ type: "webhook", url: URL, secrets: { s: "x" }, cancel });
      return renderLater(whole, context(p, secret)).ok;
    });
    expect(found).toEqual(LENGTHS.map(() => found[0]));
  });
});

it.each(Object.entries(PLACES))(
  "%s changes nothing of what a request weighs while it is under way",
  (_place, requestOf) => {
    const weights = LENGTHS.map((length) => {
      const secret = "s".repeat(length);
      const cancel = { url: URL, ...requestOf(secret) };
      const sent = { type: "webhook", url: URL, secrets: { s: "x" }, ...requestOf(secret), cancel };
      const whole = trigger.parse(sent);
      const start = renderTrigger(whole, context("parameter", secret));
      const later = renderLater(whole, context("parameter", secret));
      if (!start.ok || !later.ok || later.value.stopRequest === null) throw new Error("not rendered");
      const { weight, ...request } = start.value;
      const values = Object.values(request.headers).join("");
      expect(weight).toBeGreaterThan(`${request.url}${request.body}${values}`.length);
      return [weight, later.value.stopRequest.weight];
    });
    expect(weights).toEqual(LENGTHS.map(() => weights[0]));
  },
);

it("no secret decides whether a body is a form", () => {
  const headers = { "Content-Type": "application/x-www-form-urlencod{{ secrets.s }}" };
  const cancel = { url: URL, headers, payload: { a: [] } };
  const whole = trigger.parse({ type: "webhook", url: URL, secrets: { s: "x" }, headers, payload: { a: [] }, cancel });
  for (const secret of ["ed", "ed; x", "e-2", "x"]) {
    expect(renderTrigger(whole, context("p", secret)).ok).toBe(true);
    expect(renderLater(whole, context("p", secret)).ok).toBe(true);
  }
});

it("no sentence quotes a part of a header's value", () => {
  const headers = { Authorization: "Bearer {{ secrets.alpha }}" };
  const sent = { type: "webhook", url: URL, headers, cancel: { url: URL, headers } };
  const messages = trigger.safeParse(sent).error?.issues.map(({ message }) => message);
  const sentence = "uses a secret, which is missing in secrets; add it.";
  expect(messages).toEqual([sentence, sentence]);
});

it("a stop request is filled in, however long its secrets are", () => {
  for (const length of LENGTHS) {
    const secret = "s".repeat(length);
    const cancel = {
      url: URL,
      headers: { X: "{{ secrets.s }}{{ response.id }}{{ parameters.p }}" },
      payload: { s: "{{ secrets.s }}{{ response.id }}{{ parameters.p }}" },
    };
    const whole = trigger.parse({ type: "webhook", url: URL, secrets: { s: "x" }, cancel });
    const later = renderLater(whole, context("p".repeat(RENDERED_HEADERS_MAX_BYTES - 100), secret));
    if (!later.ok || later.value.stopRequest === null) throw new Error("not rendered");
    const stop = { ...later.value.stopRequest, signingSecret: null, origin: "https://runs.example" };
    expect(filledStopRequest(stop, [["id", "v".repeat(256)]]).ok).toBe(true);
  }
});

describe("whoever runs or stores an action", () => {
  const stored = (secret: string | null, more: object) => ({
    trigger: {
      type: "webhook",
      url: NOBODY,
      headers: { Authorization: secret, "X-Ref": "{{ parameters.p }}" },
      secrets: { s: secret },
      cancel: { url: NOBODY, headers: { Authorization: secret } },
      ...more,
    },
  });

  it("finds the same longest parameter for every length of its secrets", async () => {
    const found: number[] = [];
    for (const length of [LENGTHS[0] ?? 0, LENGTHS[2] ?? 0]) {
      const actions = newActionsPath();
      const path = `${ORIGIN}${actions}/deploy`;
      const { token } = await grantToken(actions.split("/").slice(0, 3).join("/"), { role: "member" });
      expect((await put(path, stored("s".repeat(length), {}))).status).toBe(201);
      const isTaken = async (n: number) =>
        (await run(path, { parameters: { p: "p".repeat(n) } }, { token })).status === 201;
      found.push(await largest(2 * RENDERED_HEADERS_MAX_BYTES, isTaken));
    }
    expect(found[1]).toBe(found[0]);
  });

  it("finds the same longest payload, and is told the same, for every length of the secrets that null keeps", async () => {
    const found: unknown[] = [];
    for (const length of [LENGTHS[0] ?? 0, LENGTHS[2] ?? 0]) {
      const path = `${ORIGIN}${newActionsPath()}/deploy`;
      expect((await put(path, stored("s".repeat(length), {}))).status).toBe(201);
      const kept = (n: number) => {
        const { trigger: whole } = stored(null, { payload: "x".repeat(n) });
        return put(path, { trigger: { ...whole, headers: { Authorization: null } } });
      };
      const n = await largest(2 * TRIGGER_MAX_BYTES, async (bytes) => (await kept(bytes)).status === 200);
      found.push([n, (await kept(n + 1)).body.error]);
    }
    expect(found[1]).toEqual(found[0]);
  });

  it("is told the same of a trigger that is too large, whatever its secrets are", async () => {
    const told = await Promise.all(
      LENGTHS.map(async (length) => {
        const whole = stored("s".repeat(length), { payload: "x".repeat(TRIGGER_MAX_BYTES) });
        const answer = await ask<{ error: string }>("POST", newRunsPath(), {
          body: { actionName: "deploy", ...whole },
        });
        return [answer.status, answer.body.error];
      }),
    );
    expect(told[0]?.[0]).toBe(400);
    expect(told).toEqual(LENGTHS.map(() => told[0]));
  });

  it("is told the same of a body that is too large", async () => {
    const told = await Promise.all(
      LENGTHS.map(async (length) => {
        const body = { ...stored("s".repeat(length), {}), pad: "x".repeat(1024 * 1024) };
        return (await ask<{ error: string }>("POST", newRunsPath(), { body })).body.error;
      }),
    );
    expect(new Set(told)).toEqual(new Set(["The body has more than 1048576 bytes. Send less."]));
  });
});

describe("the secrets of a trigger are bounded by themselves", () => {
  const many = (count: number, text: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`s${n}`, text]));
  const LONG = "s".repeat(SECRET_MAX_CHARACTERS);
  const uses = (count: number) => Array.from({ length: count }, () => "{{ secrets.s0 }}");
  const parsed = (more: object) => trigger.safeParse({ type: "webhook", url: URL, ...more });
  const sentence = (more: object) => parsed(more).error?.issues.map(({ message }) => message);

  it("and all of them fit together", () => {
    const most = {
      headers: many(HEADERS_MAX, LONG),
      secrets: many(SECRETS_MAX, LONG),
      payload: uses(SECRET_USES_MAX),
      cancel: { url: URL, headers: many(HEADERS_MAX, LONG) },
    };
    const whole = trigger.parse({ type: "webhook", url: URL, ...most });
    const rendered = renderTrigger(whole, { ...context("p", "s"), secrets: many(SECRETS_MAX, LONG) });
    if (!rendered.ok) throw new Error(rendered.error.message);
    const body = SECRET_USES_MAX * (SECRET_MAX_CHARACTERS + 3) + 1;
    expect(rendered.value.body.length).toBe(body);
  });

  it.each([
    ["JSON", '"', {}, "{{ secrets.s0 }}"],
    ["JSON in JSON", '"', {}, "{{ json secrets.s0 }}"],
    ["a form", "\u0800", FORM, "{{ secrets.s0 }}"],
    ["JSON in a form", "\u0800", FORM, "{{ json secrets.s0 }}"],
  ])("so that no sealed request has more than 2 MB: %s", async (_what, letter, form, secret) => {
    const secrets = many(SECRETS_MAX, (form === FORM ? "\u0800" : "\u0001").repeat(SECRET_MAX_CHARACTERS));
    const whole = trigger.parse({
      type: "webhook",
      url: URL,
      secrets,
      headers: { ...many(HEADERS_MAX - 1, '"'.repeat(SECRET_MAX_CHARACTERS)), ...form },
      payload: { a: secret.repeat(SECRET_USES_MAX), b: "{{ parameters.p }}" },
    });
    const rendered = (n: number) => renderTrigger(whole, { ...context(letter.repeat(n), ""), secrets });
    const most = await largest(RENDERED_MAX_BYTES, (n) => rendered(n).ok);
    expect(most).toBeGreaterThan(50_000);
    const sealed = new TextEncoder().encode(JSON.stringify(rendered(most))).byteLength;
    expect(sealed).toBeGreaterThan(1_000_000);
    expect(sealed).toBeLessThan(2_000_000);
  });

  it.each<[string, object, string]>([
    [
      "a header's value",
      { headers: { X: `${LONG}s` } },
      `is too long; send at most ${SECRET_MAX_CHARACTERS} characters.`,
    ],
    [
      "the headers",
      { headers: many(HEADERS_MAX + 1, "s") },
      `has ${HEADERS_MAX + 1} headers; send at most ${HEADERS_MAX}.`,
    ],
    [
      "the stop request's headers",
      { cancel: { url: URL, headers: many(HEADERS_MAX + 1, "s") } },
      `has ${HEADERS_MAX + 1} headers; send at most ${HEADERS_MAX}.`,
    ],
    [
      "the places that use secrets",
      { secrets: { s0: "s" }, payload: uses(SECRET_USES_MAX), headers: { X: "{{ secrets.s0 }}" } },
      `uses secrets more than ${SECRET_USES_MAX} times; use them less often.`,
    ],
    [
      "the places that use their JSON text",
      { secrets: { s0: "s" }, payload: uses(SECRET_USES_MAX), headers: { X: "{{ json secrets.s0 }}" } },
      `uses secrets more than ${SECRET_USES_MAX} times; use them less often.`,
    ],
    [
      "the places of both requests",
      { secrets: { s0: "s" }, payload: uses(SECRET_USES_MAX), cancel: { url: URL, payload: uses(1) } },
      `uses secrets more than ${SECRET_USES_MAX} times; use them less often.`,
    ],
  ])("%s", (_what, more, message) => expect(sentence(more)).toEqual([message]));
});

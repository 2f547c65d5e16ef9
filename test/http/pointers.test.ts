/**
 * Where an error points to. `ask` checks besides that each pointer leads to a member of what was sent, or to where one
 * can be added.
 */

import { array, assert, constantFrom, jsonValue, oneof, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { actionDefinition } from "../../src/actions/definition.ts";
import { newToken } from "../../src/auth/token-routes.ts";
import { jsonPointer } from "../../src/base/json.ts";
import { LABELS_MAX, POINTER_MAX_CHARACTERS } from "../../src/base/limits.ts";
import { ApiError, refusalOf } from "../../src/http/errors.ts";

import { cancel, heartbeat, newRun, newRunOfAction, report, retry } from "../../src/runs/api/request-schemas.ts";
import { expectPointed } from "../support/api/conformance.ts";
import { ask, createRun, newRunsPath } from "../support/requests.ts";
import type { Refusal } from "../support/tokens.ts";

const runs = newRunsPath();
const actions = runs.replace(/action-runs$/, "actions");
const URL = "https://ci.example.com/hooks/deploy";
const LONG = "n".repeat(POINTER_MAX_CHARACTERS);
const many = (count: number) => Array.from({ length: count }, (_, index) => `label-${index}`);

type Row = readonly [what: string, body: string | object, pointer: string | undefined];

async function pointerOf(method: string, path: string, body: string | object) {
  const sent = typeof body === "string" ? { raw: body } : { body };
  const answer = await ask<Refusal>(method, path, sent);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(Object.hasOwn(answer.body, "pointer")).toBe(answer.body.pointer !== undefined);
  return { code: answer.body.code, pointer: answer.body.pointer };
}

const withTrigger = (trigger: object) => ({ actionName: "a", trigger: { type: "webhook", url: URL, ...trigger } });

describe("a create", () => {
  const rows: readonly Row[] = [
    ["a wrong member", { actionName: "a", timeout: 0 }, "/timeout"],
    ["a missing member", {}, "/actionName"],
    ["the first of several", { actionName: "a", timeout: 0, entityId: 1, labels: 1 }, "/entityId"],
    ["an item of an array", { actionName: "a", labels: ["a", "b", 3] }, "/labels/2"],
    ["too many labels", { actionName: "a", labels: many(LABELS_MAX + 1) }, "/labels"],
    ["an unknown member", { actionName: "a", colour: "red" }, "/colour"],
    ["an unknown member with / and ~", { actionName: "a", "a/b~c": 1 }, "/a~1b~0c"],
    ["an unknown member without a name", { actionName: "a", "": 1 }, "/"],
    ["an unknown member __proto__", '{"actionName":"a","__proto__":1}', "/__proto__"],
    ["a member of __proto__", '{"__proto__":{"actionName":"a"}}', "/actionName"],
    ["an unknown member of half a surrogate pair", '{"actionName":"a","\\ud800":1}', "/\ud800"],
    ["an unknown member of markup", { actionName: "a", "<img src=x>": 1 }, "/<img src=x>"],
    ["the longest name that fits", { actionName: "a", [LONG.slice(1)]: 1 }, `/${LONG.slice(1)}`],
    ["a name that is too long", { actionName: "a", [LONG]: 1 }, undefined],
    ["no object", [], undefined],
    ["no JSON", "{", undefined],
    ["a trigger without a URL", { actionName: "a", trigger: { type: "webhook" } }, "/trigger/url"],
    ["an unknown member of the trigger", withTrigger({ colour: 1 }), "/trigger/colour"],
    ["a URL that can't be called", withTrigger({ url: "https://127.0.0.1/" }), "/trigger/url"],
    [
      "a URL to stop that can't be called",
      withTrigger({ cancel: { url: "https://127.0.0.1/" } }),
      "/trigger/cancel/url",
    ],
    ["a value that leaves the path", withTrigger({ url: `${URL}/{{ parameters.x }}/y` }), "/trigger/url"],
    ["a link with a value that is missing", withTrigger({ link: `${URL}/{{ parameters.x }}/y` }), "/trigger/link"],
    ["a header with a name of signs", withTrigger({ headers: { "a~b": "\n" } }), "/trigger/headers/a~0b"],
    [
      "a header that no line can carry",
      withTrigger({ headers: { "a~b": "{{ entity.id }}{{ parameters.x }}" } }),
      "/trigger/headers/a~0b",
    ],
    ["a secret without a value", withTrigger({ secrets: { KEY: "" } }), "/trigger/secrets/KEY"],
    ["a secret that is missing", withTrigger({ payload: "{{ secrets.KEY }}" }), "/trigger/payload"],
    [
      "a placeholder inside a payload",
      withTrigger({ payload: { "a/b": [1, { "~": "{{" }] } }),
      "/trigger/payload/a~1b/1/~0",
    ],
    ["a key with a placeholder", withTrigger({ payload: { "{{ x }}": 1 } }), "/trigger/payload/{{ x }}"],
    [
      "a payload that is no form",
      withTrigger({ headers: { "Content-Type": "application/x-www-form-urlencoded" }, payload: { a: [] } }),
      "/trigger/payload",
    ],
    ["a retry delay", withTrigger({ retry: { initialDelayMs: 1 } }), "/trigger/retry/initialDelayMs"],
  ];
  it.each(rows)("leads to %s", async (what, body, pointer) => {
    const parameters = what.startsWith("a header that") ? { parameters: { x: "\n" } } : {};
    const sent = typeof body === "string" || Array.isArray(body) ? body : { ...body, ...parameters };
    expect(await pointerOf("POST", runs, sent)).toEqual({ code: "invalid_body", pointer });
  });
});

describe("a run of an action", () => {
  const schema = {
    type: "object",
    required: ["version"],
    properties: {
      replicas: { minimum: 1 },
      hosts: { items: { type: "string" } },
      "a/b": { properties: { "~": false } },
      "": { type: "string" },
      deep: { required: ["inner"] },
    },
    additionalProperties: { type: "number" },
    dependentRequired: { cause: ["a~b"] },
  };
  const fits = { version: 1 };
  const rows: readonly Row[] = [
    ["a missing parameter", { parameters: {} }, "/parameters/version"],
    ["a missing parameter of a body without parameters", {}, "/parameters/version"],
    ["a wrong parameter", { parameters: { version: 1, replicas: 0 } }, "/parameters/replicas"],
    ["an item", { parameters: { ...fits, hosts: ["a", 1] } }, "/parameters/hosts/1"],
    ["names with / and ~", { parameters: { ...fits, "a/b": { "~": 1 } } }, "/parameters/a~1b/~0"],
    ["a parameter without a name", { parameters: { ...fits, "": 1 } }, "/parameters/"],
    ["a missing member of a parameter", { parameters: { ...fits, deep: {} } }, "/parameters/deep/inner"],
    ["what another parameter needs", { parameters: { ...fits, cause: 1 } }, "/parameters/a~0b"],
    ["a parameter __proto__", '{"parameters":{"version":1,"__proto__":"x"}}', "/parameters/__proto__"],
    ["a name that is too long", { parameters: { ...fits, [LONG]: "x" } }, undefined],
  ];

  it.each(rows)("leads to %s", async (_what, body, pointer) => {
    const path = `${actions}/checked`;
    await ask("PUT", path, { body: { parametersSchema: schema } });
    expect(await pointerOf("POST", `${path}/runs`, body)).toEqual({ code: "invalid_parameters", pointer });
  });

  it("points to the parameters that a retry must send", async () => {
    const path = `${actions}/retried`;
    await ask("PUT", path, { body: {} });
    const { body: run } = await ask("POST", `${path}/runs`, { body: { parameters: { replicas: 0 } } });
    await ask("DELETE", `${runs}/${run.id}`);
    await ask("PUT", path, { body: { parametersSchema: { properties: { replicas: { minimum: 1 } } } } });
    const expected = { code: "invalid_parameters", pointer: "/parameters/replicas" };
    expect(await pointerOf("POST", `${runs}/${run.id}/retry`, {})).toEqual(expected);
    const again = { parameters: { replicas: -1 } };
    expect(await pointerOf("POST", `${runs}/${run.id}/retry`, again)).toEqual(expected);
  });

  it("points to the labels if there are too many together with the action's", async () => {
    await ask("PUT", `${actions}/labelled`, { body: { labels: many(LABELS_MAX) } });
    const expected = { code: "too_many_labels", pointer: "/labels" };
    expect(await pointerOf("POST", `${actions}/labelled/runs`, { labels: ["one-more"] })).toEqual(expected);
  });

  it("points to nothing if the action's own trigger can't be sent, because the body has none", async () => {
    const trigger = { type: "webhook", url: `${URL}/{{ parameters.x }}/y` };
    await ask("PUT", `${actions}/triggered`, { body: { trigger } });
    const expected = { code: "invalid_body", pointer: undefined };
    expect(await pointerOf("POST", `${actions}/triggered/runs`, {})).toEqual(expected);
  });
});

describe("an action", () => {
  const stored = (trigger: object) => ({ trigger: { type: "webhook", url: URL, ...trigger } });
  const rows: readonly (readonly [string, ...Row])[] = [
    [
      "invalid_body",
      "a keyword of its schema",
      { parametersSchema: { properties: { "a/b": { minimum: "1" } } } },
      "/parametersSchema/properties/a~1b/minimum",
    ],
    ["invalid_body", "its schema", { parametersSchema: { type: "string" } }, "/parametersSchema"],
    ["invalid_body", "a schema that is no object", { parametersSchema: 1 }, "/parametersSchema"],
    ["invalid_body", "the name of a header", stored({ headers: { "a b": null } }), "/trigger/headers/a b"],
    ["invalid_body", "a URL that can't be called", stored({ url: "https://127.0.0.1/" }), "/trigger/url"],
    [
      "invalid_body",
      "a URL to stop that can't be called",
      stored({ cancel: { url: "https://127.0.0.1/" } }),
      "/trigger/cancel/url",
    ],
    ["invalid_body", "what uses a missing secret", stored({ payload: "{{ secrets.KEY }}" }), "/trigger/payload"],
    ["secret_required", "a secret header", stored({ headers: { "a~b": null } }), "/trigger/headers/a~0b"],
    [
      "secret_required",
      "a header named as a header with a dot",
      stored({ headers: { "a.b": null } }),
      "/trigger/headers/a.b",
    ],
    ["secret_required", "a signing secret", stored({ signingSecret: null }), "/trigger/signingSecret"],
    ["secret_required", "a secret", stored({ secrets: { KEY: null } }), "/trigger/secrets/KEY"],
    [
      "secret_required",
      "a header to stop",
      stored({ cancel: { url: URL, headers: { A: null } } }),
      "/trigger/cancel/headers/A",
    ],
    ["invalid_body", "its labels", { labels: many(LABELS_MAX + 1) }, "/labels"],
  ];
  it.each(rows)("%s leads to %s", async (code, _what, body, pointer) => {
    expect(await pointerOf("PUT", `${actions}/refused`, body)).toEqual({ code, pointer });
  });
});

describe("other bodies", () => {
  const ended = async () => {
    const run = await createRun(runs);
    return { run, path: `${runs}/${run.id}` };
  };

  it("of a cancel, a heartbeat and a report are pointed into", async () => {
    const { run, path } = await ended();
    const { token } = run.callback;
    const asked = async (method: string, to: string, body: object, as?: string) => {
      const answer = await ask<Refusal>(method, to, { body, ...(as !== undefined && { token: as }) });
      return answer.body.pointer;
    };
    expect(await asked("POST", `${path}/cancel`, { graceSeconds: -1 })).toBe("/graceSeconds");
    expect(await asked("POST", `${path}/heartbeat`, { progress: 2 }, token)).toBe("/progress");
    expect(await asked("POST", run.callback.url, { status: "done" }, token)).toBe("/status");
    expect(await asked("POST", run.callback.url, { status: "failed" }, token)).toBe("/error");
  });

  it("of a token are pointed into, also if another token may send the same", async () => {
    const tokens = `/acme/pointers-${crypto.randomUUID().slice(0, 8)}/tokens`;
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const body = { name: "asker", role: "admin", envName: "one", expiresAt };
    const { token } = (await ask<{ token: string }>("POST", tokens, { body })).body;
    const asked = async (more: object) => {
      const sent = { name: "new", role: "viewer", envName: "one", ...more };
      const { body: refused } = await ask<Refusal>("POST", tokens, { token, body: sent });
      return [refused.code, refused.pointer];
    };
    expect(await asked({ name: 1 })).toEqual(["invalid_body", "/name"]);
    expect(await asked({ expiresAt: "2999-01-01T00:00:00Z" })).toEqual(["invalid_body", "/expiresAt"]);
    expect(await asked({ role: "owner" })).toEqual(["forbidden", "/role"]);
    expect(await asked({ envName: "two" })).toEqual(["forbidden", "/envName"]);
  });
});

it.each([
  ["limit=0", "/limit"],
  ["colour=red", "/colour"],
  ["a%2Fb~=1", "/a~1b~0"],
  ["__proto__=1", "/__proto__"],
  [`label=a&label=${"n".repeat(65)}`, "/label"],
  ["status=pending&status=done", "/status"],
  [`${LONG}=1`, undefined],
])("a query points to the parameter alone: ?%s", async (query, pointer) => {
  const { body } = await ask<Refusal>("GET", `${runs}?${query}`);
  expect([body.code, body.pointer]).toEqual(["invalid_query", pointer]);
});

it.each([
  ["status[]=failed", "status[]: repeat status= without brackets."],
  ["status[]=failed&status[]=cancelled", "status[]: repeat status= without brackets."],
  ["status%5B0%5D=failed&status%5B1%5D=cancelled", "status[0]: repeat status= without brackets."],
  [
    "label[]=a&status[]=failed&limit[]=5",
    "label[]: repeat label= without brackets. status[]: repeat status= without brackets. limit[]: send limit= without brackets.",
  ],
  [
    "status[]=failed&colour[]=red",
    'status[]: repeat status= without brackets. Unrecognized keys: "status[]", "colour[]"',
  ],
  ["colour[]=red", 'Unrecognized key: "colour[]"'],
])("a query with brackets says how to send its lists: ?%s", async (query, sentence) => {
  const { status, body } = await ask<Refusal>("GET", `${runs}?${query}`);
  expect([status, body.code, body.error]).toEqual([400, "invalid_query", sentence]);
  expect(body.pointer).toMatch(/^\/(status|label|colour)\[0?\]$/);
});

it("the query of a stream points to what a stream does not have", async () => {
  const run = await createRun(runs);
  const headers = { Accept: "text/event-stream" };
  const { body } = await ask<Refusal>("GET", `${runs}/${run.id}/events?cursor=MQ`, { headers });
  expect([body.code, body.pointer]).toEqual(["invalid_query", "/cursor"]);
});

it("other errors point to nothing", async () => {
  const { body } = await ask<Refusal>("GET", `${runs}/0199d2a5-0000-8000-8000-000000000000`);
  expect(Object.keys(body)).toEqual(["error", "code"]);
  expect(new ApiError("not_found", "Nothing.", { pointer: "" }).pointer).toBeUndefined();
});

it("escapes ~ before /, so that ~1 in a name stays a name", () => {
  expect(jsonPointer(["~1", "a/~b", "", 0])).toBe("/~01/a~1~0b//0");
});

describe("whatever a body has in the place of a member", () => {
  const name = oneof(string(), constantFrom("", "/", "~", "~1", "__proto__", "constructor", "headers", "url", "0"));
  const FULL = {
    actionName: "a",
    labels: ["a"],
    trigger: { type: "webhook", url: URL, headers: { A: "b" }, payload: { a: ["b"] }, cancel: { url: URL } },
    parametersSchema: { properties: { a: { type: "string" } } },
    status: "failed",
    error: "x",
    name: "ci",
    role: "viewer",
    parameters: { a: 1 },
  };
  const SCHEMAS = { newRun, newRunOfAction, retry, cancel, report, heartbeat, actionDefinition, newToken };
  /** The value with `member` at the end of `path`. Steps that lead nowhere are left out. */
  function put(value: unknown, [step, ...path]: readonly string[], member: unknown): unknown {
    if (step === undefined) return member;
    const isInside = typeof value === "object" && value !== null && !Array.isArray(value);
    const inside = isInside ? (value as Readonly<Record<string, unknown>>) : {};
    const own = Object.hasOwn(inside, step) ? inside[step] : undefined;
    return Object.fromEntries([...Object.entries(inside), [step, put(own, path, member)]]);
  }
  const step = oneof(name, constantFrom(...Object.keys(FULL), ...Object.keys(FULL.trigger), "properties", "a"));

  it.each(Object.entries(SCHEMAS))("the pointer leads into it: %s", (_schema, schema) => {
    let pointers = 0;
    const some = property(array(step, { minLength: 1, maxLength: 4 }), jsonValue(), (path, value) => {
      const body = put(FULL, path, value);
      const { error } = schema.safeParse(body);
      if (error === undefined) return;
      const refusal = refusalOf("invalid_body", error.issues);
      if (refusal.pointer !== undefined) pointers++;
      expectPointed("https://runs.example/", body, refusal);
    });
    assert(some, { numRuns: 500 });
    expect(pointers).toBeGreaterThan(100);
  });
});

/** What an event of another product becomes: a run with parameters, nothing, or the run that it started before. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { askWith, envWith } from "../support/bindings.ts";
import { ask, newRunsPath, replayed } from "../support/requests.ts";
import { APPROVAL } from "../support/runs/gated.ts";
import { grantToken, newProject } from "../support/tokens.ts";
import { bearer, type EventAnswer, givenInbound, OTHER_SECRET, runOf, SECRET, send, standard } from "./events.ts";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const countOf = async (runs: string) => (await ask<unknown[]>("GET", runs)).body.length;

describe("an event", () => {
  it("starts a run for whoever stored the action, and its sender hears the id alone", async () => {
    const project = newProject();
    const runs = `${project}/envs/production/action-runs`;
    const { token } = await grantToken(project, { role: "admin", name: "platform", mayActForOthers: true });
    const headers = { "On-Behalf-Of": "ada@acme.example" };
    const { url } = await givenInbound({ verify: "token" }, { labels: ["by:event"] }, { runs, token, headers });
    const answer = await send(url, { ref: "main" });
    expect([answer.status, answer.body, replayed(answer)]).toEqual([201, { id: expect.any(String) }, null]);
    expect(await runOf(runs, answer)).toMatchObject({
      actionName: "deploy",
      parameters: { event: { ref: "main" } },
      triggeredBy: "ada@acme.example",
      details: { via: "inbound", schedule: null, labels: ["by:event"] },
    });
  });

  it("waits at the action's gates, and who stored the action can't approve it", async () => {
    const project = newProject();
    const runs = `${project}/envs/production/action-runs`;
    const { token } = await grantToken(project, { role: "admin", mayApprove: true });
    const { url } = await givenInbound(undefined, APPROVAL, { runs, token });
    const run = await runOf(runs, await send(url));
    expect(run).toMatchObject({ status: "pending", details: { waiting: { for: "approval" } } });
    const own = await ask<EventAnswer>("POST", `${runs}/${run.id}/approve`, { token });
    expect([own.status, own.body.code]).toEqual([403, "own_run"]);
  });

  it.each<[string, unknown, Readonly<Record<string, string>>, unknown]>([
    ["an array", [1, { a: 2 }], {}, [1, { a: 2 }]],
    ["a text", '"x"', {}, "x"],
    ["JSON with a charset", { a: 1 }, { "Content-Type": "application/json; charset=utf-8" }, { a: 1 }],
    ["JSON of a kind of its own", { a: 1 }, { "Content-Type": "application/cloudevents+json" }, { a: 1 }],
    ["a form", "a=1&b=%C3%A9&a=2&__proto__=x", FORM, { a: ["1", "2"], b: "é", ["__proto__"]: "x" }],
    ["a form with JSON as its payload", `payload=${encodeURIComponent('{"a":[1]}')}`, FORM, { a: [1] }],
    ["a form with a payload and more", "payload=%7B%7D&a=1", FORM, { payload: "{}", a: "1" }],
    ["a form with two payloads", "payload=1&payload=2", FORM, { payload: ["1", "2"] }],
    ["an empty form", "", FORM, {}],
  ])("can be %s", async (_what, body, headers, read) => {
    const { runs, url } = await givenInbound();
    const run = await runOf(runs, await send(url, body, bearer(), headers));
    expect(JSON.stringify(run.parameters)).toBe(JSON.stringify({ event: read }));
  });

  it.each<[string, unknown, Readonly<Record<string, string>>, number, string]>([
    ["plain text", "x", { "Content-Type": "text/plain" }, 415, "unsupported_media_type"],
    ["no type", "{}", { "Content-Type": "" }, 415, "unsupported_media_type"],
    ["several parts", "x", { "Content-Type": "multipart/form-data; boundary=x" }, 415, "unsupported_media_type"],
    ["no JSON", "{", {}, 400, "invalid_body"],
    ["no bytes", "", {}, 400, "invalid_body"],
    ["65 levels", "[".repeat(65) + "]".repeat(65), {}, 400, "invalid_body"],
    ["100 000 levels", "[".repeat(100_000), {}, 400, "invalid_body"],
    ["a form with 100 000 levels", `payload=${"[".repeat(100_000)}`, FORM, 400, "invalid_body"],
    ["a form whose payload is no JSON", "payload=x", FORM, 400, "invalid_body"],
    ["256 KiB and a byte", `"${"x".repeat(256 * 1024 - 1)}"`, {}, 413, "body_too_large"],
    ["5 MB", `"${"x".repeat(5_000_000)}"`, {}, 413, "body_too_large"],
    ["64 levels, which the parameters make 65", "[".repeat(64) + "]".repeat(64), {}, 422, "invalid_parameters"],
    ["256 KiB, which the parameters make more", `"${"x".repeat(256 * 1024 - 2)}"`, {}, 422, "invalid_parameters"],
    ["a number that nobody can keep", "[1e400]", {}, 422, "invalid_parameters"],
  ])("is refused if it has %s, and starts nothing", async (_what, body, headers, status, code) => {
    const { runs, url } = await givenInbound();
    const refused = await send(url, body, bearer(), headers);
    expect([refused.status, refused.body]).toEqual([status, { error: expect.any(String), code }]);
    expect(await countOf(runs)).toBe(0);
  });

  it("with bytes that are no UTF-8 is refused", async () => {
    const { url } = await givenInbound();
    const raw = Uint8Array.of(34, 0xff, 34);
    const headers = { Authorization: `Bearer ${SECRET}` };
    const refused = await ask<EventAnswer>("POST", url, { token: null, raw, headers });
    expect([refused.status, refused.body.code]).toEqual([400, "invalid_body"]);
  });

  it("of the service itself starts nothing, so runs can't start each other in a loop", async () => {
    const { runs, url } = await givenInbound();
    expect((await send(url, {}, bearer(), { "Action-Runs-Delivery": "x" })).status).toBe(508);
    expect(await countOf(runs)).toBe(0);
  });
});

describe("the parameters", () => {
  const EVENT = { commit: { id: "3b1c0f2", files: ["a", "b"] }, count: 2, who: null };
  const VERSION = { type: "object", required: ["version"], properties: { version: { type: "string" } } };

  it.each<[string, unknown, unknown]>([
    ["a value of any type", { files: "{{ body.commit.files }}" }, { files: ["a", "b"] }],
    ["an item of an array", { first: "{{ body.commit.files.0 }}" }, { first: "a" }],
    ["values inside of text", { t: "{{ body.commit.id }}-{{ body.count }}" }, { t: "3b1c0f2-2" }],
    ["JSON text", { t: "{{ json body.commit.files }}" }, { t: '["a","b"]' }],
    ["null for a value that is missing", { t: "{{ body.nothing.there }}" }, { t: null }],
    ["an empty text for one inside of text", { t: "<{{ body.nothing }}>" }, { t: "<>" }],
    ["a header that the action names", { t: "{{ headers.x-kind }}" }, { t: "push" }],
    ["all named headers", { t: "{{ headers }}" }, { t: { "x-kind": "push" } }],
    ["the event itself", "{{ body }}", EVENT],
    ["a part of the event itself", "{{ body.commit }}", EVENT.commit],
    ["nothing of the event", { t: [1, null, true] }, { t: [1, null, true] }],
    ["no inherited member", { t: "{{ body.constructor.name }}" }, { t: null }],
    ["a key that objects have", { ["__proto__"]: "{{ body.count }}" }, { ["__proto__"]: 2 }],
  ])("can have %s", async (_what, parameters, expected) => {
    const { runs, url } = await givenInbound({ verify: "token", headers: ["X-Kind", "x-missing"], parameters });
    const run = await runOf(runs, await send(url, EVENT, bearer(), { "X-KIND": "push", "X-Other": "no" }));
    expect(JSON.stringify(run.parameters)).toBe(JSON.stringify(expected));
  });

  it.each([
    ["are no object", { verify: "token", parameters: "{{ body.count }}" }],
    ["repeat the event too often", { verify: "token", parameters: { a: "{{ body }}", b: "{{ body }}" } }, 140_000],
  ] as const)("that %s are refused", async (_what, inbound, bytes: number = 1) => {
    const { url } = await givenInbound(inbound);
    const refused = await send(url, { ...EVENT, long: "x".repeat(bytes) });
    expect([refused.status, refused.body.code]).toEqual([422, "invalid_parameters"]);
    expect(refused.body.error).toMatch(/inbound\.parameters/);
  });

  it("must fit the schema, and the refusal has no pointer, because the sender sent no parameters", async () => {
    const { runs, url } = await givenInbound(
      { verify: "token", parameters: { version: "{{ body.version }}" } },
      { parametersSchema: VERSION },
    );
    const refused = await send(url, { version: 7 });
    expect([refused.status, refused.body]).toEqual([
      422,
      { error: expect.stringContaining("/version"), code: "invalid_parameters" },
    ]);
    expect(await runOf(runs, await send(url, { version: "7" }))).toMatchObject({ parameters: { version: "7" } });
  });
});

describe("conditions", () => {
  const inbound = {
    verify: "token",
    headers: ["x-github-event"],
    when: [{ exists: "body.after" }, { equals: { "headers.x-github-event": "push", "body.deleted": false } }],
  } as const;
  const push = (headers = { "X-GitHub-Event": "push" }) => [bearer(), headers] as const;

  it.each<[string, unknown, Record<string, string>?]>([
    ["a value that is missing", { deleted: false }],
    ["a value that is null", { deleted: false, after: null }],
    ["another value", { after: "x", deleted: true }],
    ["a value of another type", { after: "x", deleted: "false" }],
    ["another header", { after: "x", deleted: false }, { "X-GitHub-Event": "ping" }],
    ["a header that is missing", { after: "x", deleted: false }, {}],
    ["an event that is no object", "7"],
  ])("that %s does not meet: the event is ignored, and no coordinator is asked", async (_what, body, headers) => {
    const { runs, url } = await givenInbound(inbound);
    const ignored = await send(url, body, bearer(), headers ?? { "X-GitHub-Event": "push" });
    expect([ignored.status, ignored.body]).toEqual([202, { ignored: true }]);
    expect(await countOf(runs)).toBe(0);
  });

  it("that are met start the run", async () => {
    const { url } = await givenInbound(inbound);
    expect((await send(url, { after: "x", deleted: false }, ...push())).status).toBe(201);
  });
});

describe("the same event again", () => {
  it("by its body is the run that it started, whatever its headers say", async () => {
    const { runs, url } = await givenInbound();
    const first = await send(url, { n: 1 });
    const again = await send(url, { n: 1 }, bearer(), { "webhook-id": "other", "Idempotency-Key": "other" });
    expect([again.status, again.body, replayed(again)]).toEqual([200, first.body, "true"]);
    expect((await send(url, { n: 2 })).status).toBe(201);
    // Other bytes are another event.
    expect((await send(url, '{"n": 1}')).status).toBe(201);
    expect(await countOf(runs)).toBe(3);
  });

  it("by its signed id is one run although its body differs, and another id is another run", async () => {
    const { runs, url } = await givenInbound({ verify: "standard-webhooks" });
    const first = await send(url, { n: 1 }, standard({ id: "msg_1" }));
    const again = await send(url, { n: 2 }, standard({ id: "msg_1" }));
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect((await send(url, { n: 1 }, standard({ id: "msg_2" }))).status).toBe(201);
    expect(await countOf(runs)).toBe(2);
  });

  it("at the same moment is one run", async () => {
    const { runs, url } = await givenInbound();
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(url, { n: 1 })));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(7).fill(200), 201]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await countOf(runs)).toBe(1);
  });

  it("is its run although the action changed, and would refuse it now", async () => {
    const { runs, action, url } = await givenInbound();
    const first = await send(url);
    await givenInbound(
      { verify: "token", parameters: { other: 1 } },
      { parametersSchema: { required: ["x"] } },
      { runs },
    );
    const again = await send(url);
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect((await send(url, { other: true })).body.code).toBe("invalid_parameters");
    await ask("DELETE", action);
    expect((await send(url)).status).toBe(404);
  });

  it("is another run for another action", async () => {
    const runs = newRunsPath();
    const { url } = await givenInbound(undefined, {}, { runs });
    const other = await givenInbound(undefined, {}, { runs, name: "other" });
    expect((await send(url)).status).toBe(201);
    expect((await send(other.url)).status).toBe(201);
    expect(await countOf(runs)).toBe(2);
  });
});

describe("the URL", () => {
  it("of a removed signing key opens nothing, and one of an older key still does", async () => {
    const { action, url } = await givenInbound();
    const keys = env.CALLBACK_SIGNING_KEYS ?? "";
    const rotated = envWith({ CALLBACK_SIGNING_KEYS: `another-signing-key-of-32-bytes-and-more,${keys}` });
    const newer = await askWith<{ url: string }>(rotated, "GET", `${action}/inbound`);
    expect(newer.body.url).not.toBe(url);
    const headers = { Authorization: `Bearer ${SECRET}` };
    const sendTo = async (environment: typeof rotated, to: string, n: number) =>
      (await askWith<EventAnswer>(environment, "POST", to, { token: null, body: { n }, headers })).status;
    expect(await sendTo(rotated, url, 1)).toBe(201);
    expect(await sendTo(rotated, newer.body.url, 2)).toBe(201);
    const removed = envWith({ CALLBACK_SIGNING_KEYS: "another-signing-key-of-32-bytes-and-more" });
    expect(await sendTo(removed, url, 3)).toBe(404);
  });

  it("of an action that takes no events any more is not found, and opens when the action takes them again", async () => {
    const { runs, action, url } = await givenInbound();
    const stored = (await ask<Record<string, unknown>>("GET", action)).body;
    const { inbound: _, ...without } = stored;
    expect((await ask("PUT", action, { body: without })).status).toBe(200);
    expect((await send(url)).body.code).toBe("not_found");
    await givenInbound({ verify: "token", secret: OTHER_SECRET }, {}, { runs });
    expect((await send(url)).body.code).toBe("event_unverified");
    expect((await send(url, {}, bearer(OTHER_SECRET))).status).toBe(201);
  });
});

/** The member `inbound` of an action: who may store it, its secret and the rotation of it, its URL, and a try. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { askWith, envWith } from "../support/bindings.ts";
import { clockFrom, later } from "../support/clock.ts";
import { DAY_MS } from "../support/direct.ts";
import { type Answer, type Ask, ask, keyed, newRunsPath, replayed } from "../support/requests.ts";
import { ONE_AT_A_TIME } from "../support/runs/gated.ts";
import { textOfD1, watchLog } from "../support/secrets.ts";
import { beginSession } from "../support/sessions.ts";
import { grantToken, newProject, type Refusal } from "../support/tokens.ts";
import { bearer, github, givenInbound, OTHER_SECRET, SECRET, send, standard, TRIGGER, urlOf } from "./events.ts";

const logged = watchLog();
clockFrom(Date.UTC(2026, 10, 25, 12));

interface Stored extends Partial<Refusal> {
  readonly inbound?: { readonly verify: string; readonly secret: string | null };
  readonly [member: string]: unknown;
}

const newAction = () => newRunsPath().replace(/action-runs$/, "actions/deploy");
const put = (action: string, inbound: object | undefined, more: object = {}, options: Ask = {}) =>
  ask<Stored>("PUT", action, { body: { trigger: TRIGGER, inbound, ...more }, ...options });
const rotate = (action: string, body: object = {}, options: Ask = {}) =>
  ask<{ secret: string | null; graceEndsAt: string | null } & Partial<Refusal>>(
    "POST",
    `${action}/inbound/rotate-secret`,
    { body, ...options },
  );
/** "ok", or why the event was refused. Each is another event. */
let events = 0;
const accepts = async (url: string, proof: Parameters<typeof send>[2]) => {
  const { status, body } = await send(url, { n: ++events }, proof);
  return status === 201 ? "ok" : body.code;
};

describe("a PUT", () => {
  it.each<[string, object, string]>([
    ["an unknown way to verify", { verify: "none" }, "/inbound/verify"],
    ["no way to verify", {}, "/inbound/verify"],
    ["a short secret", { verify: "token", secret: "x".repeat(15) }, "/inbound/secret"],
    ["a secret with a blank", { verify: "token", secret: `${"x".repeat(16)} x` }, "/inbound/secret"],
    ["a secret in another script", { verify: "github", secret: "é".repeat(20) }, "/inbound/secret"],
    ["a long secret", { verify: "token", secret: "x".repeat(256) }, "/inbound/secret"],
    ["no secret of Standard Webhooks", { verify: "standard-webhooks", secret: "x".repeat(44) }, "/inbound/secret"],
    ["an unknown member", { verify: "token", key: 1 }, "/inbound/key"],
    ["a header that is none", { verify: "token", headers: ["a b"] }, "/inbound/headers/0"],
    ...[
      "Authorization",
      "Cookie",
      "X-Gitlab-Token",
      "X-Hub-Signature-256",
      "Webhook-Signature",
      "X-My-Secret",
      "X-Api-Key",
      "X_API_KEY",
      "X-Auth-Key",
      "X-Access-Key",
      "Cf-Access-Jwt-Assertion",
      "X-Credentials",
    ].map(
      (name) =>
        [`the header ${name}`, { verify: "token", headers: [name] }, "/inbound/headers/0"] as [string, object, string],
    ),
    ["11 headers", { verify: "token", headers: Array.from({ length: 11 }, (_, n) => `x-${n}`) }, "/inbound/headers"],
    ["no condition", { verify: "token", when: [] }, "/inbound/when"],
    ["a condition on something else", { verify: "token", when: [{ exists: "run.id" }] }, "/inbound/when/0/exists"],
    [
      "a condition on a header that it does not name",
      { verify: "token", when: [{ exists: "headers.x" }] },
      "/inbound/when",
    ],
    ["parameters that are a list", { verify: "token", parameters: [] }, "/inbound/parameters"],
    ["parameters that are text", { verify: "token", parameters: "{{ body }}!" }, "/inbound/parameters"],
    ["a placeholder of a run", { verify: "token", parameters: { a: "{{ run.id }}" } }, "/inbound/parameters/a"],
    ["a placeholder of a secret", { verify: "token", parameters: { a: "{{ secrets.x }}" } }, "/inbound/parameters/a"],
    [
      "a header that it does not name",
      { verify: "token", parameters: { a: "{{ headers.x }}" } },
      "/inbound/parameters/a",
    ],
    [
      "another header than it names",
      { verify: "token", headers: ["y"], parameters: { a: ["{{ headers.x }}"] } },
      "/inbound/parameters/a/0",
    ],
    ["33 KiB of parameters", { verify: "token", parameters: { a: "x".repeat(33 * 1024) } }, "/inbound/parameters"],
  ])("with %s is refused, and says where", async (_what, inbound, pointer) => {
    const refused = await put(newAction(), inbound);
    expect([refused.status, refused.body.code, refused.body.pointer]).toEqual([400, "invalid_body", pointer]);
    for (const secret of ["x".repeat(15), "é".repeat(20)]) expect(refused.body.error).not.toContain(secret);
  });

  it("needs a trigger, because nobody could report the end", async () => {
    const refused = await ask<Stored>("PUT", newAction(), { body: { inbound: { verify: "token" } } });
    expect([refused.status, refused.body.code, refused.body.pointer]).toEqual([422, "trigger_required", "/inbound"]);
  });

  it("by a session of ROOT_TOKEN is refused, because it must leave nothing that lasts", async () => {
    const { headers } = await beginSession(env.ROOT_TOKEN ?? "", "acme/shop");
    const asked = (inbound: object | undefined) => put(newAction(), inbound, {}, { token: null, headers });
    expect((await asked({ verify: "token" })).body.code).toBe("forbidden");
    expect((await asked(undefined)).status).toBe(201);
  });

  it("by a token that acts for others must name a person, and so must a rotation", async () => {
    const project = newProject();
    const action = `${project}/envs/production/actions/deploy`;
    const { token } = await grantToken(project, { role: "admin", mayActForOthers: true });
    const unnamed = await put(action, { verify: "token" }, {}, { token });
    expect([unnamed.status, unnamed.body.code]).toEqual([422, "person_required"]);
    const headers = { "On-Behalf-Of": "ada@acme.example" };
    expect((await put(action, { verify: "token" }, {}, { token, headers })).status).toBe(201);
    expect((await rotate(action, {}, { token })).body.code).toBe("person_required");
    expect((await rotate(action, {}, { token, headers })).status).toBe(200);
  });

  it("of the same text by another token is a new version, because the runs are then that token's", async () => {
    const project = newProject();
    const action = `${project}/envs/production/actions/deploy`;
    const { token } = await grantToken(project, { role: "admin" });
    const first = await put(action, { verify: "token", secret: null, headers: [] });
    const same = await put(action, { verify: "token", headers: [], secret: null });
    const other = await put(action, { verify: "token", headers: [] }, {}, { token });
    const tags = [first, same, other].map(({ headers }) => headers.get("ETag"));
    expect([tags[0] === tags[1], tags[1] === tags[2]]).toEqual([true, false]);
  });
});

describe("the secret", () => {
  it("is made for a new inbound, and only that response shows it", async () => {
    const action = newAction();
    const created = await put(action, { verify: "token", when: [{ exists: "body.n" }] });
    const secret = created.body.inbound?.secret ?? "";
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const url = await urlOf(action);
    expect(await accepts(url, bearer(secret))).toBe("ok");
    const shown = { verify: "token", when: [{ exists: "body.n" }], secret: null };
    expect((await ask<Stored>("GET", action)).body.inbound).toEqual(shown);
    expect((await put(action, shown)).body.inbound).toEqual(shown);
    expect(await accepts(url, bearer(secret))).toBe("ok");
    const versions = await ask<{ version: number; definition: Stored }[]>("GET", `${action}/versions`);
    expect(versions.body.map(({ definition }) => definition.inbound)).toEqual([shown]);
    for (const text of [logged.join(), await textOfD1()]) expect(text).not.toContain(secret);
  });

  it("is made for an action that takes events only later, and a dry run shows none", async () => {
    const action = newAction();
    await put(action, undefined);
    const dry = await ask<Stored>("PUT", `${action}?dryRun=true`, {
      body: { trigger: TRIGGER, inbound: { verify: "github" } },
    });
    expect(dry.body.inbound).toEqual({ verify: "github", secret: null });
    const { status, body } = await put(action, { verify: "github" });
    expect([status, body.inbound]).toEqual([200, { verify: "github", secret: expect.stringMatching(/^whsec_/) }]);
    expect(await accepts(await urlOf(action), github(body.inbound?.secret ?? ""))).toBe("ok");
  });

  it.each([null, undefined])("stays if %s is sent, whatever the trigger's URL is", async (secret) => {
    const { action, url } = await givenInbound();
    const trigger = { ...TRIGGER, url: "https://elsewhere.example.com/hooks" };
    const { status, body } = await put(action, { verify: "token", secret, parameters: {} }, { trigger });
    expect([status, body.inbound?.secret]).toEqual([200, null]);
    expect(await accepts(url, bearer())).toBe("ok");
  });

  it("is that of the PUT, at once, if one is sent", async () => {
    const { action, url } = await givenInbound();
    expect((await put(action, { verify: "token", secret: OTHER_SECRET })).body.inbound?.secret).toBeNull();
    expect([await accepts(url, bearer()), await accepts(url, bearer(OTHER_SECRET))]).toEqual([
      "event_unverified",
      "ok",
    ]);
  });

  it("is another one if verify changes, because a token that travelled must sign nothing", async () => {
    const { action, url } = await givenInbound();
    await rotate(action);
    const { body } = await put(action, { verify: "github", secret: null });
    const secret = body.inbound?.secret ?? "";
    expect(secret).toMatch(/^whsec_/);
    expect([await accepts(url, github(secret)), await accepts(url, github())]).toEqual(["ok", "event_unverified"]);
    expect((await put(action, { verify: "token", secret: OTHER_SECRET })).body.inbound?.secret).toBeNull();
    // What a rotation had replaced before counts no more.
    expect(await accepts(url, bearer())).toBe("event_unverified");
  });

  it("ends with inbound, also those that a rotation has replaced", async () => {
    const { action, url } = await givenInbound();
    await rotate(action);
    await put(action, undefined);
    await put(action, { verify: "token", secret: OTHER_SECRET });
    expect([await accepts(url, bearer()), await accepts(url, bearer(OTHER_SECRET))]).toEqual([
      "event_unverified",
      "ok",
    ]);
  });

  it("that no key opens proves nothing, and a new one does", async () => {
    const { action, runs } = await givenInbound();
    const other = envWith({ CALLBACK_SIGNING_KEYS: "another-signing-key-of-32-bytes-and-more" });
    const { body } = await askWith<{ url: string; graceEndsAt: unknown }>(other, "GET", `${action}/inbound`);
    expect(body.graceEndsAt).toBeNull();
    const event = { token: null, body: {}, headers: { Authorization: `Bearer ${SECRET}` } };
    const lost = await askWith<Refusal>(other, "POST", body.url, event);
    expect([lost.status, lost.body.code]).toEqual([409, "action_secrets_lost"]);
    expect((await askWith<Refusal>(other, "POST", `${action}/inbound/rotate-secret`, { body: {} })).body.code).toBe(
      "action_secrets_lost",
    );
    expect((await ask("GET", runs)).body).toEqual([]);
  });
});

describe("a rotation", () => {
  it("lets the replaced secret count beside the new one, as long as it says", async () => {
    const { action, url } = await givenInbound({ verify: "standard-webhooks" });
    const { body, headers } = await rotate(action, { gracePeriodSeconds: 3600 });
    expect(body).toEqual({ secret: expect.stringMatching(/^whsec_/), graceEndsAt: "2026-11-25T13:00:00.000Z" });
    expect((await ask("GET", action)).headers.get("ETag")).toBe(headers.get("ETag"));
    expect((await ask<object>("GET", `${action}/inbound`)).body).toMatchObject({ graceEndsAt: body.graceEndsAt });
    const proven = async (secret: string) => accepts(url, standard({ secret, id: `msg_${++events}` }));
    const secret = body.secret ?? "";
    expect([await proven(SECRET), await proven(secret)]).toEqual(["ok", "ok"]);
    later(3_600_000);
    expect([await proven(SECRET), await proven(secret)]).toEqual(["event_unverified", "ok"]);
    expect((await ask<object>("GET", `${action}/inbound`)).body).toMatchObject({ graceEndsAt: null });
  });

  it("finds the run of an event that came before it, by the old secret and by the new one", async () => {
    const { action, url } = await givenInbound();
    const first = await send(url, { ref: "main" });
    const { body } = await rotate(action);
    for (const proof of [bearer(), bearer(body.secret ?? "")]) {
      const again = await send(url, { ref: "main" }, proof);
      expect([again.status, again.body]).toEqual([200, first.body]);
    }
  });

  it("with no grace ends the old secret at once, and a key makes it once", async () => {
    const { action, url } = await givenInbound();
    const first = await rotate(action, { gracePeriodSeconds: 0 }, keyed("leak"));
    expect([first.body.graceEndsAt, replayed(first)]).toEqual([null, null]);
    const again = await rotate(action, { gracePeriodSeconds: 0 }, keyed("leak"));
    expect([again.body.secret, replayed(again)]).toEqual([null, "true"]);
    expect((await rotate(action, {}, keyed("leak"))).body.code).toBe("idempotency_key_reused");
    expect([await accepts(url, bearer()), await accepts(url, bearer(first.body.secret ?? ""))]).toEqual([
      "event_unverified",
      "ok",
    ]);
  });

  it("of a third old secret is refused, because the sender may know only that one", async () => {
    const { action } = await givenInbound();
    for (let n = 0; n < 2; n++) expect((await rotate(action)).status).toBe(200);
    const refused = await rotate(action);
    expect([refused.status, refused.body.code]).toEqual([409, "too_many_signing_secrets"]);
  });

  it("leaves the definition, the other secrets and the gates as they are, and its runs are the rotator's", async () => {
    const project = newProject();
    const runs = `${project}/envs/production/action-runs`;
    const trigger = { ...TRIGGER, headers: { Authorization: "Bearer of-the-receiver" } };
    const { action, url } = await givenInbound(undefined, { trigger, ...ONE_AT_A_TIME }, { runs });
    const before = (await ask("GET", action)).body;
    const row = async () =>
      env.DB.prepare("SELECT features, filter, changed_by_name AS name FROM definitions WHERE scope = ?")
        .bind(`${project.slice(1)}/production`)
        .first<{ features: string; filter: string; name: string }>();
    const stored = await row();
    expect(stored).toMatchObject({ features: '["gates"]', name: "root" });
    const { token } = await grantToken(project, { role: "admin", name: "rotator" });
    const { body } = await rotate(action, {}, { token });
    expect((await ask("GET", action)).body).toEqual(before);
    expect(await row()).toEqual({ ...stored, name: "rotator" });
    const started = await send(url, {}, bearer(body.secret ?? ""));
    expect((await ask("GET", `${runs}/${started.body.id}`)).body).toMatchObject({ triggeredBy: "rotator" });
    const kept = { ...before, trigger: { ...trigger, headers: { Authorization: null } } };
    expect((await ask("PUT", action, { body: kept })).status).toBe(200);
    const audit = await ask<{ action: string }[]>("GET", `${project}/audit`);
    expect(audit.body.map((entry) => entry.action)).toContain("action_secret_rotated");
  });

  it("of an action that takes no events, or is missing, is refused", async () => {
    const action = newAction();
    const codes = async () =>
      Promise.all([
        rotate(action),
        ask<Refusal>("GET", `${action}/inbound`),
        ask<Refusal>("POST", `${action}/inbound/try`, { body: { body: {} } }),
      ]).then((answers: Answer<Partial<Refusal>>[]) => answers.map(({ status, body }) => [status, body.code]));
    expect(await codes()).toEqual(Array(3).fill([404, "action_not_found"]));
    await put(action, undefined);
    expect(await codes()).toEqual(Array(3).fill([404, "inbound_not_found"]));
  });

  it("forgets nothing of a grace period when the action is stored again", async () => {
    const { action, url } = await givenInbound();
    await rotate(action);
    later(DAY_MS / 2);
    await put(action, { verify: "token", parameters: {} });
    expect(await accepts(url, bearer())).toBe("ok");
  });
});

describe("a try", () => {
  const tried = (action: string, body: object) =>
    ask<{ matches: boolean; parameters: unknown; error: string | null }>("POST", `${action}/inbound/try`, { body });
  const inbound = {
    verify: "github",
    headers: ["x-github-event"],
    when: [{ equals: { "headers.x-github-event": "push" } }],
    parameters: { version: "{{ body.after }}", kind: "{{ headers.x-github-event }}" },
  } as const;
  const parametersSchema = { properties: { version: { type: "string" } } };

  it("shows what the action makes of an event, and starts nothing", async () => {
    const { runs, action } = await givenInbound(inbound, { parametersSchema });
    const push = { headers: { "X-GitHub-Event": "push", Authorization: "Bearer x" }, body: { after: "3b1c0f2" } };
    expect((await tried(action, push)).body).toEqual({
      matches: true,
      parameters: { version: "3b1c0f2", kind: "push" },
      error: null,
    });
    expect((await tried(action, { body: { after: "3b1c0f2" } })).body).toEqual({
      matches: false,
      parameters: { version: "3b1c0f2", kind: null },
      error: null,
    });
    expect((await tried(action, { ...push, body: {} })).body).toEqual({
      matches: true,
      parameters: { version: null, kind: "push" },
      error: expect.stringContaining("/version"),
    });
    expect((await ask("GET", runs)).body).toEqual([]);
  });

  it("can be of an inbound that is not stored, and says why it makes no parameters", async () => {
    const { action } = await givenInbound();
    const other = { verify: "token", parameters: "{{ body.n }}" };
    expect((await tried(action, { body: { n: 1 }, inbound: other })).body).toEqual({
      matches: true,
      parameters: null,
      error: expect.stringContaining("no JSON object"),
    });
  });
});

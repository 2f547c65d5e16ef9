/** A session of the command line: how the browser lets it in, and what it never does. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { later } from "../support/clock.ts";
import { HOUR_MS } from "../support/direct.ts";
import { ask, createRun, type Schemas } from "../support/requests.ts";
import { gatedRun, LATER } from "../support/runs/gated.ts";
import { beginSession, type TestSession } from "../support/sessions.ts";
import { grantToken, newAddress, newProject, type Refusal } from "../support/tokens.ts";
import { Browser, CLIENT_ID, peopleToken, person, useIssuers, usePeople } from "./people.ts";

const START = Date.parse("2030-03-01T00:00:00Z");
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/** Of RFC 7636, appendix B. Their first characters in base32 of its SHA-256. */
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const LOGIN = { challenge: CHALLENGE, port: 49_152, characters: "BUUZWH" };

type Logged = Schemas["CommandLineSession"] & Refusal;

function agree(headers: TestSession["headers"], body: object = LOGIN) {
  return ask<Schemas["LoginCode"] & Refusal>("POST", "/session/login-codes", { token: null, headers, body });
}

function logIn(code: string, more: object = {}) {
  return ask<Logged>("POST", "/session/login", {
    token: null,
    body: { code, verifier: VERIFIER, port: LOGIN.port, ...more },
    headers: { "CF-Connecting-IP": newAddress() },
  });
}

async function given(wanted: Parameters<typeof peopleToken>[2] = {}) {
  const people = await usePeople();
  const project = newProject();
  const token = await peopleToken(project, people, wanted);
  const session = await new Browser().sessionOf(people, person("ada"), project, token);
  return { people, project, token, session };
}

async function loggedIn(session: TestSession): Promise<Logged> {
  const { body } = await agree(session.headers);
  const { status, body: logged } = await logIn(body.code);
  if (status !== 201) throw new Error(`the login answered ${status}: ${logged.error}`);
  return logged;
}

async function codeOf(path: string, token: string, method = "GET", body?: unknown): Promise<string> {
  const answer = await ask<Refusal | null>(method, path, {
    token,
    body,
    headers: { "CF-Connecting-IP": newAddress() },
  });
  return answer.body?.code ?? String(answer.status);
}

describe("the browser", () => {
  it("lets the command line in if the person typed its characters, for a minute and once", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: START });
    const { people, token, session } = await given({ role: "owner", mayApprove: true });
    const { status, body } = await agree(session.headers);
    expect([status, Date.parse(body.expiresAt)]).toEqual([201, START + 60_000]);
    vi.setSystemTime(START + 59_999);
    const { status: begun, body: logged } = await logIn(body.code);
    expect([begun, logged]).toEqual([
      201,
      expect.objectContaining({
        token: expect.stringMatching(/^ters_[\w-]{43}$/),
        id: token.id,
        role: "member",
        permissions: ["data:read", "data:write"],
        person: "ada@example.com",
        mayApprove: false,
        issuer: people.url,
        expiresAt: new Date(START + 59_999 + 12 * HOUR_MS).toISOString(),
      }),
    ]);
    expect((await logIn(body.code)).body.code).toBe("sign_in_code_invalid");
    const late = await agree(session.headers);
    vi.setSystemTime(START + 59_999 + 60_000);
    expect((await logIn(late.body.code)).body.code).toBe("sign_in_code_invalid");
  });

  it.each<[string, object, string]>([
    ["other characters", { characters: "AAAAAA" }, "/characters"],
    ["those of another challenge", { challenge: "A".repeat(43) }, "/characters"],
    ["characters in another spelling", { characters: "buuzwh" }, "/characters"],
    ["a challenge that is not valid", { challenge: "x" }, "/challenge"],
    ["a port that is not valid", { port: 65_536 }, "/port"],
    ["port 0", { port: 0 }, "/port"],
  ])("lets nobody in with %s", async (_what, body, pointer) => {
    const { session } = await given();
    const answer = await agree(session.headers, { ...LOGIN, ...body });
    expect([answer.status, answer.body.pointer]).toEqual([400, pointer]);
  });

  it("lets nobody in from the session of a token, of ROOT_TOKEN, or of a command line, or from another page", async () => {
    const { project, session } = await given();
    const admin = await grantToken(project, { role: "admin" });
    const sessions = [await beginSession(admin.token), await beginSession(env.ROOT_TOKEN ?? "", project.slice(1))];
    for (const { headers } of sessions) {
      const { status, body } = await agree(headers);
      expect([status, body.code, body.error]).toEqual([403, "forbidden", expect.stringMatching(/session by sign-in/)]);
    }
    const { token } = await loggedIn(session);
    const { Origin, "Sec-Fetch-Site": site } = session.headers as Record<string, string>;
    const own = { Origin: Origin ?? "", "Sec-Fetch-Site": site ?? "" };
    const bearer = await agree({ ...own, Authorization: `Bearer ${token}` });
    expect([bearer.status, bearer.body.code]).toEqual([401, "unauthorized"]);
    const elsewhere = await agree({ ...session.headers, "Sec-Fetch-Site": "same-site" });
    expect([elsewhere.status, elsewhere.body.code]).toEqual([403, "forbidden"]);
  });
});

describe("a code for a command line", () => {
  it.each<[string, object]>([
    ["another verifier", { verifier: `${VERIFIER.slice(0, -1)}x` }],
    ["the challenge as verifier", { verifier: CHALLENGE }],
    ["another port", { port: LOGIN.port + 1 }],
  ])("opens nothing with %s, and is charged; its own command line still gets in", async (_what, more) => {
    const { session } = await given();
    const { body } = await agree(session.headers);
    const { status, body: refusal } = await logIn(body.code, more);
    expect([status, refusal.code]).toEqual([401, "sign_in_code_invalid"]);
    expect((await logIn(body.code)).status).toBe(201);
  });

  it("is none of a sign-in, and the other way round", async () => {
    const { people, project, token, session } = await given();
    const { body } = await agree(session.headers);
    const browser = new Browser();
    expect((await browser.choices<Refusal>(body.code)).body.code).toBe("sign_in_code_invalid");
    expect((await browser.choose(body.code, { project, id: token.id })).body.code).toBe("sign_in_code_invalid");
    expect((await browser.post<Refusal>("/session", { code: body.code })).body.code).toBe("sign_in_code_invalid");
    const { href } = await browser.signIn(people, person("ada"));
    expect((await logIn(href.slice(-43))).body.code).toBe("sign_in_code_invalid");
  });

  it("is one of five of a session, however often it asks, so that a reader can't fill the database", async () => {
    const { session } = await given({ role: "viewer" });
    const codes: string[] = [];
    for (let n = 0; n < 12; n++) codes.push((await agree(session.headers)).body.code);
    const left = env.DB.prepare("SELECT count(*) AS n FROM sign_in_codes WHERE about ->> 'sessionId' = ?");
    expect(await left.bind(session.id).first("n")).toBe(5);
    expect((await logIn(codes[0] ?? "")).body.code).toBe("sign_in_code_invalid");
    expect((await logIn(codes.at(-1) ?? "")).status).toBe(201);
  });

  it("opens nothing if the browser's session ended meanwhile, or its token, or its issuer", async () => {
    const { people, project, token, session } = await given();
    const code = async (who: TestSession) => (await agree(who.headers)).body.code;
    const [first, second] = [await code(session), await code(session)];
    useIssuers([{ issuer: `${people.url}/other`, kind: "people", projects: "acme/*", clientId: CLIENT_ID }]);
    expect((await logIn(first)).body.code).toBe("sign_in_code_invalid");
    useIssuers([{ issuer: people.url, kind: "people", projects: "acme/*", clientId: CLIENT_ID }]);
    await ask("DELETE", `${project}/sessions/${session.id}`);
    expect((await logIn(second)).body.code).toBe("sign_in_code_invalid");
    const again = await new Browser().sessionOf(people, person("ada"), project, token);
    const third = await code(again);
    await ask("DELETE", `${project}/tokens/${token.id}`);
    expect((await logIn(third)).body.code).toBe("sign_in_code_invalid");
  });
});

describe("a session of the command line", () => {
  it("creates, reads, cancels and retries runs as the person", async () => {
    const { project, session } = await given();
    const { token } = await loggedIn(session);
    const path = `${project}/envs/prod/action-runs`;
    const run = await createRun(path, undefined, { token });
    expect(run.triggeredBy).toBe("ada@example.com");
    expect(await codeOf(path, token)).toBe("200");
    expect(await codeOf(`${path}/${run.id}/cancel`, token, "POST", { reason: "no" })).toBe("200");
    expect(await codeOf(`${path}/${run.id}/retry`, token, "POST", {})).toBe("201");
  });

  it("approves, rejects and releases nothing, mints and rotates nothing, and changes no definition", async () => {
    const { project, token: own, session } = await given({ role: "owner", mayApprove: true });
    const { token } = await loggedIn(session);
    const child = await ask<{ id: string }>("POST", `${project}/tokens`, {
      token: null,
      headers: session.headers,
      body: { name: "child", role: "viewer" },
    });
    const base = `${project}/envs/prod`;
    const { id } = await gatedRun(`${base}/action-runs`, { approval: {} }, { notBefore: LATER });
    const tried: Record<string, string> = {};
    const attempts: readonly (readonly [string, string, unknown?])[] = [
      ["POST", `${base}/action-runs/${id}/approve`],
      ["POST", `${base}/action-runs/${id}/reject`],
      ["POST", `${base}/action-runs/${id}/release`],
      ["POST", `${base}/action-runs/${id}/erase`],
      ["POST", `${project}/tokens`, { name: "x", role: "viewer" }],
      ["GET", `${project}/tokens`],
      ["DELETE", `${project}/tokens/${child.body.id}`],
      ["POST", `${project}/tokens/${child.body.id}/rotate`],
      ["POST", `${project}/tokens/${own.id}/rotate`],
      ["GET", `${project}/sessions`],
      ["DELETE", `${project}/sessions/${session.id}`],
      ["GET", `${project}/audit`],
      ["PUT", `${base}/actions/deploy`, { timeout: 5 }],
      ["DELETE", `${base}/actions/deploy`],
      ["PUT", `${base}/schedules/nightly`, { action: "deploy", cron: "@daily", timezone: "UTC" }],
      ["PUT", `${base}/webhook-endpoints/x`, { url: "https://hooks.example.com/x", events: ["action_run.*"] }],
      ["PUT", `${base}/pauses/-environment`, { reason: "freeze" }],
      ["POST", "/session", {}],
    ];
    for (const [method, path, body = {}] of attempts) {
      tried[`${method} ${path}`] = await codeOf(path, token, method, method === "GET" ? undefined : body);
    }
    const refusals = new Set(Object.values(tried));
    expect([...refusals].sort(), JSON.stringify(tried)).toEqual([
      "forbidden",
      "may_not_approve",
      "token_has_no_secret",
    ]);
    expect(Object.values(tried).filter((code) => code === "may_not_approve")).toHaveLength(2);
    expect(tried[`POST ${project}/tokens/${own.id}/rotate`]).toBe("token_has_no_secret");
  });

  it("stays a viewer if the token is one", async () => {
    const { project, session } = await given({ role: "viewer" });
    const { token, role } = await loggedIn(session);
    expect(role).toBe("viewer");
    expect(await codeOf(`${project}/envs/prod/action-runs`, token, "POST", { actionName: "deploy" })).toBe("forbidden");
  });

  it("is the person who approves in the browser, so they can't let out what it started", async () => {
    const { project, session } = await given({ mayApprove: true });
    const { token } = await loggedIn(session);
    const runs = `${project}/envs/prod/action-runs`;
    const { id } = await gatedRun(runs, { approval: {} }, {}, { token });
    const { body } = await ask<Refusal>("POST", `${runs}/${id}/approve`, { token: null, headers: session.headers });
    expect(body.code).toBe("own_run");
  });

  it("lasts no longer than 24 hours from the sign-in, and a renewal is for browsers", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: START });
    const { session } = await given();
    vi.setSystemTime(START + 11 * HOUR_MS);
    const renewed = await ask("POST", "/session/renew", {
      token: null,
      headers: { ...session.headers, "Content-Type": "application/json" },
      raw: "",
    });
    expect(renewed.status).toBe(200);
    vi.setSystemTime(START + 20 * HOUR_MS);
    const { token, expiresAt } = await loggedIn(session);
    expect(Date.parse(expiresAt ?? "")).toBe(START + 24 * HOUR_MS);
    expect(await codeOf("/session/renew", token, "POST", {})).toBe("forbidden");
    vi.setSystemTime(START + 24 * HOUR_MS);
    expect(await codeOf("/whoami", token)).toBe("session_ended");
  });

  it("is listed and ended like another one, and ends with its token and its issuer", async () => {
    const { people, project, token: own, session } = await given();
    const { token, sessionId } = await loggedIn(session);
    const list = await ask<Schemas["SessionList"]>("GET", `${project}/sessions`);
    expect(list.body[0]).toMatchObject({
      id: sessionId,
      tokenId: own.id,
      role: "member",
      person: "ada@example.com",
      isCommandLine: true,
    });
    expect(await codeOf("/whoami", token)).toBe("200");
    useIssuers([]);
    expect(await codeOf("/whoami", token)).toBe("session_ended");
    useIssuers([{ issuer: people.url, kind: "people", projects: "acme/*", clientId: CLIENT_ID }]);
    expect(await codeOf("/whoami", token)).toBe("200");
    expect((await ask("DELETE", `${project}/sessions/${sessionId}`)).status).toBe(204);
    expect(await codeOf("/whoami", token)).toBe("session_ended");
    const another = await loggedIn(session);
    await ask("DELETE", `${project}/tokens/${own.id}`);
    expect(await codeOf("/whoami", another.token)).toBe("session_ended");
  });

  it("ends itself, and no other session, although its role manages none", async () => {
    const { project, session } = await given({ role: "owner", envName: "prod" });
    const [first, second] = [await loggedIn(session), await loggedIn(session)];
    const end = (id: string | null, token: string) => codeOf(`${project}/sessions/${id}`, token, "DELETE");
    expect(await end(second.sessionId, first.token)).toBe("forbidden");
    expect(await end(session.id, first.token)).toBe("forbidden");
    expect(await end(first.sessionId, first.token)).toBe("204");
    expect(await codeOf("/whoami", first.token)).toBe("session_ended");
    expect(await codeOf("/whoami", second.token)).toBe("200");
    const { body: audit } = await ask<Schemas["AuditList"]>("GET", `${project}/audit`);
    expect(audit[0]).toMatchObject({ action: "session_ended", person: "ada@example.com", target: first.sessionId });
  });

  it("is unknown by its hash, and its secret is no cookie; D1 has no secret", async () => {
    const { session } = await given();
    const { token, sessionId } = await loggedIn(session);
    const row = await env.DB.prepare("SELECT * FROM sessions WHERE id = ?").bind(sessionId).first<{ hash: string }>();
    expect(JSON.stringify(row)).not.toContain(token.slice(5));
    expect(await codeOf("/whoami", `ters_${"x".repeat(43)}`)).toBe("session_ended");
    expect(await codeOf("/whoami", row?.hash ?? "")).toBe("token_invalid");
    for (const cookie of [token, `s.${token.slice(5)}`]) {
      const headers = { ...session.headers, Cookie: `__Host-action-runs-session=${cookie}` };
      expect((await ask<Refusal>("GET", "/whoami", { token: null, headers })).body.code).toBe("session_ended");
    }
    later(30_000);
    expect(await codeOf("/whoami", token)).toBe("200");
  });
});

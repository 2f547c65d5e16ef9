/** Sessions: how they begin, what both halves open, how long they last, and who sees and ends them. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { purgeSessions } from "../../src/auth/session-store.ts";
import { hopsOf, watchHops } from "../support/api/hops.ts";
import { askWith, envWith } from "../support/bindings.ts";
import { HOUR_MS } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { ask, nextOf, ROOT } from "../support/requests.ts";
import { linesOf } from "../support/secrets.ts";
import {
  beginSession,
  COOKIE_NAME,
  cookieOf,
  OWN_PAGE,
  postSession,
  type SessionOnWire,
  sessionOf,
  type TestSession,
} from "../support/sessions.ts";
import { grantToken, newAddress, newProject, type Refusal, revokeElsewhere } from "../support/tokens.ts";

const START = Date.parse("2030-03-01T00:00:00Z");
const DAY_MS = 24 * HOUR_MS;
const KNOWN_MS = 30_000;

interface Listed {
  readonly id: string;
  readonly tokenId: string | null;
  readonly tokenName: string | null;
  readonly expiresAt: string;
}

function clockAt(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: ms });
}

async function codeOf(path: string, headers: Readonly<Record<string, string>>, method = "GET"): Promise<string> {
  const fromNobody = { "CF-Connecting-IP": newAddress(), ...headers };
  const body = method === "POST" && path.endsWith("/action-runs") ? { actionName: "deploy" } : undefined;
  const answer = await ask<Refusal | null>(method, path, { token: null, headers: fromNobody, body });
  return answer.body?.code ?? String(answer.status);
}

/** The service with a limit on guesses that tells how often it was charged. */
function chargingService() {
  let charged = 0;
  const limit = async () => {
    charged++;
    return { success: true };
  };
  return { service: envWith({ UNKNOWN_TOKEN_LIMIT: { limit } }), charged: () => charged };
}

const inJson = (headers: Readonly<Record<string, string>>) => ({ ...headers, "Content-Type": "application/json" });
const renew = (headers: Readonly<Record<string, string>>) =>
  ask<SessionOnWire & Refusal>("POST", "/session/renew", { token: null, headers: inJson(headers), raw: "" });

function sessionsOf(project: string, token: string): Promise<readonly string[]> {
  return ask<Listed[]>("GET", `${project}/sessions`, { token }).then(({ body }) => body.map(({ id }) => id));
}

describe("the beginning of a session", () => {
  it("changes a token into a cookie that scripts can't read and a page key, and says what GET /whoami says", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "member", name: "Ada", envName: "prod" });
    const { status, headers, body } = await postSession(token);
    expect(status).toBe(201);
    expect(headers.get("Set-Cookie")).toMatch(
      /^__Host-action-runs-session=t\.[\w-]{43}; Max-Age=4(3199|3200); Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect(headers.get("Cache-Control")).toBe("no-store");
    const { pageKey, ...described } = body;
    expect(pageKey).toMatch(/^[\w-]{22}$/);
    expect(described).toMatchObject({ id, name: "Ada", role: "member", envName: "prod" });
    const session = sessionOf(headers, body);
    const whoami = await ask("GET", "/whoami", { token: null, headers: session.headers });
    expect(whoami.body).toEqual(described);
  });

  it("keeps no secret in D1", async () => {
    const session = await beginSession((await grantToken(newProject(), { role: "viewer" })).token);
    const row = await env.DB.prepare("SELECT * FROM sessions WHERE id = ?").bind(session.id).first();
    const text = JSON.stringify(row);
    expect(text).not.toContain(session.cookie);
    expect(text).not.toContain(session.cookie.slice(2));
    expect(text).not.toContain(session.pageKey);
  });

  it.each([
    ["another site", { ...OWN_PAGE, "Sec-Fetch-Site": "cross-site" }],
    ["another port of the host", { ...OWN_PAGE, "Sec-Fetch-Site": "same-site" }],
    ["the address bar", { ...OWN_PAGE, "Sec-Fetch-Site": "none" }],
    ["no browser", { Origin: OWN_PAGE.Origin }],
    ["another origin", { ...OWN_PAGE, Origin: "https://evil.example" }],
    ["another port", { ...OWN_PAGE, Origin: "https://runs.example:8443" }],
    ["a page in a sandbox", { ...OWN_PAGE, Origin: "null" }],
    ["a page without an origin", { "Sec-Fetch-Site": "same-origin" }],
  ])("is refused if the request comes from %s, before a token is looked at", async (_where, headers) => {
    const { token } = await grantToken(newProject(), { role: "viewer" });
    watchHops();
    const { lines, calls } = await hopsOf(async () => {
      const { status, headers: sent, body } = await postSession(token, {}, headers as Record<string, string>);
      expect([status, body.code, sent.get("Set-Cookie")]).toEqual([403, "forbidden", null]);
    });
    expect([lines[0]?.d1, calls]).toEqual([0, 0]);
  });

  it("takes only JSON, so that no form of another page can ask for it", async () => {
    const { token } = await grantToken(newProject(), { role: "viewer" });
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const headers = { ...OWN_PAGE, "Content-Type": type };
      const { status } = await ask("POST", "/session", { token, raw: "{}", headers });
      expect([type, status]).toEqual([type, 415]);
    }
  });

  it("is refused to an unknown token, which is charged as a guess", async () => {
    const { service, charged } = chargingService();
    const answer = await askWith<Refusal>(service, "POST", "/session", {
      token: `terr_${"x".repeat(43)}`,
      body: {},
      headers: OWN_PAGE,
    });
    expect([answer.status, answer.body.code, charged()]).toEqual([401, "token_invalid", 1]);
  });

  it("can't be asked for by a session", async () => {
    const { headers } = await beginSession((await grantToken(newProject(), { role: "owner" })).token);
    const { status, body } = await postSession(null, {}, headers);
    expect([status, body.code]).toEqual([401, "unauthorized"]);
  });

  it("keeps 20 sessions of a token, and the oldest end", async () => {
    const project = newProject();
    const { token } = await grantToken(project, { role: "admin" });
    clockAt(START);
    const sessions: TestSession[] = [];
    for (let n = 0; n < 22; n++) {
      vi.setSystemTime(START + n);
      sessions.push(await beginSession(token));
    }
    const ids = sessions.map(({ id }) => id).toReversed();
    expect(await sessionsOf(project, token)).toEqual(ids.slice(0, 20));
    vi.setSystemTime(START + 2 * KNOWN_MS);
    expect(await codeOf("/whoami", sessions[1]?.headers ?? {})).toBe("session_ended");
    expect(await codeOf("/whoami", sessions[2]?.headers ?? {})).toBe("200");
  });
});

describe("where one can sign in", () => {
  const site = (PUBLIC_URL: string, url: string, headers = {}) =>
    askWith<Refusal>(envWith({ PUBLIC_URL }), "POST", `${url}/session`, {
      token: ROOT,
      body: { project: "acme/shop" },
      headers: { "Sec-Fetch-Site": "same-origin", Origin: url, ...headers },
    });

  it.each([
    ["on loopback, where the cookie's name has the port", "", "http://localhost:8787", /^action-runs-session-8787=r\./],
    ["by the address of loopback", "", "http://127.0.0.1:9000", /^action-runs-session-9000=r\./],
    ["at a PUBLIC_URL on loopback", "http://localhost:1234", "http://localhost:1234", /^action-runs-session-1234=r\./],
    ["at PUBLIC_URL", "https://a.example/x", "https://a.example", /^__Host-action-runs-session=r\..*; Secure/],
  ])("is %s", async (_where, publicUrl, url, cookie) => {
    const { status, headers } = await site(publicUrl, url);
    expect([status, headers.get("Set-Cookie")]).toEqual([201, expect.stringMatching(cookie)]);
  });

  it.each([
    ["another host without PUBLIC_URL", "", "https://runs.example", 503, "not_configured"],
    ["a PUBLIC_URL without TLS", "http://runs.example", "http://runs.example", 503, "not_configured"],
    ["another origin than PUBLIC_URL", "https://a.example", "https://b.example", 403, "forbidden"],
    ["loopback, if PUBLIC_URL is elsewhere", "https://a.example", "http://localhost:8787", 403, "forbidden"],
  ])("is not %s", async (_where, publicUrl, url, status, code) => {
    const answer = await site(publicUrl, url);
    expect([answer.status, answer.body.code, answer.headers.get("Set-Cookie")]).toEqual([status, code, null]);
  });
});

describe("a session", () => {
  it("acts as its token: permissions, scope, name, idempotency keys and children", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "admin", name: "Ada", envName: "prod" });
    const { headers } = await beginSession(token);
    const runs = `${project}/envs/prod/action-runs`;
    const create = (asker: string | null, sent: Record<string, string>) =>
      ask<{ id: string; triggeredBy: string }>("POST", runs, {
        token: asker,
        body: { actionName: "deploy" },
        headers: { ...sent, "Idempotency-Key": "k" },
      });
    const first = await create(token, {});
    const again = await create(null, headers);
    expect([again.status, again.body.id, again.headers.get("Idempotent-Replayed")]).toEqual([
      201,
      first.body.id,
      "true",
    ]);
    expect(again.body.triggeredBy).toBe("Ada");
    expect(await codeOf(`${project}/envs/dev/action-runs`, headers)).toBe("not_found");
    expect(await codeOf(`${newProject()}/tokens`, headers)).toBe("not_found");
    const created = await ask<{ parentId: string; expiresAt: string | null }>("POST", `${project}/tokens`, {
      token: null,
      headers,
      body: { name: "child", role: "viewer", envName: "prod" },
    });
    expect([created.status, created.body.parentId, created.body.expiresAt]).toEqual([201, id, null]);
  });

  it("opens nothing with one half alone, and nothing beside a token", async () => {
    const project = newProject();
    const { token } = await grantToken(project, { role: "admin" });
    const other = await beginSession(token);
    const { headers } = await beginSession(token);
    const { Cookie, "Action-Runs-Page-Key": pageKey, ...own } = headers as Record<string, string>;
    const path = `${project}/tokens`;
    expect(await codeOf(path, headers)).toBe("200");
    expect(await codeOf(path, { ...own, Cookie: Cookie ?? "" })).toBe("unauthorized");
    expect(await codeOf(path, { ...own, "Action-Runs-Page-Key": pageKey ?? "" })).toBe("session_ended");
    expect(await codeOf(path, { ...headers, "Action-Runs-Page-Key": other.pageKey })).toBe("session_ended");
    expect(await codeOf(path, { ...headers, "Action-Runs-Page-Key": "" })).toBe("session_ended");
    expect(await codeOf(path, { ...headers, Authorization: "Bearer x" })).toBe("token_invalid");
    // The isolate remembers the session, and the cookie must not pass for a token.
    expect(await codeOf(path, { Authorization: `Bearer ${(Cookie ?? "").split("=")[1]}` })).toBe("token_invalid");
    // A cookie of another port, which a server there could set for every port of the host.
    const twice = `${COOKIE_NAME}=t.${"x".repeat(43)}; ${Cookie}`;
    expect(await codeOf(path, { ...headers, Cookie: twice })).toBe("session_ended");
  });

  it.each([
    ["GET", { "Sec-Fetch-Site": "cross-site" }],
    ["GET", { "Sec-Fetch-Site": "same-site" }],
    ["GET", { "Sec-Fetch-Site": "none" }],
    ["POST", { "Sec-Fetch-Site": "same-site" }],
    ["POST", { Origin: "https://runs.example:8443" }],
    ["POST", { Origin: "null" }],
  ])("does not count in a %s with %j, which makes no round trip", async (method, changed) => {
    const project = newProject();
    const session = await beginSession((await grantToken(project, { role: "admin" })).token);
    watchHops();
    const { lines, calls } = await hopsOf(async () => {
      const code = await codeOf(
        `${project}/envs/prod/action-runs`,
        { ...session.headers, ...changed } as Record<string, string>,
        method,
      );
      expect(code).toBe("unauthorized");
    });
    expect([lines[0]?.d1, lines[0]?.coordinator, calls]).toEqual([0, 0, 0]);
  });

  it("is remembered for 30 s, and for 10 minutes while D1 is down", async () => {
    const project = newProject();
    const session = await beginSession((await grantToken(project, { role: "admin" })).token);
    clockAt(Date.now());
    watchHops();
    const cost = async () => (await hopsOf(() => codeOf("/whoami", session.headers))).lines[0];
    expect((await cost())?.d1).toBe(1);
    expect((await cost())?.d1).toBe(0);
    vi.setSystemTime(Date.now() + KNOWN_MS + 1000);
    faults.reads = "down";
    expect(await cost()).toMatchObject({ status: 200, d1: 1 });
    vi.setSystemTime(Date.now() + 11 * 60_000);
    expect(await cost()).toMatchObject({ status: 503 });
  });

  it("charges unknown cookies and foreign page keys as guesses, and nothing that is its own", async () => {
    const { headers } = await beginSession((await grantToken(newProject(), { role: "viewer" })).token);
    const unknown = { ...headers, Cookie: `${COOKIE_NAME}=t.${"y".repeat(43)}` };
    const foreign = { ...headers, "Action-Runs-Page-Key": "z".repeat(22) };
    const { service, charged } = chargingService();
    const codes: (string | undefined)[] = [];
    for (const sent of [headers, unknown, foreign, headers]) {
      const { body } = await askWith<Refusal>(service, "GET", "/whoami", { token: null, headers: sent });
      codes.push(body.code);
    }
    expect([codes, charged()]).toEqual([[undefined, "session_ended", "session_ended", undefined], 2]);
    await askWith(service, "DELETE", "/session", { token: null, headers: inJson(foreign) });
    await askWith(service, "POST", "/session", { token: null, headers: OWN_PAGE, body: { code: "c".repeat(43) } });
    expect(charged()).toBe(4);
  });
});

describe("the life of a session", () => {
  it("is 12 hours, and a renewal makes it longer once an hour, up to 7 days", async () => {
    clockAt(START);
    const session = await beginSession((await grantToken(newProject(), { role: "viewer" })).token);
    const endsAt = async () => Date.parse((await renew(session.headers)).body.expiresAt) - START;
    vi.setSystemTime(START + HOUR_MS - 1);
    expect(await endsAt()).toBe(12 * HOUR_MS);
    vi.setSystemTime(START + HOUR_MS);
    const { headers } = await renew(session.headers);
    expect(cookieOf(headers)).toBe(session.cookie);
    expect(headers.get("Set-Cookie")).toContain(`Max-Age=${12 * 3600};`);
    expect(await endsAt()).toBe(13 * HOUR_MS);
    for (let hours = 12; hours < 7 * 24; hours += 11) {
      vi.setSystemTime(START + hours * HOUR_MS);
      expect(await endsAt()).toBe(Math.min((hours + 12) * HOUR_MS, 7 * DAY_MS));
    }
    vi.setSystemTime(START + 7 * DAY_MS - 1);
    expect(await codeOf("/whoami", session.headers)).toBe("200");
    vi.setSystemTime(START + 7 * DAY_MS);
    expect(await codeOf("/whoami", session.headers)).toBe("session_ended");
    expect((await renew(session.headers)).body.code).toBe("session_ended");
  });

  it("never passes its token's", async () => {
    clockAt(START);
    const expiresAt = new Date(START + 13 * HOUR_MS).toISOString();
    const session = await beginSession((await grantToken(newProject(), { role: "viewer", expiresAt })).token);
    vi.setSystemTime(START + 2 * HOUR_MS);
    expect((await renew(session.headers)).body.expiresAt).toBe(expiresAt);
    vi.setSystemTime(START + 13 * HOUR_MS);
    expect(await codeOf("/whoami", session.headers)).toBe("session_ended");
  });

  it("ends with DELETE /session at once, which also takes the cookie away", async () => {
    const project = newProject();
    const { token } = await grantToken(project, { role: "admin" });
    const session = await beginSession(token);
    expect(await codeOf("/whoami", session.headers)).toBe("200");
    expect((await ask("DELETE", "/session", { token: null, headers: session.headers })).status).toBe(415);
    const { status, headers } = await ask("DELETE", "/session", { token: null, headers: inJson(session.headers) });
    expect([status, headers.get("Set-Cookie")]).toEqual([204, expect.stringMatching(/session=; Max-Age=0;/)]);
    expect(await codeOf("/whoami", session.headers)).toBe("session_ended");
    expect(await sessionsOf(project, token)).toEqual([]);
  });

  it("stays if another page asks for its end, or somebody without its page key", async () => {
    const session = await beginSession((await grantToken(newProject(), { role: "admin" })).token);
    const json = inJson(session.headers);
    const wrong = { ...json, "Action-Runs-Page-Key": "z".repeat(22) };
    expect((await ask("DELETE", "/session", { token: null, headers: wrong })).status).toBe(401);
    for (const foreign of [{ "Sec-Fetch-Site": "same-site" }, { Origin: "https://evil.example" }]) {
      const { status, headers } = await ask("DELETE", "/session", { token: null, headers: { ...json, ...foreign } });
      expect([status, headers.get("Set-Cookie")]).toEqual([403, null]);
    }
    expect(await codeOf("/whoami", session.headers)).toBe("200");
  });

  it("ends at once where its token, or one above it, is revoked, and elsewhere within 30 s", async () => {
    const project = newProject();
    const above = await grantToken(project, { role: "admin" });
    const child = await grantToken(project, { role: "viewer" }, above.token);
    const here = await beginSession(child.token);
    expect(await codeOf("/whoami", here.headers)).toBe("200");
    await ask("DELETE", `${project}/tokens/${above.id}`);
    expect(await codeOf("/whoami", here.headers)).toBe("session_ended");
    const row = await env.DB.prepare("SELECT 1 FROM sessions WHERE id = ?").bind(here.id).first();
    expect(row).toBeNull();

    clockAt(START);
    const other = await grantToken(project, { role: "viewer" });
    const there = await beginSession(other.token);
    expect(await codeOf("/whoami", there.headers)).toBe("200");
    await revokeElsewhere(env.DB, other.id);
    expect(await codeOf("/whoami", there.headers)).toBe("200");
    vi.setSystemTime(START + KNOWN_MS);
    expect(await codeOf("/whoami", there.headers)).toBe("session_ended");
  });

  it("creates no tokens after its end, although another isolate still accepts it", async () => {
    const project = newProject();
    const { token } = await grantToken(project, { role: "admin" });
    const { headers, id: sessionId } = await beginSession(token);
    expect(await codeOf("/whoami", headers)).toBe("200");
    await env.DB.prepare("DELETE FROM sessions WHERE id = ?").bind(sessionId).run();
    const body = { name: "late", role: "viewer" };
    const created = await ask<Refusal>("POST", `${project}/tokens`, { token: null, headers, body });
    expect([created.status, created.body.code]).toEqual([401, "session_ended"]);
    expect((await ask("GET", "/whoami", { token })).status).toBe(200);
  });

  it("leaves no rows: the cron removes sessions and codes that are over", async () => {
    clockAt(START);
    const project = newProject();
    const { token } = await grantToken(project, { role: "admin" });
    await beginSession(token);
    await ask("POST", `${project}/sign-in-codes`, { body: {} });
    const rows = () =>
      env.DB.prepare(
        "SELECT (SELECT count(*) FROM sessions WHERE project = ?1) + (SELECT count(*) FROM sign_in_codes WHERE about ->> 'project' = ?1) AS n",
      )
        .bind(project.slice(1))
        .first("n");
    await purgeSessions(env.DB, START + 1, null);
    expect(await rows()).toBe(2);
    await purgeSessions(env.DB, START + 13 * HOUR_MS, null);
    expect(await rows()).toBe(0);
  });
});

describe("a session that began with ROOT_TOKEN", () => {
  it("needs a project, and opens only that one", async () => {
    const project = newProject();
    const { status, body } = await postSession(ROOT);
    expect([status, body.code, body.pointer]).toEqual([400, "invalid_body", "/project"]);
    const session = await beginSession(ROOT, project.slice(1));
    expect(session).toMatchObject({ name: "root", role: "owner", project: project.slice(1) });
    expect(await codeOf(`${project}/tokens`, session.headers)).toBe("200");
    expect(await codeOf(`${newProject()}/tokens`, session.headers)).toBe("not_found");
  });

  it("can't ask for a resync and creates no owners. What it creates is the operator's and outlives it", async () => {
    const project = newProject();
    const { headers } = await beginSession(ROOT, project.slice(1));
    const createToken = (role: string) =>
      ask<{ parentId: string | null; token: string } & Refusal>("POST", `${project}/tokens`, {
        token: null,
        headers,
        body: { name: "x", role },
      });
    expect(await codeOf(`${project}/envs/prod/resync`, headers, "POST")).toBe("forbidden");
    const owner = await createToken("owner");
    expect([owner.status, owner.body.code]).toEqual([403, "forbidden"]);
    const admin = await createToken("admin");
    expect([admin.status, admin.body.parentId]).toEqual([201, null]);
    await ask("DELETE", "/session", { token: null, headers: inJson(headers) });
    expect(await codeOf(`${project}/tokens`, headers)).toBe("session_ended");
    expect((await ask("GET", `${project}/tokens`, { token: admin.body.token })).status).toBe(200);
  });

  it("is not renewed, and ends after 12 hours", async () => {
    clockAt(START);
    const { headers } = await beginSession(ROOT, newProject().slice(1));
    vi.setSystemTime(START + 6 * HOUR_MS);
    const { status, body } = await renew(headers);
    expect([status, Date.parse(body.expiresAt)]).toEqual([200, START + 12 * HOUR_MS]);
    vi.setSystemTime(START + 12 * HOUR_MS);
    expect(await codeOf("/whoami", headers)).toBe("session_ended");
  });

  it("ends when ROOT_TOKEN changes", async () => {
    const project = newProject();
    const { headers } = await beginSession(ROOT, project.slice(1));
    const changed = envWith({ ROOT_TOKEN: "another-root-token-of-32-characters!" });
    const get = (environment: typeof changed) =>
      askWith<Refusal>(environment, "GET", "/whoami", { token: null, headers });
    expect((await get(envWith({}))).status).toBe(200);
    expect((await get(changed)).body.code).toBe("session_ended");
    expect((await get(envWith({ ROOT_TOKEN: "" }))).body.code).toBe("session_ended");
  });

  it("is seen and ended by the operator alone", async () => {
    const project = newProject();
    const owner = await grantToken(project, { role: "owner" });
    const { id, headers } = await beginSession(ROOT, project.slice(1));
    expect(await sessionsOf(project, owner.token)).toEqual([]);
    expect(await sessionsOf(project, ROOT)).toEqual([id]);
    const path = `${project}/sessions/${id}`;
    const refused = await ask<Refusal>("DELETE", path, { token: owner.token });
    expect([refused.status, refused.body.code]).toEqual([404, "session_not_found"]);
    expect((await ask("DELETE", path)).status).toBe(204);
    expect(await codeOf("/whoami", headers)).toBe("session_ended");
  });
});

describe("the list of sessions", () => {
  it("has the sessions of the tokens that one may manage, newest first, in pages", async () => {
    const project = newProject();
    const admin = await grantToken(project, { role: "admin", name: "Ada" });
    const ofEnv = await grantToken(project, { role: "admin", envName: "prod" });
    const member = await grantToken(project, { role: "member", name: "Bob", envName: "prod" });
    const owner = await grantToken(project, { role: "owner" });
    const [a, m, o] = [
      await beginSession(admin.token),
      await beginSession(member.token),
      await beginSession(owner.token),
    ];
    expect(await sessionsOf(project, owner.token)).toEqual([o.id, m.id, a.id]);
    expect(await sessionsOf(project, admin.token)).toEqual([m.id, a.id]);
    expect(await sessionsOf(project, ofEnv.token)).toEqual([m.id]);
    expect((await ask("GET", `${project}/sessions`, { token: member.token })).status).toBe(403);
    const { body, headers } = await ask<Listed[]>("GET", `${project}/sessions?limit=2`, { token: owner.token });
    expect(body).toHaveLength(2);
    expect(body[1]).toMatchObject({ tokenId: member.id, tokenName: "Bob", role: "member", envName: "prod" });
    const second = await ask<Listed[]>("GET", nextOf(headers) ?? "", { token: owner.token });
    expect(second.body.map(({ id }) => id)).toEqual([a.id]);
  });

  it("says when a session really ends, which is with its secret, and leaves out one whose secret has ended", async () => {
    clockAt(START);
    const project = newProject();
    const expiresAt = new Date(START + 13 * HOUR_MS).toISOString();
    const short = await grantToken(project, { role: "viewer", expiresAt });
    const { id, headers } = await beginSession(short.token);
    const other = await grantToken(project, { role: "viewer" });
    await beginSession(other.token);
    vi.setSystemTime(START + 2 * HOUR_MS);
    await renew(headers);
    await ask("POST", `${project}/tokens/${other.id}/rotate`, { body: { overlapSeconds: 0 } });
    const { body } = await ask<Listed[]>("GET", `${project}/sessions`);
    expect(body).toMatchObject([{ id, expiresAt }]);
    vi.setSystemTime(START + 13 * HOUR_MS);
    expect(await sessionsOf(project, ROOT)).toEqual([]);
  });

  it("leads to the end of a session, in the audit with token and session of who ended it", async () => {
    const project = newProject();
    const admin = await grantToken(project, { role: "admin", name: "Ada" });
    const member = await grantToken(project, { role: "member", envName: "prod" });
    const asker = await beginSession(admin.token);
    const ended = await beginSession(member.token);
    expect(await codeOf("/whoami", ended.headers)).toBe("200");
    expect(await codeOf(`${project}/sessions/${ended.id}`, asker.headers, "DELETE")).toBe("204");
    expect(await codeOf("/whoami", ended.headers)).toBe("session_ended");
    expect(await codeOf(`${project}/sessions/${ended.id}`, asker.headers, "DELETE")).toBe("session_not_found");
    const { body } = await ask<object[]>("GET", `${project}/audit`);
    expect(body[0]).toMatchObject({
      action: "session_ended",
      actor: admin.id,
      actorName: "Ada",
      sessionId: asker.id,
      target: ended.id,
      scope: `${project.slice(1)}/prod`,
    });
  });

  it("names the session in the log beside the token", async () => {
    const session = await beginSession((await grantToken(newProject(), { role: "viewer" })).token);
    vi.spyOn(Date, "now").mockReturnValue(Date.now() + 5000);
    const log = vi.spyOn(console, "log");
    await ask("GET", "/whoami", { token: null, headers: session.headers });
    const [line] = linesOf(log.mock.calls.map(String), "request");
    expect([line?.token === undefined, line?.session]).toEqual([false, session.id]);
  });
});

describe("a sign-in code", () => {
  const newCode = async (project: string) =>
    (await ask<{ code: string; expiresAt: string }>("POST", `${project}/sign-in-codes`, { body: {} })).body;

  it("begins one session of the operator in its project", async () => {
    const project = newProject();
    const { code } = await newCode(project);
    const { status, headers, body } = await postSession(null, { code });
    expect([status, body.project, body.role, body.name]).toEqual([201, project.slice(1), "owner", "root"]);
    expect(await codeOf(`${project}/tokens`, sessionOf(headers, body).headers)).toBe("200");
    const again = await postSession(null, { code });
    expect([again.status, again.body.code]).toEqual([401, "sign_in_code_invalid"]);
  });

  it("has one winner if two browsers send it at once", async () => {
    const { code } = await newCode(newProject());
    const answers = await Promise.all([1, 2, 3].map(() => postSession(null, { code })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401, 401]);
  });

  it("is good for 10 minutes", async () => {
    clockAt(START);
    const { code, expiresAt } = await newCode(newProject());
    expect(Date.parse(expiresAt)).toBe(START + 600_000);
    vi.setSystemTime(START + 600_000);
    expect((await postSession(null, { code })).status).toBe(401);
  });

  it("is in D1 as a hash only", async () => {
    const { code } = await newCode(newProject());
    const { results } = await env.DB.prepare("SELECT * FROM sign_in_codes").all();
    expect(JSON.stringify(results)).not.toContain(code);
  });

  it("is made and taken only where `npm start` serves", async () => {
    const project = newProject();
    const { code } = await newCode(project);
    const elsewhere = envWith({ SIGN_IN_CODES: "" });
    const made = await askWith(elsewhere, "POST", `${project}/sign-in-codes`, { token: ROOT, body: {} });
    expect(made.status).toBe(404);
    const taken = await askWith<Refusal>(elsewhere, "POST", "/session", {
      token: null,
      body: { code },
      headers: OWN_PAGE,
    });
    expect([taken.status, taken.body.code]).toEqual([401, "sign_in_code_invalid"]);
    expect((await postSession(null, { code })).status).toBe(201);
  });

  it("is made by ROOT_TOKEN alone", async () => {
    const project = newProject();
    const { token } = await grantToken(project, { role: "owner" });
    const asOwner = await ask("POST", `${project}/sign-in-codes`, { token, body: {} });
    const { headers } = await beginSession(ROOT, project.slice(1));
    const asSession = await ask("POST", `${project}/sign-in-codes`, { token: null, headers, body: {} });
    expect([asOwner.status, asSession.status]).toEqual([403, 403]);
  });
});

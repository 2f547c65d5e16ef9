/** Sessions by sign-in: whose they are, how long they last, and who sees and ends them. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { purgeSessions } from "../../src/auth/session-store.ts";
import { everyMinute } from "../../src/cron.ts";
import { later } from "../support/clock.ts";
import { HOUR_MS } from "../support/direct.ts";
import { ask, createRun, type Schemas } from "../support/requests.ts";
import { beginSession, COOKIE_NAME, type SessionOnWire, type TestSession } from "../support/sessions.ts";
import { changed } from "../support/settings.ts";
import { grantToken, newAddress, newProject, type Refusal, revokeElsewhere } from "../support/tokens.ts";
import { Browser, CLIENT_ID, type PeopleIssuer, peopleToken, person, useIssuers, usePeople } from "./people.ts";

const START = Date.parse("2030-03-01T00:00:00Z");
const KNOWN_MS = 30_000;
const [ADA, BO] = [person("ada"), person("bo")];

type Sent = Readonly<Record<string, string>>;
const inJson = (headers: Sent) => ({ ...headers, "Content-Type": "application/json" });

async function codeOf(path: string, headers: Sent, method = "GET", body?: unknown): Promise<string> {
  const sent = { "CF-Connecting-IP": newAddress(), ...headers };
  const answer = await ask<Refusal | null>(method, path, { token: null, headers: sent, body });
  return answer.body?.code ?? String(answer.status);
}

const renew = (headers: Sent) =>
  ask<SessionOnWire & Refusal>("POST", "/session/renew", { token: null, headers: inJson(headers), raw: "" });

/** An issuer, a project with a token for its people, and a session of Ada. */
async function given(wanted: Parameters<typeof peopleToken>[2] = {}) {
  const people = await usePeople();
  const project = newProject();
  const token = await peopleToken(project, people, wanted);
  const session = await new Browser().sessionOf(people, ADA, project, token);
  return { people, project, token, session };
}

/** The setting with other members for this issuer. */
function change({ url }: PeopleIssuer, entry: object): void {
  useIssuers([{ issuer: url, kind: "people", projects: "acme/*", clientId: CLIENT_ID, ...entry }]);
}

describe("a session by sign-in", () => {
  it("acts as the token for the person, in runs and in the audit", async () => {
    const { people, project, token, session } = await given({ role: "admin", envName: "prod" });
    const { headers } = session;
    const whoami = await ask<Schemas["CurrentToken"]>("GET", "/whoami", { token: null, headers });
    expect(whoami.body).toMatchObject({
      id: token.id,
      role: "admin",
      envName: "prod",
      person: "ada@example.com",
      issuer: people.url,
      sessionId: session.id,
    });
    const run = await createRun(`${project}/envs/prod/action-runs`, undefined, { token: null, headers });
    expect(run.triggeredBy).toBe("ada@example.com");
    expect(await codeOf(`${project}/envs/dev/action-runs`, headers)).toBe("not_found");
    expect(await codeOf(`${newProject()}/tokens`, headers)).toBe("not_found");
    expect(await codeOf(`${project}/envs/prod/actions/deploy`, headers, "PUT", { timeout: 5 })).toBe("201");
    const { body: audit } = await ask<Schemas["AuditList"]>("GET", `${project}/audit`);
    expect(audit[0]).toMatchObject({
      actor: token.id,
      person: "ada@example.com",
      via: "platform",
      sessionId: session.id,
      action: "action_put",
    });
  });

  it("names nobody else: its requests can't act for others, whatever the token above may do", async () => {
    const people = await usePeople();
    const project = newProject();
    const portal = await grantToken(project, { role: "owner", mayActForOthers: true });
    const token = await peopleToken(project, people, {}, undefined, portal.token);
    const { headers } = await new Browser().sessionOf(people, ADA, project, token);
    const sent = { ...headers, "On-Behalf-Of": "bo@example.com" };
    const path = `${project}/envs/prod/action-runs`;
    expect(await codeOf(path, sent, "POST", { actionName: "deploy" })).toBe("may_not_act_for_others");
  });

  it("is never another one's: cookie and page key belong together, and neither is a token", async () => {
    const { people, project, token, session: ada } = await given();
    const bo = await new Browser().sessionOf(people, BO, project, token);
    const whose = async ({ headers }: TestSession) =>
      (await ask<Schemas["CurrentToken"]>("GET", "/whoami", { token: null, headers })).body.person;
    for (let n = 0; n < 2; n++)
      expect([await whose(ada), await whose(bo)]).toEqual(["ada@example.com", "bo@example.com"]);
    const pageKey = "Action-Runs-Page-Key";
    expect(await codeOf("/whoami", { ...ada.headers, [pageKey]: bo.pageKey })).toBe("session_ended");
    expect(await codeOf("/whoami", { ...bo.headers, Cookie: ada.headers.Cookie ?? "" })).toBe("session_ended");
    for (const prefix of ["t", "r"]) {
      const Cookie = `${COOKIE_NAME}=${prefix}${ada.cookie.slice(1)}`;
      expect(await codeOf("/whoami", { ...ada.headers, Cookie })).toBe("session_ended");
    }
    for (const secret of [ada.cookie, `ters_${ada.cookie.slice(2)}`, `terr_${ada.cookie.slice(2)}`]) {
      expect(await codeOf("/whoami", { Authorization: `Bearer ${secret}` })).toMatch(/^(token_invalid|session_ended)$/);
    }
  });

  it("has idempotency keys of its person's own: two people of one token are two callers", async () => {
    const { people, project, token, session: ada } = await given();
    const [again, bo] = [
      await new Browser().sessionOf(people, ADA, project, token),
      await new Browser().sessionOf(people, BO, project, token),
    ];
    const create = ({ headers }: TestSession) =>
      createRun(`${project}/envs/prod/action-runs`, undefined, {
        token: null,
        headers: { ...headers, "Idempotency-Key": "deploy-42" },
      });
    const [first, second, third] = [await create(ada), await create(again), await create(bo)];
    expect([second.id, third.triggeredBy]).toEqual([first.id, "bo@example.com"]);
    expect(third.id).not.toBe(first.id);
  });

  it("begins no other session", async () => {
    const { project, session } = await given();
    const body = { project: project.slice(1) };
    expect(await codeOf("/session", session.headers, "POST", body)).toBe("unauthorized");
  });
});

describe("its life", () => {
  it("is 12 hours, and a renewal makes it longer once an hour, up to 24", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: START });
    const { session } = await given();
    const at = (hours: number) => vi.setSystemTime(START + hours * HOUR_MS);
    const endsAt = async () => (Date.parse((await renew(session.headers)).body.expiresAt) - START) / HOUR_MS;
    expect(await endsAt()).toBe(12);
    at(1);
    expect(await endsAt()).toBe(13);
    at(11);
    expect(await endsAt()).toBe(23);
    at(20);
    expect(await endsAt()).toBe(24);
    at(23);
    expect(await endsAt()).toBe(24);
    expect(await codeOf("/whoami", session.headers)).toBe("200");
    at(24);
    expect(await codeOf("/whoami", session.headers)).toBe("session_ended");
    expect((await renew(session.headers)).body.code).toBe("session_ended");
    await purgeSessions(env.DB, Date.now(), null);
    const left = env.DB.prepare("SELECT count(*) AS n FROM sessions WHERE id = ?").bind(session.id);
    expect(await left.first("n")).toBe(0);
  });

  it("ends for good if its issuer leaves the setting, and not by a mistake in the setting", async () => {
    const { people, session } = await given();
    const sweep = () => everyMinute({ ...env, OIDC_ISSUERS: String(changed.OIDC_ISSUERS) }, Date.now());
    await sweep();
    changed.OIDC_ISSUERS = "[";
    await sweep();
    expect(await codeOf("/whoami", session.headers)).toBe("not_configured");
    change(people, {});
    expect(await codeOf("/whoami", session.headers)).toBe("200");
    changed.OIDC_ISSUERS = "";
    await sweep();
    change(people, {});
    later(KNOWN_MS);
    expect(await codeOf("/whoami", session.headers)).toBe("session_ended");
  });

  it("replaces the one that the browser has", async () => {
    const { people, project, token } = await given();
    const browser = new Browser();
    const first = await browser.sessionOf(people, ADA, project, token);
    expect(await codeOf("/whoami", first.headers)).toBe("200");
    const second = await browser.sessionOf(people, ADA, project, token);
    expect(await codeOf("/whoami", first.headers)).toBe("session_ended");
    expect(await codeOf("/whoami", second.headers)).toBe("200");
  });

  it("never passes its token's", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: START });
    const { session } = await given({ expiresAt: new Date(START + 2 * HOUR_MS).toISOString() });
    expect(Date.parse(session.expiresAt)).toBe(START + 2 * HOUR_MS);
    vi.setSystemTime(START + HOUR_MS);
    expect(Date.parse((await renew(session.headers)).body.expiresAt)).toBe(START + 2 * HOUR_MS);
    vi.setSystemTime(START + 2 * HOUR_MS);
    expect(await codeOf("/whoami", session.headers)).toBe("session_ended");
  });

  it("ends with its token: at once here, within 30 s elsewhere, and before anything that lasts", async () => {
    const { people, project, token, session } = await given();
    expect(await codeOf("/whoami", session.headers)).toBe("200");
    await revokeElsewhere(env.DB, token.id);
    expect(await codeOf("/whoami", session.headers)).toBe("200");
    const child = { name: "child", role: "viewer" };
    expect(await codeOf(`${project}/tokens`, session.headers, "POST", child)).toBe("session_ended");
    const another = await peopleToken(project, people);
    const other = await new Browser().sessionOf(people, ADA, project, another);
    expect(await codeOf("/whoami", other.headers)).toBe("200");
    await revokeElsewhere(env.DB, another.id);
    later(KNOWN_MS);
    expect(await codeOf("/whoami", other.headers)).toBe("session_ended");
    const third = await peopleToken(project, people);
    const last = await new Browser().sessionOf(people, ADA, project, third);
    expect(await codeOf("/whoami", last.headers)).toBe("200");
    await ask("DELETE", `${project}/tokens/${third.id}`);
    expect(await codeOf("/whoami", last.headers)).toBe("session_ended");
    expect(await env.DB.prepare("SELECT id FROM sessions WHERE id = ?").bind(last.id).first()).toBeNull();
  });

  it("ends when its issuer leaves the setting, loses its people, or may no longer speak for the project", async () => {
    const { people, session } = await given();
    const state = () => codeOf("/whoami", session.headers);
    expect(await state()).toBe("200");
    useIssuers([]);
    expect(await state()).toBe("session_ended");
    change(people, { projects: "umbrella/*" });
    expect(await state()).toBe("session_ended");
    change(people, { clientId: undefined });
    expect(await state()).toBe("session_ended");
    change(people, { issuer: `${people.url}/` });
    expect(await state()).toBe("session_ended");
    change(people, {});
    expect(await state()).toBe("200");
  });

  it("ends with DELETE /session, and only its own page asks for that", async () => {
    const { session } = await given();
    const end = (headers: Sent) => codeOf("/session", inJson(headers), "DELETE");
    expect(await end({ ...session.headers, "Action-Runs-Page-Key": "x".repeat(22) })).toBe("session_ended");
    expect(await codeOf("/whoami", session.headers)).toBe("200");
    expect(await end(session.headers)).toBe("204");
    expect(await codeOf("/whoami", session.headers)).toBe("session_ended");
  });

  it("is one of 20 of the person with this token: the oldest ends, and those of others stay", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: START });
    const { people, project, token, session: first } = await given();
    const bo = await new Browser().sessionOf(people, BO, project, token);
    const another = await peopleToken(project, people);
    const ofAnother = await new Browser().sessionOf(people, ADA, project, another);
    for (let n = 1; n <= 20; n++) {
      vi.setSystemTime(START + n);
      await new Browser().sessionOf(people, ADA, project, token);
    }
    const count = env.DB.prepare(
      "SELECT count(*) AS n FROM sessions WHERE token_id = ? AND person = 'ada@example.com'",
    );
    expect(await count.bind(token.id).first("n")).toBe(20);
    vi.setSystemTime(START + 2 * KNOWN_MS);
    const states = [first, bo, ofAnother].map(({ headers }) => codeOf("/whoami", headers));
    expect(await Promise.all(states)).toEqual(["session_ended", "200", "200"]);
  });

  it("notes the hour of its last use, of the session and of the token", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: START + 1000 });
    const { project, token, session } = await given();
    await codeOf("/whoami", session.headers);
    const rows = async () =>
      (
        await env.DB.prepare(
          "SELECT last_used_at FROM sessions WHERE id = ? UNION ALL SELECT last_used_at FROM tokens WHERE id = ?",
        )
          .bind(session.id, token.id)
          .all()
      ).results;
    await vi.waitFor(async () => expect(await rows()).toEqual([{ last_used_at: START }, { last_used_at: START }]));
    const { body } = await ask<Schemas["SessionList"]>("GET", `${project}/sessions`);
    expect(body[0]?.lastUsedAt).toBe(new Date(START).toISOString());
  });
});

describe("the list of sessions", () => {
  it("has both kinds, newest first, with their persons, for those who may manage the token", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: START });
    const { people, project, token, session: ada } = await given({ role: "member", envName: "prod" });
    vi.setSystemTime(START + 1);
    const plain = await grantToken(project, { role: "admin", name: "ci" });
    const ofToken = await beginSession(plain.token);
    vi.setSystemTime(START + 2);
    const bo = await new Browser().sessionOf(people, BO, project, token);
    const list = async (asker: string, query = "") =>
      (await ask<Schemas["SessionList"]>("GET", `${project}/sessions${query}`, { token: asker })).body;
    const all = await list(plain.token);
    expect(all.map(({ id, tokenName, person: who, isCommandLine }) => [id, tokenName, who, isCommandLine])).toEqual([
      [bo.id, "platform", "bo@example.com", false],
      [ofToken.id, "ci", null, false],
      [ada.id, "platform", "ada@example.com", false],
    ]);
    expect(all[2]).toMatchObject({ role: "member", envName: "prod", tokenId: token.id });
    expect((await list(plain.token, "?limit=1")).map(({ id }) => id)).toEqual([bo.id]);
    const ofDev = await grantToken(project, { role: "admin", envName: "dev" });
    expect(await list(ofDev.token)).toEqual([]);
    vi.setSystemTime(START + 12 * HOUR_MS);
    expect(await list(plain.token)).toMatchObject([{ id: bo.id }, { id: ofToken.id }]);
    vi.setSystemTime(START + 12 * HOUR_MS + 1);
    expect(await list(plain.token)).toMatchObject([{ id: bo.id }]);
  });

  it("ends a session of either kind with an audit entry, and none that the asker may not see", async () => {
    const { project, session } = await given({ role: "admin", envName: "prod" });
    const path = `${project}/sessions/${session.id}`;
    const ofDev = await grantToken(project, { role: "admin", envName: "dev" });
    expect((await ask<Refusal>("DELETE", path, { token: ofDev.token })).body.code).toBe("session_not_found");
    const elsewhere = `${newProject()}/sessions/${session.id}`;
    expect((await ask<Refusal>("DELETE", elsewhere)).body.code).toBe("session_not_found");
    expect(await codeOf("/whoami", session.headers)).toBe("200");
    const admin = await grantToken(project, { role: "admin" });
    expect((await ask("DELETE", path, { token: admin.token })).status).toBe(204);
    expect(await codeOf("/whoami", session.headers)).toBe("session_ended");
    expect((await ask<Refusal>("DELETE", path, { token: admin.token })).body.code).toBe("session_not_found");
    const { body: audit } = await ask<Schemas["AuditList"]>("GET", `${project}/audit`);
    expect(audit[0]).toMatchObject({
      action: "session_ended",
      actor: admin.id,
      target: session.id,
      targetName: "platform",
      scope: `${project.slice(1)}/prod`,
    });
  });

  it("lets somebody end their own session there, and takes effect before anything that lasts", async () => {
    const { project, session } = await given();
    expect(await codeOf("/whoami", session.headers)).toBe("200");
    // As another isolate would.
    await env.DB.prepare("DELETE FROM sessions WHERE id = ?").bind(session.id).run();
    const child = { name: "child", role: "viewer" };
    expect(await codeOf(`${project}/tokens`, session.headers, "POST", child)).toBe("session_ended");
  });
});

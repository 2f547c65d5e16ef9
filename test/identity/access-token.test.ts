/** An access token acts as the token that it opened, but it manages no tokens, decides nothing, and ends soon. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { sealAccessToken } from "../../src/auth/token-format.ts";
import { HOUR_MS, MINUTE_MS } from "../../src/base/time.ts";
import { KeyRing } from "../../src/settings/key-ring.ts";
import { call, offer } from "../mcp/agent.ts";
import { clockFrom } from "../support/clock.ts";
import { until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { type ActionRun, ask, createRun, ROOT, replayed, type Schemas } from "../support/requests.ts";
import { everything } from "../support/rows.ts";
import { bulkEnded, startBulk } from "../support/runs/bulk.ts";
import { type DetailedRun, gatedRun } from "../support/runs/gated.ts";
import { beginSession, postSession } from "../support/sessions.ts";
import { changed } from "../support/settings.ts";
import { givenProject, grantToken, newAddress, type Refusal, revokeElsewhere } from "../support/tokens.ts";
import {
  accessToken,
  audienceOf,
  CLAIMS,
  exchange,
  GITHUB,
  grantTrust,
  mint,
  setIssuers,
  useGithub,
} from "./programs.ts";

const START = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS;
const later = clockFrom(START);
const github = useGithub();

/** A token of a new project that trusts the repository, and an access token of it. */
async function givenAccess(more: Partial<Schemas["NewApiToken"]> = {}, claims: object = {}) {
  const { project, path } = givenProject();
  const id = await grantTrust(project, more);
  return { project, path, id, token: await accessToken(github(), project, id, claims) };
}

async function codeOf(path: string, token: string): Promise<string> {
  const headers = { "CF-Connecting-IP": newAddress() };
  const { status, body } = await ask<Refusal>("GET", path, { token, headers });
  return status === 200 ? "ok" : `${status} ${body.code}`;
}

describe("an access token", () => {
  it("makes each program an agent of its own, whose same call finds its run", async () => {
    const { project, id, token } = await givenAccess({ role: "member" });
    const other = await accessToken(github(), project, id, { sub: `${CLAIMS.sub}-2` });
    const place = { path: `${project}/envs/production`, token };
    await offer(place, "deploy", { approval: {} });
    const runs = [place, { ...place, token: other }, place].map(
      async (one) => (await call(one, "run_deploy")).structuredContent,
    );
    const [one, two, again] = (await Promise.all(runs)).map((run) => run?.id);
    expect([one === two, one === again]).toEqual([false, true]);
  });

  it("says what it is", async () => {
    const { project, id, token } = await givenAccess({ role: "admin", envName: "prod", name: "deploys" });
    const { body } = await ask("GET", "/whoami", { token });
    expect(body).toEqual({
      id,
      name: "deploys",
      role: "admin",
      permissions: ["data:read", "data:write", "actions:manage", "webhooks:manage"],
      project: project.slice(1),
      envName: "prod",
      person: null,
      mayApprove: false,
      mayActForOthers: false,
      issuer: GITHUB,
      expiresAt: new Date(START + 15 * MINUTE_MS).toISOString(),
      tokenExpiresAt: null,
      sessionId: null,
    });
  });

  it("opens what its token opens, and nothing else", async () => {
    const { project, path, token } = await givenAccess({ envName: "prod" });
    const elsewhere = givenProject();
    expect(await codeOf(path, token)).toBe("ok");
    expect(await codeOf(path.replace("/prod/", "/staging/"), token)).toBe("404 not_found");
    expect(await codeOf(elsewhere.path, token)).toBe("404 not_found");
    expect(await codeOf(`${project}/tokens`, token)).toBe("403 forbidden");
  });

  it.each([
    ["admin", /^An access token lacks tokens:manage, whatever its role\./],
    ["member", /^The role member lacks tokens:manage\./],
  ] as const)("of a role %s is told why it manages no tokens", async (role, sentence) => {
    const { project, token } = await givenAccess({ role });
    expect((await ask<Refusal>("GET", `${project}/tokens`, { token })).body.error).toMatch(sentence);
  });

  it("shows its program, in the run and in the audit", async () => {
    const { project, path, token } = await givenAccess({ role: "admin" });
    const run = await createRun(path, undefined, { token });
    const { body } = await ask<DetailedRun>("GET", `${path}/${run.id}?include=details`);
    expect([body.triggeredBy, body.details.via]).toEqual(["ci", CLAIMS.sub]);
    await ask("POST", `${path}/${run.id}/cancel`, { token, body: {} });
    const pause = path.replace("action-runs", "pauses/-environment");
    expect((await ask("PUT", pause, { token, body: { reason: "freeze" } })).status).toBe(200);
    expect((await ask("PUT", path.replace("action-runs", "actions/deploy"), { token, body: {} })).status).toBe(201);
    const entries = (await ask<Schemas["AuditEntry"][]>("GET", `${project}/audit`)).body;
    const told = entries.map(({ action, actorName, person, via }) => [action, actorName, person, via]);
    expect(told.sort()).toEqual([
      ["action_put", "ci", null, CLAIMS.sub],
      ["pause_put", "ci", null, CLAIMS.sub],
      ["run_cancelled", "ci", null, CLAIMS.sub],
      ["token_minted", "root", null, null],
    ]);
  });

  it("of another program stores what starts runs later anew, because the runs are that program's", async () => {
    const { project, path, id, token } = await givenAccess({ role: "admin" });
    const another = await accessToken(github(), project, id, { sub: "repo:acme/shop:ref:refs/heads/other" });
    const action = path.replace("action-runs", "actions/deploy");
    const trigger = { type: "webhook", url: "https://ci.example.com/hooks/deploy" };
    await ask("PUT", action, { token, body: { trigger } });
    const body = { action: "deploy", cron: "@daily", timezone: "UTC" };
    const put = async (by: string) =>
      (await ask("PUT", path.replace("action-runs", "schedules/nightly"), { token: by, body })).headers.get("ETag");
    const [first, again, others] = [await put(token), await put(token), await put(another)];
    expect(first).toMatch(/^"\d+"$/);
    expect([again === first, others === first, (await put(another)) === others]).toEqual([true, false, true]);
  });

  it("acts for the person of its token, and still shows its program", async () => {
    const { path, token } = await givenAccess({ person: "ada@acme" });
    const run = await createRun(path, undefined, { token });
    const { body } = await ask<DetailedRun>("GET", `${path}/${run.id}?include=details`);
    expect([body.triggeredBy, body.details.via]).toEqual(["ada@acme", CLAIMS.sub]);
  });

  it("ends after 15 minutes to the millisecond, and with its token", async () => {
    const { path, token } = await givenAccess();
    later(15 * MINUTE_MS - 1);
    expect(await codeOf(path, token)).toBe("ok");
    for (const ms of [0, MINUTE_MS]) {
      later(15 * MINUTE_MS + ms);
      const calls = faults.calls;
      expect(await codeOf(path, token)).toBe("401 token_expired");
      expect(faults.calls).toBe(calls);
    }
    later(0);
    const short = await givenAccess({ expiresAt: new Date(START + MINUTE_MS).toISOString() });
    const proof = await github().sign({ ...CLAIMS, aud: audienceOf(short.project) });
    expect((await exchange(short.project, short.id, proof)).body.expiresAt).toBe(
      new Date(START + MINUTE_MS).toISOString(),
    );
    later(MINUTE_MS - 1);
    expect(await codeOf(short.path, short.token)).toBe("ok");
    later(MINUTE_MS);
    expect(await codeOf(short.path, short.token)).toBe("401 token_expired");
    const late = await exchange(short.project, short.id, proof);
    expect([late.status, late.body.code]).toEqual([401, "token_expired"]);
  });

  it("ends at once with a revocation here, and within 30 s with one elsewhere", async () => {
    const here = await givenAccess();
    expect(await codeOf(here.path, here.token)).toBe("ok");
    await ask("DELETE", `${here.project}/tokens/${here.id}`);
    expect(await codeOf(here.path, here.token)).toBe("401 token_invalid");
    const proof = await github().sign({ ...CLAIMS, aud: audienceOf(here.project) });
    expect((await exchange(here.project, here.id, proof)).body.code).toBe("trust_unmet");
    const elsewhere = await givenAccess();
    await revokeElsewhere(env.DB, elsewhere.id);
    later(29_999);
    expect(await codeOf(elsewhere.path, elsewhere.token)).toBe("ok");
    later(30_000);
    expect(await codeOf(elsewhere.path, elsewhere.token)).toBe("401 token_invalid");
  });

  it("ends with the token above its own", async () => {
    const { project, path } = givenProject();
    const above = await grantToken(project, { role: "admin" });
    const token = await accessToken(github(), project, await grantTrust(project, {}, above.token));
    expect(await codeOf(path, token)).toBe("ok");
    await ask("DELETE", `${project}/tokens/${above.id}`);
    expect(await codeOf(path, token)).toBe("401 token_invalid");
  });

  it("ends at once when its issuer leaves OIDC_ISSUERS, or may no longer be trusted by its project", async () => {
    const { path, token } = await givenAccess();
    const { jwks } = github();
    const states: [string, () => void][] = [
      ["ok", () => setIssuers({ issuer: GITHUB, kind: "github", jwks, projects: ["acme/x", "acme/*"] })],
      ["401 token_expired", () => setIssuers()],
      ["401 token_expired", () => setIssuers({ issuer: `${GITHUB}/`, kind: "github", jwks })],
      ["401 token_expired", () => setIssuers({ issuer: GITHUB, kind: "github", jwks, projects: "acme/another" })],
      ["503 not_configured", () => Object.assign(changed, { OIDC_ISSUERS: "[" })],
      ["ok", () => setIssuers({ issuer: GITHUB, kind: "github", jwks })],
    ];
    for (const [expected, set] of states) {
      set();
      expect(await codeOf(path, token)).toBe(expected);
    }
  });

  it("ends when the key that sealed it leaves the ring, and not with a new first key", async () => {
    const { path, token } = await givenAccess();
    const first = env.CALLBACK_SIGNING_KEYS;
    const second = "another-signing-key-for-tests-of-32-bytes";
    Object.assign(changed, { CALLBACK_SIGNING_KEYS: `${second},${first}` });
    expect(await codeOf(path, token)).toBe("ok");
    Object.assign(changed, { CALLBACK_SIGNING_KEYS: second });
    expect(await codeOf(path, token)).toBe("401 token_invalid");
    Object.assign(changed, { CALLBACK_SIGNING_KEYS: "short" });
    expect(await codeOf(path, token)).toBe("503 not_configured");
  });

  it("notes the use of its token", async () => {
    const { project, path, id, token } = await givenAccess();
    await codeOf(path, token);
    const lastUse = async () =>
      (await ask<Schemas["ApiToken"][]>("GET", `${project}/tokens`)).body.find((one) => one.id === id)?.lastUsedAt;
    await until(async () => (await lastUse()) === new Date(START).toISOString());
  });
});

it("a matrix of jobs reads D1 once, to exchange and to ask", async () => {
  const { project, path } = givenProject();
  const id = await grantTrust(project, { role: "viewer" });
  const proof = await github().sign({ ...CLAIMS, aud: audienceOf(project) });
  const calls = faults.calls;
  const tokens: string[] = [];
  for (let job = 0; job < 20; job++) tokens.push((await exchange(project, id, proof)).body.accessToken);
  expect(faults.calls - calls).toBe(1);
  expect(new Set(tokens).size).toBe(20);
  for (const token of tokens) expect(await codeOf(`${path}/${crypto.randomUUID()}`, token)).toBe("404 run_not_found");
  // Besides, the hour of use is written once, and D1 is asked for the run, which no coordinator knows.
  await until(async () => faults.calls - calls >= 2);
  expect(faults.calls - calls).toBeLessThanOrEqual(2 + 20);
});

it("a token that is remembered is exchanged and used while D1 is down, for 10 minutes", async () => {
  const { project, path, id, token } = await givenAccess({ role: "viewer" });
  const run = await createRun(path);
  const proof = async () => github().sign({ ...CLAIMS, aud: audienceOf(project) });
  expect((await exchange(project, id, await proof())).status).toBe(200);
  faults.reads = "down";
  later(599_000);
  expect((await exchange(project, id, await proof())).status).toBe(200);
  expect(await codeOf(`${path}/${run.id}`, token)).toBe("ok");
  const unknown = await exchange(project, crypto.randomUUID(), await proof());
  expect([unknown.status, unknown.body.code]).toEqual([503, "database_unavailable"]);
  later(605_000);
  expect((await exchange(project, id, await proof())).body.code).toBe("database_unavailable");
});

describe("an access token is refused", () => {
  /** Each tries something that outlives the proof, or that a person does. */
  const REFUSED: Readonly<Record<string, (given: Given) => Promise<readonly [status: number, code: string]>>> = {
    "that mints": ({ project, token }) => tried("POST", `${project}/tokens`, token, { name: "x", role: "viewer" }),
    "that mints one with a trust": async ({ project, token }) => {
      const { status, body } = await mint(project, { role: "viewer" }, token);
      return [status, body.code];
    },
    "that lists tokens": ({ project, token }) => tried("GET", `${project}/tokens`, token),
    "that revokes": ({ project, token, other }) => tried("DELETE", `${project}/tokens/${other}`, token),
    "that revokes itself": ({ project, token, id }) => tried("DELETE", `${project}/tokens/${id}`, token),
    "that rotates": ({ project, token, other }) => tried("POST", `${project}/tokens/${other}/rotate`, token, {}),
    "that reads the audit": ({ project, token }) => tried("GET", `${project}/audit`, token),
    "that ends sessions": ({ project, token, session }) => tried("DELETE", `${project}/sessions/${session}`, token),
    "that begins a session": async ({ token }) => {
      const { status, body } = await postSession(token);
      return [status, body.code];
    },
    "that approves": ({ run, token }) => tried("POST", `${run}/approve`, token, {}),
    "that rejects": ({ run, token }) => tried("POST", `${run}/reject`, token, {}),
    "that erases a run": ({ run, token }) => tried("POST", `${run}/erase`, token, { reason: "x" }),
  };

  interface Given {
    readonly project: string;
    readonly id: string;
    readonly token: string;
    readonly other: string;
    readonly session: string;
    readonly run: string;
  }

  async function tried(method: string, path: string, token: string, body?: unknown) {
    const answer = await ask<Refusal>(method, path, { token, body });
    return [answer.status, answer.body.code] as const;
  }

  it.each(Object.entries(REFUSED))("%s, also of an owner's token", async (name, attempt) => {
    const { project, path, id, token } = await givenAccess({ role: "owner" });
    const other = await grantToken(project, { role: "viewer" });
    const session = (await beginSession(other.token)).id;
    const waiting = await gatedRun(path, { approval: {} });
    const given = { project, id, token, other: other.id, session, run: `${path}/${waiting.id}` };
    const before = await everything();
    const [status, code] = await attempt(given);
    expect([name, status, code]).toEqual([name, 403, expect.stringMatching(/^(forbidden|may_not_approve)$/)]);
    expect(await everything()).toEqual(before);
  });

  it("that rotates its own token, which has no secret", async () => {
    const { project, id, token } = await givenAccess({ role: "owner" });
    for (const by of [token, ROOT]) {
      const { status, body } = await ask<Refusal>("POST", `${project}/tokens/${id}/rotate`, { token: by, body: {} });
      expect([status, body.code]).toEqual([409, "token_has_no_secret"]);
    }
  });

  it("that names a person, and reads as itself", async () => {
    const { path, token } = await givenAccess();
    const headers = { "On-Behalf-Of": "ada@acme" };
    const { status, body } = await ask<Refusal>("POST", path, { token, headers, body: { actionName: "deploy" } });
    expect([status, body.code]).toEqual([403, "may_not_act_for_others"]);
    expect((await ask("GET", path, { token, headers })).status).toBe(200);
  });

  it("whatever flags its row has", async () => {
    const { project, path, id } = await givenAccess();
    await env.DB.prepare("UPDATE tokens SET may_approve = 1, may_act_for_others = 1 WHERE id = ?").bind(id).run();
    later(30_000);
    const token = await accessToken(github(), project, id);
    const { id: run } = await gatedRun(path, { approval: {} });
    expect((await ask<Refusal>("POST", `${path}/${run}/approve`, { token, body: {} })).body.code).toBe(
      "may_not_approve",
    );
  });
});

const ringOf = (key = "") => new KeyRing([Uint8Array.from(new TextEncoder().encode(key))]);

describe("a forged access token", () => {
  const FORGED: Readonly<Record<string, (genuine: string) => string | Promise<string>>> = {
    "of nothing": () => `tera_${"A".repeat(200)}`,
    "with one character more": (genuine) => `${genuine}A`,
    "with one character less": (genuine) => genuine.slice(0, -1),
    "with its last byte changed": (genuine) =>
      genuine.slice(0, -2) + (genuine.at(-2) === "A" ? "B" : "A") + genuine.at(-1),
    "with its first byte changed": (genuine) => `tera_${genuine[5] === "A" ? "B" : "A"}${genuine.slice(6)}`,
    "of another service": () => {
      const ring = ringOf("a-key-of-another-service-with-32-bytes");
      const access = { tokenId: "x", project: "acme/shop", issuer: GITHUB, subject: "x", id: "x", expiresAt: 2e12 };
      return sealAccessToken(ring, access);
    },
    "sealed for another purpose": async () => {
      const ring = ringOf(env.CALLBACK_SIGNING_KEYS);
      const sealed = await ring.seal("x".repeat(200), "access token v1", "webhooks");
      return `tera_${sealed.toBase64({ alphabet: "base64url", omitPadding: true })}`;
    },
  };

  it.each(Object.entries(FORGED))("%s costs no read of D1, and is charged", async (_, forge) => {
    const { path, token } = await givenAccess();
    const forged = await forge(token);
    const calls = faults.calls;
    const headers = { "CF-Connecting-IP": newAddress() };
    const codes: string[] = [];
    for (let n = 0; n < 62; n++) {
      const { status, body } = await ask<Refusal>("GET", path, { token: forged, headers });
      codes.push(`${status} ${body.code}`);
    }
    expect(new Set(codes)).toEqual(new Set(["401 token_invalid", "429 too_many_requests"]));
    expect(faults.calls).toBe(calls);
  });
});

describe("two programs of one token", () => {
  it("are two callers: the same Idempotency-Key makes a run for each", async () => {
    const { project, path, id, token } = await givenAccess();
    const another = await accessToken(github(), project, id, { sub: "repo:acme@65/blog@75" });
    const again = await accessToken(github(), project, id);
    const create = async (by: string) => {
      const headers = { "Idempotency-Key": "deploy-1" };
      const answer = await ask<ActionRun>("POST", path, { token: by, headers, body: { actionName: "deploy" } });
      return { id: answer.body.id, replayed: replayed(answer) };
    };
    const [first, second, third] = [await create(token), await create(another), await create(again)];
    expect(second).toEqual({ id: expect.any(String), replayed: null });
    expect(second.id).not.toBe(first.id);
    expect(third).toEqual({ id: first.id, replayed: "true" });
  });
});

it("a bulk operation asks for its token, and not for the access token", async () => {
  vi.useRealTimers();
  for (const [end, expected] of [
    [(id: string) => revokeElsewhere(env.DB, id), { status: "aborted", abortReason: "token_revoked" }],
    [() => setIssuers(), { status: "completed", counts: { matched: 1, accepted: 1 } }],
  ] as const) {
    const { path, id, token } = await givenAccess();
    const run = await createRun(path, undefined, { token });
    faults.readDelayMs = 50;
    const started = await startBulk(path, { operation: "cancel", runIds: [run.id] }, { token });
    await end(id);
    faults.readDelayMs = 0;
    expect(await bulkEnded(path, started.body.id)).toMatchObject(expected);
  }
});

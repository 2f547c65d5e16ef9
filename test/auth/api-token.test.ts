import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ask, pagesOf } from "../support/requests.ts";
import { grantToken, newProject, type Refusal, sha256, type TokenOnWire } from "../support/tokens.ts";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("creating an API token", () => {
  it("returns the token once, with its name, role and scope", async () => {
    const project = newProject();
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const asked = { name: "Deploys from CI", role: "member", envName: "prod", expiresAt };
    const { status, body } = await ask<TokenOnWire>("POST", `${project}/tokens`, { body: asked });
    expect(status).toBe(201);
    expect(body).toEqual({
      ...asked,
      id: expect.stringMatching(UUID_V7),
      parentId: null,
      lastUsedAt: null,
      person: null,
      mayApprove: false,
      mayActForOthers: false,
      trust: null,
      oldSecretExpiresAt: null,
      createdBy: "root",
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/),
      token: expect.stringMatching(/^terr_[A-Za-z0-9_-]{43}$/),
    });
    const listed = await ask<TokenOnWire[]>("GET", `${project}/tokens`);
    const { token, ...rest } = body;
    expect(listed.body).toEqual([rest]);
    expect(JSON.stringify(listed.body)).not.toContain(token);
  });

  it("defaults to the whole project and no expiry", async () => {
    for (const blank of [{}, { envName: null, expiresAt: null }]) {
      const created = await grantToken(newProject(), { role: "viewer", ...blank });
      expect([created.envName, created.expiresAt]).toEqual([null, null]);
    }
  });

  it("stores only the SHA-256 hash in D1", async () => {
    const created = await grantToken(newProject(), { role: "admin" });
    const row = await env.DB.prepare("SELECT * FROM tokens WHERE id = ?").bind(created.id).first();
    expect(row?.hash).toBe(await sha256(created.token));
    expect(JSON.stringify(row)).not.toContain(created.token.slice("terr_".length));
  });

  it("stores the name of the token that created it, and the token's name on its runs", async () => {
    const project = newProject();
    const admin = await grantToken(project, { role: "admin", name: "Ada" });
    const member = await grantToken(project, { role: "member", name: "Bo" }, admin.token);
    expect([admin.createdBy, member.createdBy]).toEqual(["root", "Ada"]);
    const run = await ask("POST", `${project}/envs/prod/action-runs`, {
      token: member.token,
      body: { actionName: "deploy" },
    });
    expect(run.body.triggeredBy).toBe("Bo");
  });
});

it("needs a name and a role, and creates nothing without", async () => {
  const project = newProject();
  for (const [member, body] of Object.entries({ name: { role: "viewer" }, role: { name: "ci" } })) {
    const answer = await ask<Refusal>("POST", `${project}/tokens`, { body });
    expect([answer.status, answer.body]).toMatchObject([400, { code: "invalid_body", pointer: `/${member}` }]);
  }
  expect((await ask("GET", `${project}/tokens`)).body).toEqual([]);
});

it("refuses an expiry now and accepts one in a minute", async () => {
  const body = (at: number) => ({ body: { name: "ci", role: "viewer", expiresAt: new Date(at).toISOString() } });
  expect((await ask("POST", `${newProject()}/tokens`, body(Date.now()))).status).toBe(400);
  expect((await ask("POST", `${newProject()}/tokens`, body(Date.now() + 60_000))).status).toBe(201);
});

describe("listing API tokens", () => {
  it("returns each token once, newest first, in pages", async () => {
    const project = newProject();
    for (let i = 0; i < 5; i++) await grantToken(project, { role: "viewer", name: `t${i}` });
    const pages = await pagesOf<TokenOnWire>(`${project}/tokens?limit=2`);
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    const seen = pages.flat();
    expect(new Set(seen.map(({ name }) => name))).toEqual(new Set(["t0", "t1", "t2", "t3", "t4"]));
    const ids = seen.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted().toReversed());
  });
});

describe("revoking an API token", () => {
  it("takes effect at once in this isolate and removes the token from the list", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "viewer" });
    const runs = `${project}/envs/prod/action-runs`;
    expect((await ask("GET", runs, { token })).status).toBe(200);
    const revoked = await ask<unknown>("DELETE", `${project}/tokens/${id.toUpperCase()}`);
    expect([revoked.status, revoked.body]).toMatchObject([200, { revoked: [id] }]);
    const refused = await ask<Refusal>("GET", runs, { token });
    expect([refused.status, refused.body.code]).toEqual([401, "token_invalid"]);
    expect((await ask("GET", `${project}/tokens`)).body).toEqual([]);
    expect((await ask<Refusal>("DELETE", `${project}/tokens/${id}`)).body.code).toBe("token_not_found");
  });

  it.each(["x", "1", crypto.randomUUID()])("is 404 for an unknown token: %s", async (id) => {
    const answer = await ask<Refusal>("DELETE", `${newProject()}/tokens/${id}`);
    expect([answer.status, answer.body.code]).toEqual([404, "token_not_found"]);
  });

  it("keeps the runs that the token created", async () => {
    const project = newProject();
    const runs = `${project}/envs/prod/action-runs`;
    const { id, token } = await grantToken(project, { role: "member", name: "Bo" });
    await ask("POST", runs, { token, body: { actionName: "deploy" } });
    await ask("DELETE", `${project}/tokens/${id}`);
    expect((await ask<unknown>("GET", runs)).body).toMatchObject([{ triggeredBy: "Bo" }]);
  });
});

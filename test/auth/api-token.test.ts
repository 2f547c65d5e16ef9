import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ask, newRunsPath } from "../support/requests.ts";
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

  it("never makes the same token twice", async () => {
    const project = newProject();
    const created = await Promise.all(Array.from({ length: 20 }, () => grantToken(project, { role: "viewer" })));
    expect(new Set(created.map(({ token }) => token)).size).toBe(20);
    expect(new Set(created.map(({ id }) => id)).size).toBe(20);
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

const REFUSED_BODIES: Readonly<Record<string, unknown>> = {
  "the operator's name": { name: "root", role: "viewer" },
  "the operator's name in capitals": { name: "ROOT", role: "viewer" },
  "the operator's name in mixed case": { name: "Root", role: "viewer" },
  "the operator's name with spaces": { name: " root  ", role: "viewer" },
  "the operator's name in full width": { name: "\uff52\uff4f\uff4f\uff54", role: "viewer" },
  "an empty name": { name: "", role: "viewer" },
  "a name with a line break": { name: "a\nb", role: "viewer" },
  "half a surrogate pair in the name": { name: "a\ud800", role: "viewer" },
  "a name of 256 characters": { name: "n".repeat(256), role: "viewer" },
  "no name": { role: "viewer" },
  "no role": { name: "ci" },
  "an unknown role": { name: "ci", role: "root" },
  "a role in capitals": { name: "ci", role: "VIEWER" },
  "an environment that can't be one": { name: "ci", role: "viewer", envName: "Prod" },
  "an empty environment": { name: "ci", role: "viewer", envName: "" },
  "an expiry in the past": { name: "ci", role: "viewer", expiresAt: "2020-01-01T00:00:00Z" },
  "an expiry that is no time": { name: "ci", role: "viewer", expiresAt: "tomorrow" },
  "an expiry without an offset": { name: "ci", role: "viewer", expiresAt: "2999-01-01T00:00:00" },
  "an expiry in ms": { name: "ci", role: "viewer", expiresAt: 4_102_444_800_000 },
  "an unknown key": { name: "ci", role: "viewer", project: "acme/other" },
  "a token of the caller's own": { name: "ci", role: "viewer", token: `terr_${"a".repeat(43)}` },
  "a list": [{ name: "ci", role: "viewer" }],
};

it.each(Object.entries(REFUSED_BODIES))("refuses to create a token with %s", async (_name, body) => {
  const project = newProject();
  const answer = await ask<Refusal>("POST", `${project}/tokens`, { body });
  expect(answer.status).toBe(400);
  const pointer = Array.isArray(body)
    ? undefined
    : expect.stringMatching(/^\/(name|role|envName|expiresAt|project|token)$/);
  expect(answer.body).toEqual({ error: expect.stringMatching(/\S/), code: "invalid_body", pointer });
  expect((await ask("GET", `${project}/tokens`)).body).toEqual([]);
});

it("refuses an expiry now and accepts one in a minute", async () => {
  const body = (at: number) => ({ body: { name: "ci", role: "viewer", expiresAt: new Date(at).toISOString() } });
  expect((await ask("POST", `${newProject()}/tokens`, body(Date.now()))).status).toBe(400);
  expect((await ask("POST", `${newProject()}/tokens`, body(Date.now() + 60_000))).status).toBe(201);
});

it("accepts a name that contains the operator's", async () => {
  expect((await grantToken(newProject(), { role: "viewer", name: "rooted" })).name).toBe("rooted");
});

describe("listing API tokens", () => {
  it("returns each token once, newest first, in pages", async () => {
    const project = newProject();
    for (let i = 0; i < 5; i++) await grantToken(project, { role: "viewer", name: `t${i}` });
    const seen: TokenOnWire[] = [];
    let next: string | undefined = `${project}/tokens?limit=2`;
    for (let pages = 0; next !== undefined && pages < 5; pages++) {
      const page: { headers: Headers; body: TokenOnWire[] } = await ask<TokenOnWire[]>("GET", next);
      seen.push(...page.body);
      next = /<(.*)>; rel="next"/.exec(page.headers.get("Link") ?? "")?.[1];
    }
    expect(new Set(seen.map(({ name }) => name))).toEqual(new Set(["t0", "t1", "t2", "t3", "t4"]));
    expect(seen).toHaveLength(5);
    expect(seen.map(({ id }) => id)).toEqual(
      seen
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    );
  });

  it.each(["limit=0", "limit=201", "limit=x", "cursor=x", "limit=1&limit=2", "role=viewer"])(
    "refuses the invalid query %s",
    async (query) => {
      const answer = await ask<Refusal>("GET", `${newProject()}/tokens?${query}`);
      expect([answer.status, answer.body.code]).toEqual([400, "invalid_query"]);
    },
  );
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

it.each(["terr_", `terr_${"a".repeat(42)}`, `terr_${"a".repeat(44)}`, `TERR_${"a".repeat(43)}`, "x".repeat(48)])(
  "refuses what is spelled like no API token: %s",
  async (token) => {
    const answer = await ask<Refusal>("GET", newRunsPath(), { token });
    expect([answer.status, answer.body.code]).toEqual([401, "token_invalid"]);
    expect(answer.headers.get("WWW-Authenticate")).toBe("Bearer");
  },
);

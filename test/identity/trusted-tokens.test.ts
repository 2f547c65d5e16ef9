/** Tokens that have a trust instead of a secret: who may mint which, and what their rows have. */

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { TRUSTS_MAX } from "../../src/base/limits.ts";
import { faults } from "../support/faults.ts";
import { ask, ROOT, type Schemas } from "../support/requests.ts";
import { everything } from "../support/rows.ts";
import { changed } from "../support/settings.ts";
import { grantToken, newProject, type Refusal } from "../support/tokens.ts";
import { GITHUB, grantTrust, mint, setIssuers, TRUST, type Trust } from "./programs.ts";

const GITLAB = "https://gitlab.com";
const BUILDKITE = "https://agent.buildkite.com";
const CIRCLECI = "https://oidc.circleci.com/org/x";
const PEOPLE = "https://id.example.com";
const OTHER = "https://ci.example.com";
const jwks = { keys: [] };

beforeEach(() => {
  setIssuers(
    { issuer: GITHUB, kind: "github", jwks },
    { issuer: GITLAB, kind: "gitlab", jwks },
    { issuer: BUILDKITE, kind: "buildkite", jwks },
    { issuer: CIRCLECI, kind: "circleci", jwks },
    { issuer: PEOPLE, kind: "people", clientId: "runs", projects: "acme/*" },
    { issuer: OTHER, kind: "other", jwks, projects: ["beta/shop", "acme/only-this"] },
  );
});

const programs = (issuer: string, claims: Trust["claims"]): Trust => ({ for: "programs", issuer, claims });
const people = (claims: Trust["claims"], issuer = PEOPLE): Trust => ({ for: "people", issuer, claims });

interface Row {
  readonly hash: string | null;
  readonly old_hash: string | null;
  readonly trust: string;
}

const rowOf = (id: string) =>
  env.DB.prepare("SELECT hash, old_hash, trust FROM tokens WHERE id = ?").bind(id).first<Row>();

async function anchorsOf(id: string): Promise<string[]> {
  const { results } = await env.DB.prepare("SELECT anchor, value FROM people_trusts WHERE token_id = ? ORDER BY value")
    .bind(id)
    .all<{ anchor: string; value: string }>();
  return results.map(({ anchor, value }) => `${anchor}: ${value}`);
}

describe("a token with a trust", () => {
  it("has no secret: not in the response, not in its row, and never by a rotation", async () => {
    const project = newProject();
    const { status, body } = await mint(project);
    expect(status).toBe(201);
    expect(body).not.toHaveProperty("token");
    expect(body.trust).toEqual(TRUST);
    const row = { hash: null, old_hash: null, trust: JSON.stringify(TRUST) };
    expect(await rowOf(body.id)).toEqual(row);
    const owner = await grantToken(project, { role: "owner" });
    for (const token of [ROOT, owner.token]) {
      const rotated = await ask<Refusal>("POST", `${project}/tokens/${body.id}/rotate`, { token, body: {} });
      expect([rotated.status, rotated.body.code]).toEqual(
        token === ROOT ? [409, "token_has_no_secret"] : [403, "forbidden"],
      );
    }
    expect(await rowOf(body.id)).toEqual(row);
  });

  it("is listed with its trust, and others with none", async () => {
    const project = newProject();
    const id = await grantTrust(project);
    const { id: other } = await grantToken(project, { role: "viewer" });
    const { body } = await ask<Schemas["ApiToken"][]>("GET", `${project}/tokens`);
    expect(body.map((one) => [one.id, one.trust])).toEqual([
      [other, null],
      [id, TRUST],
    ]);
  });

  it("has its role, environment, parent and end like other tokens, and is revoked with the tree", async () => {
    const project = newProject();
    const above = await grantToken(project, { role: "admin", envName: "prod", expiresAt: "2099-01-01T00:00:00Z" });
    const { body } = await mint(project, { role: "viewer", envName: "prod" }, above.token);
    expect(body).toMatchObject({ role: "viewer", envName: "prod", parentId: above.id, expiresAt: above.expiresAt });
    const beyond = await mint(project, { role: "owner", envName: "prod" }, above.token);
    expect([beyond.status, beyond.body.code]).toEqual([403, "forbidden"]);
    await ask("DELETE", `${project}/tokens/${above.id}`);
    expect(await rowOf(body.id)).toBeNull();
  });

  it("is minted once, even if the answer of D1 was lost", async () => {
    const project = newProject();
    faults.writes = "committed_then_error";
    const lost = await mint(project);
    faults.writes = null;
    expect(lost.status).toBe(503);
    const { body } = await ask<Schemas["ApiToken"][]>("GET", `${project}/tokens`);
    expect(body).toHaveLength(1);
  });

  it("for people has no person, also none of its parent, and is found by each value of its anchor", async () => {
    const project = newProject();
    const parent = await grantToken(project, { role: "owner", person: "ada@acme" });
    const trust = people({ groups: ["platform", "ops", "ops"], email: ["ada@acme", "bob@acme"], hd: "acme" });
    const { body } = await mint(project, { trust, mayApprove: true }, parent.token);
    expect(body).toMatchObject({ person: null, mayApprove: true });
    expect(await anchorsOf(body.id)).toEqual(["email: ada@acme", "email: bob@acme"]);
    const ofGroups = await mint(project, { trust: people({ groups: ["platform", "ops", "ops"] }) });
    expect(await anchorsOf(ofGroups.body.id)).toEqual(["groups: ops", "groups: platform"]);
    await ask("DELETE", `${project}/tokens/${body.id}`);
    expect(await anchorsOf(body.id)).toEqual([]);
  });

  it("for programs has the person of its parent, and no sign-in finds it", async () => {
    const project = newProject();
    const parent = await grantToken(project, { role: "owner", person: "ada@acme" });
    const { body } = await mint(project, {}, parent.token);
    expect(body.person).toBe("ada@acme");
    expect(await anchorsOf(body.id)).toEqual([]);
  });
});

const ANCHORED: readonly Trust[] = [
  programs(GITHUB, { repository_id: "74" }),
  programs(GITHUB, { repository_owner_id: "65", job_workflow_ref: "acme/w/.github/workflows/x.yml@refs/heads/main" }),
  programs(GITLAB, { project_id: ["20", "21"] }),
  programs(GITLAB, { namespace_id: "72", ci_config_ref_uri: "gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main" }),
  programs(GITLAB, { project_id: "20", sub: "project_path:acme/shop" }),
  programs(BUILDKITE, { organization_slug: "acme", pipeline_slug: "shop" }),
  programs(CIRCLECI, { "oidc.circleci.com/project-id": "0f6b3c0a" }),
  programs(PEOPLE, { sub: "bot" }),
  ...["sub", "oid", "email", "groups", "roles", "hd"].map((name) => people({ [name]: "x" })),
  people({ sub: "x", "/realm_access/roles": "approver" }),
];

it.each(ANCHORED)("a trust with an anchor is stored: %j", async (trust) => {
  expect((await mint(newProject(), { trust })).status).toBe(201);
});

const NO_ANCHOR: readonly (readonly [trust: Trust, names: RegExp])[] = [
  [
    programs(GITHUB, { environment: "production" }),
    /add repository_id or repository_owner_id with job_workflow_ref\.$/,
  ],
  [programs(GITHUB, { repository: "acme/shop", ref: "refs/heads/main" }), /add repository_id/],
  [programs(GITHUB, { repository_owner_id: "65" }), /add repository_id/],
  [programs(GITHUB, { job_workflow_ref: "x" }), /add repository_id/],
  [programs(GITHUB, { repository_id: "74", sub: "repo:acme/shop" }), /has sub, whose format differs/],
  [programs(GITHUB, { repository_id: "74", "/sub": "repo:acme/shop" }), /has sub, whose format differs/],
  [programs(GITLAB, { project_path: "acme/shop" }), /add project_id or namespace_id with ci_config_ref_uri\.$/],
  [programs(GITLAB, { sub: "project_path:acme/shop" }), /add project_id/],
  [programs(BUILDKITE, { pipeline_slug: "shop" }), /add pipeline_slug with organization_slug\.$/],
  [programs(BUILDKITE, { sub: "organization:acme" }), /add pipeline_slug/],
  [
    programs(CIRCLECI, { "oidc.circleci.com/vcs-origin": "github.com/acme/shop" }),
    /add oidc\.circleci\.com\/project-id\.$/,
  ],
  [programs(PEOPLE, { email: "ada@acme" }), /add sub\.$/],
  [people({ name: "Ada" }), /add sub, oid, email, groups, roles, or hd\.$/],
  [people({ "/groups/0": "ops" }), /add sub/],
];

it.each(NO_ANCHOR)("a trust that somebody else could meet is not stored: %j", async (trust, names) => {
  const before = await everything();
  const { status, body } = await mint(newProject(), { trust });
  expect([status, body.code, body.pointer]).toEqual([400, "invalid_body", "/trust/claims"]);
  expect(body.error).toMatch(names);
  expect(await everything()).toEqual(before);
});

it("GitLab's groups are no anchor, because everybody can make one there", async () => {
  setIssuers({ issuer: GITLAB, kind: "gitlab", clientId: "runs", projects: "acme/*" });
  const project = newProject();
  const refused = await mint(project, { trust: people({ groups: "acme" }, GITLAB) });
  expect(refused).toMatchObject({
    status: 400,
    body: { error: expect.stringMatching(/add sub, oid, email, roles, or hd/) },
  });
  const trust = people({ email: "ada@acme", groups: "acme" }, GITLAB);
  expect((await mint(project, { trust })).status).toBe(201);
});

const many = (length: number) => Array.from({ length }, (_, n) => String(n));

const REFUSED: Readonly<Record<string, readonly [code: string, pointer: string, more: Record<string, unknown>]>> = {
  "an issuer that nobody set": [
    "issuer_unknown",
    "/trust/issuer",
    { trust: { ...TRUST, issuer: "https://x.example" } },
  ],
  "an issuer with one slash more": ["issuer_unknown", "/trust/issuer", { trust: { ...TRUST, issuer: `${GITHUB}/` } }],
  "an issuer of other projects": ["issuer_unknown", "/trust/issuer", { trust: programs(OTHER, { sub: "x" }) }],
  "people where nobody signs in": ["invalid_body", "/trust/issuer", { trust: people({ sub: "x" }, BUILDKITE) }],
  "people with one person": ["invalid_body", "/person", { trust: people({ sub: "x" }), person: "ada@acme" }],
  "people who act for others": [
    "invalid_body",
    "/mayActForOthers",
    { trust: people({ sub: "x" }), mayActForOthers: true },
  ],
  "programs that approve": ["invalid_body", "/mayApprove", { mayApprove: true }],
  "programs that act for others": ["invalid_body", "/mayActForOthers", { mayActForOthers: true }],
  "another door": ["invalid_body", "/trust/for", { trust: { ...TRUST, for: "both" } }],
  "no claims": ["invalid_body", "/trust/claims", { trust: { ...TRUST, claims: {} } }],
  "a list of claims": ["invalid_body", "/trust/claims", { trust: { ...TRUST, claims: ["repository_id"] } }],
  "21 claims": [
    "invalid_body",
    "/trust/claims",
    { trust: { ...TRUST, claims: Object.fromEntries(many(21).map((name) => [name, "x"])) } },
  ],
  "11 values": [
    "invalid_body",
    "/trust/claims/repository_id",
    { trust: programs(GITHUB, { repository_id: many(11) }) },
  ],
  "no values": ["invalid_body", "/trust/claims/repository_id", { trust: programs(GITHUB, { repository_id: [] }) }],
  "an empty value": ["invalid_body", "/trust/claims/repository_id", { trust: programs(GITHUB, { repository_id: "" }) }],
  "a number": ["invalid_body", "/trust/claims/repository_id", { trust: { ...TRUST, claims: { repository_id: 74 } } }],
  "a list in a list": [
    "invalid_body",
    "/trust/claims/repository_id",
    { trust: { ...TRUST, claims: { repository_id: [["74"]] } } },
  ],
  "a claim that would be left out": [
    "invalid_body",
    "/trust/claims",
    { trust: { ...TRUST, claims: JSON.parse('{ "repository_id": "74", "__proto__": "x" }') } },
  ],
  "a pattern, and more": ["invalid_body", "/trust", { trust: { ...TRUST, match: "glob" } }],
};

it.each(Object.entries(REFUSED))("no token trusts in %s", async (_, [code, pointer, more]) => {
  const before = await everything();
  const { status, body } = await mint(newProject(), more as Partial<Schemas["NewApiToken"]>);
  expect([status, body.code, body.pointer]).toEqual([400, code, expect.stringMatching(new RegExp(`^${pointer}`))]);
  expect(await everything()).toEqual(before);
});

it("a project trusts only the issuers that the operator gave it", async () => {
  const trust = programs(OTHER, { sub: "x" });
  const minted = async (project: string) => (await mint(project, { trust })).status;
  expect(
    await Promise.all(["/beta/shop", "/acme/only-this", "/beta/shop-2", "/beta/other", "/acme/shop"].map(minted)),
  ).toEqual([201, 201, 400, 400, 400]);
});

it("without OIDC_ISSUERS nobody trusts anybody, and a mistake in it is said", async () => {
  setIssuers();
  expect(await mint(newProject())).toMatchObject({ status: 400, body: { code: "issuer_unknown" } });
  changed.OIDC_ISSUERS = "[";
  expect(await mint(newProject())).toMatchObject({ status: 503, body: { code: "not_configured" } });
});

it(`a project has at most ${TRUSTS_MAX} trusts, and a revocation makes room`, async () => {
  const project = newProject();
  const [first = ""] = await Promise.all(Array.from({ length: TRUSTS_MAX - 1 }, () => grantTrust(project)));
  // Two at once, and one has no room.
  const statuses = (await Promise.all([mint(project), mint(project)])).map(({ status }) => status);
  expect(statuses.sort()).toEqual([201, 409]);
  expect(await mint(project)).toMatchObject({ status: 409, body: { code: "too_many_trusts" } });
  expect((await grantToken(project, { role: "viewer" })).trust).toBeNull();
  expect((await mint(newProject())).status).toBe(201);
  await ask("DELETE", `${project}/tokens/${first}`);
  expect((await mint(project)).status).toBe(201);
});

it("trusts that have expired leave their room to others", async () => {
  const project = newProject();
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  await Promise.all(Array.from({ length: TRUSTS_MAX }, () => grantTrust(project, { expiresAt })));
  expect(await mint(project)).toMatchObject({ status: 409, body: { code: "too_many_trusts" } });
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
  expect((await mint(project)).status).toBe(201);
});

it("the list can be filtered by who minted a token", async () => {
  const project = newProject();
  const ada = await grantToken(project, { role: "admin", name: "ada" });
  const id = await grantTrust(project, {}, ada.token);
  const listed = async (createdBy: string) => {
    const path = `${project}/tokens?createdBy=${encodeURIComponent(createdBy)}`;
    return (await ask<Schemas["ApiToken"][]>("GET", path)).body.map((one) => one.id);
  };
  expect([await listed("ada"), await listed("root"), await listed("nobody")]).toEqual([[id], [ada.id], []]);
});

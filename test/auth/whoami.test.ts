/** GET /whoami: what a token is. GET /places: the environments that it opens and that have runs or actions. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { selectEnvironments } from "../../src/auth/whoami.ts";
import { HOUR_MS, until } from "../support/direct.ts";
import { ask, createRun, nextOf, ROOT } from "../support/requests.ts";
import { grantToken, newProject, type Wanted } from "../support/tokens.ts";

const IN_12_HOURS = new Date(Date.now() + 12 * HOUR_MS).toISOString();
const ALL = ["data:read", "data:write", "actions:manage", "webhooks:manage", "tokens:manage"];

describe("GET /whoami", () => {
  it.each<readonly [Wanted, readonly string[]]>([
    [{ role: "owner", name: "ops", expiresAt: IN_12_HOURS }, ALL],
    [{ role: "admin", name: "platform", envName: "prod" }, ALL],
    [{ role: "member", name: "portal", envName: "prod" }, ["data:read", "data:write"]],
    [{ role: "viewer", name: "wall" }, ["data:read"]],
  ])("tells a token its id, name, permissions, scope and expiry: %j", async (wanted, permissions) => {
    const project = newProject();
    const { id, token } = await grantToken(project, wanted);
    const { status, headers, body } = await ask("GET", "/whoami", { token });
    expect([status, headers.get("Cache-Control")]).toEqual([200, "no-store"]);
    const scope = { project: project.slice(1), envName: wanted.envName ?? null };
    const { name, role, expiresAt = null } = wanted;
    expect(body).toEqual({
      id,
      name,
      role,
      permissions,
      ...scope,
      person: null,
      mayApprove: false,
      mayActForOthers: false,
      issuer: null,
      expiresAt,
      tokenExpiresAt: expiresAt,
      sessionId: null,
    });
  });

  it("tells the operator null for what ROOT_TOKEN has not", async () => {
    const { body } = await ask("GET", "/whoami", { token: ROOT });
    const nothing = {
      id: null,
      project: null,
      envName: null,
      expiresAt: null,
      tokenExpiresAt: null,
      sessionId: null,
      person: null,
      issuer: null,
    };
    const flags = { mayApprove: true, mayActForOthers: false };
    expect(body).toEqual({ name: "root", role: "owner", permissions: ALL, ...flags, ...nothing });
  });
});

interface Environment {
  readonly project: string;
  readonly envName: string;
}

async function environmentsOf(token: string, query = ""): Promise<{ environments: string[]; next: string | null }> {
  const { status, body, headers } = await ask<Environment[]>("GET", `/places${query}`, { token });
  expect(status).toBe(200);
  return { environments: body.map(({ project, envName }) => `${project}/${envName}`), next: nextOf(headers) ?? null };
}

/** Environments with a row in D1, as runs leave it. */
async function haveRuns(scopes: readonly string[]): Promise<void> {
  await env.DB.prepare("INSERT INTO coordinators (scope, due_at) SELECT value, 0 FROM json_each(?)")
    .bind(JSON.stringify(scopes))
    .run();
}

describe("GET /places", () => {
  it("lists what has runs or actions, each once and by name, and nothing of a project beside it", async () => {
    const project = newProject();
    const name = project.slice(1);
    await createRun(`${project}/envs/b/action-runs`);
    await until(async () => {
      const count = "SELECT count(*) AS n FROM coordinators WHERE scope = ?";
      return (await env.DB.prepare(count).bind(`${name}/b`).first("n")) === 1;
    });
    for (const envName of ["a", "b", "c"]) {
      await ask("PUT", `${project}/envs/${envName}/actions/deploy`, { body: { description: "x" } });
    }
    await haveRuns([`${name}/d`, `${name}-x/e`, `${name}0/f`]);
    const owner = await grantToken(project, { role: "owner" });
    expect((await environmentsOf(owner.token)).environments).toEqual(
      ["a", "b", "c", "d"].map((one) => `${name}/${one}`),
    );
    const viewer = await grantToken(project, { role: "viewer", envName: "c" });
    expect((await environmentsOf(viewer.token)).environments).toEqual([`${name}/c`]);
    const elsewhere = await grantToken(project, { role: "viewer", envName: "none" });
    expect((await environmentsOf(elsewhere.token)).environments).toEqual([]);
    expect((await environmentsOf(ROOT, "?limit=200")).environments).toEqual(
      expect.arrayContaining([`${name}/a`, `${name}-x/e`, `${name}0/f`]),
    );
  });

  it("has 100 on a page, and its cursor leads on", async () => {
    const project = newProject();
    const names = [...Array(105).keys()].map((n) => `${project.slice(1)}/e${String(n).padStart(3, "0")}`);
    await haveRuns(names);
    const { token } = await grantToken(project, { role: "viewer" });
    const first = await environmentsOf(token);
    expect(first.environments).toEqual(names.slice(0, 100));
    const second = await environmentsOf(token, new URL(first.next ?? "").search);
    expect(second).toEqual({ environments: names.slice(100), next: null });
  });

  it("refuses a cursor that it did not make", async () => {
    for (const cursor of ["x", btoa("../../.."), btoa("a/b")]) {
      const { status } = await ask("GET", `/places?cursor=${encodeURIComponent(cursor)}`);
      expect([cursor, status]).toEqual([cursor, 400]);
    }
  });
});

it("the statement seeks each environment, so what it reads does not grow with what they have", async () => {
  const project = "of-places/plan";
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
     INSERT INTO definitions (scope, kind, name, version, created_version, change_id, created_by, created_by_name,
       changed_at, changed_by, changed_by_name, changed_lineage, bytes, definition)
     SELECT ?1 || '/e' || (i % 5), 'action', 'a' || i, 1, 1, '', 'root', 'root', 0, 'root', 'root', '/root/', 2, '{}'
     FROM n`,
  )
    .bind(project)
    .run();
  const { results, meta } = await selectEnvironments(env.DB, { project, envName: null }, "", 101);
  expect(results).toHaveLength(5);
  expect(meta.rows_read).toBeLessThan(60);
});

/** Who did what: rows that are read newest first, and lines of the log that no flood hides. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/app.ts";
import { listAudit } from "../../src/auth/audit.ts";
import { everyMinute } from "../../src/cron.ts";
import { createAged, until } from "../support/direct.ts";
import { faults, faulty } from "../support/faults.ts";
import { landed } from "../support/landed.ts";
import { ask, createRun, ROOT, report } from "../support/requests.ts";
import { grantToken, newProject, type Refusal } from "../support/tokens.ts";

const DAY_MS = 86_400_000;
const INSTANT = /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/;

interface Entry {
  readonly at: string;
  readonly actor: string;
  readonly actorName: string;
  readonly action: string;
  readonly target: string;
  readonly scope: string;
}

let lines: Record<string, unknown>[];

beforeEach(() => {
  lines = [];
  vi.spyOn(console, "log").mockImplementation((text: unknown) => {
    lines.push(JSON.parse(String(text)));
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function auditOf(project: string, token = ROOT): Promise<Entry[]> {
  return (await ask<Entry[]>("GET", `${project}/audit`, { token })).body;
}

const told = (entries: readonly Entry[]) => entries.map(({ action, target }) => [action, target]);

describe("the audit", () => {
  it("records who minted, revoked or asked for a resync, with target, scope and time", async () => {
    const project = newProject();
    const scope = project.slice(1);
    const ada = await grantToken(project, { role: "admin", name: "Ada" });
    const ci = await grantToken(project, { role: "viewer", envName: "prod", name: "ci" }, ada.token);
    await ask("DELETE", `${project}/tokens/${ci.id}`, { token: ada.token });
    await ask("POST", `${project}/envs/prod/resync`);
    const at = expect.stringMatching(INSTANT);
    const itself = (target: string) => ({ target, targetName: target });
    const root = { at, actor: "root", actorName: "root", sessionId: null, gates: null, bulk: null };
    const byAda = { at, actor: ada.id, actorName: "Ada", sessionId: null, gates: null, bulk: null };
    expect(await auditOf(project)).toEqual([
      { ...root, action: "resync_requested", ...itself(`${scope}/prod`), scope: `${scope}/prod` },
      { ...byAda, action: "token_revoked", target: ci.id, targetName: "ci", scope: `${scope}/prod` },
      { ...byAda, action: "token_minted", target: ci.id, targetName: "ci", scope: `${scope}/prod` },
      { ...root, action: "token_minted", target: ada.id, targetName: "Ada", scope },
    ]);
  });

  it("returns each entry once, newest first, in pages", async () => {
    const project = newProject();
    const minted: string[] = [];
    for (let n = 0; n < 5; n++) minted.push((await grantToken(project, { role: "viewer" })).id);
    const seen: Entry[] = [];
    let next: string | undefined = `${project}/audit?limit=2`;
    while (next !== undefined && seen.length < 6) {
      const page: { headers: Headers; body: Entry[] } = await ask<Entry[]>("GET", next);
      seen.push(...page.body);
      next = /<(.*)>; rel="next"/.exec(page.headers.get("Link") ?? "")?.[1];
    }
    expect(seen.map(({ target }) => target).toSorted()).toEqual(minted.toSorted());
    expect(seen.map(({ at }) => at)).toEqual(
      seen
        .map(({ at }) => at)
        .toSorted()
        .toReversed(),
    );
  });

  it("shows a token of one environment only that environment's entries", async () => {
    const project = newProject();
    const prod = await grantToken(project, { role: "admin", envName: "prod" });
    const dev = await grantToken(project, { role: "admin", envName: "dev" });
    await grantToken(project, { role: "owner" });
    await ask("POST", `${project}/envs/dev/resync`);
    expect(told(await auditOf(project, prod.token))).toEqual([["token_minted", prod.id]]);
    expect(told(await auditOf(project, dev.token))).toEqual([
      ["resync_requested", `${project.slice(1)}/dev`],
      ["token_minted", dev.id],
    ]);
    expect(await auditOf(project)).toHaveLength(4);
  });

  it("has no entry for a refused request", async () => {
    const project = newProject();
    const admin = await grantToken(project, { role: "admin", envName: "prod" });
    const before = await auditOf(project);
    const { token } = admin;
    await ask("POST", `${project}/tokens`, { token, body: { name: "x", role: "owner" } });
    await ask("DELETE", `${project}/tokens/${crypto.randomUUID()}`);
    await ask("POST", `${project}/envs/prod/resync`, { token });
    expect(await auditOf(project)).toEqual(before);
  });

  it("is read by an index, for a project and for an environment", async () => {
    for (const envName of [null, "prod"]) {
      const explaining = { prepare: (sql: string) => env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`) };
      const plan: unknown = await listAudit(explaining as D1Database, "acme/shop", envName, undefined, 51);
      expect((plan as { detail: string }[]).map(({ detail }) => detail)).toEqual([
        envName === null
          ? "SEARCH audit USING INDEX sqlite_autoindex_audit_1 (project=? AND id<?)"
          : "SEARCH audit USING INDEX audit_by_env (project=? AND env_name=? AND id<?)",
      ]);
    }
  });
});

it("a resync does not start if its entry can't be written", async () => {
  const project = newProject();
  const run = await createRun(`${project}/envs/prod/action-runs`);
  await landed(`${project}/envs/prod/action-runs`);
  await env.DB.prepare("DELETE FROM runs WHERE id = ?").bind(run.id).run();
  faults.writes = { refuse: (bound) => bound.includes("resync_requested") };
  lines = [];
  const answer = await ask<Refusal>("POST", `${project}/envs/prod/resync`);
  expect([answer.status, answer.body.code]).toEqual([503, "database_unavailable"]);
  expect(lines.find(({ event }) => event === "request")).toMatchObject({ status: 503, coordinator: 0 });
});

describe("old entries", () => {
  const NOW = Date.parse("2031-01-01T00:00:00Z");

  async function putEntries(count: number, at: number): Promise<void> {
    await env.DB.prepare(
      `INSERT INTO audit (project, id, at, actor, actor_name, action, target, target_name)
       SELECT 'acme/old', value || '-' || ?2, ?2, 'root', 'root', 'token_minted', 'x', 'x' FROM json_each(?1)`,
    )
      .bind(JSON.stringify(Array.from({ length: count }, (_, n) => n)), at)
      .run();
  }

  async function left(): Promise<number> {
    const sql = "SELECT count(*) AS n FROM audit WHERE project = 'acme/old'";
    return (await env.DB.prepare(sql).first<number>("n")) ?? -1;
  }

  beforeEach(async () => {
    await env.DB.prepare("DELETE FROM audit").run();
  });

  it("are removed after RETENTION_DAYS, a bounded number a minute", async () => {
    await putEntries(1500, NOW - 30 * DAY_MS - 1);
    await putEntries(3, NOW - 30 * DAY_MS);
    await everyMinute(env, NOW);
    expect(await left()).toBe(503);
    await everyMinute(env, NOW);
    await everyMinute(env, NOW);
    expect(await left()).toBe(3);
    await everyMinute({ ...env, RETENTION_DAYS: "7" }, NOW);
    expect(await left()).toBe(0);
  });

  it.each(["refused", "never answered"])("that can't be removed stop no other work: %s", async (how) => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    await createAged(`${newProject()}/envs/prod/action-runs`);
    await env.DB.prepare("UPDATE coordinators SET due_at = 1").run();
    const before = NOW - 30 * DAY_MS;
    // Only what is bound to drop old entries.
    const refuse = (bound: string) => bound === String(before);
    const db = how === "refused" ? faulty(env.DB) : holding(env.DB, before);
    if (how === "refused") faults.writes = { refuse };
    const sweeping = everyMinute({ ...env, DB: db }, NOW);
    const overdue = env.DB.prepare("SELECT count(*) AS n FROM coordinators WHERE due_at = 1");
    await until(async () => (await overdue.first("n")) === 0);
    if (how === "refused") await sweeping;
  });

  /** D1 that never answers the statement which drops old entries. */
  function holding(db: D1Database, bound: number): D1Database {
    const prepare = (sql: string) => {
      const statement = db.prepare(sql);
      if (!sql.includes("DELETE FROM audit")) return statement;
      return { bind: (at: number) => ({ run: () => (at === bound ? new Promise(() => {}) : null) }) };
    };
    return { prepare, batch: db.batch.bind(db) } as unknown as D1Database;
  }
});

describe("the log", () => {
  const app = createApp();
  const requests = () => lines.filter(({ event }) => event === "request");

  async function flood(): Promise<void> {
    for (let n = 0; n < 150; n++) {
      await app.fetch(new Request("https://runs.example/healthz"), env);
    }
  }

  it("has a line for every minted or revoked token and every resync, even in a flood", async () => {
    const now = Date.parse("2032-01-01T00:00:00Z");
    vi.spyOn(Date, "now").mockImplementation(() => now);
    const project = newProject();
    const scope = project.slice(1);
    await flood();
    const ada = await grantToken(project, { role: "admin" });
    const minted = [];
    for (let n = 0; n < 12; n++) minted.push(await grantToken(project, { role: "viewer" }, ada.token));
    const headers = { "X-Request-Id": "revocation-of-ada" };
    await ask("DELETE", `${project}/tokens/${ada.id}`, { headers });
    await ask("POST", `${project}/envs/prod/resync`);
    expect(requests()).toHaveLength(100);
    const audit = lines.filter(({ event }) => event === "audit");
    const common = { level: "info", event: "audit", requestId: expect.any(String) };
    expect(audit).toEqual([
      { ...common, actor: "root", action: "token_minted", target: ada.id, scope },
      ...minted.map(({ id }) => ({ ...common, actor: ada.id, action: "token_minted", target: id, scope })),
      {
        ...common,
        requestId: "revocation-of-ada",
        actor: "root",
        action: "token_revoked",
        target: ada.id,
        scope,
        tokens: 13,
      },
      {
        ...common,
        actor: "root",
        action: "resync_requested",
        target: `${scope}/prod`,
        scope: `${scope}/prod`,
      },
    ]);
    const text = JSON.stringify(audit);
    for (const { token } of [ada, ...minted]) expect(text).not.toContain(token.slice(5));
  });

  it("names the token in a request's line, even if the request is refused", async () => {
    const project = newProject();
    const path = `${project}/envs/prod/action-runs`;
    const { id, token } = await grantToken(project, { role: "viewer" });
    const run = await createRun(path);
    const tokenOf = async (go: () => Promise<unknown>) => {
      lines = [];
      await go();
      return requests().map((line) => [line.status, line.token]);
    };
    expect(await tokenOf(() => ask("GET", path))).toEqual([[200, "root"]]);
    expect(await tokenOf(() => ask("GET", path, { token }))).toEqual([[200, id]]);
    expect(await tokenOf(() => ask("GET", `${project}/tokens`, { token }))).toEqual([[403, id]]);
    expect(await tokenOf(() => ask("GET", `${newProject()}/tokens`, { token }))).toEqual([[404, id]]);
    expect(await tokenOf(() => ask("POST", `${project}/envs/prod/resync`, { token }))).toEqual([[403, id]]);
    expect(await tokenOf(() => ask("GET", path, { token: null }))).toEqual([[401, undefined]]);
    expect(await tokenOf(() => ask("GET", path, { token: `terr_${"a".repeat(43)}` }))).toEqual([
      [401, undefined],
    ]);
    expect(await tokenOf(() => report(run, { status: "succeeded" }))).toEqual([[200, undefined]]);
  });
});

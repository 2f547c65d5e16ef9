/** Who did what: rows that are read newest first, and lines of the log that no flood hides. */

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/app.ts";
import { listAudit } from "../../src/auth/audit-routes.ts";
import { everyMinute } from "../../src/cron.ts";
import { explaining } from "../support/databases/plans.ts";
import { createAged, until } from "../support/direct.ts";
import { faults, faulty, holdWrites } from "../support/faults.ts";
import { replicated } from "../support/replicated.ts";
import { ask, createRun, nextOf, pagesOf, ROOT, report } from "../support/requests.ts";
import { decide, startGated, storeGated } from "../support/runs/gated.ts";
import { beat } from "../support/runs/stream.ts";
import { linesOf, watchLog } from "../support/secrets.ts";
import { beginSession } from "../support/sessions.ts";
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

const lines = watchLog();

async function auditOf(project: string, token = ROOT): Promise<Entry[]> {
  return (await ask<Entry[]>("GET", `${project}/audit`, { token })).body;
}

const shortened = (entries: readonly Entry[]) => entries.map(({ action, target }) => [action, target]);

describe("the audit", () => {
  it("records who created or revoked a token or asked for a resync, with target, scope and time", async () => {
    const project = newProject();
    const scope = project.slice(1);
    const ada = await grantToken(project, { role: "admin", name: "Ada" });
    const ci = await grantToken(project, { role: "viewer", envName: "prod", name: "ci" }, ada.token);
    await ask("DELETE", `${project}/tokens/${ci.id}`, { token: ada.token });
    await ask("POST", `${project}/envs/prod/resync`);
    const at = expect.stringMatching(INSTANT);
    const itself = (target: string) => ({ target, targetName: target });
    const nothing = { person: null, via: null, agent: null, sessionId: null, gates: null, reason: null, bulk: null };
    const root = { at, actor: "root", actorName: "root", ...nothing };
    const byAda = { at, actor: ada.id, actorName: "Ada", ...nothing };
    expect(await auditOf(project)).toEqual([
      { ...root, action: "resync_requested", ...itself(`${scope}/prod`), scope: `${scope}/prod` },
      { ...byAda, action: "token_revoked", target: ci.id, targetName: "ci", scope: `${scope}/prod` },
      { ...byAda, action: "token_minted", target: ci.id, targetName: "ci", scope: `${scope}/prod` },
      { ...root, action: "token_minted", target: ada.id, targetName: "Ada", scope },
    ]);
  });

  it("returns each entry once, newest first, in pages", async () => {
    const project = newProject();
    const created: string[] = [];
    for (let n = 0; n < 5; n++) created.push((await grantToken(project, { role: "viewer" })).id);
    const seen = (await pagesOf<Entry>(`${project}/audit?limit=2`)).flat();
    expect(seen.map(({ target }) => target).toSorted()).toEqual(created.toSorted());
    const instants = seen.map(({ at }) => at);
    expect(instants).toEqual(instants.toSorted().toReversed());
  });

  it("shows a token of one environment only that environment's entries", async () => {
    const project = newProject();
    const prod = await grantToken(project, { role: "admin", envName: "prod" });
    const dev = await grantToken(project, { role: "admin", envName: "dev" });
    await grantToken(project, { role: "owner" });
    await ask("POST", `${project}/envs/dev/resync`);
    expect(shortened(await auditOf(project, prod.token))).toEqual([["token_minted", prod.id]]);
    expect(shortened(await auditOf(project, dev.token))).toEqual([
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

  it.each([
    [null, {}, "sqlite_autoindex_audit_1 (project=?"],
    [null, { action: "run_approved" }, "sqlite_autoindex_audit_1 (project=?"],
    ["prod", {}, "audit_by_env (project=? AND env_name=?"],
    ["prod", { action: "run_approved" }, "audit_by_env (project=? AND env_name=?"],
    [null, { actor: "root" }, "audit_by_actor (project=? AND actor=?"],
    ["prod", { actor: "root" }, "audit_by_actor (project=? AND actor=?"],
    ["prod", { actor: "root", person: "ada" }, "audit_by_person (project=? AND person=?"],
  ] as const)("is read along an index, for %s with %j", async (envName, filters, index) => {
    const { db, plans } = explaining();
    await listAudit(db, "acme/shop", envName, { ...filters, limit: 50 });
    const details = (await plans()).flat();
    expect(details.some((one) => one.includes(`${index} AND id>? AND id<?)`))).toBe(true);
    expect(details.join()).not.toMatch(/SCAN audit|TEMP B-TREE/);
  });
});

describe("the filters of the audit", () => {
  const at = (ms: number) => new Date(ms).toISOString();

  async function put(
    project: string,
    entries: readonly (readonly [ms: number, actor: string, person: string | null, action: string])[],
  ) {
    await env.DB.prepare(
      `INSERT INTO audit (project, id, env_name, at, actor, actor_name, person, action, target, target_name)
       SELECT ?1, printf('%08x-%04x-7000-8000-%012x', (value ->> 0) >> 16, (value ->> 0) & 65535, key), 'prod', value ->> 0,
              value ->> 1, value ->> 1, value ->> 2, value ->> 3, key, key
       FROM json_each(?2)`,
    )
      .bind(project.slice(1), JSON.stringify(entries))
      .run();
  }

  const found = async (project: string, query: Readonly<Record<string, string>>, token = ROOT) => {
    const { body } = await ask<Entry[]>("GET", `${project}/audit?${new URLSearchParams(query)}`, { token });
    return body.map(({ target }) => Number(target));
  };

  it("are actor, person in any case, action, since and until, and each other", async () => {
    const project = newProject();
    const start = Date.parse("2027-01-01T00:00:00Z");
    await put(project, [
      [start, "root", null, "action_put"],
      [start + 1, "a", "ada@acme.example", "run_approved"],
      [start + 2, "b", "Ada@acme.example", "run_approved"],
      [start + 3, "a", null, "run_rejected"],
      [start + 4, "a", "bo", "run_approved"],
    ]);
    const cases = [
      [{ actor: "a" }, [4, 3, 1]],
      [{ person: "ADA@acme.example" }, [2, 1]],
      [{ action: "run_approved" }, [4, 2, 1]],
      [{ since: at(start + 2) }, [4, 3, 2]],
      [{ until: at(start + 2) }, [1, 0]],
      [{ since: at(start + 1), until: at(start + 4), actor: "a", action: "run_approved" }, [1]],
      [{ person: "bo", actor: "b" }, []],
    ] as const;
    for (const [query, targets] of cases) expect([query, await found(project, query)]).toEqual([query, targets]);
    const elsewhere = await grantToken(project, { role: "admin", envName: "dev" });
    expect(await found(project, { actor: "a" }, elsewhere.token)).toEqual([]);
  });

  it("look at 5000 entries for a page at most, and the next page goes on from there", async () => {
    const project = newProject();
    const start = Date.parse("2027-01-01T00:00:00Z");
    const others = Array.from({ length: 5000 }, (_, n) => [start + 1 + n, "a", null, "action_put"] as const);
    await put(project, [[start, "a", null, "run_approved"], ...others]);
    const first = await ask<Entry[]>("GET", `${project}/audit?actor=a&action=run_approved`);
    expect(first.body).toEqual([]);
    const second = await ask<Entry[]>("GET", nextOf(first.headers) ?? "");
    expect([second.body.map(({ target }) => target), second.headers.get("Link")]).toEqual([["0"], null]);
  });
});

describe("an entry says for whom and why", () => {
  interface Reasoned {
    readonly action: string;
    readonly person: string | null;
    readonly via: string | null;
    readonly reason: string | null;
  }
  const shown = async (project: string) =>
    (await ask<(Reasoned & Entry)[]>("GET", `${project}/audit`)).body.map(({ action, person, via, reason }) => [
      action,
      person,
      via,
      reason,
    ]);

  it("of a decision, a pause, a cancel and a bulk operation", async () => {
    const project = newProject();
    const environment = `${project}/envs/prod`;
    const runs = `${environment}/action-runs`;
    await storeGated(runs, { approval: {} });
    const portal = await grantToken(project, {
      role: "admin",
      name: "portal",
      mayApprove: true,
      mayActForOthers: true,
    });
    const by = (person: string, reason?: string) => ({
      token: portal.token,
      headers: { "On-Behalf-Of": person },
      body: reason === undefined ? {} : { reason },
    });
    const [approved, rejected] = [await startGated(runs), await startGated(runs)];
    const plain = await createRun(runs);
    const deleted = await createRun(runs);
    await decide(runs, approved.body.id, "approve", by("ada", "looks good"));
    await decide(runs, rejected.body.id, "reject", by("ada"));
    await decide(runs, plain.id, "cancel", by("bo", "wrong version"));
    await ask("DELETE", `${runs}/${deleted.id}`, { token: portal.token, headers: { "On-Behalf-Of": "bo" } });
    await ask("PUT", `${environment}/pauses/prod`, by("ada", "freeze"));
    const bulk = { operation: "cancel", runIds: [plain.id], reason: "all wrong" };
    const headers = { "On-Behalf-Of": "cleo" };
    await ask("POST", `${environment}/bulk-operations`, { token: portal.token, headers, body: bulk });
    await ask("DELETE", `${project}/tokens/${portal.id}`);
    await until(async () => (await shown(project)).filter(([action]) => action === "run_cancelled").length === 2);
    expect(await shown(project)).toEqual(
      expect.arrayContaining([
        ["run_approved", "ada", "portal", "looks good"],
        ["run_rejected", "ada", "portal", null],
        ["run_cancelled", "bo", "portal", "wrong version"],
        ["run_cancelled", "bo", "portal", null],
        ["pause_put", "ada", "portal", "freeze"],
        ["bulk_started", "cleo", "portal", "all wrong"],
        ["token_revoked", null, null, null],
        ["token_minted", null, null, null],
      ]),
    );
  });

  it("of what a token with a person of its own does", async () => {
    const project = newProject();
    const ada = await grantToken(project, { role: "admin", name: "of-ada", person: "ada" });
    const { headers, id } = await beginSession((await grantToken(project, { role: "viewer" })).token);
    await ask("DELETE", `${project}/sessions/${id}`, { token: ada.token });
    const child = await grantToken(project, { role: "viewer" }, ada.token);
    await ask("DELETE", `${project}/tokens/${child.id}`, { token: ada.token });
    expect(Object.keys(headers)).not.toEqual([]);
    expect((await shown(project)).slice(0, 3)).toEqual([
      ["token_revoked", "ada", "of-ada", null],
      ["token_minted", "ada", "of-ada", null],
      ["session_ended", "ada", "of-ada", null],
    ]);
  });
});

it("a revocation has an entry for each token that it took away, with its own name and environment", async () => {
  const project = newProject();
  const top = await grantToken(project, { role: "admin", name: "top" });
  const below = await grantToken(project, { role: "admin", name: "below", envName: "prod" }, top.token);
  await grantToken(project, { role: "viewer", name: "lowest", envName: "prod" }, below.token);
  await ask("DELETE", `${project}/tokens/${top.id}`);
  const { body } = await ask<(Entry & { targetName: string })[]>("GET", `${project}/audit?action=token_revoked`);
  expect(body.map(({ targetName, scope }) => [targetName, scope])).toEqual([
    ["lowest", `${project.slice(1)}/prod`],
    ["below", `${project.slice(1)}/prod`],
    ["top", project.slice(1)],
  ]);
  expect(new Set(body.map(({ at }) => at)).size).toBe(1);
});

describe("a cancel of one run", () => {
  const entries = async (project: string) =>
    (await auditOf(project)).filter(({ action }) => action === "run_cancelled");

  it.each(["cancel", "DELETE"])("is answered before its entry is written: %s", async (how) => {
    const project = newProject();
    const runs = `${project}/envs/prod/action-runs`;
    const run = await createRun(runs);
    const held = holdWrites(/INSERT INTO audit/);
    const timers = vi.spyOn(globalThis, "setTimeout");
    const { status } =
      how === "DELETE" ? await ask("DELETE", `${runs}/${run.id}`) : await decide(runs, run.id, "cancel");
    // A decision waits for its entry for a second.
    expect(timers.mock.calls.filter(([, ms]) => ms === 1000)).toEqual([]);
    timers.mockRestore();
    expect([status, await entries(project)]).toEqual([200, []]);
    held.open();
    await until(async () => (await entries(project)).length === 1);
    expect(await entries(project)).toMatchObject([{ target: run.id, actor: "root" }]);
  });

  it("has no entry if an earlier cancel ends the run sooner, also if it is repeated", async () => {
    const project = newProject();
    const runs = `${project}/envs/prod/action-runs`;
    const run = await createRun(runs);
    await beat(run);
    await decide(runs, run.id, "cancel", { body: { graceSeconds: 60 } });
    const later = { body: { graceSeconds: 120 }, headers: { "Idempotency-Key": "later" } };
    for (let n = 0; n < 2; n++) expect((await decide(runs, run.id, "cancel", later)).status).toBe(202);
    // Entries are written in their order.
    await decide(runs, (await createRun(runs)).id, "cancel");
    await until(async () => (await entries(project)).length === 2);
    expect((await entries(project)).filter(({ target }) => target === run.id)).toHaveLength(1);
  });

  it("has one entry, also if it is repeated with its key, and none if it is refused", async () => {
    const project = newProject();
    const runs = `${project}/envs/prod/action-runs`;
    const [cancelled, deleted] = [await createRun(runs), await createRun(runs)];
    const headers = { "Idempotency-Key": "k" };
    for (let n = 0; n < 2; n++) {
      await decide(runs, cancelled.id, "cancel", { headers });
      await ask("DELETE", `${runs}/${deleted.id}`, { headers });
    }
    expect((await ask("DELETE", `${runs}/${deleted.id}`)).status).toBe(409);
    await until(async () => (await entries(project)).length >= 2);
    const later = await createRun(runs);
    await ask("DELETE", `${runs}/${later.id}`);
    await until(async () => (await entries(project)).some(({ target }) => target === later.id));
    expect((await entries(project)).map(({ target }) => target).toSorted()).toEqual(
      [cancelled.id, deleted.id, later.id].toSorted(),
    );
  });
});

it("a resync does not start if its entry can't be written", async () => {
  const project = newProject();
  const run = await createRun(`${project}/envs/prod/action-runs`);
  await replicated(`${project}/envs/prod/action-runs`);
  await env.DB.prepare("DELETE FROM runs WHERE id = ?").bind(run.id).run();
  faults.writes = { refuse: (bound) => bound.includes("resync_requested") };
  lines.length = 0;
  const answer = await ask<Refusal>("POST", `${project}/envs/prod/resync`);
  expect([answer.status, answer.body.code]).toEqual([503, "database_unavailable"]);
  expect(linesOf(lines, "request")[0]).toMatchObject({ status: 503, coordinator: 0 });
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

  it("are removed after AUDIT_RETENTION_DAYS, a bounded number a minute", async () => {
    await putEntries(1500, NOW - 400 * DAY_MS - 1);
    await putEntries(3, NOW - 400 * DAY_MS);
    await everyMinute(env, NOW);
    expect(await left()).toBe(503);
    await everyMinute(env, NOW);
    await everyMinute(env, NOW);
    expect(await left()).toBe(3);
    await everyMinute({ ...env, RETENTION_DAYS: "7" }, NOW);
    expect(await left()).toBe(3);
    await everyMinute({ ...env, AUDIT_RETENTION_DAYS: "399" }, NOW);
    expect(await left()).toBe(0);
  });

  it.each(["refused", "never answered"])("that can't be removed stop no other work: %s", async (how) => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    await createAged(`${newProject()}/envs/prod/action-runs`);
    await env.DB.prepare("UPDATE coordinators SET due_at = 1").run();
    const before = NOW - 400 * DAY_MS;
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
  const requests = () => linesOf(lines, "request");

  async function flood(): Promise<void> {
    for (let n = 0; n < 150; n++) {
      await app.fetch(new Request("https://runs.example/healthz"), env);
    }
  }

  it("has a line for every created or revoked token and every resync, even in a flood", async () => {
    const now = Date.parse("2032-01-01T00:00:00Z");
    vi.spyOn(Date, "now").mockImplementation(() => now);
    const project = newProject();
    const scope = project.slice(1);
    await flood();
    const ada = await grantToken(project, { role: "admin" });
    const created = [];
    for (let n = 0; n < 12; n++) created.push(await grantToken(project, { role: "viewer" }, ada.token));
    const headers = { "X-Request-Id": "revocation-of-ada" };
    await ask("DELETE", `${project}/tokens/${ada.id}`, { headers });
    await ask("POST", `${project}/envs/prod/resync`);
    expect(requests()).toHaveLength(100);
    const audit = linesOf(lines, "audit");
    const common = { level: "info", event: "audit", requestId: expect.any(String) };
    expect(audit).toEqual([
      { ...common, actor: "root", action: "token_minted", target: ada.id, scope },
      ...created.map(({ id }) => ({ ...common, actor: ada.id, action: "token_minted", target: id, scope })),
      {
        ...common,
        requestId: "revocation-of-ada",
        actor: "root",
        action: "token_revoked",
        target: ada.id,
        scope,
        tokens: 13,
      },
      { ...common, actor: "root", action: "resync_requested", target: `${scope}/prod`, scope: `${scope}/prod` },
    ]);
    const text = JSON.stringify(audit);
    for (const { token } of [ada, ...created]) expect(text).not.toContain(token.slice(5));
  });

  it("names the token in a request's line, even if the request is refused", async () => {
    const project = newProject();
    const path = `${project}/envs/prod/action-runs`;
    const { id, token } = await grantToken(project, { role: "viewer" });
    const run = await createRun(path);
    const tokenOf = async (go: () => Promise<unknown>) => {
      lines.length = 0;
      await go();
      return requests().map((line) => [line.status, line.token]);
    };
    expect(await tokenOf(() => ask("GET", path))).toEqual([[200, "root"]]);
    expect(await tokenOf(() => ask("GET", path, { token }))).toEqual([[200, id]]);
    expect(await tokenOf(() => ask("GET", `${project}/tokens`, { token }))).toEqual([[403, id]]);
    expect(await tokenOf(() => ask("GET", `${newProject()}/tokens`, { token }))).toEqual([[404, id]]);
    expect(await tokenOf(() => ask("POST", `${project}/envs/prod/resync`, { token }))).toEqual([[403, id]]);
    expect(await tokenOf(() => ask("GET", path, { token: null }))).toEqual([[401, undefined]]);
    expect(await tokenOf(() => ask("GET", path, { token: `terr_${"a".repeat(43)}` }))).toEqual([[401, undefined]]);
    expect(await tokenOf(() => report(run, { status: "succeeded" }))).toEqual([[200, undefined]]);
  });
});

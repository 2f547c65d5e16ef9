/** The numbered steps of the journal and of D1 only add, so a deploy and a rollback keep what was written. */

import { applyD1Migrations, type D1Migration, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { JOURNAL_STEPS, migrate } from "../../src/runs/journal/steps.ts";
import { change, coordinator, createAged, direct, journal, MINUTE_MS, mint } from "../support/direct.ts";
import { ask, newRunsPath, scopeOfPath } from "../support/requests.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** What a later release may append. */
const LATER = `
  ALTER TABLE runs ADD COLUMN heartbeat_at INTEGER;
  CREATE TABLE attempts (run_id TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (run_id, n)) STRICT, WITHOUT ROWID;`;

/** Inserts a cancelled run with the columns of D1's first migration. */
async function insertFirstRun(scope: string, id: string, at: number): Promise<void> {
  const instant = new Date(at).toISOString();
  const body = JSON.stringify({
    ...{ id, actionName: "deploy", entityId: null, status: "cancelled", parameters: {}, recommendations: {} },
    ...{ triggeredBy: "root", createdAt: instant, startedAt: null, completedAt: instant, error: null },
    output: null,
  });
  await env.DB.prepare(
    `INSERT INTO runs (scope, id, version, status, action_name, entity_id, triggered_by, purge_at, bytes,
       body)
     VALUES (?, ?, 2, 'cancelled', 'deploy', NULL, 'root', ?, ?, ?)`,
  )
    .bind(scope, id, at + 30 * 86_400_000, body.length, body)
    .run();
}

/** The numbers of the steps that this code knows. */
const KNOWN = JOURNAL_STEPS.map((_, n) => n + 1);
const ONE_MORE = [...KNOWN, KNOWN.length + 1];

async function inStorage(path: string, act: (storage: DurableObjectStorage) => void): Promise<void> {
  await runInDurableObject(coordinator(path, 0), (_instance, state) => act(state.storage));
}

async function steps(path: string): Promise<number[]> {
  const rows = await journal<{ step: number }>(path, 0, "SELECT step FROM schema_steps ORDER BY step");
  return rows.map(({ step }) => step);
}

describe("a journal", () => {
  it("keeps its runs when a later step is appended, and after a rollback", async () => {
    const path = newRunsPath();
    const id = await createAged(path);
    const before = await journal(path, 0, "SELECT id, status, version, parameters FROM runs");
    const withLater = () => inStorage(path, (storage) => migrate(storage, [...JOURNAL_STEPS, LATER]));
    await withLater();
    await withLater();
    expect(await journal(path, 0, "SELECT id, status, version, parameters FROM runs")).toEqual(before);
    expect(await journal(path, 0, "SELECT heartbeat_at FROM runs")).toEqual([{ heartbeat_at: null }]);
    expect(await steps(path)).toEqual(ONE_MORE);
    // The rollback: this code does not know the last step.
    await evictDurableObject(coordinator(path, 0));
    expect(await change(path, id, { type: "started" })).toMatchObject({ ok: true });
    const another = await createAged(path);
    await withLater();
    expect(await steps(path)).toEqual(ONE_MORE);
    expect(await direct(path, 0).read(another)).toMatchObject({ ok: true });
  });

  it("stays as it was if a step fails half-way, and takes the whole step the next time", async () => {
    const path = newRunsPath();
    await createAged(path);
    const broken = "CREATE TABLE half (a TEXT) STRICT; ALTER TABLE nowhere ADD COLUMN a TEXT;";
    await inStorage(path, (storage) => {
      expect(() => migrate(storage, [...JOURNAL_STEPS, broken])).toThrow("nowhere");
    });
    expect(await journal(path, 0, "SELECT name FROM sqlite_schema WHERE name = 'half'")).toEqual([]);
    expect(await steps(path)).toEqual(KNOWN);
    await inStorage(path, (storage) => migrate(storage, [...JOURNAL_STEPS, LATER]));
    expect(await journal(path, 0, "SELECT * FROM attempts")).toEqual([]);
  });
});

describe("D1", () => {
  async function dropEverything(): Promise<void> {
    const { results } = await env.DB.prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
    ).all<{ name: string }>();
    for (const { name } of results) await env.DB.exec(`DROP TABLE "${name}"`);
  }

  const prefixes = env.TEST_MIGRATIONS.map((_, n) => ({ applied: n + 1, of: env.TEST_MIGRATIONS.length }));
  it.each(prefixes)(
    "with a run written after $applied of $of migrations serves that run after all of them",
    async ({ applied }) => {
      const path = newRunsPath();
      const now = Date.now();
      const id = await mint(path, now);
      await dropEverything();
      await applyD1Migrations(env.DB, env.TEST_MIGRATIONS.slice(0, applied));
      await insertFirstRun(scopeOfPath(path), id, now);
      await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
      await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
      expect((await ask<unknown[]>("GET", path)).body).toMatchObject([{ id, status: "cancelled" }]);
      expect((await ask("GET", "/readyz", { token: null })).status).toBe(200);
      const detailed = await ask<unknown[]>("GET", `${path}?include=details`);
      expect(detailed.body).toMatchObject([{ id, details: { action: null, labels: [], cancel: null } }]);
      expect((await ask<unknown[]>("GET", `${path}?label=a`)).body).toEqual([]);
      expect((await ask("GET", `${path}/summary`)).body).toMatchObject({ pending: 0, cancelled: 1 });
      // Old code names its columns, so it still writes after the later migrations.
      await insertFirstRun(scopeOfPath(path), await mint(path, now), now);
    },
  );

  it("is ready only when every migration that creates tables or columns is applied", async () => {
    await dropEverything();
    // A minute apart, because the answer is cached for some seconds.
    vi.useFakeTimers({ toFake: ["Date"] });
    const needed = env.TEST_MIGRATIONS.findLastIndex(({ queries }) =>
      /\b(CREATE|ALTER)\b/.test(queries.join(";")),
    );
    for (let applied = 1; applied <= needed; applied++) {
      vi.setSystemTime(Date.now() + MINUTE_MS);
      await applyD1Migrations(env.DB, env.TEST_MIGRATIONS.slice(0, applied));
      expect(await ask("GET", "/readyz", { token: null })).toMatchObject({
        status: 503,
        body: { code: "not_ready", error: expect.stringContaining("npm run migrate") },
      });
    }
    await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
    vi.setSystemTime(Date.now() + MINUTE_MS);
    expect((await ask("GET", "/readyz", { token: null })).status).toBe(200);
  });
});

describe("the numbered steps", () => {
  it("of D1 are numbered without a gap", () => {
    expect(env.TEST_MIGRATIONS.map(({ name }: D1Migration) => Number(name.slice(0, 4)))).toEqual(
      env.TEST_MIGRATIONS.map((_, n) => n + 1),
    );
  });

  it.each([
    ...JOURNAL_STEPS.map((sql, n) => ({ name: `journal step ${n + 1}`, sql })),
    ...env.TEST_MIGRATIONS.map(({ name, queries }) => ({ name, sql: queries.join(";\n") })),
  ])("only add: $name", ({ sql }) => {
    // No code, old or new, reads rows without a scope.
    const said = sql.replaceAll(/--.*/g, "").replaceAll(/DELETE FROM \w+ WHERE scope = ''/g, "");
    expect(said).not.toMatch(/\b(DROP|RENAME|DELETE|UPDATE|REPLACE|TRUNCATE)\b/i);
    for (const [table] of said.matchAll(/CREATE TABLE[^;]*/g)) expect(table).toMatch(/\bSTRICT\b/);
  });
});

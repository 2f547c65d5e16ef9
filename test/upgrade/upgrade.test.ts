/** A journal and a D1 written by the first migration still open after a later one; and a rollback opens a newer one. */

import { applyD1Migrations, type D1Migration, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { JOURNAL_STEPS, migrate } from "../../src/runs/journal/steps.ts";
import {
  change,
  coordinator,
  createAged,
  direct,
  journal,
  MINUTE_MS,
  mint,
  until,
} from "../support/direct.ts";
import { ask, newRunsPath, rowOf, scopeOfPath } from "../support/requests.ts";
import { firstD1Run, firstJournalRun } from "./first-schema.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** What a later release may append. */
const LATER = `
  ALTER TABLE runs ADD COLUMN heartbeat_at INTEGER;
  CREATE TABLE attempts (run_id TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (run_id, n)) STRICT, WITHOUT ROWID;`;

async function inStorage(path: string, act: (storage: DurableObjectStorage) => void): Promise<void> {
  await runInDurableObject(coordinator(path, 0), (_instance, state) => act(state.storage));
}

async function steps(path: string): Promise<number[]> {
  const rows = await journal<{ step: number }>(path, 0, "SELECT step FROM schema_steps ORDER BY step");
  return rows.map(({ step }) => step);
}

describe("a journal", () => {
  it("that only the first step has written opens, its runs go on, and land", async () => {
    const path = newRunsPath();
    await direct(path, 0).poke();
    const now = Date.now();
    const id = await mint(path, now);
    await runInDurableObject(coordinator(path, 0), async (_instance, { storage }) => {
      await storage.deleteAll();
      migrate(storage, JOURNAL_STEPS.slice(0, 1));
      for (const { sql, bindings } of firstJournalRun(id, now, now + 60 * MINUTE_MS)) {
        storage.sql.exec(sql, ...bindings);
      }
    });
    await evictDurableObject(coordinator(path, 0));
    expect(await direct(path, 0).read(id)).toMatchObject({ ok: true });
    expect(await steps(path)).toEqual(JOURNAL_STEPS.map((_, n) => n + 1));
    expect(await change(path, id, { type: "succeeded", output: '{"a":1}' })).toMatchObject({ ok: true });
    await until(async () => (await rowOf(id))?.version === 2);
    expect((await ask("GET", `${path}/${id}`)).body).toMatchObject({
      id,
      actionName: "deploy",
      status: "succeeded",
      parameters: { a: 1 },
      output: { a: 1 },
    });
  });

  it("keeps what it holds when a later step is appended, and runs no step twice", async () => {
    const path = newRunsPath();
    const id = await createAged(path);
    const before = await journal(path, 0, "SELECT id, status, version, parameters FROM runs");
    for (let opened = 0; opened < 3; opened++)
      await inStorage(path, (s) => migrate(s, [...JOURNAL_STEPS, LATER]));
    expect(await journal(path, 0, "SELECT id, status, version, parameters FROM runs")).toEqual(before);
    expect(await journal(path, 0, "SELECT heartbeat_at FROM runs WHERE id = ?", id)).toEqual([
      { heartbeat_at: null },
    ]);
    expect(await steps(path)).toEqual([...JOURNAL_STEPS, LATER].map((_, n) => n + 1));
  });

  it("opens after a rollback to code that knows fewer steps, which works on, and again after the next deploy", async () => {
    const path = newRunsPath();
    const id = await createAged(path);
    await inStorage(path, (s) => migrate(s, [...JOURNAL_STEPS, LATER]));
    await evictDurableObject(coordinator(path, 0));
    expect(await change(path, id, { type: "started" })).toMatchObject({ ok: true });
    const another = await createAged(path);
    await inStorage(path, (s) => migrate(s, [...JOURNAL_STEPS, LATER]));
    expect(await steps(path)).toHaveLength(JOURNAL_STEPS.length + 1);
    expect(await direct(path, 0).read(another)).toMatchObject({ ok: true });
  });

  it("is as it was where a step fails half-way, and takes that step whole the next time", async () => {
    const path = newRunsPath();
    await createAged(path);
    const broken = "CREATE TABLE half (a TEXT) STRICT; ALTER TABLE nowhere ADD COLUMN a TEXT;";
    await inStorage(path, (storage) => {
      expect(() => migrate(storage, [...JOURNAL_STEPS, broken])).toThrow("nowhere");
    });
    expect(await journal(path, 0, "SELECT name FROM sqlite_schema WHERE name = 'half'")).toEqual([]);
    expect(await steps(path)).toHaveLength(JOURNAL_STEPS.length);
    await inStorage(path, (s) => migrate(s, [...JOURNAL_STEPS, LATER]));
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
    "with a run of the first schema, written at $applied of $of migrations, serves it after all",
    async ({ applied }) => {
      const path = newRunsPath();
      const now = Date.now();
      const id = await mint(path, now);
      await dropEverything();
      await applyD1Migrations(env.DB, env.TEST_MIGRATIONS.slice(0, applied));
      const { sql, bindings } = firstD1Run(scopeOfPath(path), id, now);
      await env.DB.prepare(sql)
        .bind(...bindings)
        .run();
      await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
      await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
      expect(await ask("GET", `${path}/${id}`)).toMatchObject({
        status: 200,
        body: { id, status: "cancelled" },
      });
      expect((await ask<unknown[]>("GET", path)).body).toHaveLength(1);
      expect((await ask("GET", "/readyz", { token: null })).status).toBe(200);
      // A code of before writes its columns by name, and is not in the way of newer ones.
      const older = firstD1Run(scopeOfPath(path), await mint(path, now), now);
      await env.DB.prepare(older.sql)
        .bind(...older.bindings)
        .run();
    },
  );

  it("serves as ready only when every migration that makes tables or columns is applied", async () => {
    await dropEverything();
    // Each in a time of its own, because an answer is remembered for some seconds.
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
  it("of D1 are counted without a gap", () => {
    expect(env.TEST_MIGRATIONS.map(({ name }: D1Migration) => Number(name.slice(0, 4)))).toEqual(
      env.TEST_MIGRATIONS.map((_, n) => n + 1),
    );
  });

  it.each([
    ...JOURNAL_STEPS.map((sql, n) => ({ name: `journal step ${n + 1}`, sql })),
    ...env.TEST_MIGRATIONS.map(({ name, queries }) => ({ name, sql: queries.join(";\n") })),
  ])("only add: $name", ({ sql }) => {
    // Rows of no scope are read by no code, old or new.
    const said = sql.replaceAll(/--.*/g, "").replaceAll(/DELETE FROM \w+ WHERE scope = ''/g, "");
    expect(said).not.toMatch(/\b(DROP|RENAME|DELETE|UPDATE|REPLACE|TRUNCATE)\b/i);
    for (const [table] of said.matchAll(/CREATE TABLE[^;]*/g)) expect(table).toMatch(/\bSTRICT\b/);
  });
});

/**
 * A release changes the tables by a step that it appends: one of the journal, or a migration of D1. What was written
 * before is kept and served, and the code before that step still works. The later steps here are the tests' own.
 */

import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { JOURNAL_STEPS, migrate, tablesOf } from "../../src/runs/journal/schema.ts";
import { change, createAged, direct, inStorage, journal, MINUTE_MS, restart } from "../support/direct.ts";
import { replicated } from "../support/replicated.ts";
import { type ActionRun, ask, createRun, newRunsPath, report } from "../support/requests.ts";

/** The numbers of the steps that this code knows. */
const KNOWN = JOURNAL_STEPS.map((_, n) => n + 1);
const ONE_MORE = [...KNOWN, KNOWN.length + 1];

const LATER = `
  ALTER TABLE runs ADD COLUMN heartbeat_at INTEGER;
  ALTER TABLE runs
    ADD COLUMN
      note TEXT;
  CREATE TABLE attempts (
    run_id TEXT    NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (run_id, n)
  ) STRICT, WITHOUT ROWID;`;

async function steps(path: string): Promise<number[]> {
  const rows = await journal<{ step: number }>(path, "SELECT step FROM schema_steps ORDER BY step");
  return rows.map(({ step }) => step);
}

describe("a journal", () => {
  it("keeps its runs when a later step is appended, and after a rollback", async () => {
    const path = newRunsPath();
    const id = await createAged(path);
    const before = await journal(path, "SELECT id, status, version, parameters FROM runs");
    const withLater = () => inStorage(path, (storage) => migrate(storage, [...JOURNAL_STEPS, LATER]));
    await withLater();
    await withLater();
    expect(await journal(path, "SELECT id, status, version, parameters FROM runs")).toEqual(before);
    expect(await journal(path, "SELECT heartbeat_at FROM runs")).toEqual([{ heartbeat_at: null }]);
    expect(await steps(path)).toEqual(ONE_MORE);
    // The rollback: this code does not know the last step.
    await restart(path);
    expect(await change(path, id, { type: "started" })).toMatchObject({ ok: true });
    const another = await createAged(path);
    await withLater();
    expect(await steps(path)).toEqual(ONE_MORE);
    expect(await direct(path).runs.read(another)).toMatchObject({ ok: true });
  });

  it("has the columns that this code knows of each table, those of a later step included", async () => {
    const path = newRunsPath();
    await createAged(path);
    const known = async (steps: readonly string[]) => {
      await inStorage(path, (storage) => migrate(storage, steps));
      const tables = tablesOf(steps);
      for (const [table, columns] of tables) {
        expect(await journal(path, "SELECT name AS column, type FROM pragma_table_info(?)", table), table).toEqual(
          columns,
        );
      }
      const others = "name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT IN ('schema_steps', 'sqlite_sequence')";
      const found = await journal<{ name: string }>(
        path,
        `SELECT name FROM sqlite_schema WHERE type = 'table' AND ${others}`,
      );
      expect(found.map(({ name }) => name).sort()).toEqual([...tables.keys()].sort());
    };
    await known(JOURNAL_STEPS);
    await known([...JOURNAL_STEPS, LATER]);
  });

  it("stays as it was if a step fails half-way, and takes the whole step the next time", async () => {
    const path = newRunsPath();
    await createAged(path);
    const broken = "CREATE TABLE half (a TEXT) STRICT; ALTER TABLE nowhere ADD COLUMN a TEXT;";
    await inStorage(path, (storage) => {
      expect(() => migrate(storage, [...JOURNAL_STEPS, broken])).toThrow("nowhere");
    });
    expect(await journal(path, "SELECT name FROM sqlite_schema WHERE name = 'half'")).toEqual([]);
    expect(await steps(path)).toEqual(KNOWN);
    await inStorage(path, (storage) => migrate(storage, [...JOURNAL_STEPS, LATER]));
    expect(await journal(path, "SELECT * FROM attempts")).toEqual([]);
  });
});

describe("D1", () => {
  async function dropEverything(): Promise<void> {
    const { results } = await env.DB.prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
    ).all<{ name: string }>();
    for (const { name } of results) await env.DB.exec(`DROP TABLE "${name}"`);
  }

  it("serves a run that was written before a later migration, and this code still writes after it", async () => {
    const later: D1Migration = {
      name: `${String(env.TEST_MIGRATIONS.length + 1).padStart(4, "0")}_later.sql`,
      queries: [
        "ALTER TABLE runs ADD COLUMN heartbeat_at INTEGER",
        "CREATE TABLE attempts (run_id TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (run_id, n)) STRICT",
      ],
    };
    const path = newRunsPath();
    const ended = await createRun(path, { actionName: "deploy", labels: ["a"] });
    await report(ended, { status: "succeeded" });
    await replicated(path);
    const list = () => ask<ActionRun[]>("GET", `${path}?include=details`);
    const before = (await list()).body;
    expect(before).toMatchObject([{ id: ended.id, status: "succeeded", details: { labels: ["a"] } }]);

    await applyD1Migrations(env.DB, [...env.TEST_MIGRATIONS, later]);
    await applyD1Migrations(env.DB, [...env.TEST_MIGRATIONS, later]);
    expect((await list()).body).toEqual(before);
    const added = await env.DB.prepare("SELECT heartbeat_at FROM runs WHERE id = ?").bind(ended.id).all();
    expect(added.results).toEqual([{ heartbeat_at: null }]);
    const next = await createRun(path);
    await replicated(path);
    expect((await list()).body).toMatchObject([{ id: next.id }, { id: ended.id }]);
    expect((await ask("GET", `${path}/summary`)).body).toMatchObject({ pending: 1, succeeded: 1 });
    expect((await ask("GET", "/readyz", { token: null })).status).toBe(200);
  });

  it("is ready only when every migration that creates tables or columns is applied", async () => {
    await dropEverything();
    // A minute apart, because the answer is cached for some seconds.
    vi.useFakeTimers({ toFake: ["Date"] });
    const needed = env.TEST_MIGRATIONS.findLastIndex(({ queries }) => /\b(CREATE|ALTER)\b/.test(queries.join(";")));
    for (let applied = 0; applied <= needed; applied++) {
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
    // What a row takes along when it goes is no change of a step.
    const said = sql.replaceAll(/--.*|ON DELETE CASCADE/g, "");
    expect(said).not.toMatch(/\b(DROP|RENAME|DELETE|UPDATE|REPLACE|TRUNCATE)\b/i);
    for (const [table] of said.matchAll(/CREATE TABLE[^;]*/g)) expect(table).toMatch(/\bSTRICT\b/);
  });
});

/** What each release has stored is served by the code of today, as the release served it, and goes on from there. */

import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { JOURNAL_STEPS, migrate, tablesOf } from "../../src/runs/journal/schema.ts";
import { inStorage, journal, restart } from "../support/direct.ts";
import { type ActionRun, ask, type CreatedRun } from "../support/requests.ts";
import { useSettings } from "../support/use-settings.ts";

// As the server that was written down. Its receiver is gone.
await useSettings("development");

/** See stored/record.ts. */
interface Stored {
  readonly at: number;
  readonly environment: string;
  readonly tokens: { readonly member: string; readonly pending: { readonly id: string; readonly callback: string } };
  readonly d1: readonly string[];
  readonly journal: readonly string[];
  readonly answers: Readonly<Record<string, unknown>>;
}

const RELEASES = Object.entries(import.meta.glob<Stored>("./stored/*.json", { eager: true, import: "default" })).map(
  ([file, stored]) => ({ release: /([\d.]+)\.json$/.exec(file)?.[1] ?? file, stored }),
);

it("is there", () => {
  expect(RELEASES.map(({ release }) => release)).toContain("1.0.0");
});

describe.each(RELEASES)("what $release stored", ({ stored }) => {
  const { tokens } = stored;
  const environment = `http://localhost${stored.environment}`;
  const runs = `${environment}/action-runs`;

  beforeEach(async () => {
    // The release is as old as on the day when it was written down, or its runs would be purged.
    vi.useFakeTimers({ toFake: ["Date"], now: stored.at });
    await emptyD1();
    await env.DB.batch(stored.d1.map((statement) => env.DB.prepare(statement)));
    // An upgrade applies what is new before the new code is deployed.
    await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
    await inStorage(stored.environment, (storage) => {
      for (const { name } of storage.sql.exec<{ name: string }>(TABLES).toArray())
        storage.sql.exec(`DROP TABLE "${name}"`);
      for (const statement of stored.journal) storage.sql.exec(statement);
      migrate(storage);
    });
    await restart(stored.environment);
  });

  it("has the tables of a new installation after the upgrade, because no step that was released ever changes", async () => {
    const upgraded = await schemaOfD1();
    await emptyD1();
    await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
    expect(upgraded).toEqual(await schemaOfD1());
    for (const [table, columns] of tablesOf(JOURNAL_STEPS)) {
      const found = await journal(stored.environment, "SELECT name AS column, type FROM pragma_table_info(?)", table);
      expect(found, table).toEqual(columns);
    }
  });

  it("is answered as the release answered it", async () => {
    for (const [path, body] of Object.entries(stored.answers)) {
      const answer = await ask("GET", `http://localhost${path}`);
      expect({ path, status: answer.status, body: answer.body }).toMatchObject({ path, status: 200, body });
    }
  });

  it("opens what it sealed, and its runs go on", async () => {
    const { id, callback } = tokens.pending;
    const report = { token: callback, body: { status: "succeeded", output: { n: 1 } } };
    expect((await ask<ActionRun>("POST", `${runs}/${id}/callback`, report)).body).toMatchObject({
      status: "succeeded",
    });
    const member = { token: tokens.member, body: { parameters: { version: "2.0.0" } } };
    const deploy = await ask<CreatedRun>("POST", `${environment}/actions/deploy/runs`, member);
    expect(deploy).toMatchObject({ status: 201, body: { status: "pending", triggeredBy: "ada@example.com" } });
    const { body: waiting } = await ask<ActionRun[]>("GET", `${runs}?waiting=approval`);
    const approved = await ask("POST", `${runs}/${waiting[0]?.id}/approve`, { body: {} });
    expect(approved).toMatchObject({ status: 200, body: { id: waiting[0]?.id } });
    const again = { body: { actionName: "report", parameters: { n: 1 }, timeout: 1440 } };
    const headers = { "Idempotency-Key": "stored-pending" };
    expect((await ask<CreatedRun>("POST", runs, { ...again, headers })).body.id).toBe(id);
    const list = await ask<ActionRun[]>("GET", `${runs}?status=succeeded`);
    expect(list.body.map((run) => run.id)).toContain(id);
  });
});

const TABLES =
  "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite*' AND name NOT GLOB '_cf*'";

async function emptyD1(): Promise<void> {
  const { results } = await env.DB.prepare(TABLES).all<{ name: string }>();
  for (const { name } of results) await env.DB.exec(`DROP TABLE "${name}"`);
}

async function schemaOfD1(): Promise<unknown> {
  const select =
    "SELECT name, sql FROM sqlite_schema WHERE name NOT GLOB 'sqlite*' AND name NOT GLOB '_cf*' AND name <> 'd1_migrations' ORDER BY name";
  return (await env.DB.prepare(select).all()).results;
}

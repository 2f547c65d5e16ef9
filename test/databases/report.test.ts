/** What the cron notes of other databases each minute, and what the readiness check makes of it. */

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { noteDatabases } from "../../src/service/health-routes.ts";
import type { Env } from "../../src/settings/env.ts";
import { askWith } from "../support/bindings.ts";
import { later } from "../support/clock.ts";
import { OUT_OF_REACH, plantRun, reading, writeHome } from "../support/databases/several-databases.ts";
import { hurryTimers } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { newRunsPath } from "../support/requests.ts";
import { useSettings } from "../support/use-settings.ts";

await useSettings("databases");

const [IN_1, IN_3] = [env.DB_1, env.DB_3] as [D1Database, D1Database];
const all = reading(OUT_OF_REACH);
const noArchive = async () => null;

let hours = 0;
beforeEach(async () => {
  // What the isolate remembers of the test before is old.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ++hours * 3_600_000 });
  for (const table of ["database_report", "environments"]) await env.DB.prepare(`DELETE FROM ${table}`).run();
});

/** Of a readiness check that is not remembered from before. */
async function ready(environment: Env = all) {
  later(60_000);
  faults.callsOf.clear();
  const { status, body } = await askWith<Record<string, unknown>>(environment, "GET", "/readyz");
  return { status, body, calls: Object.fromEntries(faults.callsOf) };
}

const note = (environment = all, archive: () => Promise<"ready" | "not_answering" | null> = noArchive) =>
  noteDatabases(environment, Date.now(), archive);

describe("the readiness check with several databases", () => {
  it("lists none if all are well, and asks only the control database, once", async () => {
    await note();
    expect(await ready()).toEqual({
      status: 200,
      body: { status: "ready", secretsUnderOlderKeys: 0, waitingRunsUnderOlderKeys: 0, degraded: [], warnings: [] },
      calls: { 0: 1 },
    });
  });

  it("lists those that are not migrated, full, have another number, or are not bound", async () => {
    await writeHome(newRunsPath(), { database: 9, generation: 1 });
    await IN_1.prepare("ALTER TABLE run_labels RENAME TO away").run();
    await IN_3.prepare("UPDATE database_number SET number = 2").run();
    faults.only = 2;
    faults.databaseBytes = 9_900_000_000;
    await note();
    await IN_1.prepare("ALTER TABLE away RENAME TO run_labels").run();
    await IN_3.prepare("UPDATE database_number SET number = 3").run();
    const { status, body } = await ready();
    expect([status, body.degraded]).toEqual([
      200,
      [
        { database: 1, status: "not_migrated" },
        { database: 2, status: "full" },
        { database: 3, status: "wrong_number" },
        { database: 9, status: "not_bound" },
      ],
    ]);
  });

  it.each([
    [7_999_999_999, []],
    [8_000_000_000, [0, 2]],
  ])("with %i bytes warns of %j, while they are ready", async (bytes, databases) => {
    faults.databaseBytes = bytes;
    faults.only = 2;
    await note();
    faults.only = 0;
    const { status, body } = await ready();
    const warnings = databases.map((database) => ({ database, warning: "nearly_full" }));
    expect([status, body]).toEqual([200, expect.objectContaining({ degraded: [], warnings })]);
    expect((await askWith<{ warnings: unknown }[]>(all, "GET", "/databases")).body.map((one) => one.warnings)).toEqual(
      [0, 1, 2, 3].map((number) => (databases.includes(number) ? ["nearly_full"] : [])),
    );
  });

  it("lists one that is not bound at once, also if only the control database is bound", async () => {
    const one = { ...all, DB_1: undefined, DB_2: undefined, DB_3: undefined } as unknown as Env;
    await writeHome(newRunsPath(), { database: 2, generation: 1 });
    const degraded = [{ database: 2, status: "not_bound" }];
    const { status, body, calls } = await ready(one);
    expect([status, calls]).toEqual([200, { 0: 1 }]);
    expect(body).toMatchObject({ degraded, waitingRunsUnderOlderKeys: null });
    await note({ ...one, ARCHIVE: {} } as unknown as Env);
    expect((await ready({ ...one, ARCHIVE: {} } as unknown as Env)).body).toMatchObject({ degraded });
  });

  it.each(["down", "hang"] as const)("lists one that is %s, which holds up no other", async (fault) => {
    hurryTimers();
    faults.only = 2;
    faults.reads = fault;
    await note();
    expect((await ready()).body.degraded).toEqual([{ database: 2, status: "not_answering" }]);
  });

  it("lists the archive if it does not answer, also with one database", async () => {
    await note(all, async () => "not_answering");
    expect((await ready()).body.degraded).toEqual([{ archive: "not_answering" }]);
    const one = { ...all, DB_1: undefined, DB_2: undefined, DB_3: undefined } as unknown as Env;
    expect((await ready({ ...one, ARCHIVE: {} as R2Bucket })).body.degraded).toEqual([{ archive: "not_answering" }]);
    expect((await ready(one)).body).not.toHaveProperty("degraded");
  });

  it("says that a setting is wrong if new environments would live in a database that is not bound", async () => {
    const { status, body } = await ready({ ...all, NEW_ENVIRONMENTS: "1,7" });
    expect([status, body.error]).toEqual([503, expect.stringMatching(/NEW_ENVIRONMENTS names database 7/)]);
  });
});

describe("the waiting runs under older keys", () => {
  const count = async (environment = all) => (await ready(environment)).body.waitingRunsUnderOlderKeys;

  it("are counted in all databases", async () => {
    for (const db of [env.DB, IN_1, IN_3]) {
      const id = await plantRun(db, newRunsPath(), { waitingCreator: "root" });
      await db.prepare("UPDATE runs SET waiting_key_id = 'an older one' WHERE id = ?").bind(id).run();
    }
    await note();
    expect(await count()).toBe(3);
    for (const db of [env.DB, IN_1, IN_3]) await db.prepare("DELETE FROM runs").run();
  });

  it("are not known before the cron has looked, for another key, for long after it, and if a database is silent", async () => {
    expect(await count()).toBeNull();
    await note();
    expect(await count()).toBe(0);
    expect(
      await count({ ...all, CALLBACK_SIGNING_KEYS: `${"n".repeat(20)}ewer-key-abc,${all.CALLBACK_SIGNING_KEYS}` }),
    ).toBeNull();
    later(4 * 60_000);
    expect(await count()).toBeNull();
    hurryTimers();
    faults.only = 2;
    faults.reads = "hang";
    await note();
    expect(await count()).toBeNull();
  });
});

it("with one database the cron neither reads nor writes anything for it", async () => {
  faults.callsOf.clear();
  await note({ ...all, DB_1: undefined, DB_2: undefined, DB_3: undefined } as unknown as Env);
  expect(faults.callsOf.size).toBe(0);
});

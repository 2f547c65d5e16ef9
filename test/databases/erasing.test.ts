/** The operator erases an environment or a project: what callers see meanwhile, what is left, and the name's next life. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { everyMinute } from "../../src/cron.ts";
import { driveErasures } from "../../src/runs/api/databases/erasing.ts";
import { takeErasures } from "../../src/runs/d1/erasures.ts";
import type { Env } from "../../src/settings/env.ts";
import { givenInbound, send } from "../starts/events.ts";
import { calledThrough, envWith, untouchable } from "../support/bindings.ts";
import { later } from "../support/clock.ts";
import { plantRun } from "../support/databases/several-databases.ts";
import { coordinator, direct, journal, restart, until } from "../support/direct.ts";
import { faults, faulty } from "../support/faults.ts";
import {
  type Answer,
  ask,
  type CreatedRun,
  createRun,
  ROOT,
  report,
  type Schemas,
  scopeOfPath,
} from "../support/requests.ts";
import { changesOf, cursorOf } from "../support/runs/changes.ts";
import { gatedRun, LATER, ONE_AT_A_TIME, startGated } from "../support/runs/gated.ts";
import { beginSession } from "../support/sessions.ts";
import { changed, withSettings } from "../support/settings.ts";
import { grantToken, newProject, type Refusal } from "../support/tokens.ts";
import { useSettings } from "../support/use-settings.ts";
import { DATABASES, databaseOf, Environment, watchFailures } from "./moves.ts";

await useSettings("databases");

const failures = watchFailures();

type Erasure = Schemas["Erasure"] & Refusal;
const HOUR_MS = 3_600_000;

const erasePath = (scope: string) => {
  const [o, p, envName] = scope.split("/");
  return envName === undefined ? `/${o}/${p}/erase` : `/${o}/${p}/envs/${envName}/erase`;
};
const post = (scope: string, body: unknown = { confirm: scope }) => ask<Erasure>("POST", erasePath(scope), { body });
const get = (scope: string) => ask<Erasure>("GET", erasePath(scope));
const statusOf = async (scope: string) => (await get(scope)).body.status;

/** With databases that can fail. */
const [DB, ...others] = DATABASES.map((_, number) => faulty(databaseOf(number), number));
const FAULTY: Partial<Env> = { ...(DB && { DB }), ...Object.fromEntries(others.map((db, i) => [`DB_${i + 1}`, db])) };

/** What the cron does, as if no driver had worked in the last minute. */
async function drive(scope: string, bindings: Partial<Env> = {}): Promise<void> {
  await env.DB.prepare("UPDATE erasures SET driven_at = 0 WHERE scope = ?1 OR scope LIKE ?1 || '/%'").bind(scope).run();
  await driveErasures(envWith({ ...FAULTY, ...bindings }), Date.now());
}

/** `below`: an environment of the project that is driven. */
const driveUntil = (scope: string, status: string, below = scope) =>
  until(async () => {
    if ((await statusOf(below)) === status) return true;
    await drive(scope);
    return false;
  });

/** An hour goes by for an erasure that rests. */
async function rest(scope: string): Promise<void> {
  const age = "UPDATE erasures SET first_pass_at = first_pass_at - ?2 WHERE scope = ?1 OR scope LIKE ?1 || '/%'";
  await env.DB.prepare(age).bind(scope, HOUR_MS).run();
}

async function erased(scope: string): Promise<void> {
  expect((await post(scope)).status).toBe(202);
  await driveUntil(scope, "resting");
  await rest(scope);
  await driveUntil(scope, "erased");
}

/** How many rows there are of a scope or below it, in all databases, by table. The record of erasures is not among them. */
async function rowsOf(scope: string): Promise<Record<string, number>> {
  const [o, p, envName] = scope.split("/");
  const scoped = ["runs", "run_labels", "definitions", "definition_versions", "deleted_definitions", "environments"];
  const counts: Record<string, number> = {};
  const count = async (db: D1Database, table: string, where: string, ...bound: string[]) => {
    const n = await db
      .prepare(`SELECT count(*) AS n FROM ${table} WHERE ${where}`)
      .bind(...bound)
      .first<number>("n");
    if (n) counts[table] = (counts[table] ?? 0) + n;
  };
  for (const db of DATABASES) {
    for (const table of [...scoped, "coordinators"])
      await count(db, table, "scope = ?1 OR scope LIKE ?1 || '/%'", scope);
  }
  const byEnv = envName === undefined ? "project = ?1" : "project = ?1 AND env_name = ?2";
  const bound = [`${o}/${p}`, ...(envName === undefined ? [] : [envName])];
  for (const table of ["tokens", "audit"]) await count(env.DB, table, byEnv, ...bound);
  for (const table of envName === undefined ? ["sessions", "people_trusts", "revoked_tokens"] : [])
    await count(env.DB, table, "project = ?1", `${o}/${p}`);
  if (envName === undefined) await count(env.DB, "sign_in_codes", "about ->> 'project' = ?1", `${o}/${p}`);
  return counts;
}

/** A token of an environment that somebody has signed in with, and a code for their command line. */
async function plantSignIn(project: string, envName: string): Promise<void> {
  const id = crypto.randomUUID();
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO tokens (project, id, name, role, env_name, created_by, created_at, trust)
       VALUES (?1, ?2, 'platform', 'member', ?3, 'root', 0, '{}')`,
    ).bind(project, id, envName),
    env.DB.prepare("INSERT INTO people_trusts VALUES ('https://id.example', 'email', 'ada@example.com', ?, ?)").bind(
      project,
      id,
    ),
    env.DB.prepare(
      `INSERT INTO sessions (hash, project, id, token_id, issuer, identity, person, began_at, expires_at)
       VALUES (?2, ?1, ?2, ?2, 'https://id.example', 'x', 'ada@example.com', 0, 9e15)`,
    ).bind(project, id),
    env.DB.prepare("INSERT INTO sign_in_codes (hash, about, expires_at) VALUES (?, ?, 9e15)").bind(
      id,
      JSON.stringify({ project, sessionId: id }),
    ),
  ]);
}

/** An environment in database 2 with something in every table. */
async function furnished(project = newProject()) {
  const path = `${project}/envs/prod/action-runs`;
  const [actions, endpoints] = ["actions", "webhook-endpoints"].map((one) => path.replace("action-runs", one));
  changed.NEW_ENVIRONMENTS = "2";
  const environment = new Environment(path);
  const open = (await createRun(path, { actionName: "deploy", labels: ["team-a"] })) as CreatedRun;
  const ended = (await createRun(path, { actionName: "deploy" })) as CreatedRun;
  await report(ended, { status: "succeeded" });
  await environment.replicatedIn(2, [open.id, ended.id]);
  delete changed.NEW_ENVIRONMENTS;
  for (const timeout of [5, 6]) await ask("PUT", `${actions}/deploy`, { body: { timeout } });
  await ask("PUT", `${actions}/gone`, { body: { timeout: 5 } });
  await ask("DELETE", `${actions}/gone`);
  await ask("PUT", `${endpoints}/hook`, { body: { url: "https://hooks.example.com/x", events: ["action_run.*"] } });
  await ask("PUT", `${path.replace("action-runs", "pauses")}/-environment`, { body: { reason: "freeze" } });
  const token = await grantToken(project, { role: "owner", envName: "prod" });
  const wide = await grantToken(project, { role: "owner" });
  const session = await beginSession(token.token);
  await plantSignIn(project.slice(1), "prod");
  // What an earlier move has left.
  await plantRun(databaseOf(1), path);
  return {
    project,
    path,
    scope: scopeOfPath(path),
    environment,
    actions: `${actions}`,
    open,
    ended,
    token,
    wide,
    session,
  };
}

describe("an environment", () => {
  it("is gone from every table and its object, and only what the operator asked for is on record", async () => {
    const { project, path, scope, token, wide } = await furnished();
    const other = `${project}/envs/prod2/action-runs`;
    await createRun(other, { actionName: "deploy" });
    const begun = await post(scope, { confirm: scope, reason: "the customer has left" });
    expect(begun.status).toBe(202);
    expect(begun.body).toMatchObject({ scope, reason: "the customer has left", completedAt: null, environments: null });
    await driveUntil(scope, "resting");
    expect(await rowsOf(scope)).toEqual({});
    // A batch that was under way, and what nobody knows how it came.
    await plantRun(databaseOf(2), path);
    await plantRun(databaseOf(0), path);
    expect((await get(scope)).body.deletesAgainAt).toMatch(/^\d{4}-/);
    await drive(scope);
    expect([await statusOf(scope), (await rowsOf(scope)).runs]).toEqual(["resting", 2]);
    await rest(scope);
    expect(await statusOf(scope)).toBe("deleting_again");
    await driveUntil(scope, "wiping");
    expect(await rowsOf(scope)).toEqual({});
    await driveUntil(scope, "erased");
    await runInDurableObject(coordinator(path), (_, { storage }) => {
      expect([...storage.sql.exec("SELECT name FROM sqlite_schema WHERE name NOT LIKE '_cf_%'")]).toEqual([]);
    });
    const record = await env.DB.prepare("SELECT * FROM erasures WHERE scope = ?").bind(scope).first();
    expect(record).toMatchObject({ scope, reason: "the customer has left", completed_at: expect.any(Number) });
    expect((await get(scope)).body).toMatchObject({ status: "erased", completedAt: expect.any(String) });
    // A token of the environment opens nothing any more. The project and its other environment stay.
    expect(await env.DB.prepare("SELECT 1 FROM tokens WHERE id = ?").bind(token.id).first()).toBeNull();
    expect((await ask("GET", other, { token: wide.token })).body).toHaveLength(1);
    expect(failures.filter((line) => !line.includes("killed"))).toEqual([]);
  });

  it("refuses every call from the first answer on, tells jobs to stop, and ends its runs", async () => {
    const { path, scope, actions, open, ended, wide } = await furnished();
    await post(scope);
    const refused = async (method: string, at: string, body?: unknown) => {
      const answer = await ask<Refusal>(method, at, { token: wide.token, ...(body !== undefined && { body }) });
      return [answer.status, answer.body.code];
    };
    const erasing = [409, "environment_erasing"];
    expect(await refused("POST", path, { actionName: "deploy" })).toEqual(erasing);
    expect(await refused("POST", `${path}/${ended.id}/retry`)).toEqual(erasing);
    expect(await refused("GET", path)).toEqual(erasing);
    expect(await refused("GET", `${path}/${open.id}`)).toEqual(erasing);
    expect(await refused("GET", `${path}/changes`)).toEqual(erasing);
    expect(await refused("PUT", `${actions}/deploy`, { timeout: 7 })).toEqual(erasing);
    expect(await refused("PUT", `${path.replace("action-runs", "pauses")}/x`, { reason: "freeze" })).toEqual(erasing);
    expect(
      await refused("POST", path.replace("action-runs", "bulk-operations"), { operation: "cancel", runIds: [open.id] }),
    ).toEqual(erasing);
    const endpoint = { url: "https://hooks.example.com/x", events: ["action_run.*"] };
    expect(await refused("PUT", `${path.replace("action-runs", "webhook-endpoints")}/new`, endpoint)).toEqual(erasing);
    const minted = { name: "made", role: "viewer", envName: "prod" };
    expect(await refused("POST", path.replace(/envs.*/, "tokens"), minted)).toEqual(erasing);
    expect(await ask("POST", path.replace("action-runs", "resync"))).toMatchObject({ status: 409 });
    const beat = await ask<Refusal>("POST", `${path}/${open.id}/heartbeat`, { token: open.callback.token });
    expect([beat.status, beat.body.code]).toEqual([409, "run_cancelled"]);
    const rows = () =>
      journal<{ status: string; by: string }>(path, "SELECT status, cancel_by AS by FROM runs WHERE id = ?", open.id);
    await until(async () => (await rows())[0]?.status === "cancelled");
    expect((await rows())[0]?.by).toBe("root");
    // A token of the whole project still works elsewhere.
    expect((await createRun(path.replace("/prod/", "/other/"), { actionName: "deploy" })).status).toBe("pending");
  });

  it("starts no run that waits for one which ends", async () => {
    const path = `${newProject()}/envs/prod/action-runs`;
    const first = await gatedRun(path, ONE_AT_A_TIME);
    const second = await startGated(path);
    await startGated(path, { notBefore: LATER });
    await post(scopeOfPath(path));
    const open = () => journal(path, "SELECT 1 FROM runs WHERE completed_at IS NULL");
    await until(async () => (await open()).length === 0);
    const released = await journal<{ id: string }>(path, "SELECT id FROM runs WHERE released_at IS NOT NULL");
    expect(released.map(({ id }) => id)).toEqual([first.id]);
    expect(second.status).toBe(201);
  });

  it("starts no run by time or by event, and takes no schedule", async () => {
    const { runs, url } = await givenInbound(undefined, {}, { runs: `${newProject()}/envs/prod/action-runs` });
    const schedules = runs.replace("action-runs", "schedules");
    const minutely = { action: "deploy", cron: "* * * * *", timezone: "UTC" };
    expect((await ask("PUT", `${schedules}/first`, { body: minutely })).status).toBe(201);
    expect((await send(url, { n: 1 })).status).toBe(201);
    await post(scopeOfPath(runs));
    later(120_000);
    expect((await send(url, { n: 2 })).status).toBe(409);
    expect(await ask("PUT", `${schedules}/second`, { body: minutely })).toMatchObject({
      status: 409,
      body: { code: "environment_erasing" },
    });
    await runDurableObjectAlarm(coordinator(runs));
    expect(await journal(runs, "SELECT count(*) AS n FROM runs")).toEqual([{ n: 1 }]);
    await driveUntil(scopeOfPath(runs), "resting");
    // The isolate still remembers the action for a moment.
    expect((await send(url, { n: 3 })).status).toBe(409);
    later(60_000);
    expect((await send(url, { n: 4 })).status).toBe(404);
    expect(await rowsOf(scopeOfPath(runs))).toEqual({});
  });

  it("has another life afterwards: its home and its feed are new, and no erasure that died touches it", async () => {
    const { path, scope, environment } = await furnished();
    await environment.moveTo(3);
    const old = await cursorOf(path);
    changed.NEW_ENVIRONMENTS = "1";
    await erased(scope);
    const select = env.DB.prepare("SELECT asked_at AS at FROM erasures WHERE scope = ?").bind(scope);
    const askedAt = (await select.first<number>("at")) ?? 0;
    const run = await createRun(path, { actionName: "deploy" });
    await environment.replicatedIn(1, [run.id]);
    expect(await environment.home()).toEqual({ database: 1, generation: 1 });
    expect(((await ask("GET", path)).body as unknown as { id: string }[]).map(({ id }) => id)).toEqual([run.id]);
    expect((await changesOf(path, `?after=${old}`)).status).toBe(410);
    // The driver dies after the wipe, and does it again.
    expect(await direct(path).erasing.wipe(askedAt)).toBe(true);
    await env.DB.prepare("UPDATE erasures SET completed_at = NULL WHERE scope = ?").bind(scope).run();
    await drive(scope);
    expect([await statusOf(scope), (await environment.idsIn(1)).length]).toEqual(["erased", 1]);
    expect((await ask("GET", `${path}/${run.id}`)).status).toBe(200);
  });
});

describe("a driver", () => {
  it("never erases the next life of a name, although D1 was restored to the hour in which the erasure rested", async () => {
    const { path, scope, environment } = await furnished();
    changed.NEW_ENVIRONMENTS = "1";
    await erased(scope);
    const run = await createRun(path, { actionName: "deploy" });
    await environment.replicatedIn(1, [run.id]);
    const restored = "UPDATE erasures SET second_pass_at = NULL, completed_at = NULL WHERE scope = ?";
    await env.DB.prepare(restored).bind(scope).run();
    expect((await post(scope)).status).toBe(202);
    await driveUntil(scope, "erased");
    expect((await ask("GET", `${path}/${run.id}`)).status).toBe(200);
    expect(await environment.idsIn(1)).toEqual([run.id]);
  });

  it("goes on after the object, the database or the Worker died at any step", async () => {
    const { path, scope, open, environment } = await furnished();
    await post(scope);
    await restart(path);
    expect((await ask("GET", path)).status).toBe(409);
    const isOver = async () => (await journal(path, "SELECT 1 FROM runs WHERE completed_at IS NULL")).length === 0;
    await environment.ringUntil(isOver);
    const diesAt = async (statement: RegExp, status: string) => {
      faults.writes = { refuse: (_, sql) => statement.test(sql) };
      await drive(scope);
      faults.writes = null;
      expect(await statusOf(scope)).toBe(status);
    };
    await env.DB.prepare("UPDATE erasures SET first_pass_at = NULL WHERE scope = ?").bind(scope).run();
    for (const statement of [/SET driven_at/, /DELETE FROM tokens/, /DELETE FROM runs/, /SET first_pass_at/])
      await diesAt(statement, "deleting");
    await driveUntil(scope, "resting");
    await rest(scope);
    await plantRun(databaseOf(3), path);
    for (const statement of [/DELETE FROM runs/, /SET second_pass_at/]) await diesAt(statement, "deleting_again");
    await driveUntil(scope, "wiping");
    // The answer to the wipe is lost, and so is the note that it is done.
    const lost = calledThrough(async (_, go) => {
      await go();
      throw new Error("no answer");
    });
    await drive(scope, lost);
    await diesAt(/SET completed_at/, "wiping");
    await drive(scope);
    expect([await statusOf(scope), await rowsOf(scope)]).toEqual(["erased", {}]);
    expect((await ask("GET", `${path}/${open.id}`)).status).toBe(404);
  });

  it("has an erasure alone for a while, deletes thousands of rows in one turn, and is the cron's", async () => {
    const project = newProject();
    const path = `${project}/envs/prod/action-runs`;
    const scope = scopeOfPath(path);
    const plant = `
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      INSERT INTO runs (scope, id, version, status, action_name, triggered_by, purge_at, bytes, body)
      SELECT ?1, printf('%036d', i), 1, 'failed', 'deploy', 'root', 9e15, 2, '{}' FROM n`;
    await databaseOf(1).prepare(plant.replace("9e15", "9000000000000")).bind(scope).run();
    const asked = "INSERT INTO erasures (scope, asked_at, driven_at) VALUES (?, 1, ?)";
    await env.DB.prepare(asked).bind(scope, Date.now()).run();
    await everyMinute(withSettings(env), Date.now());
    expect((await rowsOf(scope)).runs).toBe(3000);
    await everyMinute(withSettings(env), Date.now() + 60_000);
    expect([await statusOf(scope), await rowsOf(scope)]).toEqual(["resting", {}]);
  });

  it("does not say that runs are erased whose database is not bound", async () => {
    const { path, scope } = await furnished();
    await env.DB.prepare("INSERT INTO erasures (scope, asked_at) VALUES (?, 1)").bind(scope).run();
    await drive(scope, { DB_2: undefined } as Partial<Env>);
    expect(await statusOf(scope)).toBe("deleting");
    expect((await rowsOf(scope)).environments).toBe(1);
    await driveUntil(scope, "resting");
    expect([await rowsOf(scope), (await ask("GET", path)).status]).toEqual([{}, 409]);
  });

  it("leaves no registration in D1, although the coordinator died while it owed one", async () => {
    const { path, scope, environment } = await furnished();
    await post(scope);
    await driveUntil(scope, "resting");
    await rest(scope);
    await driveUntil(scope, "wiping");
    await journal(path, "INSERT OR REPLACE INTO metadata (name, value) VALUES ('replication_retry_at', '1')");
    await restart(path);
    const owes = "SELECT 1 FROM metadata WHERE name = 'replication_retry_at'";
    await environment.ringUntil(async () => (await journal(path, owes)).length === 0);
    await driveUntil(scope, "erased");
    expect(await rowsOf(scope)).toEqual({});
  });

  it("begins with another erasure each minute, so that one which takes all its time does not hold up the others", async () => {
    const project = newProject().slice(1);
    await env.DB.prepare("UPDATE erasures SET completed_at = 1 WHERE completed_at IS NULL").run();
    const asked = "INSERT INTO erasures (scope, asked_at, first_pass_at, second_pass_at) VALUES (?, 1, 1, 1)";
    for (const name of ["a", "b"]) await env.DB.prepare(asked).bind(`${project}/${name}`).run();
    const called: string[] = [];
    const getByName = (scope: string) => {
      called.push(scope);
      later(21_000);
      throw new Error("no answer");
    };
    const slow = envWith({ COORDINATORS: { getByName } as unknown as typeof env.COORDINATORS });
    for (const minute of [100, 101]) await driveErasures(slow, minute * 60_000);
    expect([...new Set(called)].sort()).toEqual([`${project}/a`, `${project}/b`]);
  });

  it("leaves an erasure to the driver that has it, although the other machine's clock is a bit ahead", async () => {
    const scope = `${newProject()}/prod`.slice(1);
    const now = Date.now();
    const asked = "INSERT INTO erasures (scope, asked_at, driven_at) VALUES (?, 1, ?)";
    await env.DB.prepare(asked).bind(scope, now).run();
    const isTaken = async (at: number) => (await takeErasures(env.DB, at, 1000)).some((one) => one.scope === scope);
    expect([await isTaken(now - 1000), await isTaken(now - 59_000)]).toEqual([false, false]);
    // That clock has stepped back.
    expect(await isTaken(now - 61_000)).toBe(true);
  });

  it("asks one question while nothing is erased, and wakes nobody", async () => {
    const { calls, rowsRead } = faults;
    const { binding } = untouchable<typeof env.COORDINATORS>("COORDINATORS");
    await env.DB.prepare("UPDATE erasures SET completed_at = 1 WHERE completed_at IS NULL").run();
    await driveErasures(envWith({ ...FAULTY, COORDINATORS: binding }), Date.now());
    expect([faults.calls - calls, faults.rowsRead - rowsRead]).toEqual([1, 0]);
  });
});

describe("a project", () => {
  it("goes with all its environments, tokens and sessions, and with what came up meanwhile", async () => {
    const { project, path, wide } = await furnished();
    const name = project.slice(1);
    await ask("POST", `${project}/tokens/${(await grantToken(project, { role: "viewer" })).id}/rotate`);
    await ask("DELETE", `${project}/tokens/${(await grantToken(project, { role: "viewer" })).id}`);
    await beginSession(ROOT, name);
    await createRun(`${project}/envs/test/action-runs`, { actionName: "deploy" });
    const begun = await post(name);
    expect(begun.body).toMatchObject({ scope: name, environments: 2 });
    await driveUntil(name, "resting");
    await driveUntil(name, "resting", `${name}/test`);
    await driveUntil(name, "resting", `${name}/prod`);
    expect(await rowsOf(name)).toEqual({});
    expect((await ask<Refusal>("PUT", `${project}/envs/new/actions/deploy`, { body: { timeout: 5 } })).body.code).toBe(
      "environment_erasing",
    );
    // An isolate still remembered a token.
    await createRun(`${project}/envs/late/action-runs`, { actionName: "deploy" });
    await until(async () => (await rowsOf(`${name}/late`)).coordinators === 1);
    await rest(name);
    await driveUntil(name, "resting", `${name}/late`);
    expect(await statusOf(name)).toBe("wiping");
    await rest(`${name}/late`);
    await driveUntil(name, "erased");
    expect([await rowsOf(name), (await get(name)).body.environments]).toEqual([{}, 0]);
    expect((await direct(path).moves.state()).home).toBeNull();
    expect((await ask("GET", path, { token: wide.token })).status).toBe(401);
  });
});

describe("the request", () => {
  const answer = ({ status, body }: Answer<Erasure>) => [status, body.code, body.error];

  it("names again what it erases, and something must be there", async () => {
    const { scope } = await furnished();
    const wrong = `${scope}x`;
    expect(answer(await post(scope, { confirm: wrong }))).toEqual([
      400,
      "invalid_body",
      `confirm: is not the name of what this request erases; send ${scope}.`,
    ]);
    expect(answer(await post(wrong))).toEqual([
      404,
      "nothing_to_erase",
      `There is no ${wrong}: no run, definition, token or audit entry has this name. Did you mean ${scope}?`,
    ]);
    await runInDurableObject(
      coordinator(`/${wrong.replace(/\/(?=[^/]+$)/, "/envs/")}/action-runs`),
      (_, { storage }) => {
        expect([...storage.sql.exec("SELECT name FROM sqlite_schema WHERE name NOT LIKE '_cf_%'")]).toEqual([]);
      },
    );
    expect(answer(await get(scope))).toEqual([404, "erasure_not_found", `${scope} was never erased.`]);
  });

  it("returns the erasure that is under way, although an earlier one was asked for at a later time of the clock", async () => {
    const { scope } = await furnished();
    const ahead = Date.now() + 2 * HOUR_MS;
    const over = "INSERT INTO erasures (scope, asked_at, completed_at) VALUES (?1, ?2, ?2)";
    await env.DB.prepare(over).bind(scope, ahead).run();
    expect((await post(scope)).body.completedAt).toBeNull();
    expect((await get(scope)).body.completedAt).toBeNull();
  });

  it("ends an erasure that only the coordinator knows, because D1 was restored to a time before the environment", async () => {
    const path = `${newProject()}/envs/prod/action-runs`;
    const scope = scopeOfPath(path);
    await createRun(path, { actionName: "deploy" });
    await direct(path).erasing.begin(1, false);
    await until(async () => (await rowsOf(scope)).coordinators === 1);
    for (const table of ["coordinators", "environments", "runs"])
      for (const db of DATABASES) await db.prepare(`DELETE FROM ${table} WHERE scope = ?`).bind(scope).run();
    expect((await ask("GET", path)).status).toBe(409);
    await erased(scope);
    expect((await createRun(path, { actionName: "deploy" })).status).toBe("pending");
  });

  it("repeated, returns the erasure that is under way, and after it there is nothing to erase", async () => {
    const { scope } = await furnished();
    const [one, two] = await Promise.all([post(scope), post(scope)]);
    expect([one.status, two.body.requestedAt]).toEqual([202, one.body.requestedAt]);
    await driveUntil(scope, "resting");
    expect((await post(scope)).body).toMatchObject({ status: "resting", requestedAt: one.body.requestedAt });
    await rest(scope);
    await driveUntil(scope, "erased");
    expect(answer(await post(scope)).slice(0, 2)).toEqual([404, "nothing_to_erase"]);
  });
});

/**
 * Objects that are woken by id: a coordinator that does not know its name does nothing, and one that knows it goes on.
 */

import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { type CoordinatorObject, coordinatorOf } from "../../../src/runs/protocol.ts";
import { alarmAt, alarmIn, coordinator, createAged, direct, givenAged, journal, until } from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { ask, createRun, givenRun, newRunsPath, report, rowOf, scopeOfPath } from "../../support/requests.ts";

/** The object as the explorer of `wrangler dev` addresses it. An id made of a string has lost its name. */
function byId(path: string) {
  const id = env.COORDINATORS.idFromName(scopeOfPath(path)).toString();
  return env.COORDINATORS.get(env.COORDINATORS.idFromString(id));
}

function poke(stub: unknown): Promise<number | null> {
  return coordinatorOf(stub as CoordinatorObject).upkeep.poke();
}

function pokeById(path: string): Promise<number | null> {
  return poke(byId(path));
}

/** As after a restart of the runtime. */
const restart = abortAllDurableObjects;

async function scopesOf(id: string): Promise<unknown[]> {
  const { results } = await env.DB.prepare("SELECT scope FROM runs WHERE id = ?").bind(id).all();
  return results.map(({ scope }) => scope);
}

async function unnamedRows(): Promise<unknown> {
  return env.DB.prepare(
    "SELECT (SELECT count(*) FROM runs WHERE scope = '') + (SELECT count(*) FROM coordinators WHERE scope = '') AS n",
  ).first("n");
}

/** As if the code that made the object had not kept its name. */
async function forgetName(path: string): Promise<void> {
  await journal(path, "DELETE FROM metadata WHERE name = 'name'");
}

it("an object that is first called by id refuses, and the next call reaches one that works", async () => {
  const path = newRunsPath();
  await expect(() => pokeById(path)).rejects.toThrow("no name");
  const run = await createRun(path);
  expect((await report(run, { status: "succeeded" })).status).toBe(200);
  await until(async () => (await rowOf(run.id))?.status === "succeeded");
  expect(await scopesOf(run.id)).toEqual([scopeOfPath(path)]);
  expect(await unnamedRows()).toBe(0);
});

it("an object that is first called by id after a restart takes the name from its journal", async () => {
  const { path, run } = await givenRun();
  await restart();
  await pokeById(path).catch(() => {});
  expect((await report(run, { status: "succeeded" })).status).toBe(200);
  await until(async () => (await rowOf(run.id))?.status === "succeeded");
  expect(((await ask<{ id: string }[]>("GET", path)).body ?? []).map(({ id }) => id)).toEqual([run.id]);
  expect(await scopesOf(run.id)).toEqual([scopeOfPath(path)]);
  expect(await unnamedRows()).toBe(0);
});

it("an object without a name in its journal does nothing until it is called by name", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  const id = await createAged(path);
  await forgetName(path);
  faults.writes = null;
  await restart();
  const before = faults.calls;
  await expect(() => pokeById(path)).rejects.toThrow("no name");
  await expect(() => runDurableObjectAlarm(byId(path))).rejects.toThrow("no name");
  expect(faults.calls).toBe(before);
  expect(await rowOf(id)).toBeNull();
  await direct(path).upkeep.poke();
  expect(await alarmAt(path)).not.toBeNull();
  await alarmIn(20_000, coordinator(path));
  await until(async () => (await rowOf(id)) !== null);
  expect(await scopesOf(id)).toEqual([scopeOfPath(path)]);
  expect(await unnamedRows()).toBe(0);
});

it("calls that arrive while an object is woken by id succeed", async () => {
  const path = newRunsPath();
  const woken = pokeById(path).catch(() => {});
  const made = await Promise.all(Array.from({ length: 8 }, () => createRun(path)));
  await woken;
  for (const { id } of made) {
    await until(async () => (await rowOf(id)) !== null);
    expect(await scopesOf(id)).toEqual([scopeOfPath(path)]);
  }
});

it("an object that has no name writes nothing and sets no alarm", async () => {
  const told: string[] = [];
  const restore = await runInDurableObject(coordinator(newRunsPath()), (_instance, { storage }) => {
    const sql: { exec: (...args: unknown[]) => unknown } = Object.getPrototypeOf(storage.sql);
    const alarms: { setAlarm: (...args: unknown[]) => unknown } = Object.getPrototypeOf(storage);
    const noteSql = vi.spyOn(sql, "exec");
    const noteAlarm = vi.spyOn(alarms, "setAlarm");
    return () => {
      told.push(...noteSql.mock.calls.map(([query]) => String(query).trim().slice(0, 6)));
      told.push(...noteAlarm.mock.calls.map(() => "alarm"));
      noteSql.mockRestore();
      noteAlarm.mockRestore();
    };
  });
  await expect(() => pokeById(newRunsPath())).rejects.toThrow("no name");
  restore();
  expect(told).toEqual(["SELECT"]);
});

it("an object refuses a name in its journal that is not its own", async () => {
  const { path } = await givenAged();
  await journal(path, "UPDATE metadata SET value = 'acme/shop/another' WHERE name = 'name'");
  await restart();
  await expect(() => pokeById(path)).rejects.toThrow("no name");
});

it.each(["", "acme", "acme/shop", "acme/shop/", "//production", "acme/shop/production/0"])(
  "an object named %j is no coordinator and refuses",
  async (name) => {
    await expect(() => poke(env.COORDINATORS.getByName(name))).rejects.toThrow("no name");
  },
);

/** No object answers what every JavaScript object has. */
const NAMES: readonly (readonly [subject: string, name: string])[] = [
  ["runs", "toString"],
  ["runs", "constructor"],
  ["runs", "__proto__"],
  ["runs", "hasOwnProperty"],
  ["runs", "__lookupGetter__"],
  ["runs", "unheardOf"],
  ["constructor", "keys"],
  ["__proto__", "constructor"],
  ["toString", "call"],
  ["bulk", "driver"],
  ["archive", "takeBatch"],
];

it.each(NAMES)("an object refuses %s.%s, because it is no call", async (subject, name) => {
  await runInDurableObject(coordinator(newRunsPath()), async (object) => {
    await expect(async () => object.call(subject as "runs", name, [{}])).rejects.toThrow("has no call");
  });
});

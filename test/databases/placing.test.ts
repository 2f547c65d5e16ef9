/** In which database a new environment lives, and what happens if the control database is down or was restored. */

import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { COORDINATORS } from "../../src/runs/run-id.ts";
import { forgetNumbers } from "../../src/settings/bound-database.ts";
import { alarmIn, change, coordinator, createAged, direct, journal, until } from "../support/direct.ts";
import { breakD1, faults } from "../support/faults.ts";
import { newRunsPath, scopeOfPath } from "../support/requests.ts";
import { changed } from "../support/settings.ts";
import { idsIn, landedIn, livingIn, placements, ringNext, row } from "./moves.ts";

beforeEach(() => {
  failures = [];
  vi.spyOn(console, "error").mockImplementation((line: unknown) => void failures.push(String(line)));
});
afterEach(() => {
  for (const name of Object.keys(changed)) delete changed[name as keyof typeof changed];
  vi.restoreAllMocks();
});

/** What the service logs as errors. */
let failures: string[] = [];
const NUMBERS = Array.from({ length: COORDINATORS }, (_, n) => n);
/** Whether the control database lists this coordinator: 1 or 0. */
function registered(path: string, n: number): Promise<number | null> {
  const count = env.DB.prepare("SELECT count(*) AS n FROM coordinators WHERE scope = ? AND n = ?");
  return count.bind(scopeOfPath(path), n).first<number>("n");
}
const homes = async (path: string) => (await placements(path)).map(({ home }) => home);

it("new environments are spread over the databases of NEW_ENVIRONMENTS, and all coordinators of one agree", async () => {
  changed.NEW_ENVIRONMENTS = "1,3";
  const paths = Array.from({ length: 12 }, () => newRunsPath());
  const ids = await Promise.all(
    paths.map((path) => Promise.all(NUMBERS.map((n) => createAged(path, { n })))),
  );
  const found = new Set<number>();
  for (const [i, path] of paths.entries()) {
    await until(async () => (await homes(path)).every((home) => home !== null));
    const [home, ...others] = await homes(path);
    expect(others).toEqual([home, home, home]);
    expect(home?.generation).toBe(1);
    expect(await row(path)).toEqual(home);
    await landedIn(path, home?.database ?? 0, ids[i] ?? []);
    found.add(home?.database ?? 0);
  }
  expect([...found].sort()).toEqual([1, 3]);
});

it("without NEW_ENVIRONMENTS, a new environment lives in database 0", async () => {
  const { path } = await livingIn(0);
  expect(await row(path)).toEqual({ database: 0, generation: 1 });
});

it("an environment from before the second database stays in database 0, also if a coordinator is new", async () => {
  for (const name of ["DB_1", "DB_2", "DB_3"] as const) changed[name] = undefined;
  const path = newRunsPath();
  const old = await createAged(path, { n: 1 });
  await landedIn(path, 0, [old]);
  expect(await journal(path, "SELECT name FROM marks WHERE name IN ('home', 'target')")).toEqual([]);
  expect(await row(path)).toBeNull();
  for (const name of Object.keys(changed)) delete changed[name as keyof typeof changed];
  changed.NEW_ENVIRONMENTS = "2";
  await evictDurableObject(coordinator(path));
  const ids = await Promise.all([createAged(path, { n: 1 }), createAged(path, { n: 3 })]);
  await landedIn(path, 0, ids);
  expect(await homes(path)).toEqual([
    null,
    { database: 0, generation: 0 },
    null,
    { database: 0, generation: 0 },
  ]);
  expect(await idsIn(2, path)).toEqual([]);
});

it("while the control database is down, other environments land, and a new one lands when it is back", async () => {
  const { path } = await livingIn(2);
  faults.only = 0;
  const { open } = breakD1("down");
  const id = await createAged(path, { n: 2 });
  await landedIn(path, 2, [id]);
  expect(await direct(path).upkeep.settle()).toMatchObject({ isBehind: false, home: { database: 2 } });

  changed.NEW_ENVIRONMENTS = "1";
  const fresh = newRunsPath();
  const first = await createAged(fresh, { n: 1 });
  expect(await direct(fresh).upkeep.settle()).toMatchObject({ isBehind: true, home: null });
  await evictDurableObject(coordinator(fresh));
  expect(await direct(fresh).moves.placement()).toMatchObject({ home: null });
  open();
  await alarmIn(6000, coordinator(fresh));
  await landedIn(fresh, 1, [first]);
  expect(await row(fresh)).toEqual({ database: 1, generation: 1 });
});

it("a registration that the control database refused is made up for, although nothing else is left to do", async () => {
  const { path } = await livingIn(3);
  await until(async () => (await registered(path, 2)) === 1);
  await env.DB.prepare("DELETE FROM coordinators WHERE scope = ?").bind(scopeOfPath(path)).run();
  await direct(path).upkeep.poke();
  faults.only = 0;
  const { open } = breakD1("down");
  const id = await createAged(path, { n: 2 });
  await landedIn(path, 3, [id]);
  // Notes what has landed, so that no flight is left to register.
  await alarmIn(6000, coordinator(path));
  await evictDurableObject(coordinator(path));
  open();
  await until(async () => {
    await ringNext(path, 2);
    return (await registered(path, 2)) === 1;
  });
  // Then the repair is over.
  await until(async () => {
    await ringNext(path, 2);
    return (await journal(path, "SELECT 1 FROM marks WHERE name = 'repair_at'")).length === 0;
  });
});

it("a restore of the control database that lost the row heals with the next registration", async () => {
  const { path } = await livingIn(2);
  await env.DB.prepare("DELETE FROM environments WHERE scope = ?").bind(scopeOfPath(path)).run();
  await direct(path).upkeep.poke();
  const id = await createAged(path, { n: 1 });
  await landedIn(path, 2, [id]);
  await until(async () => (await row(path)) !== null);
  expect(await row(path)).toEqual({ database: 2, generation: 1 });
});

it("a coordinator without runs asks the others if the row was lost, and does not split the environment", async () => {
  changed.NEW_ENVIRONMENTS = "2";
  const path = newRunsPath();
  const first = await createAged(path, { n: 0 });
  await landedIn(path, 2, [first]);
  // Otherwise the registration could write the row again.
  await until(async () => (await registered(path, 0)) === 1);
  await env.DB.prepare("DELETE FROM environments WHERE scope = ?").bind(scopeOfPath(path)).run();
  changed.NEW_ENVIRONMENTS = "1";
  // The first coordinator's question has made an object with the settings from before.
  await evictDurableObject(coordinator(path));
  const second = await createAged(path, { n: 3 });
  await landedIn(path, 2, [second]);
  expect(await row(path)).toEqual({ database: 2, generation: 1 });
});

it("a coordinator that learns of a newer home moves there with all its runs", async () => {
  const { path, ids } = await livingIn(2);
  const late = ids[1] ?? "";
  await env.DB.prepare("UPDATE environments SET database = 3, generation = 7 WHERE scope = ?")
    .bind(scopeOfPath(path))
    .run();
  vi.spyOn(console, "log").mockImplementation(() => {});
  await direct(path).upkeep.poke();
  await change(path, late, { type: "cancelled" });
  await landedIn(path, 3, [late]);
  expect((await homes(path))[1]).toEqual({ database: 3, generation: 7 });
});

it("one database that is down delays only its environments", async () => {
  const [down, other] = [await livingIn(1), await livingIn(3)];
  faults.only = 1;
  const { open } = breakD1("down");
  const [waits, lands] = await Promise.all([createAged(down.path), createAged(other.path)]);
  await landedIn(other.path, 3, [lands]);
  expect(await direct(down.path).upkeep.settle()).toMatchObject({ isBehind: true });
  open();
  await alarmIn(6000, coordinator(down.path));
  await landedIn(down.path, 1, [waits]);
});

it.each([
  ["is not bound", undefined, /database 2 is not bound/],
  ["says another number", env.DB_3, /the binding of database 2 leads to database 3/],
])("runs of a database that %s wait until that is mended", async (_what, binding, sentence) => {
  const { path } = await livingIn(2);
  changed.DB_2 = binding;
  forgetNumbers();
  await evictDurableObject(coordinator(path));
  const id = await createAged(path, { n: 0 });
  expect(await direct(path).upkeep.settle()).toMatchObject({ isBehind: true, home: { database: 2 } });
  const failed = failures.filter((line) => line.includes("landing_failed"));
  expect(failed.at(-1)).toMatch(/"database":2,/);
  expect(failed.at(-1)).toMatch(sentence);
  delete changed.DB_2;
  await evictDurableObject(coordinator(path));
  await alarmIn(6000, coordinator(path));
  await landedIn(path, 2, [id]);
  expect(await idsIn(3, path)).toEqual([]);
});

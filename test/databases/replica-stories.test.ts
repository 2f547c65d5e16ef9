/**
 * Random stories of an environment that changes and moves between databases that fail, while its object is killed. After
 * each step, the primary has every run of the journal in its newest version but for those that the object says it lacks,
 * and no other run. In the end, no other database has a row.
 */

import fc from "fast-check";
import { expect, it } from "vitest";
import { firstIdAt } from "../../src/base/ids.ts";
import { plantRun } from "../support/databases/several-databases.ts";
import { change, DAY_MS, HOUR_MS, MINUTE_MS, until } from "../support/direct.ts";
import { faults, resetFaults } from "../support/faults.ts";
import { scopeOfPath } from "../support/requests.ts";
import { fillJournal } from "../support/runs/rows-in-journal.ts";
import { useSettings } from "../support/use-settings.ts";
import { DATABASES, databaseOf, type Environment, livingIn, watchFailures } from "./moves.ts";

await useSettings("databases");

watchFailures();

const LOST = "D1_ERROR: Network connection lost.";

async function journalled(shop: Environment): Promise<Map<string, number>> {
  const rows = await shop.journal<{ id: string; version: number }>("SELECT id, version FROM runs");
  return new Map(rows.map(({ id, version }) => [id, version]));
}

async function storedIn(database: number, shop: Environment): Promise<Map<string, number>> {
  const select = databaseOf(database).prepare("SELECT id, version FROM runs WHERE scope = ?");
  return new Map(await select.bind(scopeOfPath(shop.path)).raw<[string, number]>());
}

/** Whether lists show what the journal has. Aged runs may lack: the purge may have begun, and failed in one database. */
async function isCurrent(shop: Environment): Promise<boolean> {
  const { home, ids: lacking, isStale } = await shop.lacking();
  if (isStale || home === null) return isStale;
  const stored = await storedIn(home.database, shop);
  const runs = await journalled(shop);
  const isShown = ([id, version]: [string, number]) =>
    lacking.includes(id) || stored.get(id) === version || (isAged(id) && !stored.has(id));
  return [...runs].every(isShown) && [...stored.keys()].every((id) => runs.has(id));
}

/** Whether the run was there long before this story. */
function isAged(id: string): boolean {
  return id < firstIdAt(Date.now() - DAY_MS);
}

type Step =
  | { readonly what: "create" }
  | { readonly what: "age" }
  | { readonly what: "cancelMove" }
  | { readonly what: "resync" }
  | { readonly what: "kill" }
  | { readonly what: "ring" }
  | { readonly what: "mend" }
  | { readonly what: "end"; readonly nth: number }
  | { readonly what: "move"; readonly database: number }
  | { readonly what: "later"; readonly ms: number }
  | { readonly what: "break"; readonly database: number; readonly only: RegExp };

const database = fc.integer({ min: 1, max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constantFrom("create", "create", "age") }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant("end"), nth: fc.nat({ max: 5 }) }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("move"), database }) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant("break"),
      database,
      only: fc.constantFrom(/^/, /^DELETE/, /^INSERT INTO runs/),
    }),
  },
  { weight: 4, arbitrary: fc.record({ what: fc.constantFrom("kill", "ring", "ring", "mend") }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom("cancelMove", "resync") }) },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant("later"),
      ms: fc.constantFrom(MINUTE_MS, 11 * MINUTE_MS, 11 * MINUTE_MS, 16 * MINUTE_MS, HOUR_MS),
    }),
  },
) as fc.Arbitrary<Step>;

async function play(steps: readonly Step[]): Promise<void> {
  resetFaults();
  const shop = await livingIn(1);
  let aged = 0;

  /** A run that is purged in ten minutes, and that each replica has, because the object does not know of it yet. */
  async function age(): Promise<void> {
    const endedAt = Date.now() - 30 * DAY_MS + 10 * MINUTE_MS - aged++ * MINUTE_MS * 2;
    const [id = ""] = await fillJournal(shop.path, { rows: 1, isReplicated: true, endedAt });
    const { home, moves } = await shop.calls.moves.state();
    const copy = moves.find(({ status }) => status === "copying")?.target;
    for (const one of [home, copy]) if (one) await plantRun(databaseOf(one.database), shop.path, { id });
  }

  async function take(now: Step): Promise<void> {
    if (now.what === "create") shop.ids.push(await shop.create({ deadlineAt: Date.now() + DAY_MS }));
    else if (now.what === "end") await change(shop.path, shop.ids[now.nth] ?? "", { type: "succeeded", output: null });
    else if (now.what === "age") await age();
    else if (now.what === "move") await shop.beginMove(now.database);
    else if (now.what === "cancelMove") await shop.calls.moves.cancel();
    else if (now.what === "resync") await shop.calls.upkeep.resync();
    else if (now.what === "kill") await shop.restart();
    else if (now.what === "ring") await shop.ringNext();
    else if (now.what === "later") await shop.alarmIn(now.ms);
    else if (now.what === "mend") resetFaults();
    else {
      faults.only = now.database;
      const fails = (_bound: string, sql: string) => {
        if (now.only.test(sql)) throw new Error(LOST);
        return false;
      };
      faults.writes = { refuse: fails };
    }
  }

  for (const now of steps) {
    await take(now);
    await until(() => isCurrent(shop));
  }
  resetFaults();
  await shop.driveUntil(null);
  const home = (await shop.home())?.database ?? 0;
  const runs = await journalled(shop);
  await shop.replicatedIn(
    home,
    [...runs.keys()].filter((id) => !isAged(id)),
  );
  await until(() => isCurrent(shop));
  for (const number of DATABASES.keys()) if (number !== home) expect(await shop.idsIn(number)).toEqual([]);
}

it("no run is lost or comes back, whatever fails and dies, and no row is left behind", async () => {
  const stories = fc.array(step, { minLength: 15, maxLength: 25, size: "max" });
  await fc.assert(fc.asyncProperty(stories, play), { seed: 20261130, numRuns: 25 });
});

it("a move ends although runs are created and purged all the time, and a tenth of the statements fails", async () => {
  const shop = await livingIn(1);
  await fillJournal(shop.path, { rows: 1500, isReplicated: true, deadlineAt: Date.now() + DAY_MS });
  const endedAt = Date.now() - 40 * DAY_MS;
  // They are older than the others.
  const purged = (await fillJournal(shop.path, { rows: 1000, isReplicated: true, endedAt })).slice(0, 1000);
  await plantRun(databaseOf(1), shop.path, { id: purged[500] ?? "" });
  await plantRun(databaseOf(2), shop.path, { id: purged[500] ?? "" });
  let statements = 0;
  const fails = (_bound: string, sql: string) => {
    if (/^(INSERT INTO runs|DELETE)/.test(sql) && ++statements % 10 === 0) throw new Error(LOST);
    return false;
  };
  faults.writes = { refuse: fails };
  await shop.beginMove(2);
  let isOver = false;
  const call = async () => {
    while (!isOver) {
      const id = await shop.create({ deadlineAt: Date.now() + DAY_MS });
      await change(shop.path, id, { type: "succeeded", output: null });
      // The databases can be slower than the callers.
      await until(async () => isOver || (await shop.lacking()).ids.length < 100);
    }
  };
  const callers = Promise.all(Array.from({ length: 4 }, call));
  await until(async () => {
    await shop.ringNext();
    return (await shop.move())?.status === "resting";
  }).finally(() => {
    isOver = true;
  });
  await callers;
  resetFaults();
  await until(async () => {
    await shop.ringNext();
    const [runs, stored] = [await journalled(shop), await storedIn(2, shop)];
    return runs.size === stored.size && [...runs].every(([id, version]) => stored.get(id) === version);
  });
  const runs = await journalled(shop);
  expect([purged.some((id) => runs.has(id)), await shop.walkedTo(2)]).toEqual([false, null]);
});

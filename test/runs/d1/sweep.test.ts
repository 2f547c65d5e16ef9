/** The cron behind the alarms: wakes coordinators whose alarm was dropped, and no others. */

import { createScheduledController, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { LONGEST_DUE, NOTE, REMOVE, sweep } from "../../../src/runs/d1/sweep.ts";
import { coordinatorOf } from "../../../src/runs/protocol.ts";

import type { Env } from "../../../src/settings/env.ts";
import { hurryTime } from "../../support/clock.ts";
import {
  alarmAt,
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  givenAged,
  journal,
  MINUTE_MS,
  restart,
  until,
} from "../../support/direct.ts";
import { faults, faulty } from "../../support/faults.ts";
import { givenReplicated, replicatedIn } from "../../support/replicated.ts";
import { newRunsPath, rowOf, scopeOfPath } from "../../support/requests.ts";
import worker from "../../support/worker.ts";

beforeEach(async () => {
  await env.DB.batch([env.DB.prepare("DELETE FROM coordinators"), env.DB.prepare("DELETE FROM runs")]);
});

async function dropAlarm(path: string): Promise<void> {
  await runInDurableObject(coordinator(path), (_instance, state) => state.storage.deleteAlarm());
  expect(await alarmAt(path)).toBeNull();
}

function sweepIn(ms: number, over: Partial<Env> = {}): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  return sweep({ ...env, DB: faulty(env.DB), ...over }, Date.now()).finally(() => vi.useRealTimers());
}

type Namespace = Env["COORDINATORS"];

/** Objects that `poke` stands in for, if it returns something. Names those that the sweep calls. */
function objects(poke: (name: string, go: () => Promise<number | null>) => Promise<number | null> | null) {
  const called: string[] = [];
  const getByName = (name: string) => {
    called.push(name);
    const go = () => coordinatorOf(env.COORDINATORS.getByName(name)).upkeep.poke();
    return { call: () => poke(name, go) ?? go() };
  };
  return { called, COORDINATORS: { getByName } as unknown as Namespace };
}

/** Waits until D1 has what the coordinator has written, and its registration with it. */
const replicated = (path: string) => replicatedIn(direct(path), false);

async function known(path: string): Promise<number[]> {
  await replicated(path);
  const { results } = await env.DB.prepare("SELECT due_at FROM coordinators WHERE scope = ?")
    .bind(scopeOfPath(path))
    .all<{ due_at: number }>();
  return results.map(({ due_at }) => due_at);
}

async function setDue(path: string, dueAt: number): Promise<void> {
  await env.DB.prepare("UPDATE coordinators SET due_at = ? WHERE scope = ?").bind(dueAt, scopeOfPath(path)).run();
}

/**
 * Registers coordinators without an object behind them. The first is due at `dueAt`, each other a millisecond later.
 */
async function registerOthers(count: number, dueAt: number): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO coordinators (scope, due_at) SELECT 'acme/shop/other-' || value, ?2 + value FROM json_each(?1)`,
  )
    .bind(JSON.stringify(Array.from({ length: count }, (_, n) => n)), dueAt)
    .run();
}

describe.each([{ restarted: false }, { restarted: true }])(
  "an alarm was dropped; restarted: $restarted",
  ({ restarted }) => {
    it("is found within two minutes after a run was due, though 5000 idle coordinators are registered", async () => {
      const { path, id } = await givenAged({ deadlineAt: Date.now() + MINUTE_MS });
      await alarmIn(0, coordinator(path));
      await dropAlarm(path);
      if (restarted) await restart(path);
      await registerOthers(5000, Date.now() + 20 * DAY_MS);
      const { called, COORDINATORS } = objects(() => null);
      const before = faults.rowsRead;
      await sweepIn(3 * MINUTE_MS, { COORDINATORS });
      expect(called).toEqual([scopeOfPath(path)]);
      expect(faults.rowsRead - before).toBeLessThan(20);
      expect(await alarmAt(path)).not.toBeNull();
      await alarmIn(3 * MINUTE_MS, coordinator(path));
      await until(async () => (await rowOf(id))?.status === "failed");
    });

    it("is found ten minutes after a batch, even if D1 lacks the row and nothing is due", async () => {
      const { path } = await givenAged();
      faults.writes = "down";
      const id = await createAged(path);
      await dropAlarm(path);
      if (restarted) await restart(path);
      faults.writes = null;
      await sweepIn(12 * MINUTE_MS);
      await alarmIn(13 * MINUTE_MS, coordinator(path));
      await until(async () => (await rowOf(id)) !== null);
    });
  },
);

it("counts an alarm as dropped only when it is a minute late", async () => {
  const { path } = await givenAged({ deadlineAt: Date.now() + MINUTE_MS });
  await alarmIn(0, coordinator(path));
  await dropAlarm(path);
  await sweepIn(1.5 * MINUTE_MS);
  expect(await alarmAt(path)).toBeNull();
});

it("a run of one minute is found in time behind one of 30 days, because it is due sooner", async () => {
  const { path } = await givenAged({ deadlineAt: Date.now() + 30 * DAY_MS });
  const [first = 0] = await known(path);
  expect(first).toBeLessThanOrEqual(Date.now() + 10 * MINUTE_MS);
  const deadlineAt = Date.now() + MINUTE_MS;
  await createAged(path, { deadlineAt });
  expect(await known(path)).toEqual([deadlineAt]);
  await dropAlarm(path);
  await sweepIn(2.5 * MINUTE_MS);
  expect(await alarmAt(path)).not.toBeNull();
});

it("an idle coordinator costs nothing until something is due", async () => {
  const path = newRunsPath();
  const deadlineAt = Date.now() + 20 * DAY_MS;
  const id = await createAged(path, { deadlineAt });
  await replicated(path);
  await alarmIn(5000, coordinator(path));
  await sweepIn(12 * MINUTE_MS);
  expect(await known(path)).toEqual([deadlineAt]);
  const { called, COORDINATORS } = objects(() => null);
  const calls = faults.calls;
  const days = [0.01, 0.1, 1, 10, 19.99];
  for (const day of days) await sweepIn(day * DAY_MS, { COORDINATORS });
  expect(called).toEqual([]);
  expect(faults.calls - calls).toBe(days.length);

  // Ended, the run needs nothing until it is purged.
  await change(path, id, { type: "cancelled" });
  await replicated(path);
  await alarmIn(5000, coordinator(path));
  const [purgeAt] = (await journal<{ at: number }>(path, "SELECT purge_at AS at FROM runs")).map(({ at }) => at);
  await sweepIn(12 * MINUTE_MS);
  expect(await known(path)).toEqual([purgeAt]);
});

it("looks again in ten minutes while D1 lacks something, and sooner if a run is due", async () => {
  const path = newRunsPath();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY_MS });
  faults.writes = "down";
  await createAged(path, { deadlineAt: Date.now() + DAY_MS });
  expect(await direct(path).upkeep.poke()).toBe(Date.now() + 10 * MINUTE_MS);
  await createAged(path, { deadlineAt: Date.now() + MINUTE_MS });
  expect(await direct(path).upkeep.poke()).toBe(Date.now() + MINUTE_MS);
});

it("runs by the cron", async () => {
  const { path } = await givenAged();
  await setDue(path, 1);
  await worker.scheduled(createScheduledController(), env);
  expect((await known(path))[0]).toBeGreaterThan(Date.now());
});

it("drops an empty coordinator, which registers again with its next run", async () => {
  const { path, id } = await givenAged();
  await change(path, id, { type: "cancelled" });
  await setDue(path, 1);
  await sweepIn(0);
  expect(await known(path)).toHaveLength(1);
  await alarmIn(31 * DAY_MS, coordinator(path));
  await until(async () => (await journal(path, "SELECT id FROM runs")).length === 0);
  await setDue(path, 1);
  await sweepIn(0);
  expect(await known(path)).toEqual([]);
  await createAged(path);
  expect(await known(path)).toHaveLength(1);
});

describe.each([{ restarted: false }, { restarted: true }])(
  "a run that begins between the call and the note; restarted: $restarted",
  ({ restarted }) => {
    it.each([{ empty: true }, { empty: false }])(
      "keeps what its batch registered; empty before: $empty",
      async ({ empty }) => {
        const path = newRunsPath();
        if (!empty) await createAged(path, { deadlineAt: Date.now() + 20 * DAY_MS });
        await replicated(path);
        await env.DB.prepare("INSERT OR REPLACE INTO coordinators (scope, due_at) VALUES (?, 1)")
          .bind(scopeOfPath(path))
          .run();
        const deadlineAt = Date.now() + 2 * MINUTE_MS;
        const { COORDINATORS } = objects(async (_name, go) => {
          const answer = await go();
          expect(answer === null).toBe(empty);
          if (restarted) await restart(path);
          await createAged(path, { deadlineAt });
          await replicated(path);
          return answer;
        });
        await sweepIn(0, { COORDINATORS });
        expect(await known(path)).toEqual([deadlineAt]);
      },
    );
  },
);

it("an object that is killed between the call and the note registers with its next run", async () => {
  const { path } = await givenReplicated({ deadlineAt: Date.now() + 20 * DAY_MS });
  await alarmIn(5000, coordinator(path));
  await setDue(path, 1);
  const { COORDINATORS } = objects(async (_name, go) => {
    const answer = await go();
    await restart(path);
    return answer;
  });
  await sweepIn(0, { COORDINATORS });
  expect((await known(path))[0]).toBeGreaterThan(Date.now() + 19 * DAY_MS);
  const deadlineAt = Date.now() + 2 * MINUTE_MS;
  await createAged(path, { deadlineAt });
  expect(await known(path)).toEqual([deadlineAt]);
});

describe("coordinators out of reach", () => {
  it.each<[how: string, poke: () => Promise<never>]>([
    ["fail", () => Promise.reject(new Error("unreachable"))],
    ["never answer", () => new Promise(() => {})],
  ])("that %s do not stop the others, and are looked at behind them", async (_how, poke) => {
    hurryTime();
    const path = newRunsPath();
    const deadlineAt = Date.now() + 20 * DAY_MS;
    await createAged(path, { deadlineAt });
    await alarmIn(5000, coordinator(path));
    await setDue(path, 1000);
    // More than a tick takes, and longer due.
    await registerOthers(450, 1);
    const { called, COORDINATORS } = objects((name) => (name.includes("/other-") ? poke() : null));
    const lines = vi.spyOn(console, "log").mockImplementation(() => {});
    await sweepIn(0, { COORDINATORS });
    expect(new Set(called).size).toBe(400);
    expect(await known(path)).toEqual([1000]);
    expect(lines.mock.calls.map(([line]) => JSON.parse(String(line)))).toMatchObject([
      { event: "sweep", due: 400, late: 0, failed: 400 },
    ]);
    await sweepIn(0, { COORDINATORS });
    expect(await known(path)).toEqual([deadlineAt]);
  });
});

it("takes the longest due first, 400 in a minute, and says how many were late", async () => {
  const { path } = await givenAged({ deadlineAt: Date.now() + MINUTE_MS });
  await dropAlarm(path);
  await setDue(path, 5000);
  await registerOthers(450, 1);
  const { called, COORDINATORS } = objects((name) => (name.includes("/other-") ? Promise.resolve(null) : null));
  const lines = vi.spyOn(console, "log").mockImplementation(() => {});
  await sweepIn(3 * MINUTE_MS, { COORDINATORS });
  expect(called).toEqual(Array.from({ length: 400 }, (_, n) => `acme/shop/other-${n}`));
  expect(lines).not.toHaveBeenCalled();
  await sweepIn(3 * MINUTE_MS, { COORDINATORS });
  expect(called.at(-1)).toBe(scopeOfPath(path));
  expect(called).toHaveLength(451);
  expect(JSON.parse(String(lines.mock.calls[0]?.[0]))).toMatchObject({ event: "sweep", due: 51, late: 1 });
});

it("looks at a coordinator whose instant was noted before the clock stepped back", async () => {
  const path = newRunsPath();
  const deadlineAt = Date.now() + DAY_MS;
  await createAged(path, { deadlineAt });
  await alarmIn(5000, coordinator(path));
  await setDue(path, Date.now() + 31 * DAY_MS);
  await sweepIn(0);
  expect(await known(path)).toEqual([deadlineAt]);
});

it("notes nothing that lies more than 30 days ahead, so anything later is known to be wrong", async () => {
  const { path } = await givenAged({ deadlineAt: Date.now() + 300 * DAY_MS });
  await alarmIn(5000, coordinator(path));
  await setDue(path, 1);
  const { COORDINATORS } = objects(() => null);
  await sweepIn(0, { COORDINATORS });
  const [dueAt = 0] = await known(path);
  expect(Math.abs(dueAt - Date.now() - 30 * DAY_MS)).toBeLessThan(MINUTE_MS);
});

it.each(["down", "committed_then_error"] as const)(
  "a tick that finds D1 %s fails alone; the next one sweeps",
  async (fault) => {
    const { path } = await givenAged();
    await setDue(path, 1);
    faults.reads = fault;
    faults.writes = fault;
    await expect(() => sweepIn(1000)).rejects.toThrow("D1_ERROR");
    faults.reads = null;
    await expect(() => sweepIn(1000)).rejects.toThrow("D1_ERROR");
    faults.writes = null;
    await sweepIn(1000);
    expect((await known(path))[0]).toBeGreaterThan(Date.now());
  },
);

it("each statement of the sweep searches an index and sorts nothing", async () => {
  const answers = JSON.stringify([["acme/shop/e", 0, 1, 2]]);
  const plansOf = async () => {
    const explain = (sql: string) => env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`);
    const plans = await env.DB.batch<{ detail: string }>([
      explain(LONGEST_DUE).bind(1, 2, 3),
      explain(NOTE).bind(answers),
      explain(REMOVE).bind(answers),
    ]);
    return plans.map(({ results }) => results.map(({ detail }) => detail));
  };
  const expectGood = ([longestDue = [], ...notes]: string[][]) => {
    const walk = /^SEARCH coordinators USING (COVERING )?INDEX coordinators_by_due \(due_at[<>]\?\)$/;
    const touching = (plan: string[]) => plan.filter((step) => / coordinators\b/.test(step));
    expect(touching(longestDue).map((step) => walk.test(step))).toEqual([true, true]);
    expect(longestDue.filter((step) => /TEMP B-TREE/.test(step))).toEqual([]);
    const find = /^SEARCH coordinators USING PRIMARY KEY \(scope=\?\)$/;
    for (const plan of notes) expect(touching(plan)).toEqual([expect.stringMatching(find)]);
  };
  expectGood(await plansOf());
  await registerOthers(5000, 1);
  await env.DB.prepare("ANALYZE").run();
  expectGood(await plansOf());
});

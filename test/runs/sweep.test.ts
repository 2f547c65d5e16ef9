/** The cron behind the alarms: wakes coordinators whose alarm was dropped, a bounded number each tick. */

import { createScheduledController, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { dropUnkept, UNKEPT_MAX_LOOKED_AT } from "../../src/runs/d1/sweep-queries.ts";
import { sweep } from "../../src/runs/sweep.ts";
import {
  alarmAt,
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  journal,
  MINUTE_MS,
  until,
} from "../support/direct.ts";
import { faults, faulty } from "../support/faults.ts";
import { newRunsPath, rowOf, scopeOfPath } from "../support/requests.ts";
import worker from "../support/worker.ts";

beforeEach(async () => {
  await env.DB.batch([env.DB.prepare("DELETE FROM coordinators"), env.DB.prepare("DELETE FROM runs")]);
});
afterEach(() => {
  vi.useRealTimers();
});

async function dropAlarm(path: string): Promise<void> {
  await runInDurableObject(coordinator(path, 0), (_instance, state) => state.storage.deleteAlarm());
  expect(await alarmAt(path, 0)).toBeNull();
}

function sweepIn(ms: number): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  return sweep({ ...env, DB: faulty(env.DB) }, Date.now()).finally(() => vi.useRealTimers());
}

async function known(path: string) {
  const { results } = await env.DB.prepare("SELECT n, seen_at FROM coordinators WHERE scope = ?")
    .bind(scopeOfPath(path))
    .all<{ n: number; seen_at: number }>();
  return results;
}

/** As if an hour had passed since they were seen. */
async function makeLongUnseen(): Promise<void> {
  await env.DB.prepare("UPDATE coordinators SET seen_at = seen_at - 3600000").run();
}

/** Registered, and made long unseen, without an object behind them. */
async function registerOthers(count: number): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO coordinators (scope, n, seen_at)
     SELECT 'acme/shop/other-' || value, 0, value FROM json_each(?)`,
  )
    .bind(JSON.stringify(Array.from({ length: count }, (_, n) => n + 1)))
    .run();
}

describe.each([{ evicted: false }, { evicted: true }])(
  "an alarm was dropped; evicted: $evicted",
  ({ evicted }) => {
    it("is found by its overdue run in D1", async () => {
      const path = newRunsPath();
      const deadlineAt = Date.now() + MINUTE_MS;
      const id = await createAged(path, { deadlineAt });
      await alarmIn(0, coordinator(path, 0));
      await env.DB.prepare("DELETE FROM coordinators").run();
      await dropAlarm(path);
      if (evicted) await evictDurableObject(coordinator(path, 0));
      await sweepIn(3 * MINUTE_MS);
      expect(await alarmAt(path, 0)).not.toBeNull();
      await alarmIn(3 * MINUTE_MS, coordinator(path, 0));
      await until(async () => (await rowOf(id))?.status === "failed");
    });

    it("is found when all coordinators are woken in turn, even if D1 has no row of it", async () => {
      const path = newRunsPath();
      await createAged(path);
      faults.writes = "down";
      const id = await createAged(path);
      await dropAlarm(path);
      if (evicted) await evictDurableObject(coordinator(path, 0));
      faults.writes = null;
      await makeLongUnseen();
      await sweepIn(0);
      await until(async () => (await rowOf(id)) !== null);
    });
  },
);

it("counts an alarm as dropped only when it is a minute late", async () => {
  const path = newRunsPath();
  await createAged(path, { deadlineAt: Date.now() + MINUTE_MS });
  await alarmIn(0, coordinator(path, 0));
  await env.DB.prepare("DELETE FROM coordinators").run();
  await dropAlarm(path);
  await sweepIn(1.5 * MINUTE_MS);
  expect(await alarmAt(path, 0)).toBeNull();
});

it("wakes no coordinator within ten minutes after it was seen", async () => {
  const path = newRunsPath();
  await createAged(path);
  const before = await known(path);
  await sweepIn(9 * MINUTE_MS);
  expect(await known(path)).toEqual(before);
  await sweepIn(11 * MINUTE_MS);
  expect((await known(path))[0]?.seen_at).toBeGreaterThan(before[0]?.seen_at ?? 0);
});

it("runs by the cron", async () => {
  const path = newRunsPath();
  await createAged(path);
  await makeLongUnseen();
  const [before] = await known(path);
  await worker.scheduled(createScheduledController(), env);
  const [after] = await known(path);
  expect(after?.seen_at).toBeGreaterThan(before?.seen_at ?? 0);
});

it("drops an empty coordinator, which registers again with its next run", async () => {
  const path = newRunsPath();
  const id = await createAged(path);
  await change(path, id, { type: "cancelled" });
  await makeLongUnseen();
  await sweepIn(0);
  expect(await known(path)).toHaveLength(1);
  await alarmIn(31 * DAY_MS, coordinator(path, 0));
  await until(async () => (await journal(path, 0, "SELECT id FROM runs")).length === 0);
  await makeLongUnseen();
  await sweepIn(0);
  expect(await known(path)).toHaveLength(0);
  await createAged(path);
  expect(await known(path)).toHaveLength(1);
});

it("wakes all coordinators in turn, the longest unseen first, twenty at a time", async () => {
  const path = newRunsPath();
  await createAged(path);
  await makeLongUnseen();
  await registerOthers(30);
  const [before] = await known(path);
  const left = async () =>
    await env.DB.prepare("SELECT count(*) AS n FROM coordinators WHERE scope LIKE 'acme/shop/other-%'").first(
      "n",
    );
  await sweepIn(1000);
  expect(await left()).toBe(10);
  expect(await known(path)).toEqual([before]);
  await sweepIn(2000);
  expect(await left()).toBe(0);
  expect((await known(path))[0]?.seen_at).toBeGreaterThan(before?.seen_at ?? 0);
});

it("wakes a coordinator once, however many of its runs are overdue", async () => {
  const path = newRunsPath();
  const deadlineAt = Date.now() + MINUTE_MS;
  await Promise.all(Array.from({ length: 30 }, () => createAged(path, { deadlineAt })));
  await dropAlarm(path);
  await sweepIn(3 * MINUTE_MS);
  await alarmIn(3 * MINUTE_MS, coordinator(path, 0));
  const open = "SELECT id FROM runs WHERE scope = ? AND status = 'pending'";
  await until(async () => (await env.DB.prepare(open).bind(scopeOfPath(path)).all()).results.length === 0);
});

/** Open rows without a coordinator, as a restore brings them back; kept until `purgeAt`. */
async function insertGhosts(count: number, deadlineAt: number, purgeAt: number): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO runs (scope, id, version, status, action_name, triggered_by, deadline_at, purge_at, bytes, body)
     SELECT 'acme/shop/ghosts', ?2 || value, 1, 'pending', 'deploy', 'root', ?2, ?3, 2, '{}' FROM json_each(?1)`,
  )
    .bind(JSON.stringify(Array.from({ length: count }, (_, n) => n)), deadlineAt, purgeAt)
    .run();
}

const ghosts = () => env.DB.prepare("SELECT count(*) AS n FROM runs").first<number>("n");

describe("rows whose retention is over", () => {
  it("are dropped, the oldest deadlines first, at most a thousand at a time", async () => {
    const now = Date.now();
    await insertGhosts(1500, now - 40 * DAY_MS, now - DAY_MS);
    await insertGhosts(10, now - 3 * DAY_MS, now + DAY_MS);
    await sweep({ ...env, DB: faulty(env.DB) }, now);
    expect(await ghosts()).toBe(510);
    await sweep({ ...env, DB: faulty(env.DB) }, now);
    expect(await ghosts()).toBe(10);
  });

  it("are searched among at most a thousand rows", async () => {
    const now = Date.now();
    await insertGhosts(5000, now - 3 * DAY_MS, now + DAY_MS);
    const before = faults.rowsRead;
    await dropUnkept(faulty(env.DB), now);
    // The index's entry and the row itself.
    expect(faults.rowsRead - before).toBeLessThanOrEqual(2 * UNKEPT_MAX_LOOKED_AT + 2);
    expect(await ghosts()).toBe(5000);
  });

  it("do not stop the sweep if D1 fails to drop them", async () => {
    const path = newRunsPath();
    await createAged(path);
    await makeLongUnseen();
    const [before] = await known(path);
    const lines = vi.spyOn(console, "error").mockImplementation(() => {});
    faults.writes = { refuse: (_, sql) => sql.startsWith("DELETE FROM runs") };
    await sweepIn(1000);
    expect((await known(path))[0]?.seen_at).toBeGreaterThan(before?.seen_at ?? 0);
    const logged = lines.mock.calls.map(([line]) => JSON.parse(String(line)));
    expect(logged).toMatchObject([{ level: "error", event: "sweep_failed", step: "drop_unkept" }]);
    lines.mockRestore();
  });
});

it("wakes a coordinator whose last sweep lies in the future", async () => {
  const path = newRunsPath();
  await createAged(path);
  await env.DB.prepare("UPDATE coordinators SET seen_at = seen_at + 3600000").run();
  const [before] = await known(path);
  await sweepIn(0);
  expect((await known(path))[0]?.seen_at).toBeLessThan(before?.seen_at ?? 0);
});

it.each(["down", "committed_then_error"] as const)(
  "a tick that finds D1 %s fails alone; the next one sweeps",
  async (fault) => {
    const path = newRunsPath();
    await createAged(path);
    await makeLongUnseen();
    const [before] = await known(path);
    faults.reads = fault;
    faults.writes = fault;
    await expect(() => sweepIn(1000)).rejects.toThrow("D1_ERROR");
    faults.reads = null;
    faults.writes = null;
    await sweepIn(1000);
    expect((await known(path))[0]?.seen_at).toBeGreaterThan(before?.seen_at ?? 0);
  },
);

/**
 * The one alarm is never set for later than what comes first. Dates are faked and start a day ahead, so that an alarm
 * rings only when a story rings it.
 */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { later } from "../../support/clock.ts";
import {
  alarmAt,
  change,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  hurryTimers,
  journal,
  MINUTE_MS,
  restart,
  until,
} from "../../support/direct.ts";
import { type Fault, faults } from "../../support/faults.ts";
import { replicatedIn } from "../../support/replicated.ts";
import { newRunsPath } from "../../support/requests.ts";

const SEED = 20260131;
const STORIES = 20;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY_MS });
});

function createDueIn(path: string, ms: number): Promise<string> {
  return createAged(path, { deadlineAt: Date.now() + ms });
}

/** The earliest of what the journal has to do, past or not. */
const FIRST_DUE = `
  SELECT min(at) AS at FROM (
    SELECT min(due_at) AS at FROM runs
    UNION ALL SELECT CAST(value AS INTEGER) FROM metadata WHERE name = 'replication_retry_at')`;

async function expectInTime(path: string): Promise<void> {
  const [{ at: due } = { at: null }] = await journal<{ at: number | null }>(path, FIRST_DUE);
  const alarm = await alarmAt(path);
  if (due === null) return;
  expect(alarm).not.toBeNull();
  expect(alarm).toBeLessThanOrEqual(Math.max(due, Date.now()));
}

interface Story {
  readonly path: string;
  readonly ids: string[];
}

/** A step of a story; those that do nothing to a run leave the alarm as it was. */
interface Step {
  readonly what: string;
  go(story: Story): Promise<unknown>;
}

const onRun = (what: string, nth: number, go: (path: string, id: string) => Promise<unknown>): Step => ({
  what: `${what} ${nth}`,
  go: async ({ path, ids }) => {
    const id = ids[nth % Math.max(ids.length, 1)];
    if (id !== undefined) await go(path, id);
  },
});

const nth = fc.nat({ max: 4 });
const ms = fc.constantFrom(1, 999, 4999, 5000, 5001, 59_999, MINUTE_MS, 61_000, 3 * MINUTE_MS, DAY_MS);
const timeout = fc.constantFrom(1, 1000, 4000, 6000, MINUTE_MS, 10 * MINUTE_MS, DAY_MS, 30 * DAY_MS);

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: timeout.map(
      (t): Step => ({
        what: `create, due in ${t} ms`,
        go: async ({ path, ids }) => ids.push(await createDueIn(path, t)),
      }),
    ),
  },
  { weight: 3, arbitrary: nth.map((n) => onRun("end", n, (p, id) => change(p, id, { type: "cancelled" }))) },
  { weight: 2, arbitrary: nth.map((n) => onRun("start", n, (p, id) => change(p, id, { type: "started" }))) },
  { weight: 2, arbitrary: nth.map((n) => onRun("read", n, (p, id) => direct(p).runs.read(id))) },
  { weight: 4, arbitrary: ms.map((t): Step => ({ what: `pass ${t} ms`, go: async () => later(t) })) },
  {
    weight: 3,
    arbitrary: fc.constant<Step>({ what: "ring", go: ({ path }) => runDurableObjectAlarm(coordinator(path)) }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ what: "restart", go: ({ path }) => restart(path) }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<(Fault | null)[]>("down", "committed_then_error", null).map(
      (fault): Step => ({
        what: `writes: ${fault}`,
        go: async () => {
          faults.writes = fault;
        },
      }),
    ),
  },
);

it("is never later than the retry of replication or any due run, in random stories of runs, time and restarts", async () => {
  const stories = fc.array(step, { minLength: 5, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(stories, async (steps) => {
      faults.writes = null;
      const story: Story = { path: newRunsPath(), ids: [] };
      const told: string[] = [];
      for (const { what, go } of steps) {
        told.push(what);
        await go(story);
        await expectInTime(story.path).catch((error: unknown) => {
          throw new Error(`after ${told.join("; ")}: ${error}`);
        });
      }
    }),
    { seed: SEED, numRuns: STORIES },
  );
});

describe("an alarm that was dropped", () => {
  const drop = (path: string) =>
    runInDurableObject(coordinator(path), (_instance, { storage }) => storage.deleteAlarm());

  it.each<[what: string, go: (path: string, id: string) => Promise<unknown>]>([
    ["a create", (path) => createDueIn(path, DAY_MS)],
    ["an end", (path, id) => change(path, id, { type: "cancelled" })],
    ["a start", (path, id) => change(path, id, { type: "started" })],
  ])("is set for now by %s more than a minute after it should have rung", async (_what, go) => {
    const path = newRunsPath();
    const id = await createDueIn(path, 2 * DAY_MS);
    const shouldRing = (await alarmAt(path)) ?? 0;
    expect(shouldRing).toBe(Date.now() + MINUTE_MS);
    await drop(path);
    vi.setSystemTime(shouldRing + MINUTE_MS);
    expect(await alarmAt(path)).toBeNull();
    await go(path, id);
    expect(await alarmAt(path)).toBe(Date.now());
    // And again, where it was dropped again.
    await drop(path);
    later(MINUTE_MS + 1);
    await createDueIn(path, DAY_MS);
    expect(await alarmAt(path)).toBe(Date.now());
  });

  it("is set again by the first change of a new instance", async () => {
    const path = newRunsPath();
    await createDueIn(path, DAY_MS);
    const set = await alarmAt(path);
    await drop(path);
    await restart(path);
    await createDueIn(path, DAY_MS);
    expect(await alarmAt(path)).toBe(set);
  });
});

describe("a change", () => {
  it("that is due sooner than the retry of replication brings the alarm forward", async () => {
    const path = newRunsPath();
    const now = Date.now();
    await createDueIn(path, DAY_MS);
    expect(await alarmAt(path)).toBe(now + MINUTE_MS);
    await createDueIn(path, 3000);
    expect(await alarmAt(path)).toBe(now + 3000);
    await createDueIn(path, 4000);
    expect(await alarmAt(path)).toBe(now + 3000);
  });

  it("brings an alarm that is set for a far deadline forward to its own retry of replication", async () => {
    const path = newRunsPath();
    const deadlineAt = Date.now() + DAY_MS;
    await createAged(path, { deadlineAt });
    await replicatedIn(direct(path), false);
    await runDurableObjectAlarm(coordinator(path));
    expect(await alarmAt(path)).toBe(deadlineAt);
    await createDueIn(path, 2 * DAY_MS);
    expect(await alarmAt(path)).toBe(Date.now() + MINUTE_MS);
  });

  it("that leaves the alarm too early costs one ring", async () => {
    const path = newRunsPath();
    const id = await createDueIn(path, 3000);
    const dayAhead = Date.now() + DAY_MS;
    await createAged(path, { deadlineAt: dayAhead });
    await change(path, id, { type: "cancelled" });
    await replicatedIn(direct(path), false);
    await runDurableObjectAlarm(coordinator(path));
    expect(await alarmAt(path)).toBe(dayAhead);
  });
});

/** The platform refuses the next alarm. Returns what is logged. */
async function refuseAlarm(path: string) {
  await runInDurableObject(coordinator(path), (_instance, { storage }) => {
    const prototype = Object.getPrototypeOf(storage) as DurableObjectStorage;
    vi.spyOn(prototype, "setAlarm").mockRejectedValueOnce(new Error("database or disk is full"));
  });
  return vi.spyOn(console, "error").mockImplementation(() => {});
}

it("after an alarm that the platform refuses, the next change sets it at once", async () => {
  const path = newRunsPath();
  await refuseAlarm(path);
  await createDueIn(path, DAY_MS);
  expect(await alarmAt(path)).toBeNull();
  await createDueIn(path, DAY_MS);
  await expectInTime(path);
  vi.restoreAllMocks();
});

it("an alarm that the platform refuses is set again some seconds later, because the change is written without it", async () => {
  const path = newRunsPath();
  hurryTimers();
  const logged = await refuseAlarm(path);
  await createDueIn(path, DAY_MS);
  expect(await alarmAt(path)).toBeNull();
  await until(async () => (await alarmAt(path)) !== null);
  await expectInTime(path);
  expect(logged.mock.calls.join()).toContain("alarm_failed");
  vi.restoreAllMocks();
});

/** Steps of the platform: alarms, restarts, time, a D1 that fails, and its recovery. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, vi } from "vitest";
import { coordinator, direct, restart } from "../support/direct.ts";
import { type Fault, faults, resetFaults } from "../support/faults.ts";
import { scopeOfPath } from "../support/requests.ts";
import { type Command, expectGets, onRun } from "./command.ts";
import { expectCounts, expectList, expectSummary } from "./lists.ts";
import type { Model } from "./model.ts";
import { homeOf, ringWhatIsDue } from "./moves.ts";
import { withoutObject } from "./platform.ts";

/** Within this the rows must be in D1 by themselves once it is back: the retry, and the wait after a failure. */
const REPLICATED_MS = 75_000;
/** How long an isolate remembers where an environment lives. */
const HOME_REMEMBERED_MS = 30_000;
/** The dates move in such steps, and each may take a while, in which hurried deadlines come. */
const STEP_MS = 5000;
const STEP_MAX_MS = 80;

export const ringAlarm = (nth: number) =>
  onRun("alarm", nth, async (_, model) => {
    await runDurableObjectAlarm(coordinator(model.path));
  });

export const restartObject = (nth: number, isAfterAlarm: boolean) =>
  onRun(isAfterAlarm ? "alarm and restart" : "restart", nth, async (_, model) => {
    // What the alarm notes in the journal is all that the next object knows.
    if (isAfterAlarm) await runDurableObjectAlarm(coordinator(model.path));
    await restart(model.path);
  });

/** Nothing is read afterwards, so that whatever comes next is the first to notice a passed deadline. */
export const pass = (ms: number): Command => ({
  check: () => true,
  async run() {
    vi.setSystemTime(Date.now() + ms);
  },
  toString: () => `pass(${ms} ms)`,
});

/** D1 refuses each row of a run, and takes all else. */
export const REFUSES: Fault = { refuse: (_, sql) => sql.startsWith("INSERT INTO runs") };

export const fault = (writes: Fault | null, reads: Fault | null): Command => ({
  check: () => true,
  async run(model) {
    Object.assign(faults, { writes, reads });
    if (writes === REFUSES) {
      // A list shows a run that D1 has refused as one that waits.
      await replicatedSoon(model);
      await expectList(model, { limit: 200 });
    }
    await expectGets(model);
  },
  toString: () => `D1(writes: ${writes === REFUSES ? "refused" : writes}, reads: ${reads})`,
});

export const slow = (writeDelayMs: number): Command => ({
  check: () => true,
  async run(_, { held }) {
    if (!held.isHolding) Object.assign(faults, { writeDelayMs });
  },
  toString: () => `D1(writes take ${writeDelayMs} ms)`,
});

/** Batches start and do not arrive. */
export const hold: Command = {
  check: () => true,
  async run(_, { held }) {
    held.hold();
  },
  toString: () => "hold batches",
};

/** The batch that has waited longest arrives; with `isAll` each does, and those that follow. */
export const release = (isAll: boolean): Command => ({
  check: () => true,
  async run(model, { held }) {
    if (isAll) held.releaseAll();
    else held.releaseOne();
    await expectGets(model);
  },
  toString: () => (isAll ? "release all batches" : "release a batch"),
});

/** D1 is back: within a minute, and by alarms that were set and are due, everything is in it as it was told. */
export const settle: Command = {
  check: () => true,
  async run(model, { held }) {
    held.releaseAll();
    await held.arrived();
    resetFaults();
    // The sweep sets an alarm that a step of the clock has put far ahead.
    await direct(model.path).upkeep.poke();
    // Until then, a list can read the database that the environment has left.
    if (model.moves) vi.setSystemTime(Date.now() + HOME_REMEMBERED_MS);
    const areReplicated = async () => {
      await expectReplicated(model);
      const lacking = await direct(model.path).upkeep.lacking({ limit: 1 });
      expect(lacking).toMatchObject({ isStale: false, ids: [] });
    };
    for (let ms = 0; ms < REPLICATED_MS; ms += STEP_MS) {
      vi.setSystemTime(Date.now() + STEP_MS);
      await ringWhatIsDue(model);
      const isOver = await vi.waitFor(areReplicated, { timeout: STEP_MAX_MS, interval: 5 }).then(
        () => true,
        () => false,
      );
      if (isOver) break;
    }
    await areReplicated();
    for (const run of model.runs) run.replicated = run.version;
    model.isRebuilt = false;
    const told = model.newestFirst(Date.now());
    await expectList(model, { limit: 200 });
    await expectList(model, { limit: 2, include: "details" });
    await withoutObject(() => expectList(model, { limit: 200, label: ["b"] }, true));
    for (const filters of [{}, { label: ["b", "a"] }]) await expectSummary(model, filters);
    expect(await replicatedLabels(model)).toEqual(
      told.flatMap(({ id, details }) => details.labels.map((label) => ({ id, label }))),
    );
    await expectCounts(model);
  },
  toString: () => "settle",
};

async function expectReplicated(model: Model): Promise<void> {
  const now = Date.now();
  for (const run of model.runs) run.at(now);
  const newest = Object.fromEntries(model.runs.map(({ id, version }) => [id, version]));
  expect(await replicatedVersions(model)).toEqual(newest);
}

/** Lets what waits be replicated, if D1 takes it. */
export async function replicatedSoon(model: Model): Promise<void> {
  await direct(model.path).upkeep.poke();
  await vi.waitFor(() => expectReplicated(model), { timeout: STEP_MAX_MS, interval: 5 }).catch(() => {});
}

async function replicatedVersions(model: Model): Promise<Record<string, number>> {
  const home = await homeOf(model);
  const rows = await home
    .prepare("SELECT id, version FROM runs WHERE id IN (SELECT value FROM json_each(?))")
    .bind(JSON.stringify(model.runs.map(({ id }) => id)))
    .all<{ id: string; version: number }>();
  return Object.fromEntries(rows.results.map(({ id, version }) => [id, version]));
}

/** Of the newest run first. */
async function replicatedLabels(model: Model): Promise<unknown[]> {
  const home = await homeOf(model);
  const rows = await home
    .prepare("SELECT id, label FROM run_labels WHERE scope = ? ORDER BY id DESC, label")
    .bind(scopeOfPath(model.path))
    .all();
  return rows.results;
}

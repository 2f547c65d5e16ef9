/** The steps of a rebuild, with a real journal and a D1 that answers when the test says so. */

import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { firstIdAt } from "../../../src/base/ids.ts";
import { AlarmClock } from "../../../src/runs/coordinator/alarm.ts";
import type { RowStore } from "../../../src/runs/d1/store.ts";
import { Journal } from "../../../src/runs/journal/journal.ts";
import { BatchWriter } from "../../../src/runs/replication/batch-writer.ts";
import { Resync, STEP_RUNS } from "../../../src/runs/replication/resync.ts";

import { coordinator, HOUR_MS } from "../../support/direct.ts";
import { newRunsPath, scopeOfPath } from "../../support/requests.ts";
import { fillJournal } from "../../support/runs/rows-in-journal.ts";

interface Look {
  readonly after: string;
  readonly before: string;
  readonly find: (ids: readonly string[]) => void;
}

interface HeldSteps {
  readonly journal: Journal;
  readonly rebuild: Resync;
  readonly looks: Look[];
  readonly deletions: { readonly ids: readonly string[]; readonly done: () => void }[];
  readonly replicated: string[];
  /** Holds back all batches from now on, until the function that it returns is called. */
  readonly holdBatches: () => () => void;
  /** Runs that the journal has from now on; in this order. */
  readonly journalled: string[];
}

/** A test of a rebuild in an object of its own, over so many runs that are there from the start. */
function itOver(rows: number, name: string, act: (held: HeldSteps) => Promise<void>): void {
  it(name, () => withRuns(rows, act));
}

async function withRuns(rows: number, act: (held: HeldSteps) => Promise<void>): Promise<void> {
  const path = newRunsPath();
  // Far ahead, or the alarm would end and purge them.
  const deadlineAt = Date.now() + 10 * HOUR_MS;
  const journalled = await fillJournal(path, { rows, isReplicated: true, deadlineAt });
  await runInDurableObject(coordinator(path), async (_instance, { storage }) => {
    const journal = new Journal(storage, scopeOfPath(path));
    const looks: Look[] = [];
    const deletions: HeldSteps["deletions"] = [];
    const replicated: string[] = [];
    let held: Promise<void> | null = null;
    const store: RowStore = {
      find: (after, before) =>
        new Promise<string[]>((resolve) => {
          looks.push({ after, before, find: (ids) => resolve([...ids]) });
        }),
      delete: (ids) =>
        new Promise<void>((done) => {
          deletions.push({ ids, done });
        }),
      write: async (rows) => {
        await held;
        replicated.push(...rows.map((row) => String(JSON.parse(row)[0])));
      },
    };
    const alarms = new AlarmClock(storage, journal);
    const target = { database: 0, store, rows: journal.replicaIn(0) };
    const writer = new BatchWriter(journal, target, alarms);
    const rebuild = new Resync(journal, target, writer);
    const holdBatches = () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    };
    await act({ journal, rebuild, looks, deletions, replicated, holdBatches, journalled });
  });
}

const settle = () => scheduler.wait(1);

itOver(0, "looks at no id that is younger than an hour", async ({ rebuild, looks }) => {
  const now = Date.now();
  rebuild.begin();
  rebuild.next(now);
  expect(looks.map(({ after, before }) => [after, before])).toEqual([["", firstIdAt(now - HOUR_MS)]]);
});

itOver(
  3,
  "removes no row of a run that was journalled while D1 was read",
  async ({ journal, rebuild, looks, deletions, journalled }) => {
    const [late = "", ...others] = journalled;
    const run = journal.runs.byId(late);
    if (run === null) throw new Error("there is no run");
    journal.forget([late]);
    rebuild.begin();
    rebuild.next(0);
    journal.insert(run, { dispatch: null, events: [] }, 0);
    looks[0]?.find([late, ...others, "7"]);
    await settle();
    expect(deletions.map(({ ids }) => ids)).toEqual([["7"]]);
  },
);

itOver(0, "moves on only after the removal is done", async ({ journal, rebuild, looks, deletions }) => {
  rebuild.begin();
  rebuild.next(0);
  looks[0]?.find(["1"]);
  await settle();
  expect(journal.replicaIn(0).state.walkedTo).toBe("");
  deletions[0]?.done();
  await settle();
  expect([journal.replicaIn(0).state.walkedTo, rebuild.isUnderWay]).toEqual([null, false]);
});

itOver(
  3,
  "does not begin a step again while its runs are on their way, however slow D1 is",
  async ({ journal, rebuild, looks, replicated, holdBatches, journalled }) => {
    const release = holdBatches();
    rebuild.begin();
    rebuild.next(0);
    looks[0]?.find(journalled);
    await settle();
    rebuild.next(60_000);
    expect(looks).toHaveLength(1);
    expect(journal.replicaIn(0).state.walkedTo).toBe("");
    release();
    await settle();
    expect(replicated).toEqual(journalled);
    expect(journal.replicaIn(0).state.walkedTo).toBeNull();
  },
);

itOver(
  2,
  "gives up a step that does not return, and ignores its late result",
  async ({ journal, rebuild, looks, deletions, replicated, journalled }) => {
    rebuild.begin();
    rebuild.next(0);
    rebuild.next(9_999);
    expect(looks).toHaveLength(1);
    rebuild.next(10_000);
    looks[1]?.find([]);
    await settle();
    expect([replicated, rebuild.isUnderWay]).toEqual([journalled, false]);
    looks[0]?.find(["1"]);
    await settle();
    expect([replicated, deletions, journal.replicaIn(0).state.walkedTo]).toEqual([journalled, [], null]);
  },
);

itOver(
  2,
  "replicates nothing for a step that was given up while it removed rows",
  async ({ rebuild, looks, deletions, replicated, journalled }) => {
    const now = Date.now();
    rebuild.begin();
    rebuild.next(now - 15_000);
    looks[0]?.find(["1"]);
    await settle();
    rebuild.next(now);
    deletions[0]?.done();
    await settle();
    expect([looks.length, replicated]).toEqual([2, []]);
    looks[1]?.find([]);
    await settle();
    expect([replicated, rebuild.isUnderWay]).toEqual([journalled, false]);
  },
);

itOver(0, "goes on after the clock stepped back, and takes no step twice", async ({ rebuild, looks }) => {
  rebuild.begin();
  rebuild.next(HOUR_MS);
  rebuild.next(0);
  expect(looks).toHaveLength(2);
  rebuild.next(1);
  expect(looks).toHaveLength(2);
});

itOver(0, "removes at most 1000 rows in a step", async ({ journal, rebuild, looks, deletions }) => {
  const ids = Array.from({ length: STEP_RUNS + 10 }, (_, n) => String(n).padStart(5, "0"));
  rebuild.begin();
  rebuild.next(0);
  looks[0]?.find(ids);
  await settle();
  expect(deletions[0]?.ids).toEqual(ids.slice(0, STEP_RUNS));
  deletions[0]?.done();
  await settle();
  expect(journal.replicaIn(0).state.walkedTo).toBe(ids[STEP_RUNS - 1]);
  looks[1]?.find(ids.slice(STEP_RUNS));
  await settle();
  expect(deletions[1]?.ids).toEqual(ids.slice(STEP_RUNS));
  deletions[1]?.done();
  await settle();
  expect(rebuild.isUnderWay).toBe(false);
});

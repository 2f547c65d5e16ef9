/** One batch has a bounded number of runs, bytes and events. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { BATCH_MAX_BYTES, BATCH_MAX_EVENTS, DueRuns, fittingIntoBatch } from "../../../src/runs/journal/due-rows.ts";
import { Metadata } from "../../../src/runs/journal/metadata.ts";
import { ReplicaRows } from "../../../src/runs/journal/replica-rows.ts";

import { coordinator, DAY_MS, direct, journal, until } from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { newRunsPath } from "../../support/requests.ts";
import { fillJournal } from "../../support/runs/rows-in-journal.ts";

// Months ahead, so that no alarm rings unless a test rings it.
const START = Date.now() + 100 * DAY_MS;
const PAST_RETENTION = START - 31 * DAY_MS;
const LARGE_BYTES = 500_000;
const LARGE_IN_BATCH = Math.floor(BATCH_MAX_BYTES / LARGE_BYTES);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: START });
});

async function makeLarge(path: string): Promise<void> {
  await journal(
    path,
    "UPDATE runs SET parameters = printf('%.*c', ?1 - 1024, 'x'), bytes = ?1 WHERE action_name = 'filler'",
    LARGE_BYTES,
  );
}

/** The numbers go on from `created`, which no run keeps. */
async function addEvents(path: string, each: number): Promise<void> {
  await journal(
    path,
    `INSERT INTO events (run_id, seq, type, at, data)
     SELECT runs.id, value + 1, 'heartbeat', created_at, '{"message":"running the tests"}' FROM runs, json_each(?)`,
    JSON.stringify(Array.from({ length: each - 1 }, (_, n) => n + 1)),
  );
}

/** Rings until nothing is kept; the runs that each batch took away. */
async function purgeAll(path: string): Promise<string[][]> {
  const batches: string[][] = [];
  faults.writes = {
    refuse: (bound, sql) => {
      if (sql.startsWith("DELETE FROM runs")) batches.push(JSON.parse(bound.split("\u0001")[1] ?? ""));
      return false;
    },
  };
  await direct(path).upkeep.poke();
  for (let left = 1; left > 0; ) {
    const before = batches.length;
    expect(await runDurableObjectAlarm(coordinator(path))).toBe(true);
    expect(batches.length).toBe(before + 1);
    const [last] = batches.slice(-1);
    const gone = async () => (await journal(path, "SELECT id FROM runs WHERE id = ?", last?.[0] ?? "")).length === 0;
    await until(gone);
    left = (await journal(path, "SELECT id FROM runs LIMIT 1")).length;
  }
  return batches;
}

describe("a purge takes away at a time", () => {
  it("what has few events, 200 runs", async () => {
    const path = newRunsPath();
    await fillJournal(path, { rows: 450, isReplicated: true, endedAt: PAST_RETENTION });
    expect((await purgeAll(path)).map((ids) => ids.length)).toEqual([200, 200, 50]);
  });

  it("what has many events, no more than 2000 of them", async () => {
    const path = newRunsPath();
    const ids = await fillJournal(path, { rows: 5, isReplicated: true, endedAt: PAST_RETENTION });
    await addEvents(path, 1000);
    const batches = await purgeAll(path);
    expect(batches.map((some) => some.length * 1000)).toEqual([2000, 2000, 1000]);
    expect(batches.flat().sort()).toEqual([...ids].sort());
    expect(await journal(path, "SELECT seq FROM events")).toEqual([]);
  });

  it("what is large, no more than 4 MB of it", async () => {
    const path = newRunsPath();
    await fillJournal(path, { rows: 20, isReplicated: true, endedAt: PAST_RETENTION });
    await makeLarge(path);
    const batches = await purgeAll(path);
    expect(batches.map((ids) => ids.length)).toEqual([LARGE_IN_BATCH, LARGE_IN_BATCH, 20 - 2 * LARGE_IN_BATCH]);
  });
});

it("deadlines end no more than 4 MB of runs at a time; the alarm is set again for the rest at once", async () => {
  const path = newRunsPath();
  await fillJournal(path, { rows: 20, isReplicated: true, deadlineAt: START - 1 });
  await makeLarge(path);
  const ended = async () => (await journal(path, "SELECT id FROM runs WHERE completed_at IS NOT NULL")).length;
  await direct(path).upkeep.poke();
  for (const expected of [LARGE_IN_BATCH, 2 * LARGE_IN_BATCH, 20]) {
    await runDurableObjectAlarm(coordinator(path));
    expect(await ended()).toBe(expected);
  }
});

it("sealed requests of dispatches that are due count as well", async () => {
  const path = newRunsPath();
  await fillJournal(path, { rows: 20, isReplicated: true, deadlineAt: START });
  const due = await runInDurableObject(coordinator(path), (_instance, { storage }) => {
    storage.sql.exec(
      `INSERT INTO dispatches (run_id, host, sealed, start_on, initial_delay_ms, ends_at, attempt, is_unsure,
         unsure_attempts)
       SELECT id, 'ci.example.com', zeroblob(?), 'accepted', 1000, 9, 0, 0, 0 FROM runs`,
      LARGE_BYTES,
    );
    return new DueRuns(storage.sql).due(START, 200).length;
  });
  expect(due).toBe(Math.floor(BATCH_MAX_BYTES / (LARGE_BYTES + 1024)));
});

it("a resync takes no more than 4 MB of runs at a time, and comes to the end", async () => {
  const path = newRunsPath();
  await fillJournal(path, { rows: 20, isReplicated: true });
  await makeLarge(path);
  const batches = await runInDurableObject(coordinator(path), (_instance, { storage }) => {
    const rows = new ReplicaRows(storage.sql, new Metadata(storage.sql), 0);
    const sizes: number[] = [];
    for (let after = ""; ; ) {
      const batch = rows.between(after, "g", 1000);
      if (batch.length === 0) return sizes;
      sizes.push(batch.length);
      after = batch.at(-1)?.id ?? "";
    }
  });
  expect(batches).toEqual([LARGE_IN_BATCH, LARGE_IN_BATCH, 20 - 2 * LARGE_IN_BATCH]);
});

it("a run that is too large for any batch gets a batch of its own", () => {
  const huge = { bytes: BATCH_MAX_BYTES + 1, events: 0 };
  const storied = { bytes: 1, events: BATCH_MAX_EVENTS + 1 };
  const small = { bytes: 1, events: 1 };
  expect(fittingIntoBatch([])).toEqual([]);
  expect(fittingIntoBatch([huge, small])).toEqual([huge]);
  expect(fittingIntoBatch([storied, small])).toEqual([storied]);
  expect(fittingIntoBatch([small, huge, small])).toEqual([small]);
  expect(fittingIntoBatch([small, small, small])).toHaveLength(3);
});

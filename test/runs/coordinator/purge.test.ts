/** What is kept no longer goes from D1 first, and from the journal when D1 has confirmed. Nothing of it stays. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import {
  alarmAt,
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  journal,
  MINUTE_MS,
  restart,
  until,
} from "../../support/direct.ts";
import { faults, holdWrites } from "../../support/faults.ts";
import { replicatedRow } from "../../support/replicated.ts";
import { ask, newRunsPath, rowOf } from "../../support/requests.ts";
import { decide, detailsOf, startGated, storeGated } from "../../support/runs/gated.ts";

const PAST_RETENTION_MS = 30 * DAY_MS + 61 * MINUTE_MS;

async function endedRun(path: string): Promise<string> {
  const id = await createAged(path);
  await change(path, id, { type: "cancelled" });
  expect(await replicatedRow(path, id)).toMatchObject({ status: "cancelled" });
  return id;
}

async function kept(path: string) {
  return {
    runs: (await journal(path, "SELECT id FROM runs")).length,
    events: (await journal(path, "SELECT seq FROM events")).length,
  };
}

it("removes D1's row first, then the journal's with its timeline", async () => {
  const path = newRunsPath();
  const id = await endedRun(path);
  const gate = holdWrites(/DELETE/);
  await alarmIn(PAST_RETENTION_MS, coordinator(path));
  expect(await rowOf(id)).not.toBeNull();
  expect(await kept(path)).toEqual({ runs: 1, events: 1 });
  gate.open();
  await until(async () => (await kept(path)).runs === 0);
  expect(await kept(path)).toEqual({ runs: 0, events: 0 });
  expect(await rowOf(id)).toBeNull();
  expect((await ask("GET", `${path}/${id}`)).status).toBe(404);
});

it("keeps a run for 30 days after its end and then wakes", async () => {
  const path = newRunsPath();
  const before = Date.now();
  const id = await endedRun(path);
  await alarmIn(0, coordinator(path));
  expect(await alarmAt(path)).toBeGreaterThanOrEqual(before + 30 * DAY_MS);
  await alarmIn(30 * DAY_MS - MINUTE_MS, coordinator(path));
  expect(await kept(path)).toEqual({ runs: 1, events: 1 });
  expect(await rowOf(id)).not.toBeNull();
});

it.each(["down", "committed_then_error"] as const)(
  "while D1 is %s the journal keeps the run, and the alarm comes again after 10 s",
  async (fault) => {
    const path = newRunsPath();
    const id = await endedRun(path);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + PAST_RETENTION_MS });
    faults.writes = fault;
    await runDurableObjectAlarm(coordinator(path));
    await until(async () => (await alarmAt(path)) === Date.now() + 10_000);
    expect(await kept(path)).toEqual({ runs: 1, events: 1 });
    faults.writes = null;
    vi.setSystemTime(Date.now() + 10_000);
    await runDurableObjectAlarm(coordinator(path));
    await until(async () => (await kept(path)).runs === 0);
    expect(await rowOf(id)).toBeNull();
  },
);

it("keeps a run that webhook endpoints must still hear of, and the runs that were due after it", async () => {
  const path = newRunsPath();
  await endedRun(path);
  const [{ seq } = { seq: 0 }] = await journal<{ seq: number }>(path, "SELECT change_seq AS seq FROM runs");
  const pending = await endedRun(path);
  const insert = "INSERT INTO metadata (name, value) VALUES ('endpoints_noted', ?)";
  await journal(path, insert, `${Date.now()}:0:${seq}`);
  await restart(path);
  faults.reads = "down";
  await alarmIn(PAST_RETENTION_MS, coordinator(path));
  await until(async () => (await kept(path)).runs === 1);
  expect(await journal(path, "SELECT id FROM runs")).toEqual([{ id: pending }]);
  await alarmIn(PAST_RETENTION_MS + 11_000, coordinator(path));
  expect((await kept(path)).runs).toBe(1);
  faults.reads = null;
  const noted = "SELECT 1 FROM metadata WHERE name = 'endpoints_noted'";
  await until(async () => {
    await alarmIn(PAST_RETENTION_MS + 60_000, coordinator(path));
    return (await journal(path, noted)).length === 0;
  });
  await alarmIn(PAST_RETENTION_MS + 120_000, coordinator(path));
  await until(async () => (await kept(path)).runs === 0);
});

/** The tables that have rows of a run. */
const TABLES = ["runs", "events", "dispatches", "previews", "accepted_changes", "receiver_responses"];

it("a run with gates goes with its preview, its decisions and its place in its group, and the next run starts", async () => {
  const path = newRunsPath();
  await storeGated(path, { approval: { allowSelf: true }, concurrency: { group: "prod" } });
  const { body: ahead } = await startGated(path);
  await decide(path, ahead.id, "approve");
  const { body: rejected } = await startGated(path);
  await decide(path, rejected.id, "reject");
  const { body: queued } = await startGated(path);
  await decide(path, queued.id, "approve");
  expect((await detailsOf(path, queued.id)).details.waiting).toMatchObject({ behind: [ahead.id] });
  await decide(path, queued.id, "cancel");
  await decide(path, ahead.id, "cancel", { body: { graceSeconds: 0 } });
  const ids = [ahead.id, rejected.id, queued.id];
  for (const id of ids) expect(await replicatedRow(path, id)).toMatchObject({ status: "cancelled" });

  const counts = async () => {
    const each = TABLES.map((table) => journal<{ n: number }>(path, `SELECT count(*) AS n FROM ${table}`));
    return (await Promise.all(each)).map(([row]) => row?.n);
  };
  // Five decisions and cancels. The previews went with the ends of their runs.
  expect(await counts()).toMatchObject({ 0: 3, 3: 0, 4: 5 });
  await alarmIn(PAST_RETENTION_MS, coordinator(path));
  await until(async () => (await counts())[0] === 0);
  expect(await counts()).toEqual(TABLES.map(() => 0));
  for (const id of ids) {
    expect(await rowOf(id)).toBeNull();
    expect((await ask("GET", `${path}/${id}/approval`)).status).toBe(404);
  }
  const groups = path.replace(/action-runs$/, "concurrency-groups");
  expect((await ask("GET", groups)).body).toMatchObject([{ group: "prod", holders: 0, waiters: 0 }]);
  const inQueues = "SELECT 1 FROM runs WHERE concurrency_state IS NOT NULL OR occupied_until IS NOT NULL";
  expect(await journal(path, inQueues)).toEqual([]);

  const { body: next } = await startGated(path);
  expect((await decide(path, next.id, "approve")).body.details.waiting).toBeNull();
});

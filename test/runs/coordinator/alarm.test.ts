/** Deadlines: counted from the instant they pass, whoever notices; one alarm that neither spins nor is held up. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { later } from "../../support/clock.ts";
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
import { faults } from "../../support/faults.ts";
import { replicatedRow } from "../../support/replicated.ts";
import { type ActionRun, ask, createRun, newRunsPath, report, rowOf } from "../../support/requests.ts";
import { fillJournal } from "../../support/runs/rows-in-journal.ts";
import { eventsOf } from "../../support/runs/stream.ts";

/** The run as D1 has it. */
async function bodyOf(id: string): Promise<ActionRun | null> {
  const row = await rowOf(id);
  return row === null ? null : JSON.parse(row.body);
}

/** The run as a caller gets it. */
async function read(path: string, id: string): Promise<ActionRun> {
  return (await ask("GET", `${path}/${id}`)).body;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

it("a run without a report fails at its deadline", async () => {
  const path = newRunsPath();
  const deadlineAt = Date.now() + 300;
  const id = await createAged(path, { createdAt: deadlineAt - MINUTE_MS, deadlineAt });
  await until(async () => (await bodyOf(id))?.status === "failed");
  expect(await bodyOf(id)).toMatchObject({
    error: expect.stringMatching(/^\[timeout\] /),
    startedAt: null,
    completedAt: iso(deadlineAt),
    output: null,
  });
});

it.each([
  { event: { type: "succeeded", output: null } },
  { event: { type: "failed", error: "no", output: null } },
  { event: { type: "started" } },
  { event: { type: "cancelled" } },
] as const)("after the deadline $event.type is refused as timed out, before any alarm", async ({ event }) => {
  const path = newRunsPath();
  const deadlineAt = Date.now() + MINUTE_MS;
  const id = await createAged(path, { deadlineAt });
  vi.useFakeTimers({ toFake: ["Date"], now: deadlineAt });
  expect(await change(path, id, event)).toMatchObject({ ok: false, reason: "run_timed_out" });
  // What the caller was told is so from then on, for everybody.
  const ended = { status: "failed", completedAt: iso(deadlineAt) };
  expect(await journal(path, "SELECT status FROM runs WHERE id = ?", id)).toEqual([{ status: "failed" }]);
  expect(await read(path, id)).toMatchObject(ended);
  expect((await ask<ActionRun[]>("GET", path)).body).toMatchObject([ended]);
});

it("a run is open until the last millisecond before its deadline", async () => {
  const path = newRunsPath();
  const deadlineAt = Date.now() + MINUTE_MS;
  const id = await createAged(path, { deadlineAt });
  vi.useFakeTimers({ toFake: ["Date"], now: deadlineAt - 1 });
  expect(await change(path, id, { type: "succeeded", output: null })).toMatchObject({ ok: true });
});

it("after the deadline a cancel is 409 run_timed_out, and a report is 401 token_expired", async () => {
  const path = newRunsPath();
  const created = await createRun(path, { actionName: "deploy", timeout: 1 });
  later(2 * MINUTE_MS);
  const cancelled = await ask<{ code: string }>("DELETE", `${path}/${created.id}`);
  expect(cancelled).toMatchObject({ status: 409, body: { code: "run_timed_out" } });
  expect(await report(created, { status: "succeeded" })).toMatchObject({
    status: 401,
    body: { code: "token_expired" },
  });
});

it("two alarms in a row end a run once", async () => {
  const { path, id, runPath } = await givenAged();
  await alarmIn(61 * MINUTE_MS, coordinator(path));
  await alarmIn(61 * MINUTE_MS, coordinator(path));
  await runInDurableObject(coordinator(path), (instance) => instance.alarm());
  expect(await journal(path, "SELECT version FROM runs WHERE id = ?", id)).toEqual([{ version: 2 }]);
  expect((await eventsOf(runPath)).body.map(({ type }) => type)).toEqual(["created", "ended"]);
});

it("a run whose processing throws is postponed and does not delay the others", async () => {
  const path = newRunsPath();
  const corrupt = await createAged(path);
  const sound = await createAged(path);
  // No Date can tell this instant.
  await journal(path, "UPDATE runs SET deadline_at = -9e15, due_at = 1 WHERE id = ?", corrupt);
  await restart(path);
  const now = Date.now();
  await alarmIn(61 * MINUTE_MS, coordinator(path));
  await until(async () => (await bodyOf(sound))?.status === "failed");
  const due = async () => {
    const [row] = await journal<{ due_at: number }>(path, "SELECT due_at FROM runs WHERE id = ?", corrupt);
    return (row?.due_at ?? 0) - now;
  };
  expect(await due()).toBeGreaterThanOrEqual(61 * MINUTE_MS + 10_000);
  const delays: number[] = [];
  for (let n = 0; n < 3; n++) {
    const before = await due();
    vi.useFakeTimers({ toFake: ["Date"], now: now + before });
    await runDurableObjectAlarm(coordinator(path));
    vi.useRealTimers();
    delays.push((await due()) - before);
  }
  expect(delays).toEqual([20_000, 40_000, 80_000]);
});

it("a run that can't end when it is due, because its retry of replication can't be noted, ends later and is kept as long as other runs", async () => {
  const { path, id } = await givenAged({ deadlineAt: Date.now() + MINUTE_MS });
  await replicatedRow(path, id);
  // Notes what is replicated, so that the end below must set a retry.
  await alarmIn(10_000, coordinator(path));
  await journal(
    path,
    `CREATE TRIGGER full BEFORE INSERT ON metadata WHEN NEW.name = 'replication_retry_at'
     BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`,
  );
  await alarmIn(MINUTE_MS + 1000, coordinator(path));
  expect(await journal(path, "SELECT status FROM runs")).toEqual([{ status: "pending" }]);
  await journal(path, "DROP TRIGGER full");
  await alarmIn(MINUTE_MS + 20_000, coordinator(path));
  const kept = "SELECT status, purge_at - completed_at AS purge, due_at - completed_at AS due FROM runs";
  expect(await journal(path, kept)).toEqual([{ status: "failed", purge: 30 * DAY_MS, due: 30 * DAY_MS }]);
  await alarmIn(29 * DAY_MS, coordinator(path));
  expect(await read(path, id)).toMatchObject({ status: "failed" });
  await alarmIn(31 * DAY_MS, coordinator(path));
  await until(async () => (await journal(path, kept)).length === 0);
});

it("no run is purged before its time, whatever says that it is due", async () => {
  const { path, id } = await givenAged();
  await change(path, id, { type: "cancelled" });
  await replicatedRow(path, id);
  await journal(path, "UPDATE runs SET due_at = 1 WHERE id = ?", id);
  await alarmIn(10_000, coordinator(path));
  await alarmIn(20_000, coordinator(path));
  expect(await read(path, id)).toMatchObject({ status: "cancelled" });
  expect(await alarmAt(path)).toBeGreaterThan(Date.now() + 29 * DAY_MS);
});

describe("if the journal can't be written, the alarm rings again after some seconds, and not at once,", () => {
  const FULL = "BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END";
  it.each([
    ["runs", "BEFORE UPDATE ON runs"],
    ["metadata", "BEFORE INSERT ON metadata"],
    ["events", "BEFORE INSERT ON events"],
  ])("until its table %s can be written", async (_table, when) => {
    const { path, id } = await givenAged({ deadlineAt: Date.now() + MINUTE_MS });
    // The timeline of a run that ends with its first change has no row.
    await change(path, id, { type: "heartbeat" });
    await replicatedRow(path, id);
    await alarmIn(10_000, coordinator(path));
    await journal(path, `CREATE TRIGGER full ${when} ${FULL}`);
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    for (let n = 1; n <= 3; n++) {
      const at = Date.now() + MINUTE_MS + n * 10_000;
      await alarmIn(at - Date.now(), coordinator(path));
      const next = await alarmAt(path);
      expect(next).toBeGreaterThanOrEqual(at + 4000);
      expect(next).toBeLessThan(at + MINUTE_MS);
    }
    expect(logged.mock.calls.join()).toMatch(/alarm_failed|due_row_failed/);
    logged.mockRestore();
    await journal(path, "DROP TRIGGER full");
    await alarmIn(3 * MINUTE_MS, coordinator(path));
    expect(await read(path, id)).toMatchObject({ status: "failed" });
  });
});

it("a run that can't even be deferred holds up no other run", async () => {
  const path = newRunsPath();
  const stuck = await createAged(path, { deadlineAt: Date.now() + MINUTE_MS });
  const sound = await createAged(path, { deadlineAt: Date.now() + MINUTE_MS + 1 });
  await journal(
    path,
    `CREATE TRIGGER stuck BEFORE UPDATE ON runs WHEN NEW.id = '${stuck}' BEGIN SELECT RAISE(FAIL, 'no'); END`,
  );
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  await alarmIn(2 * MINUTE_MS, coordinator(path));
  logged.mockRestore();
  const status = "SELECT status FROM runs WHERE id = ?";
  expect(await journal(path, status, sound)).toEqual([{ status: "failed" }]);
  expect(await journal(path, status, stuck)).toEqual([{ status: "pending" }]);
});

it("a stale due_at does not make the alarm ring again and again", async () => {
  const { path, id } = await givenAged();
  await journal(path, "UPDATE runs SET due_at = 1 WHERE id = ?", id);
  await runDurableObjectAlarm(coordinator(path));
  expect(await alarmAt(path)).toBeGreaterThan(Date.now() + 5000);
  expect(await bodyOf(id)).toMatchObject({ status: "pending" });
});

it("all due runs end and are replicated, even if one alarm can't take them all", async () => {
  const path = newRunsPath();
  const deadlineAt = Date.now() - 1000;
  const ids = await fillJournal(path, { rows: 950, isReplicated: false, deadlineAt });
  await direct(path).upkeep.poke();
  const failed = async () => (await journal(path, "SELECT id FROM runs WHERE status = 'failed'")).length;
  await until(async () => (await failed()) === 950);
  await until(async () => (await bodyOf(ids[0] ?? ""))?.status === "failed");
  await until(async () => (await bodyOf(ids.at(-1) ?? ""))?.status === "failed");
  expect(await bodyOf(ids[500] ?? "")).toMatchObject({ completedAt: iso(deadlineAt) });
});

it.each([null, "hang"] as const)(
  "deadlines pass on time while 10 000 runs are due for the purge, with writes to D1: %s",
  async (fault) => {
    const path = newRunsPath();
    await fillJournal(path, { rows: 10_000, isReplicated: true, endedAt: Date.now() - 31 * 24 * 60 * MINUTE_MS });
    faults.writes = fault;
    const deadlineAt = Date.now() + 20;
    const creating = createAged(path, { createdAt: deadlineAt - MINUTE_MS, deadlineAt });
    const overdue = "SELECT id FROM runs WHERE status = 'failed' AND action_name = 'deploy'";
    await until(async () => (await journal(path, overdue)).length === 1);
    expect(Date.now() - deadlineAt).toBeLessThan(50_000);
    await creating;
    if (fault !== null) return;
    await until(async () => (await journal(path, "SELECT id FROM runs")).length === 1);
    expect(await journal(path, "SELECT DISTINCT run_id FROM events")).toEqual([]);
  },
);

/** How a coordinator drives bulk operations: the set first, then page by page, whatever fails or dies. */

import { describe, expect, it, vi } from "vitest";
import { coordinatorOf } from "../../../../src/runs/protocol.ts";
import { alarmAt, journal } from "../../../support/direct.ts";
import { newRunsPath } from "../../../support/requests.ts";
import {
  awake,
  begin,
  bulkOf,
  CANCEL,
  die,
  type Fate,
  itemsOf,
  orderOf,
  outside,
  pass,
  passUntil,
  passUntilEnd,
  RETRY,
  runIds,
  STOPPER,
  useStandInRunner,
} from "./stand-in-runner.ts";

useStandInRunner();

const match = (ids: readonly string[], isWaiting = (_: number) => false) => {
  outside.runs = ids.map((id, i) => ({ id, isWaiting: isWaiting(i) }));
};

describe("the set", () => {
  it("is written down before the first run is changed", async () => {
    const path = newRunsPath();
    match(runIds(2500));
    const id = await begin(path);
    await passUntil(path, async () => outside.collected === 1, 0);
    // D1 has others to serve as well.
    await pass(path, 249);
    expect(outside.collected).toBe(1);
    await pass(path, 1);
    expect(outside.collected).toBe(2);
    expect(await bulkOf(path, id)).toMatchObject({ status: "collecting", counts: { matched: 2000 } });
    expect(outside.pages).toEqual([]);
    await passUntil(path, async () => outside.collected === 3, 250);
    // From now on, nothing else counts.
    outside.runs = [];
    await passUntil(path, async () => outside.pages.length === 1, 250);
    expect((await bulkOf(path, id)).counts.matched).toBe(2500);
    expect((await itemsOf(path, id)).map(({ runId }) => runId)).toEqual(runIds(2500));
  });

  it("of more runs than may match ends the operation, and no run is changed", async () => {
    const path = newRunsPath();
    match(runIds(4));
    const id = await begin(path, { maxRuns: 3 });
    await passUntilEnd(path, id);
    expect(await bulkOf(path, id)).toMatchObject({
      status: "aborted",
      abortReason: "too_many_runs",
      counts: { matched: 4, accepted: 0, skipped: 0, failed: 0 },
    });
    expect(outside.pages).toEqual([]);
  });

  it("of exactly as many runs as may match is complete", async () => {
    const path = newRunsPath();
    match(runIds(3));
    const id = await begin(path, { maxRuns: 3 });
    await passUntilEnd(path, id);
    expect(await bulkOf(path, id)).toMatchObject({ status: "completed", counts: { accepted: 3 } });
  });

  it("waits while D1 lacks a run, longer each time", async () => {
    const path = newRunsPath();
    match(runIds(1));
    outside.isSettled = false;
    const id = await begin(path);
    await pass(path, 0);
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      const asked = outside.collected;
      await pass(path, seconds * 1000 - 1);
      expect(outside.collected).toBe(asked);
      await pass(path, 1);
      expect(outside.collected).toBe(asked + 1);
    }
    outside.isSettled = true;
    await passUntilEnd(path, id, 30_000);
    expect((await bulkOf(path, id)).counts.accepted).toBe(1);
  });

  it("has the runs that wait before all others, whether a filter or the caller named them", async () => {
    const path = newRunsPath();
    const ids = runIds(60);
    match(ids, (i) => i % 3 === 0);
    const waiting = new Set(ids.filter((_, i) => i % 3 === 0));
    for (const wanted of [{}, { named: ids }]) {
      outside.pages = [];
      await passUntilEnd(path, await begin(path, wanted));
      const turns = outside.pages.flat();
      expect(new Set(turns.slice(0, waiting.size))).toEqual(waiting);
      expect(turns.toSorted()).toEqual(ids.toSorted());
    }
  });
});

describe("the pages", () => {
  it("have 25 runs, and all operations together keep to 20 runs a second", async () => {
    const path = newRunsPath();
    match(runIds(100));
    const ids = [await begin(path), await begin(path)];
    await passUntil(path, async () => outside.pages.length === 1, 0);
    for (let pages = 1; pages < 8; pages++) {
      await pass(path, 1249);
      expect(outside.pages.length).toBe(pages);
      await pass(path, 1);
      expect(outside.pages.length).toBe(pages + 1);
    }
    expect(outside.pages.every(({ length }) => length === 25)).toBe(true);
    // They take turns.
    const [first, second] = ids;
    expect((await bulkOf(path, first ?? "")).counts.accepted).toBe(100);
    expect((await bulkOf(path, second ?? "")).counts.accepted).toBe(100);
    expect(outside.pages[0]).toEqual(outside.pages[1]);
  });

  it("come in turn, also beside an operation that collects", async () => {
    const path = newRunsPath();
    const both = [await begin(path, { named: runIds(250) }), await begin(path, { named: runIds(250) })];
    const stateOf = async () => Promise.all(both.map((id) => bulkOf(path, id)));
    const areRunning = async () => (await stateOf()).every(({ status }) => status === "running");
    await passUntil(path, areRunning, 0);
    match(runIds(10_000));
    await begin(path);
    for (let pages = 0; pages < 8; pages++) await pass(path, 1250);
    const [one = 0, other = 0] = (await stateOf()).map(({ counts }) => counts.accepted);
    expect(Math.abs(one - other)).toBeLessThanOrEqual(25);
    expect(one + other).toBeGreaterThanOrEqual(200);
  });

  it("go on after an eviction, and no run is changed twice", async () => {
    const path = newRunsPath();
    match(runIds(60));
    const id = await begin(path);
    await passUntil(path, async () => outside.pages.length === 1, 0);
    outside.fate = (call) => (call === "decide" ? "unheard" : "answered");
    await passUntil(path, async () => outside.pages.length === 2);
    await die(path);
    outside.fate = () => "answered";
    // The alarm needs no caller.
    expect(await alarmAt(path)).not.toBeNull();
    await passUntilEnd(path, id);
    expect((await bulkOf(path, id)).counts).toEqual({ matched: 60, accepted: 60, skipped: 0, failed: 0 });
    expect(outside.done.size).toBe(60);
  });

  it("of 10 000 runs survive evictions while the operation collects and while it changes runs", async () => {
    const path = newRunsPath();
    const ids = runIds(10_000);
    match(ids);
    const id = await begin(path);
    // The first eviction comes when some of the runs are collected.
    for (let i = 0; i < 5; i++) await pass(path, 0);
    while ((await bulkOf(path, id)).completedAt === null) {
      await die(path);
      for (let i = 0; i < 50; i++) await pass(path, 1250);
    }
    expect((await bulkOf(path, id)).counts).toEqual({
      matched: 10_000,
      accepted: 10_000,
      skipped: 0,
      failed: 0,
    });
    expect([...outside.done.keys()].toSorted()).toEqual(ids.map((run) => `${id} ${run}`).toSorted());
  });

  it("count an answer that does not come within 60 s as lost, and not when it comes later", async () => {
    const path = newRunsPath();
    match(runIds(1));
    const fates: Fate[] = ["late"];
    outside.fate = (call) => (call === "decide" ? (fates.shift() ?? "answered") : "answered");
    const id = await begin(path);
    await passUntil(path, async () => outside.pages.length === 1, 0);
    await pass(path, 59_999);
    expect(outside.pages.length).toBe(1);
    await pass(path, 1);
    await pass(path, 1000);
    expect(outside.pages.length).toBe(2);
    await passUntilEnd(path, id);
    await awake(path, async () => {
      outside.release();
      await scheduler.wait(0);
    });
    expect((await bulkOf(path, id)).counts).toMatchObject({ matched: 1, accepted: 1 });
  });

  it("wait while nobody can say whether the asker's token works, however long", async () => {
    const path = newRunsPath();
    match(runIds(1));
    outside.asker = "unknown";
    const id = await begin(path);
    for (let minutes = 0; minutes < 30; minutes++) await pass(path, 60_000);
    outside.asker = "living";
    await passUntilEnd(path, id, 30_000);
    expect((await bulkOf(path, id)).counts.accepted).toBe(1);
  });

  it.each(["token_revoked", "token_expired"] as const)("end with %s", async (reason) => {
    const path = newRunsPath();
    match(runIds(30));
    const id = await begin(path);
    await passUntil(path, async () => outside.pages.length === 1, 0);
    outside.asker = reason;
    await passUntilEnd(path, id);
    expect(await bulkOf(path, id)).toMatchObject({
      status: "aborted",
      abortReason: reason,
      counts: { matched: 30, accepted: 25, skipped: 0, failed: 0 },
    });
  });
});

describe("a run that can't be decided", () => {
  it("is tried ten times, holds up no other run, and has failed then", async () => {
    const path = newRunsPath();
    const ids = runIds(60);
    const [stuck = ""] = ids;
    match(ids);
    outside.outcome = (runId) => (runId === stuck ? null : "accepted");
    const id = await begin(path);
    const accepted = async () => (await bulkOf(path, id)).counts.accepted;
    await passUntil(path, async () => (await accepted()) === 59);
    expect(outside.pages.filter((page) => page.includes(stuck)).length).toBe(1);
    const after = Date.now();
    await passUntilEnd(path, id, 1000);
    expect(outside.pages.filter((page) => page.includes(stuck)).length).toBe(10);
    // 1, 2, 4, 8 and 16 s, then 30 s each. The first of these has passed by then.
    expect(Date.now() - after).toBeGreaterThan(149_000);
    expect(await bulkOf(path, id)).toMatchObject({
      status: "completed",
      counts: { matched: 60, accepted: 59, skipped: 0, failed: 1 },
    });
    const failed = (await itemsOf(path, id)).filter(({ outcome }) => outcome === "failed");
    expect(failed).toMatchObject([{ runId: stuck, code: "unknown" }]);
  });

  it("has ten tries of its own, however often a run before it was tried", async () => {
    const path = newRunsPath();
    const [waiting = "", stuck = ""] = runIds(2);
    match([waiting, stuck], (i) => i === 0);
    let tries = 0;
    outside.outcome = (runId) => (runId === stuck || ++tries < 3 ? null : "accepted");
    await passUntilEnd(path, await begin(path), 30_000);
    expect(outside.pages.filter((page) => page.includes(stuck)).length).toBe(10);
  });

  it("that waits comes before those that do not wait, even if it needs another try", async () => {
    const path = newRunsPath();
    const ids = runIds(2);
    const [waiting = "", holder = ""] = ids;
    match(ids, (i) => i === 0);
    let tries = 0;
    outside.outcome = (runId) => (runId === waiting && ++tries < 3 ? null : "accepted");
    await passUntilEnd(path, await begin(path));
    expect(outside.pages).toEqual([[waiting], [waiting], [waiting], [holder]]);
  });
});

describe("a stop", () => {
  it("leaves what the operation has not reached", async () => {
    const path = newRunsPath();
    match(runIds(60));
    const id = await begin(path);
    await passUntil(path, async () => (await bulkOf(path, id)).counts.accepted === 25, 0);
    const stopped = await awake(path, (object) => coordinatorOf(object).bulk.abort(id, STOPPER));
    expect(stopped).toMatchObject({
      status: "aborted",
      abortReason: "asked",
      counts: { matched: 60, accepted: 25, skipped: 0, failed: 0 },
    });
    await passUntil(path, async () => outside.concluded.length > 0);
    expect(outside.concluded).toMatchObject([{ by: STOPPER, operation: { abortReason: "asked" } }]);
    for (let i = 0; i < 5; i++) await pass(path, 10_000);
    expect(outside.done.size).toBe(25);
  });

  it("of a page under way counts what the page does", async () => {
    const path = newRunsPath();
    match(runIds(30));
    const id = await begin(path);
    await pass(path, 0);
    await awake(path, async (object) => {
      // The page begins in the same event in which it is stopped.
      void object.alarm();
      const stopped = await coordinatorOf(object).bulk.abort(id, STOPPER);
      expect(stopped).toMatchObject({ status: "running", abortReason: "asked", completedAt: null });
    });
    await passUntilEnd(path, id, 0);
    expect(await bulkOf(path, id)).toMatchObject({
      status: "aborted",
      counts: { matched: 30, accepted: 25 },
    });
    expect(outside.done.size).toBe(25);
  });

  it("stays the reason, whatever the page under way finds", async () => {
    const path = newRunsPath();
    const id = await begin(path, { named: runIds(30) });
    await pass(path, 0);
    outside.asker = "token_revoked";
    await awake(path, async (object) => {
      void object.alarm();
      await coordinatorOf(object).bulk.abort(id, STOPPER);
    });
    await passUntilEnd(path, id, 0);
    expect(await bulkOf(path, id)).toMatchObject({ abortReason: "asked", counts: { failed: 0 } });
  });

  it("of a page whose answer is lost says of its runs that nobody knows", async () => {
    const path = newRunsPath();
    match(runIds(30));
    outside.fate = (call) => (call === "decide" ? "hangs" : "answered");
    const id = await begin(path);
    await pass(path, 0);
    await pass(path, 0);
    await awake(path, (object) => coordinatorOf(object).bulk.abort(id, STOPPER));
    await die(path);
    await passUntilEnd(path, id, 0);
    expect(await bulkOf(path, id)).toMatchObject({
      status: "aborted",
      counts: { matched: 30, accepted: 0, skipped: 0, failed: 25 },
    });
  });

  it("says that nobody knows of all runs that were tried, also if only some had another try", async () => {
    const path = newRunsPath();
    match(runIds(60));
    outside.outcome = () => null;
    const id = await begin(path);
    await passUntil(path, async () => outside.pages.length === 4);
    await awake(path, (object) => coordinatorOf(object).bulk.abort(id, STOPPER));
    expect(await bulkOf(path, id)).toMatchObject({
      status: "aborted",
      counts: { matched: 60, accepted: 0, skipped: 0, failed: 60 },
    });
    expect(new Set((await itemsOf(path, id)).map(({ code }) => code))).toEqual(new Set(["unknown"]));
  });

  it("of an operation that still collects changes no run, and one that is over stays as it is", async () => {
    const path = newRunsPath();
    match(runIds(2));
    outside.fate = (call) => (call === "collect" ? "late" : "answered");
    const id = await begin(path);
    await pass(path, 0);
    const stopped = await awake(path, (object) => coordinatorOf(object).bulk.abort(id, STOPPER));
    expect(stopped).toMatchObject({ status: "aborted", abortReason: "asked", counts: { matched: 0 } });
    outside.fate = () => "answered";
    outside.release();
    for (let i = 0; i < 3; i++) await pass(path, 5000);
    expect((await bulkOf(path, id)).counts.matched).toBe(0);
    expect(outside.pages).toEqual([]);
    const done = await begin(path);
    await passUntilEnd(path, done);
    const after = await awake(path, (object) => coordinatorOf(object).bulk.abort(done, STOPPER));
    expect(after).toMatchObject({ status: "completed", abortReason: null });
  });
});

describe("the limit", () => {
  it("is five operations at a time, and one of them a retry", async () => {
    const path = newRunsPath();
    outside.isSettled = false;
    const retry = await begin(path, { request: RETRY });
    expect(await begin(path, { request: RETRY })).toBe("too_many_bulk_operations");
    for (let i = 0; i < 4; i++) await begin(path, { request: CANCEL });
    expect(await begin(path, { request: CANCEL })).toBe("too_many_bulk_operations");
    await awake(path, (object) => coordinatorOf(object).bulk.abort(retry, STOPPER));
    expect(await begin(path, { request: RETRY })).not.toBe("too_many_bulk_operations");
  });

  it("counts a place that is reserved, for a minute", async () => {
    const path = newRunsPath();
    const reserve = (order = orderOf({ request: RETRY })) =>
      awake(path, (object) =>
        coordinatorOf(object).bulk.reserve(order, null, { key: `m:${order.id}`, fingerprint: "" }),
      );
    const first = orderOf({ request: RETRY });
    expect(await reserve(first)).toEqual({ ok: true, id: first.id, operation: null });
    expect(await reserve()).toMatchObject({ reason: "too_many_bulk_operations" });
    expect(await awake(path, (object) => coordinatorOf(object).bulk.operations(null, 10))).toEqual([]);
    await pass(path, 60_000);
    expect(await reserve()).toMatchObject({ ok: true });
    expect(await awake(path, (object) => coordinatorOf(object).bulk.begin(first.id))).toBeNull();
  });

  it("is not exceeded by a place that was lost before its alarm rang, and a repetition keeps a place", async () => {
    const path = newRunsPath();
    const order = orderOf({ request: RETRY });
    const reserve = (of = order) =>
      awake(path, (object) =>
        coordinatorOf(object).bulk.reserve(of, runIds(1), { key: `t:t1:${of.id}`, fingerprint: "" }),
      );
    const beginAt = (id: string) => awake(path, (object) => coordinatorOf(object).bulk.begin(id));
    await reserve();
    vi.setSystemTime(Date.now() + 59_000);
    expect(await reserve()).toEqual({ ok: true, id: order.id, operation: null });
    vi.setSystemTime(Date.now() + 30_000);
    expect(await reserve(orderOf({ request: RETRY }))).toMatchObject({ ok: false });
    vi.setSystemTime(Date.now() + 30_000);
    const other = orderOf({ request: RETRY });
    expect(await reserve(other)).toMatchObject({ ok: true });
    expect(await beginAt(order.id)).toBeNull();
    // A clock that steps back loses no place.
    vi.setSystemTime(Date.now() - 5);
    expect(await beginAt(other.id)).not.toBeNull();
  });
});

it("the audit of the end is written as soon as it can be", async () => {
  const path = newRunsPath();
  outside.fate = (call) => (call === "conclude" ? "crashes" : "answered");
  const id = await begin(path);
  await passUntilEnd(path, id);
  await pass(path, 5000);
  await die(path);
  outside.fate = () => "answered";
  await passUntil(path, async () => outside.concluded.length > 0, 30_000);
  expect(outside.concluded).toMatchObject([{ by: null, operation: { order: { id }, status: "completed" } }]);
  for (let i = 0; i < 3; i++) await pass(path, 30_000);
  expect(outside.concluded.length).toBe(1);
});

it("how the runs of a cancel have ended is noted once, when the grace of the last one is over", async () => {
  const path = newRunsPath();
  match(runIds(3));
  const id = await begin(path);
  await passUntilEnd(path, id);
  outside.ends = { succeeded: 1, failed: 0, cancelled: 2 };
  for (let i = 0; i < 3; i++) await pass(path, 20_000);
  expect((await bulkOf(path, id)).ended).toBeNull();
  await pass(path, 10_000);
  expect((await bulkOf(path, id)).ended).toEqual({ succeeded: 1, failed: 0, cancelled: 2 });
  outside.ends = null;
  await pass(path, 100_000);
  expect((await bulkOf(path, id)).ended).toEqual({ succeeded: 1, failed: 0, cancelled: 2 });
});

it("an operation is kept for 30 days after its end", async () => {
  const path = newRunsPath();
  match(runIds(3));
  const id = await begin(path);
  await passUntilEnd(path, id);
  for (let i = 0; i < 3; i++) await pass(path, 70_000);
  await pass(path, 30 * 86_400_000 - 300_000);
  expect((await bulkOf(path, id)).counts.accepted).toBe(3);
  await pass(path, 300_000);
  expect(await awake(path, (object) => coordinatorOf(object).bulk.operation(id))).toBeNull();
  expect(await awake(path, (object) => coordinatorOf(object).bulk.items(id, null, -1, 10))).toBeNull();
  expect(await journal(path, "SELECT 1 FROM bulk_pages")).toEqual([]);
});

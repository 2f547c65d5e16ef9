/** How a coordinator drives bulk operations: the set first, then batch by batch, whatever fails or dies. */

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { alarmAt, change, createAged, direct, journal, restart, until } from "../../support/direct.ts";
import { replicated } from "../../support/replicated.ts";
import { newRunsPath, scopeOfPath } from "../../support/requests.ts";
import {
  awake,
  begin,
  bulkOf,
  CANCEL,
  cancelledBy,
  createRuns,
  type Fate,
  failWrites,
  itemsOf,
  orderOf,
  outside,
  pass,
  passUntil,
  passUntilEnd,
  RETRY,
  runIds,
  STOPPER,
  untilDecided,
  useStandInRunner,
} from "./stand-in-runner.ts";

useStandInRunner();
let heal = () => {};
afterEach(() => {
  heal();
  heal = () => {};
});

const statusOf = async (path: string, id: string) => {
  const reply = await direct(path).runs.read(id);
  return reply.ok ? reply.status : reply.reason;
};

/** Items and journal tell the same story: what was accepted was cancelled, and nothing else. */
async function expectOneStory(path: string, id: string): Promise<void> {
  const accepted = (await itemsOf(path, id)).filter(({ outcome }) => outcome === "accepted");
  expect(accepted.map(({ runId }) => runId).toSorted()).toEqual(await cancelledBy(path, id));
  expect((await bulkOf(path, id)).counts.accepted).toBe(accepted.length);
}

describe("the set", () => {
  /** Runs that only D1 has. */
  async function plant(path: string, count: number): Promise<void> {
    await env.DB.prepare(
      `INSERT INTO runs (scope, id, version, status, action_name, triggered_by, purge_at, bytes, body)
       SELECT ?, value, 1, 'pending', 'deploy', 'root', ?, 2, '{}' FROM json_each(?)`,
    )
      .bind(scopeOfPath(path), Date.now() + 86_400_000, JSON.stringify(runIds(count)))
      .run();
  }

  it("is written down before the first run is changed, with a rest after each 1000 runs", async () => {
    const path = newRunsPath();
    await createRuns(path, 1);
    await replicated(path);
    await plant(path, 2500);
    const id = await begin(path, {});
    const matched = async () => (await bulkOf(path, id)).counts.matched;
    await passUntil(path, async () => (await matched()) === 1000, 0);
    // D1 has others to serve as well.
    await until(async () => (await alarmAt(path)) === Date.now() + 250);
    await passUntil(path, async () => (await matched()) === 2000, 250);
    expect(await bulkOf(path, id)).toMatchObject({ status: "collecting" });
    expect(outside.judged).toBe(0);
    await passUntil(path, async () => outside.judged > 0, 250);
    expect(await matched()).toBe(2501);
    // From now on, nothing else counts.
    await createRuns(path, 1);
    await replicated(path);
    expect((await itemsOf(path, id)).length).toBe(2501);
    await awake(path, (object) => object.bulk.abort(id, STOPPER));
  });

  it.each([
    [3, { status: "aborted", abortReason: "too_many_runs" }, { matched: 4, accepted: 0, skipped: 0 }],
    [4, { status: "completed", abortReason: null }, { matched: 4, accepted: 4, skipped: 0 }],
  ])("of four runs, of which %i may match", async (maxRuns, end, counts) => {
    const path = newRunsPath();
    await createRuns(path, 4);
    await replicated(path);
    const id = await begin(path, { maxRuns });
    await passUntil(path, async () => (await bulkOf(path, id)).completedAt !== null, 1000);
    expect(await bulkOf(path, id)).toMatchObject({ ...end, counts });
    expect((await itemsOf(path, id)).length).toBe(counts.accepted);
    await expectOneStory(path, id);
  });

  it("of an environment without any run is empty", async () => {
    const path = newRunsPath();
    const id = await begin(path, {});
    await passUntilEnd(path, id);
    expect(await bulkOf(path, id)).toMatchObject({ status: "completed", counts: { matched: 0 } });
  });

  it("of named runs needs no D1", async () => {
    const path = newRunsPath();
    const id = await begin(path, { named: await createRuns(path, 2) });
    expect((await bulkOf(path, id)).status).toBe("running");
  });
});

describe("the batches", () => {
  it("have 25 runs, and all operations together keep to 20 runs a second", async () => {
    const path = newRunsPath();
    const ids = [await begin(path, { named: runIds(100) }), await begin(path, { request: RETRY, named: runIds(100) })];
    const decided = async () => {
      const counts = await Promise.all(ids.map(async (id) => (await bulkOf(path, id)).counts));
      return counts.map(({ accepted, skipped }) => accepted + skipped);
    };
    await pass(path, 0);
    // They take turns.
    for (const expected of [
      [25, 0],
      [25, 25],
      [50, 25],
      [50, 50],
      [75, 50],
      [75, 75],
      [100, 75],
    ]) {
      await until(async () => (await decided()).join() === expected.join());
      await pass(path, 1249);
      expect(await decided()).toEqual(expected);
      await pass(path, 1);
    }
    await until(async () => (await decided()).join() === "100,100");
    expect(outside.judged).toBe(8);
  });

  it("come in turn, also beside an operation that collects", async () => {
    const path = newRunsPath();
    const both = [await begin(path, { named: runIds(250) }), await begin(path, { named: runIds(250) })];
    const skipped = async () =>
      (await Promise.all(both.map((id) => bulkOf(path, id)))).map(({ counts }) => counts.skipped);
    await begin(path, {});
    await passUntil(path, async () => (await skipped()).every((runs) => runs >= 100));
    const [one = 0, other = 0] = await skipped();
    expect(Math.abs(one - other)).toBeLessThanOrEqual(25);
  });

  it("of 10 000 retries survive restarts, and no run is retried twice", async () => {
    const path = newRunsPath();
    const ids = runIds(10_000);
    const id = await begin(path, { request: RETRY, named: ids });
    while ((await bulkOf(path, id)).completedAt === null) {
      outside.fate = (call) => (call === "retry" ? "unheard" : "answered");
      const tried = outside.batches.length;
      await passUntil(
        path,
        async () => outside.batches.length > tried || (await bulkOf(path, id)).completedAt !== null,
      );
      await restart(path);
      outside.fate = () => "answered";
      // The alarm needs no caller.
      expect(await alarmAt(path)).not.toBeNull();
      for (let i = 0; i < 50; i++) await pass(path, 1250);
    }
    expect((await bulkOf(path, id)).counts).toEqual({ matched: 10_000, accepted: 10_000, skipped: 0, failed: 0 });
    expect(outside.retried.size).toBe(10_000);
  });

  it("count an answer that does not come within 60 s as lost, and not when it comes later", async () => {
    const path = newRunsPath();
    const fates: Fate[] = ["late"];
    outside.fate = (call) => (call === "retry" ? (fates.shift() ?? "answered") : "answered");
    const id = await begin(path, { request: RETRY, named: runIds(1) });
    await passUntil(path, async () => outside.batches.length === 1, 0);
    await pass(path, 59_999);
    expect(outside.batches.length).toBe(1);
    await pass(path, 1);
    await passUntil(path, async () => outside.batches.length === 2, 1000);
    await passUntilEnd(path, id);
    await awake(path, async () => {
      outside.release();
      await scheduler.wait(0);
    });
    expect((await bulkOf(path, id)).counts).toMatchObject({ matched: 1, accepted: 1 });
  });

  it("wait while nobody can say whether the asker's token works, longer each time and however long", async () => {
    const path = newRunsPath();
    const [run = ""] = await createRuns(path, 1);
    outside.asker = "unknown";
    const id = await begin(path, { named: [run] });
    await passUntil(path, async () => outside.judged === 1, 0);
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      const { judged } = outside;
      await pass(path, seconds * 1000 - 1);
      expect(outside.judged).toBe(judged);
      await pass(path, 1);
      expect(outside.judged).toBe(judged + 1);
    }
    for (let minutes = 0; minutes < 20; minutes++) await pass(path, 60_000);
    expect(await statusOf(path, run)).toBe("pending");
    outside.asker = "living";
    await passUntilEnd(path, id, 30_000);
    expect((await bulkOf(path, id)).counts.accepted).toBe(1);
  });

  it.each(["token_revoked", "token_expired"] as const)("end with %s", async (reason) => {
    const path = newRunsPath();
    const runs = await createRuns(path, 30);
    const id = await begin(path, { named: runs });
    await pass(path, 0);
    await untilDecided(path, id, 25);
    outside.asker = reason;
    await passUntilEnd(path, id);
    expect(await bulkOf(path, id)).toMatchObject({
      status: "aborted",
      abortReason: reason,
      counts: { matched: 30, accepted: 25, skipped: 0, failed: 0 },
    });
    await expectOneStory(path, id);
    expect(await statusOf(path, runs[29] ?? "")).toBe("pending");
  });
});

describe("a cancel", () => {
  it("and its item are on record together, whenever the object dies", async () => {
    const path = newRunsPath();
    const runs = await createRuns(path, 60);
    const id = await begin(path, { named: runs });
    await pass(path, 0);
    for (const decided of [5, 20, 40]) {
      await passUntil(path, async () => (await bulkOf(path, id)).counts.accepted >= decided, 100);
      await restart(path);
      await expectOneStory(path, id);
      expect(await alarmAt(path)).not.toBeNull();
    }
    await passUntilEnd(path, id);
    expect((await bulkOf(path, id)).counts).toEqual({ matched: 60, accepted: 60, skipped: 0, failed: 0 });
    await expectOneStory(path, id);
  });

  it("whose item can't be written is taken back, and holds up no other", async () => {
    const path = newRunsPath();
    const runs = await createRuns(path, 3);
    const [first = "", second = ""] = runs;
    const id = await begin(path, { named: runs });
    heal = await failWrites(path, /INTO bulk_items/, 2);
    await passUntilEnd(path, id);
    expect(await itemsOf(path, id)).toMatchObject([
      { outcome: "accepted", code: null },
      { outcome: "failed", code: "internal_error" },
      { outcome: "accepted", code: null },
    ]);
    await expectOneStory(path, id);
    expect([await statusOf(path, first), await statusOf(path, second)]).toEqual(["cancelled", "pending"]);
    // Memory has nothing of what was taken back.
    expect(await change(path, second, { type: "succeeded", output: null })).toMatchObject({ ok: true });
    await replicated(path);
  });

  it("waits while no item can be written, and is done then", async () => {
    const path = newRunsPath();
    const id = await begin(path, { named: await createRuns(path, 3) });
    heal = await failWrites(path, /INTO bulk_items/, 1, 100);
    for (let i = 0; i < 3; i++) await pass(path, 30_000);
    expect(await cancelledBy(path, id)).toEqual([]);
    heal();
    await passUntilEnd(path, id, 30_000);
    expect((await bulkOf(path, id)).counts).toMatchObject({ accepted: 3, failed: 0 });
    await expectOneStory(path, id);
  });

  it("of runs that are gone or over says so", async () => {
    const path = newRunsPath();
    const [over = "", open = "", purged = ""] = [
      ...(await createRuns(path, 2)),
      await createAged(path, { createdAt: Date.now() - 1000 }),
    ];
    await change(path, over, { type: "succeeded", output: null });
    const id = await begin(path, { named: [over, open, purged] });
    await journal(path, "DELETE FROM runs WHERE id = ?", purged);
    await restart(path);
    await passUntilEnd(path, id);
    expect((await itemsOf(path, id)).map(({ code }) => code)).toEqual(["run_succeeded", null, "run_not_found"]);
  });
});

describe("a retry that can't be decided", () => {
  it("is tried ten times, holds up no other run, and has failed then", async () => {
    const path = newRunsPath();
    const ids = runIds(60);
    const [stuck = ""] = ids;
    outside.outcome = (runId) => (runId === stuck ? null : "accepted");
    const id = await begin(path, { request: RETRY, named: ids });
    const accepted = async () => (await bulkOf(path, id)).counts.accepted;
    await passUntil(path, async () => (await accepted()) === 59);
    expect(outside.batches.filter((batch) => batch.includes(stuck)).length).toBe(1);
    const after = Date.now();
    await passUntilEnd(path, id, 1000);
    expect(outside.batches.filter((batch) => batch.includes(stuck)).length).toBe(10);
    // 1, 2, 4, 8 and 16 s, then 30 s each. The first of these has passed by then.
    expect(Date.now() - after).toBeGreaterThan(149_000);
    expect(await bulkOf(path, id)).toMatchObject({
      status: "completed",
      counts: { matched: 60, accepted: 59, skipped: 0, failed: 1 },
    });
    const failed = (await itemsOf(path, id)).filter(({ outcome }) => outcome === "failed");
    expect(failed).toMatchObject([{ runId: stuck, code: "unknown" }]);
  });
});

describe("a stop", () => {
  it("of a cancel comes before the next run", async () => {
    const path = newRunsPath();
    const id = await begin(path, { named: await createRuns(path, 60) });
    await pass(path, 0);
    await untilDecided(path, id, 3);
    const stopped = await awake(path, (object) => object.bulk.abort(id, STOPPER));
    expect(stopped).toMatchObject({ status: "aborted", abortReason: "asked" });
    await passUntil(path, async () => outside.concluded.length > 0);
    expect(outside.concluded).toMatchObject([{ by: STOPPER, operation: { abortReason: "asked" } }]);
    for (let i = 0; i < 5; i++) await pass(path, 10_000);
    await expectOneStory(path, id);
    expect((await bulkOf(path, id)).counts).toEqual(stopped?.counts);
    expect(stopped?.counts).toMatchObject({ skipped: 0, failed: 0 });
  });

  it("of retries under way counts what they do", async () => {
    const path = newRunsPath();
    const id = await begin(path, { request: RETRY, named: runIds(30) });
    outside.fate = (call) => (call === "retry" ? "late" : "answered");
    await passUntil(path, async () => outside.batches.length === 1, 0);
    const stopped = await awake(path, (object) => object.bulk.abort(id, STOPPER));
    expect(stopped).toMatchObject({ status: "running", abortReason: "asked", completedAt: null });
    outside.asker = "token_revoked";
    await awake(path, async () => outside.release());
    await passUntilEnd(path, id, 0);
    expect(await bulkOf(path, id)).toMatchObject({
      status: "aborted",
      abortReason: "asked",
      counts: { matched: 30, accepted: 25, failed: 0 },
    });
    expect(outside.retried.size).toBe(25);
  });

  it("while the asker is judged leaves all runs", async () => {
    const path = newRunsPath();
    const id = await begin(path, { request: RETRY, named: runIds(30) });
    outside.fate = (call) => (call === "judge" ? "late" : "answered");
    await passUntil(path, async () => outside.judged === 1, 0);
    outside.asker = "token_revoked";
    await awake(path, async (object) => {
      await object.bulk.abort(id, STOPPER);
      outside.release();
    });
    await passUntilEnd(path, id, 0);
    expect(await bulkOf(path, id)).toMatchObject({ abortReason: "asked", counts: { accepted: 0, failed: 0 } });
    expect(outside.batches).toEqual([]);
  });

  it("of retries whose answer is lost says of them that nobody knows", async () => {
    const path = newRunsPath();
    outside.fate = (call) => (call === "retry" ? "hangs" : "answered");
    const id = await begin(path, { request: RETRY, named: runIds(30) });
    await pass(path, 0);
    await until(async () => (await journal(path, "SELECT 1 FROM bulk_operations WHERE next_seq > 0")).length > 0);
    await awake(path, (object) => object.bulk.abort(id, STOPPER));
    await restart(path);
    await passUntilEnd(path, id, 0);
    expect(await bulkOf(path, id)).toMatchObject({
      status: "aborted",
      counts: { matched: 30, accepted: 0, skipped: 0, failed: 25 },
    });
  });

  it("says that nobody knows of all retries that were tried, also if only some had another try", async () => {
    const path = newRunsPath();
    outside.outcome = () => null;
    const id = await begin(path, { request: RETRY, named: runIds(60) });
    await passUntil(path, async () => outside.batches.length === 4);
    await awake(path, (object) => object.bulk.abort(id, STOPPER));
    expect(await bulkOf(path, id)).toMatchObject({
      status: "aborted",
      counts: { matched: 60, accepted: 0, skipped: 0, failed: 60 },
    });
    expect(new Set((await itemsOf(path, id)).map(({ code }) => code))).toEqual(new Set(["unknown"]));
  });

  it("of an operation that still collects changes no run, and one that is over stays as it is", async () => {
    const path = newRunsPath();
    const [run = ""] = await createRuns(path, 1);
    await replicated(path);
    const id = await begin(path, {});
    const stopped = await awake(path, async (object, instance) => {
      // The batch begins in the same event in which it is stopped.
      void instance.alarm();
      return object.bulk.abort(id, STOPPER);
    });
    expect(stopped).toMatchObject({ status: "aborted", abortReason: "asked", counts: { matched: 0 } });
    for (let i = 0; i < 3; i++) await pass(path, 5000);
    expect((await bulkOf(path, id)).counts.matched).toBe(0);
    expect(await statusOf(path, run)).toBe("pending");
    const done = await begin(path, { named: [run] });
    await passUntilEnd(path, done);
    const after = await awake(path, (object) => object.bulk.abort(done, STOPPER));
    expect(after).toMatchObject({ status: "completed", abortReason: null });
  });
});

describe("the limit", () => {
  it("is five operations at a time, and one of them a retry", async () => {
    const path = newRunsPath();
    outside.asker = "unknown";
    const named = runIds(1);
    const retry = await begin(path, { request: RETRY, named });
    expect(await begin(path, { request: RETRY, named })).toBe("too_many_bulk_operations");
    for (let i = 0; i < 4; i++) await begin(path, { request: CANCEL, named });
    expect(await begin(path, { request: CANCEL, named })).toBe("too_many_bulk_operations");
    await awake(path, (object) => object.bulk.abort(retry, STOPPER));
    await passUntilEnd(path, retry, 0);
    expect(await begin(path, { request: RETRY, named })).not.toBe("too_many_bulk_operations");
  });

  it("counts a reservation, for a minute", async () => {
    const path = newRunsPath();
    const reserve = (order = orderOf({ request: RETRY })) =>
      awake(path, (object) => object.bulk.reserve(order, null, { key: `m:${order.id}`, fingerprint: "" }));
    const first = orderOf({ request: RETRY });
    expect(await reserve(first)).toEqual({ ok: true, id: first.id, operation: null });
    expect(await reserve()).toMatchObject({ reason: "too_many_bulk_operations" });
    expect(await awake(path, (object) => object.bulk.operations(null, 10))).toEqual([]);
    await pass(path, 60_000);
    expect(await reserve()).toMatchObject({ ok: true });
    expect(await awake(path, (object) => object.bulk.begin(first.id))).toBeNull();
  });

  it("is not exceeded by a reservation that was lost before its alarm rang, and a repetition keeps one", async () => {
    const path = newRunsPath();
    const order = orderOf({ request: RETRY });
    const reserve = (of = order) =>
      awake(path, (object) => object.bulk.reserve(of, runIds(1), { key: `t:t1:${of.id}`, fingerprint: "" }));
    const beginAt = (id: string) => awake(path, (object) => object.bulk.begin(id));
    await reserve();
    vi.setSystemTime(Date.now() + 59_000);
    expect(await reserve()).toEqual({ ok: true, id: order.id, operation: null });
    vi.setSystemTime(Date.now() + 30_000);
    expect(await reserve(orderOf({ request: RETRY }))).toMatchObject({ ok: false });
    vi.setSystemTime(Date.now() + 30_000);
    const other = orderOf({ request: RETRY });
    expect(await reserve(other)).toMatchObject({ ok: true });
    expect(await beginAt(order.id)).toBeNull();
    // A clock that steps back loses no reservation.
    vi.setSystemTime(Date.now() - 5);
    expect(await beginAt(other.id)).not.toBeNull();
  });
});

it("the audit of the end is written as soon as it can be", async () => {
  const path = newRunsPath();
  outside.fate = (call) => (call === "conclude" ? "crashes" : "answered");
  const id = await begin(path, { named: runIds(1) });
  await passUntilEnd(path, id);
  await pass(path, 5000);
  await restart(path);
  outside.fate = () => "answered";
  await passUntil(path, async () => outside.concluded.length > 0, 30_000);
  expect(outside.concluded).toMatchObject([{ by: null, operation: { order: { id }, status: "completed" } }]);
  for (let i = 0; i < 3; i++) await pass(path, 30_000);
  expect(outside.concluded.length).toBe(1);
});

it("how the runs of a cancel have ended is noted when the last one has, and no D1 is asked", async () => {
  const path = newRunsPath();
  const [stopping = "", late = "", pending = ""] = await createRuns(path, 3);
  for (const id of [stopping, late]) await direct(path).runs.heartbeat(id, {});
  const request = { ...CANCEL, graceSeconds: 600 };
  const id = await begin(path, { request, named: [stopping, late, pending] });
  await passUntilEnd(path, id);
  const endedOf = async () => (await bulkOf(path, id)).ended;
  const isOver = async () => (await journal(path, "SELECT 1 FROM bulk_operations WHERE is_over = 1")).length > 0;
  expect(await endedOf()).toEqual({ succeeded: 0, failed: 0, cancelled: 1 });
  await change(path, stopping, { type: "succeeded", output: null });
  expect(await endedOf()).toEqual({ succeeded: 1, failed: 0, cancelled: 1 });
  for (let i = 0; i < 3; i++) await pass(path, 20_000);
  // The grace is over, and the end of the last run can't be written.
  heal = await failWrites(path, /UPDATE runs/, 1, 1000);
  for (let i = 0; i < 3; i++) await pass(path, 300_000);
  expect(await isOver()).toBe(false);
  heal();
  await passUntil(path, isOver, 30_000);
  expect(await endedOf()).toEqual({ succeeded: 1, failed: 0, cancelled: 2 });
  // It was noted, because a run is kept for a shorter time than its operation.
  await journal(path, "DELETE FROM runs");
  expect(await endedOf()).toEqual({ succeeded: 1, failed: 0, cancelled: 2 });
});

it("an operation is kept for 30 days after its end", async () => {
  const path = newRunsPath();
  const id = await begin(path, { named: runIds(3) });
  await passUntilEnd(path, id);
  for (let i = 0; i < 3; i++) await pass(path, 70_000);
  await pass(path, 30 * 86_400_000 - 300_000);
  expect((await bulkOf(path, id)).counts.skipped).toBe(3);
  await pass(path, 300_000);
  expect(await awake(path, (object) => object.bulk.operation(id))).toBeNull();
  expect(await awake(path, (object) => object.bulk.items(id, null, -1, 10))).toBeNull();
  expect(await journal(path, "SELECT 1 FROM bulk_items")).toEqual([]);
});

it("no second has more than a batch of cancels, however late the judgements come", async () => {
  const path = newRunsPath();
  const all = await createRuns(path, 125);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push(await begin(path, { named: all.slice(i * 25, i * 25 + 25) }));
  const releases = new Set<() => void>();
  outside.fate = (call) => (call === "judge" ? "late" : "answered");
  // The asker is judged within 5 s, so up to five batches can wait for that.
  for (let i = 0; i < 5; i++) {
    await pass(path, 1300);
    await pass(path, 0);
    if (outside.judged > 0) releases.add(outside.release);
  }
  const count = async () => (await Promise.all(ids.map((id) => cancelledBy(path, id)))).flat().length;
  expect(await count()).toBe(0);
  // D1 answers all of them in the same instant. The clock stands still from here on.
  outside.fate = () => "answered";
  await awake(path, async () => {
    for (const release of releases) release();
  });
  for (let i = 0; i < 200; i++) await pass(path, 0);
  expect(await count()).toBeLessThanOrEqual(25);
});

/** An event is fanned out in its own transaction: once, to whom it concerns, and whatever happens. */

import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { coordinatorOf } from "../../../src/runs/protocol.ts";
import {
  alarmAt,
  change,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  givenAged,
  HOUR_MS,
  journal,
  MINUTE_MS,
  restart,
  sqlStorage,
  until,
} from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";
import { newRun } from "../../support/rows.ts";
import { fillJournal } from "../../support/runs/rows-in-journal.ts";
import {
  answer,
  CHAT,
  changed,
  deliveryRows,
  end,
  given,
  givenWorking,
  note,
  outside,
  pass,
  purge,
  put,
  untilDelivered,
  untilSent,
  useStandInEndpoints,
} from "./stand-in-endpoints.ts";

useStandInEndpoints();

const sentIds = () => outside.sent.map(({ runId }) => runId);
const sentTo = () => outside.sent.map(({ endpoint, runId }) => [endpoint, runId]);
const expectSent = async (...ids: string[]) => {
  await untilSent(ids.length);
  expect(sentIds()).toEqual(ids);
};

const cursors = async (path: string) =>
  Object.fromEntries(
    (
      await journal<{ name: string; value: string }>(
        path,
        "SELECT name, value FROM metadata WHERE name IN ('endpoints_noted', 'fan_out_after', 'outcomes_below')",
      )
    ).map(({ name, value }) => [name, value]),
  );
const lastSeq = async (path: string) =>
  (await journal<{ seq: number }>(path, "SELECT max(change_seq) AS seq FROM runs"))[0]?.seq;
const untilFannedOut = (path: string) => until(async () => (await cursors(path)).fan_out_after === undefined);

/** An environment with an endpoint that answers 200. The call that tells the coordinator of it gets lost. */
async function givenUnheard(): Promise<string> {
  const path = newRunsPath();
  outside.answers = () => 200;
  await note(path, CHAT);
  outside.endpoints = [CHAT];
  return path;
}

/** Deliveries can't be written. `when`: SQL about the new row. */
const breakDeliveries = (path: string, when = "1") =>
  journal(
    path,
    `CREATE TRIGGER broken BEFORE INSERT ON deliveries WHEN ${when} BEGIN SELECT RAISE(ABORT, 'broken'); END`,
  );
const mendDeliveries = (path: string) => journal(path, "DROP TRIGGER broken");

const FAILED = { type: "failed", error: "no", output: null } as const;

/**
 * Ends the run, while the nth write fails, up to the write `last`. If the end is refused, it is asked for again. Returns
 * the write; null if there are fewer.
 */
async function endWithFault(path: string, id: string, nth: number, last: number): Promise<string | null> {
  const prototype = await sqlStorage(path);
  const { exec } = prototype;
  return runInDurableObject(coordinator(path), async (instance, { storage: { sql } }) => {
    const { runs } = coordinatorOf(instance);
    const endOnce = () => runs.applyEvent(id, FAILED, { key: `m:${crypto.randomUUID()}`, fingerprint: "" });
    const writes: string[] = [];
    const spy = vi.spyOn(prototype, "exec").mockImplementation(function (this: SqlStorage, query, ...bindings) {
      const isWrite = this === sql && /^\s*(INSERT|UPDATE|DELETE)/.test(query);
      const n = isWrite ? writes.push(query) : 0;
      if (n >= nth && n <= last) throw new Error("database or disk is full");
      return exec.call(this, query, ...bindings) as never;
    });
    const isRefused = await endOnce().then(
      () => false,
      () => true,
    );
    spy.mockRestore();
    if (isRefused) await endOnce();
    return writes[nth - 1] ?? null;
  });
}

describe("an environment without endpoints", () => {
  it("asks nobody and writes no row", async () => {
    const path = newRunsPath();
    await end(path);
    await pass(path, 10_000);
    expect(outside.reads).toBe(0);
    expect(await cursors(path)).toEqual({});
    expect(await deliveryRows(path)).toEqual([]);
  });

  it("has no cursor any more an hour after the last change", async () => {
    const path = await given();
    expect(await cursors(path)).toMatchObject({ endpoints_noted: expect.any(String) });
    for (const [n, ms] of [MINUTE_MS, 10 * MINUTE_MS, HOUR_MS].entries()) {
      await pass(path, ms);
      await until(async () => outside.reads === n + 2);
    }
    await until(async () => (await cursors(path)).endpoints_noted === undefined);
    expect(outside.reads).toBe(4);
    expect(await cursors(path)).toEqual({});
  });
});

describe("an end", () => {
  it("is sent once to each endpoint that hears of it, and not one from before the first PUT", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    await end(path);
    await put(path, CHAT, "pager@7");
    const ids = [await end(path, "succeeded"), await end(path), await end(path)];
    await untilSent(6);
    const told = outside.sent.map(({ endpoint, runId, type }) => `${endpoint} ${runId} ${type}`);
    const types = ["action_run.succeeded", "action_run.failed", "action_run.failed"];
    const each = (endpoint: string) => ids.map((id, n) => `${endpoint} ${id} ${types[n]}`);
    expect(told.sort()).toEqual([...each(CHAT), ...each("pager@7")].sort());
    await untilDelivered(path);
    // One read for the PUT, and none for the ends.
    expect(outside.reads).toBe(1);
  });

  it("has its deliveries in its own transaction, so a refused end has none", async () => {
    const path = await givenWorking(CHAT);
    await end(path);
    await untilSent(1);
    const id = await createAged(path);
    // What must be on record with the end can't be written.
    await journal(
      path,
      "CREATE TRIGGER full BEFORE INSERT ON metadata WHEN NEW.name = 'replication_retry_at' BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    await journal(path, "DELETE FROM metadata WHERE name = 'replication_retry_at'");
    await restart(path);
    await expect(() => change(path, id, FAILED)).rejects.toThrow("full");
    expect(await deliveryRows(path)).toHaveLength(1);
    await journal(path, "DROP TRIGGER full");
    expect(await change(path, id, FAILED)).toMatchObject({ ok: true });
    // Not a moment later.
    expect(await deliveryRows(path)).toHaveLength(2);
    await untilSent(2);
    expect(sentIds()[1]).toBe(id);
  });

  it("is sent although its object dies before the delivery leaves", async () => {
    const path = await given(CHAT);
    const id = await end(path);
    await restart(path);
    expect(await deliveryRows(path)).toMatchObject([{ run_id: id, state: "waiting" }]);
    outside.answers = () => 200;
    await pass(path, 30_001);
    await pass(path, 6001);
    await until(async () => (await deliveryRows(path))[0]?.state === "delivered");
  });

  it("commits although its deliveries can't be written, and is fanned out later, in the same object or another", async () => {
    outside.answers = () => 200;
    for (const dies of [false, true]) {
      outside.sent = [];
      const path = await given(CHAT);
      await breakDeliveries(path);
      const ids = [await end(path), await end(path)];
      expect(await deliveryRows(path)).toEqual([]);
      expect((await cursors(path)).fan_out_after).toBe("1");
      if (dies) await restart(path);
      await mendDeliveries(path);
      // Only the alarm brings it on.
      expect(await alarmAt(path)).toBeLessThanOrEqual(Date.now() + 30_000);
      await pass(path, 31_000);
      await untilSent(2);
      expect(sentIds().sort()).toEqual(ids.sort());
      await untilFannedOut(path);
    }
  });

  it("commits although its outcome can't be noted, and the next run has that outcome before it all the same", async () => {
    outside.filters = { [CHAT]: { showsPrevious: true } };
    outside.answers = () => 200;
    const path = await given(CHAT);
    await end(path, "succeeded");
    await journal(path, "CREATE TRIGGER full BEFORE INSERT ON outcomes BEGIN SELECT RAISE(ABORT, 'full'); END");
    await end(path, "failed");
    expect(await cursors(path)).toMatchObject({ outcomes_below: expect.any(String) });
    await journal(path, "DROP TRIGGER full");
    await pass(path, 31_000);
    await until(async () => (await cursors(path)).outcomes_below === undefined);
    await end(path, "succeeded");
    await untilSent(3);
    expect(outside.sent.map(({ previousStatus }) => previousStatus)).toEqual([null, "succeeded", "failed"]);
  });

  it.each([
    ["whichever of its writes fails", 0],
    ["whichever of its writes fails with all after it", Number.POSITIVE_INFINITY],
  ])("is sent once and has its alarm, %s", async (_, more) => {
    outside.filters = { [CHAT]: { showsPrevious: true } };
    let write: string | null = null;
    for (let nth = 1; nth === 1 || write !== null; nth++) {
      outside.endpoints = [];
      outside.answers = () => 200;
      const path = await given(CHAT);
      await end(path, "succeeded");
      const id = await createAged(path);
      // Everything is replicated, so nothing else sets the alarm for soon.
      await until(async () => {
        await pass(path, 11 * MINUTE_MS);
        return (await journal(path, "SELECT 1 FROM metadata WHERE name = 'replication_retry_at'")).length === 0;
      });
      outside.sent = [];
      // What the delivery's answer writes is no write of the end.
      outside.answers = null;
      write = await endWithFault(path, id, nth, nth + more);
      expect(await alarmAt(path), write ?? "").toBeLessThanOrEqual(Date.now() + 30_000);
      outside.answers = () => 200;
      await answer(path, outside.underWay, 200);
      await pass(path, 31_000);
      await until(async () => {
        const rows = await deliveryRows(path);
        return rows.some(({ run_id, state }) => run_id === id && state === "delivered");
      });
      await until(async () => Object.keys(await cursors(path)).every((name) => name === "endpoints_noted"));
      expect(
        outside.sent.map(({ runId, previousStatus }) => [runId, previousStatus]),
        write ?? "",
      ).toEqual([[id, "succeeded"]]);
      expect(await journal(path, "SELECT run_id FROM outcomes")).toEqual([{ run_id: id }]);
      vi.useRealTimers();
    }
  });

  it("that is fanned out after a failure lets the alarm ring once, and not until then", async () => {
    const path = await givenWorking(CHAT);
    const logged = vi.spyOn(console, "error");
    await breakDeliveries(path);
    const id = await end(path);
    // The end, and the walk right after it.
    await until(async () => logged.mock.calls.filter(([line]) => String(line).includes("broken")).length >= 2);
    await mendDeliveries(path);
    const atOnce: number[] = [];
    await runInDurableObject(coordinator(path), (_, { storage }) => {
      const prototype = Object.getPrototypeOf(storage) as DurableObjectStorage;
      const { setAlarm } = prototype;
      vi.spyOn(prototype, "setAlarm").mockImplementation(function (this: DurableObjectStorage, at, options) {
        if (this === storage && Number(at) <= Date.now()) atOnce.push(Number(at));
        return setAlarm.call(this, at, options);
      });
    });
    await pass(path, 31_000);
    await untilSent(1);
    await untilFannedOut(path);
    expect(sentIds()).toEqual([id]);
    expect(atOnce).toEqual([]);
  });

  it("of a full object is fanned out when there is room again", async () => {
    const path = await givenWorking(CHAT);
    const size = vi.spyOn(await sqlStorage(path), "databaseSize", "get").mockReturnValue(9_000_000_000);
    const id = await end(path).catch(() => null);
    expect(id).toBeNull();
    size.mockRestore();
    const open = await createAged(path);
    vi.spyOn(await sqlStorage(path), "databaseSize", "get").mockReturnValue(9_000_000_000);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2000 });
    expect(await change(path, open, FAILED)).toMatchObject({ ok: true });
    await pass(path, 31_000);
    expect(await deliveryRows(path)).toEqual([]);
    vi.restoreAllMocks();
    await pass(path, 31_000);
    await expectSent(open);
  });

  it("that can't be fanned out is skipped after five tries, and holds up no other", async () => {
    const path = await givenWorking(CHAT);
    await breakDeliveries(path);
    const ids = [await end(path), await end(path), await end(path)];
    await mendDeliveries(path);
    await breakDeliveries(path, `NEW.run_id = '${ids[1]}'`);
    const logged = vi.spyOn(console, "error");
    const skipped = () => logged.mock.calls.some(([line]) => String(line).includes("event_skipped"));
    for (let n = 0; n < 12 && !skipped(); n++) {
      await pass(path, 31_000);
      await scheduler.wait(5);
    }
    expect(skipped()).toBe(true);
    await untilFannedOut(path);
    await until(async () => sentIds().length === 2);
    expect(sentIds().sort()).toEqual([ids[0], ids[2]].sort());
  });

  it("that is older than seven days is not fanned out any more", async () => {
    const path = await givenWorking(CHAT);
    await breakDeliveries(path);
    await end(path);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 7 * DAY_MS });
    const young = await end(path);
    await mendDeliveries(path);
    await pass(path, 31_000);
    await untilFannedOut(path);
    await expectSent(young);
  });

  it("is fanned out after a restart, however many are pending", async () => {
    const path = await givenWorking(CHAT);
    const ids = await fillJournal(path, { rows: 120, isReplicated: false, endedAt: Date.now() });
    await journal(path, "INSERT INTO metadata (name, value) VALUES ('fan_out_after', '0')");
    await restart(path);
    await pass(path, MINUTE_MS);
    await untilFannedOut(path);
    expect((await deliveryRows(path)).map(({ run_id }) => run_id)).toEqual(ids);
  });

  it("of a run that is purged meanwhile leaves no row", async () => {
    const path = await given(CHAT);
    await end(path);
    await untilSent(1);
    await answer(path, outside.underWay, 503);
    expect(await deliveryRows(path)).toHaveLength(1);
    await pass(path, MINUTE_MS);
    await until(async () => ((await cursors(path)).endpoints_noted ?? "").endsWith(":1:"));
    await purge(path);
    expect(await deliveryRows(path)).toEqual([]);
  });
});

describe("a change of an endpoint", () => {
  it("whose call gets lost is found a minute later, and the events since the note are fanned out", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    await end(path);
    await note(path, CHAT);
    outside.endpoints = [CHAT];
    const id = await end(path);
    expect(await deliveryRows(path)).toEqual([]);
    expect(await alarmAt(path)).toBeLessThanOrEqual(Date.now() + MINUTE_MS);
    await pass(path, MINUTE_MS);
    await expectSent(id);
  });

  it("whose call gets lost with the object is found at once by the next one", async () => {
    const path = await givenUnheard();
    const id = await end(path);
    await restart(path);
    await pass(path, 0);
    await expectSent(id);
  });

  it("whose read failed is read again by the next object, which does not wait for the minute", async () => {
    const path = await givenWorking();
    await note(path, CHAT);
    outside.endpoints = [CHAT];
    outside.holdRead = () => Promise.reject(new Error("D1 is down"));
    await expect(() => changed(path)).rejects.toThrow("D1 is down");
    await restart(path);
    await pass(path, 2000);
    await until(async () => outside.reads === 3);
    outside.holdRead = null;
    await pass(path, 2000);
    await end(path);
    await untilSent(1);
  });

  it("that D1 carries out after the call is found a minute later", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    await note(path, CHAT);
    await changed(path);
    outside.endpoints = [CHAT];
    const id = await end(path);
    await pass(path, 59_000);
    expect(await deliveryRows(path)).toEqual([]);
    await pass(path, 1000);
    await expectSent(id);
  });

  it("is found although the read a minute later fails: the events are kept until one succeeds", async () => {
    const path = await givenUnheard();
    const id = await end(path);
    outside.holdRead = () => Promise.reject(new Error("D1 is down"));
    for (const reads of [1, 2, 3]) {
      await pass(path, MINUTE_MS);
      await until(async () => outside.reads === reads);
    }
    outside.holdRead = null;
    await pass(path, 31_000);
    await expectSent(id);
  });

  it("sets no alarm that has nothing to do: the next one reads again", async () => {
    const path = await given(CHAT);
    expect(await alarmAt(path)).toBeGreaterThan(Date.now() + 50_000);
    await pass(path, MINUTE_MS);
    await until(async () => outside.reads === 2);
  });

  it("is found at once if the clock has stepped back since it was noted", async () => {
    const path = await givenWorking(CHAT);
    await note(path, "pager@7");
    outside.endpoints = [CHAT, "pager@7"];
    const id = await end(path);
    await pass(path, -5 * HOUR_MS);
    await untilSent(2);
    expect(sentTo()).toEqual([
      [CHAT, id],
      ["pager@7", id],
    ]);
  });

  it("that is noted during a read is found a minute later, also if the clock has stepped back", async () => {
    const path = await givenWorking(CHAT);
    const { promise, resolve } = Promise.withResolvers<void>();
    outside.holdRead = () => promise;
    const reading = changed(path);
    await until(async () => outside.reads === 2);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 2 * HOUR_MS });
    await note(path, "pager@7");
    await runInDurableObject(coordinator(path), () => resolve());
    await reading;
    outside.holdRead = null;
    outside.endpoints = [CHAT, "pager@7"];
    const id = await end(path);
    await pass(path, MINUTE_MS);
    await untilSent(2);
    expect(sentTo()).toEqual([
      [CHAT, id],
      ["pager@7", id],
    ]);
  });

  it("that D1 carries out ten minutes later is found as well, from then on", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    await note(path, CHAT);
    await changed(path);
    await pass(path, MINUTE_MS);
    await until(async () => outside.reads === 2);
    outside.endpoints = [CHAT];
    await end(path);
    await pass(path, 10 * MINUTE_MS);
    await until(async () => outside.reads === 3);
    const id = await end(path);
    await expectSent(id);
  });

  it("is read by one read after the other, and a call during a read makes another follow", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    let atOnce = 0;
    let [begun, mayEnd] = [0, 0];
    outside.holdRead = async () => {
      expect(++atOnce).toBe(1);
      const n = ++begun;
      while (mayEnd < n) await scheduler.wait(1);
      atOnce--;
    };
    await note(path, CHAT);
    const calls = [changed(path)];
    await until(async () => begun === 1);
    outside.endpoints = [CHAT];
    calls.push(changed(path), changed(path));
    const id = await end(path);
    mayEnd = 1;
    await until(async () => begun === 2);
    mayEnd = 2;
    await Promise.all(calls);
    expect(outside.reads).toBe(2);
    await expectSent(id);
  });

  it("brings an endpoint no event from before it was stored, although another one's events are still kept", async () => {
    const path = await givenWorking(CHAT);
    const first = await end(path);
    await put(path, CHAT, "pager@7");
    const second = await end(path);
    await untilFannedOut(path);
    await untilSent(3);
    const told = sentTo();
    expect(told.filter(([endpoint]) => endpoint === "pager@7")).toEqual([["pager@7", second]]);
    expect(told.filter(([endpoint]) => endpoint === CHAT)).toEqual([
      [CHAT, first],
      [CHAT, second],
    ]);
  });

  it("keeps the runs of the events that may be pending, unless the object is full", async () => {
    const path = newRunsPath();
    await note(path, CHAT);
    await end(path);
    await journal(path, "UPDATE runs SET purge_at = 1000, due_at = 1000");
    outside.holdRead = () => Promise.reject(new Error("D1 is down"));
    for (let n = 0; n < 5; n++) await pass(path, 20_000);
    expect(await journal(path, "SELECT 1 FROM runs")).toHaveLength(1);
    vi.spyOn(await sqlStorage(path), "databaseSize", "get").mockReturnValue(9_000_000_000);
    await until(async () => {
      await pass(path, 20_000);
      return (await journal(path, "SELECT 1 FROM runs")).length === 0;
    });
  });

  it("by a restore of D1 is found by a resync", async () => {
    const path = await givenWorking(CHAT);
    outside.endpoints = ["pager@7"];
    await direct(path).upkeep.resync();
    await until(async () => outside.reads === 2);
    const id = await end(path);
    await untilSent(1);
    expect(sentTo()).toEqual([["pager@7", id]]);
  });
});

describe("a sequence number", () => {
  it("that a refused create would have got is given to the next write, also after a restart", async () => {
    const { path, id } = await givenAged();
    const before = await lastSeq(path);
    const other = newRun({ id, actionName: "other" });
    const refused = await direct(path).runs.create(other, { key: "m:another", fingerprint: "" }, null);
    expect(refused).toMatchObject({ ok: false, reason: "id_taken" });
    await restart(path);
    await createAged(path);
    expect(await lastSeq(path)).toBe((before ?? 0) + 1);
  });
});

/** Ends are told from the journal: once, to whom they concern, and whatever happens between an end and its message. */

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
  HOUR_MS,
  journal,
  MINUTE_MS,
  until,
} from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";
import { fillJournal } from "../../support/rows-in-journal.ts";
import {
  answer,
  CHAT,
  die,
  end,
  everyoneHears,
  given,
  messageRows,
  notify,
  outside,
  pass,
  untilSent,
  useStandInEndpoints,
} from "./stand-in-endpoints.ts";

useStandInEndpoints();

const sentIds = () => outside.sent.map(({ runId }) => runId);

const marks = async (path: string) =>
  Object.fromEntries(
    (
      await journal<{ name: string; value: string }>(
        path,
        "SELECT name, value FROM marks WHERE name IN ('notify', 'told_seq')",
      )
    ).map(({ name, value }) => [name, value]),
  );
const lastSeq = async (path: string) =>
  (await journal<{ seq: number }>(path, "SELECT max(change_seq) AS seq FROM runs"))[0]?.seq;

/** Until everything that has ended was told. */
const untilTold = (path: string) =>
  until(async () => Number((await marks(path)).told_seq) === (await lastSeq(path)));

describe("an environment without endpoints", () => {
  it("asks nobody and writes no row", async () => {
    const path = newRunsPath();
    await end(path);
    await pass(path, 10_000);
    expect(outside.matched).toEqual([]);
    expect(await marks(path)).toEqual({});
    expect(await messageRows(path)).toEqual([]);
  });

  it("asks for a day after the last PUT, and then no more", async () => {
    const path = newRunsPath();
    await notify(path);
    await end(path);
    await untilTold(path);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY_MS + 1 });
    await end(path);
    await until(async () => (await marks(path)).notify === undefined);
    expect(await marks(path)).toEqual({});
    await end(path);
    await pass(path, MINUTE_MS);
    expect(outside.matched).toHaveLength(2);
  });

  it.each([-1, -3_600_000])(
    "goes on asking if the clock steps by %i ms between the PUT's call and its write",
    async (step) => {
      const path = newRunsPath();
      outside.answers = () => 200;
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * DAY_MS });
      await notify(path);
      vi.setSystemTime(Date.now() + step);
      // D1 has no endpoint yet.
      await end(path);
      await untilTold(path);
      outside.endpoints = [CHAT];
      const heard = await end(path);
      await untilSent(1);
      expect(sentIds()).toEqual([heard]);
    },
  );

  it("has both marks or none if a full object refuses one, so that a repeated PUT tells no old end", async () => {
    const path = newRunsPath();
    outside.endpoints = [CHAT];
    outside.answers = () => 200;
    await end(path);
    const sql = (query: string) =>
      runInDurableObject(coordinator(path), (_, { storage }) => void storage.sql.exec(query));
    await sql(
      "CREATE TRIGGER full BEFORE INSERT ON marks WHEN NEW.name = 'notify' BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    await expect(() => notify(path)).rejects.toThrow("full");
    await sql("DROP TRIGGER full");
    await notify(path);
    expect(await marks(path)).toEqual({ notify: expect.any(String), told_seq: expect.any(String) });
    await die(path);
    const heard = await end(path);
    await untilSent(1);
    await untilTold(path);
    expect(sentIds()).toEqual([heard]);
  });

  it("keeps the marks if a PUT comes while a matching finds no endpoint", async () => {
    const path = newRunsPath();
    await notify(path);
    await end(path);
    await untilTold(path);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * DAY_MS });
    const held = Promise.withResolvers<void>();
    outside.match = async () => {
      await held.promise;
      return { endpoints: [], matches: [] };
    };
    await end(path);
    await until(async () => outside.matched.length === 2);
    await notify(path);
    outside.endpoints = [CHAT];
    held.resolve();
    outside.match = null;
    await untilTold(path);
    const heard = await end(path);
    await untilSent(1);
    expect(sentIds()).toEqual([heard]);
  });
});

describe("an end", () => {
  it("is told once to each endpoint that hears of it, and not one from before the first PUT", async () => {
    const path = newRunsPath();
    outside.endpoints = [CHAT, "pager@7"];
    outside.answers = () => 200;
    await end(path);
    await notify(path);
    const ids = [await end(path, "succeeded"), await end(path), await end(path)];
    await untilSent(6);
    await untilTold(path);
    const told = outside.sent.map(({ endpoint, runId, type }) => `${endpoint} ${runId} ${type}`);
    const types = ["action_run.succeeded", "action_run.failed", "action_run.failed"];
    const each = (endpoint: string) => ids.map((id, n) => `${endpoint} ${id} ${types[n]}`);
    expect(told.sort()).toEqual([...each(CHAT), ...each("pager@7")].sort());
    await until(async () => (await messageRows(path)).every(({ state }) => state === "delivered"));
  });

  it("is refused if its repair can't be noted, and is told when it is repeated, in the same object", async () => {
    const path = await given(CHAT);
    outside.answers = () => 200;
    await end(path);
    await untilSent(1);
    const id = await createAged(path);
    // All has landed, and the alarm has noted it. So the end must note the repair.
    await until(async () => {
      await direct(path).upkeep.settle();
      await pass(path, 6000);
      return (await journal(path, "SELECT 1 AS one FROM marks WHERE name = 'repair_at'")).length === 0;
    });
    await journal(
      path,
      "CREATE TRIGGER full BEFORE INSERT ON marks WHEN NEW.name = 'repair_at' BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    const failed = { type: "failed", error: "no", output: null } as const;
    await expect(() => change(path, id, failed)).rejects.toThrow("full");
    expect((await direct(path).runs.read(id)) as object).toMatchObject({ status: "pending" });
    await journal(path, "DROP TRIGGER full");
    expect(await change(path, id, failed)).toMatchObject({ ok: true });
    await untilSent(2);
    expect(sentIds()[1]).toBe(id);
  });

  it("is told in order, 50 at a time, and one matching after the other", async () => {
    const path = newRunsPath();
    await notify(path);
    const gate = Promise.withResolvers<void>();
    let atOnce = 0;
    outside.match = async (runs) => {
      expect(++atOnce).toBe(1);
      await gate.promise;
      atOnce--;
      return everyoneHears(runs);
    };
    const ids: string[] = [];
    for (let n = 0; n < 70; n++) ids.push(await end(path));
    gate.resolve();
    await untilTold(path);
    expect(outside.matched.flat()).toEqual(ids);
    expect(Math.max(...outside.matched.map(({ length }) => length))).toBeLessThanOrEqual(50);
  });

  it("is told after an eviction between the end and its matching, and between the matching and its rows", async () => {
    outside.answers = () => 200;
    const path = await given(CHAT);
    const held = Promise.withResolvers<never>();
    outside.match = () => held.promise;
    const id = await end(path);
    await until(async () => outside.matched.length === 1);
    // Only the start of the object brings it on.
    await runInDurableObject(coordinator(path), (_, { storage }) => storage.deleteAlarm());
    await die(path);
    // The object starts again for this line, and asks again.
    expect(await messageRows(path)).toEqual([]);
    await until(async () => outside.matched.length === 2);
    await die(path);
    outside.match = null;
    await pass(path, 10_000);
    await untilSent(1);
    await untilTold(path);
    expect(sentIds()).toEqual([id]);
  });

  it("is told after a restart, however many are untold", async () => {
    const path = await given(CHAT);
    outside.answers = () => 200;
    const ids = await fillJournal(path, { rows: 120, landed: false, endedAt: Date.now() });
    await die(path);
    await pass(path, MINUTE_MS);
    await notify(path);
    await untilTold(path);
    expect((await messageRows(path)).map(({ run_id }) => run_id)).toEqual(ids);
    expect(outside.matched.map((runs) => runs.length)).toEqual([50, 50, 20]);
  });

  it("waits while matching fails, and is told soon after it works again", async () => {
    outside.answers = () => 200;
    const path = await given(CHAT);
    outside.match = async () => {
      throw new Error("D1 is down");
    };
    const id = await end(path);
    await until(async () => outside.matched.length === 1);
    for (const tries of [2, 3, 4]) {
      await pass(path, 30_000);
      await until(async () => outside.matched.length === tries);
      // Not at once again, however often the alarm rings.
      await pass(path, 100);
      await pass(path, 100);
    }
    expect(outside.matched).toHaveLength(4);
    // Nothing but the alarm brings it on.
    expect(await alarmAt(path)).toBeLessThanOrEqual(Date.now() + 30_000);
    outside.match = null;
    await pass(path, 30_000);
    await untilSent(1);
    expect(sentIds()).toEqual([id]);
  });

  it("waits no longer after a failure if the clock steps back", async () => {
    outside.answers = () => 200;
    const path = await given(CHAT);
    outside.match = async () => {
      throw new Error("D1 is down");
    };
    const id = await end(path);
    await until(async () => outside.matched.length === 1);
    outside.match = null;
    await pass(path, -HOUR_MS);
    await untilSent(1);
    expect(sentIds()).toEqual([id]);
  });

  it("of a run that is purged meanwhile leaves no row", async () => {
    const path = await given(CHAT);
    await end(path);
    await untilSent(1);
    await answer(path, outside.underWay, 503);
    expect(await messageRows(path)).toHaveLength(1);
    await runInDurableObject(coordinator(path), (_, { storage }) => {
      storage.sql.exec("UPDATE runs SET purge_at = 1000, due_at = 1000");
    });
    await until(async () => {
      await pass(path, 20_000);
      return (await journal(path, "SELECT 1 FROM runs")).length === 0;
    });
    expect(await messageRows(path)).toEqual([]);
  });
});

describe("a sequence number", () => {
  it("that a refused create would have got is given to the next write, also after an eviction", async () => {
    const path = newRunsPath();
    const id = await createAged(path);
    const before = await lastSeq(path);
    const refused = await runInDurableObject(coordinator(path), (instance) =>
      coordinatorOf(instance).runs.create(
        {
          ...{
            id,
            createdAt: Date.now(),
            deadlineAt: Date.now() + HOUR_MS,
            actionName: "other",
            entityId: null,
          },
          ...{ parameters: "{}", recommendations: "{}", triggeredBy: "root", heartbeatTimeoutMs: null },
          ...{ source: "none", actionVersion: null, retryOf: null, traceparent: null, labels: "[]" },
          ...{ via: null, timeoutMs: 3_600_000, gates: null },
        },
        { key: "m:another", fingerprint: "" },
        null,
      ),
    );
    expect(refused).toMatchObject({ ok: false, reason: "id_taken" });
    await createAged(path);
    expect(await lastSeq(path)).toBe((before ?? 0) + 1);
  });
});

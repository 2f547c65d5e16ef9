/**
 * Rare situations in a concurrency queue: late answers and alarms, ends within a release, limits, and failing writes.
 */

import { describe, expect, it } from "vitest";
import { DueRuns } from "../../src/runs/journal/due-rows.ts";
import { HOUR_MS, MINUTE_MS } from "../support/direct.ts";
import { ask, BOB, create, DETAILED, holds, newKey, newPause, running, shown } from "./gated-runs.ts";
import { AFTER_FAILURE_MS, type Awake, itAwake, stage, useStage } from "./stage.ts";

const NEWEST = { concurrency: { onConflict: "cancel_running" } } as const;
const SUCCEEDED = { type: "succeeded", output: null } as const;
const NOW = { type: "cancel_requested", by: "ann", reason: null, graceMs: 0 } as const;

useStage();

/** A run that is running. Its receiver has failed, and no attempt is under way. */
async function retrying(awake: Awake): Promise<string> {
  const id = await create(stage, awake);
  stage.underWay[0]?.answer(503);
  await stage.settle();
  return id;
}

function failWhen(awake: Awake, condition: string): void {
  awake.sql.exec(`CREATE TRIGGER fails BEFORE UPDATE ON runs WHEN ${condition}
    BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`);
}

describe("a run that is released in the critical section in which it gets into its queue", () => {
  itAwake("is answered as released, because the run that it replaced has ended", async (awake) => {
    const old = await retrying(awake);
    const reply = await ask(stage, awake.object, NEWEST);
    expect(shown(awake, old)).toMatchObject({ status: "cancelled" });
    if (!reply.ok) throw new Error(reply.reason);
    expect(holds(awake, reply.id)).toBe(true);
    expect(JSON.parse(reply.details ?? "{}")).toMatchObject({ waiting: null });
  });

  itAwake("replaces the queued run of its action that needs more room than the run itself", async (awake) => {
    await running(stage, awake, { actionName: "other", concurrency: { limit: 2 } });
    const old = await create(stage, awake, { actionVersion: 2, concurrency: { limit: 1 } });
    // A restore of D1 has brought the earlier version back.
    const restored = { limit: 2, onConflict: "cancel_running" } as const;
    const newer = await create(stage, awake, { actionVersion: 1, concurrency: restored });
    expect(shown(awake, old)).toMatchObject({ status: "cancelled", endCause: "replaced" });
    expect(holds(awake, newer)).toBe(true);
  });

  itAwake("takes the call that noticed that its time has come", async (awake) => {
    await retrying(awake);
    const id = await create(stage, awake, { ...NEWEST, notBefore: Date.now() + MINUTE_MS });
    stage.pass(MINUTE_MS);
    expect(await awake.object.runs.heartbeat(id, {})).toMatchObject({ ok: true, status: "running" });
    // Its time, its release, and its start.
    expect(shown(awake, id)).toMatchObject({ status: "running", version: 4 });
  });
});

describe("an attempt of an ended run", () => {
  itAwake("occupies the queue although an earlier attempt answers late", async (awake) => {
    const old = await create(stage, awake);
    const next = await create(stage, awake);
    for (const ms of [30_000, 2000]) {
      await stage.ringAfter(ms, awake);
    }
    const [first, second] = stage.underWay;
    expect(stage.underWay.map(({ attempt }) => attempt)).toEqual([1, 2]);
    await awake.object.runs.cancel(old, NOW, newKey());
    first?.answer(500);
    await stage.settle();
    expect(holds(awake, next)).toBe(false);
    second?.answer(500);
    await stage.settle();
    expect(holds(awake, next)).toBe(true);
  });

  itAwake("occupies the queue no longer than its lease, whenever its run ends", async (awake) => {
    const old = await create(stage, awake);
    const next = await create(stage, awake);
    stage.pass(30_000);
    await awake.object.runs.applyEvent(old, SUCCEEDED, newKey());
    expect(holds(awake, next)).toBe(true);
  });

  itAwake("occupies the queue for a lease at most, even if the clock has stepped back since it left", async (awake) => {
    const old = await create(stage, awake);
    const next = await create(stage, awake);
    await stage.ring(awake);
    stage.pass(-HOUR_MS);
    await awake.object.runs.cancel(old, NOW, newKey());
    await stage.ringAfter(30_000, awake);
    expect(holds(awake, next)).toBe(true);
  });
});

describe("a run whose time is up before the alarm has noticed", () => {
  itAwake("replaces nobody, and stops nobody", async (awake) => {
    const ahead = await running(stage, awake);
    await awake.object.gates.pause(newPause());
    const older = await create(stage, awake);
    const newer = await create(stage, awake, { ...NEWEST, waitMs: 1000 });
    stage.pass(1000);
    await awake.object.gates.resume("prod");
    expect(shown(awake, newer)).toMatchObject({ status: "failed", endCause: "gate" });
    expect(shown(awake, older)).toMatchObject({ status: "pending", waitingFor: "concurrency" });
    expect((await awake.object.runs.heartbeat(ahead, {})) as object).toMatchObject({ cancel: null });
  });

  itAwake("keeps out no run that does not wait", async (awake) => {
    await running(stage, awake, { timeoutMs: MINUTE_MS });
    const impatient = { concurrency: { onConflict: "reject" } } as const;
    expect(await create(stage, awake, impatient)).toBe("concurrency_limit");
    stage.pass(MINUTE_MS);
    expect(holds(awake, await create(stage, awake, impatient))).toBe(true);
  });
});

describe("the limit of a newer version of the action", () => {
  itAwake("starts queued runs although the run that brings it waits for something else", async (awake) => {
    await running(stage, awake);
    const next = await create(stage, awake);
    await stage.ring(awake);
    await create(stage, awake, { actionVersion: 2, concurrency: { limit: 2 }, approvals: 1 });
    await stage.ring(awake);
    expect(holds(awake, next)).toBe(true);
  });
});

/** Each write of a version that ends a run and lets the next one start. */
const WRITES_OF_AN_END = [
  ["the run", "BEFORE UPDATE ON runs"],
  ["its timeline", "BEFORE INSERT ON events"],
  ["its stop request", "BEFORE DELETE ON stop_requests"],
  ["its retry of replication", "BEFORE INSERT ON metadata"],
] as const;

describe("an end", () => {
  it.each(WRITES_OF_AN_END)("is refused as a whole if %s can't be written, and counts when it is repeated", (_, when) =>
    stage.awake(async (awake) => {
      const ahead = await running(stage, awake, { hasStopRequest: true });
      const next = await create(stage, awake);
      await stage.replicate(awake);
      const before = shown(awake, ahead);
      awake.sql.exec(`CREATE TRIGGER full ${when} BEGIN SELECT RAISE(FAIL, 'full'); END`);
      const key = newKey();
      await expect(() => awake.object.runs.applyEvent(ahead, SUCCEEDED, key)).rejects.toThrow("full");
      expect(shown(awake, ahead)).toEqual(before);
      awake.sql.exec("DROP TRIGGER full");
      expect(await awake.object.runs.applyEvent(ahead, SUCCEEDED, key)).toMatchObject({ ok: true });
      expect(holds(awake, next)).toBe(true);
    }),
  );

  itAwake(
    "counts although the scheduler can't read who waits, and the alarm rings at once for the run that is next",
    async (awake) => {
      const ahead = await running(stage, awake);
      const next = await create(stage, awake);
      await stage.ring(awake);
      stage.onSql = (query) => {
        if (query.includes("concurrency_state = 'queued' ORDER BY")) throw new Error("a disk can't be read");
      };
      expect(await awake.object.runs.applyEvent(ahead, SUCCEEDED, newKey())).toMatchObject({ ok: true });
      stage.onSql = () => {};
      expect(holds(awake, next)).toBe(false);
      expect(await awake.storage.getAlarm()).toBeLessThanOrEqual(Date.now());
      await stage.ring(awake);
      expect(holds(awake, next)).toBe(true);
    },
  );
});

describe("a write that fails", () => {
  itAwake(
    "does not make the alarm ring without an end, if it is of a running run that can't be asked to stop",
    async (awake) => {
      const ahead = await running(stage, awake);
      failWhen(awake, "NEW.cancel_by IS NOT NULL AND NEW.completed_at IS NULL");
      const newer = await create(stage, awake, NEWEST);
      await stage.ring(awake);
      expect(await awake.storage.getAlarm()).toBeGreaterThan(Date.now());
      awake.sql.exec("DROP TRIGGER fails");
      await stage.ringAfter(10_000, awake);
      expect(await awake.object.runs.heartbeat(ahead, {})).toMatchObject({ cancel: expect.anything() });
      await awake.object.runs.applyEvent(ahead, SUCCEEDED, newKey());
      expect(holds(awake, newer)).toBe(true);
    },
  );

  it("defers a queued run in memory only, so the next object tries it at once", async () => {
    const next = await stage.awake(async (awake) => {
      const ahead = await running(stage, awake);
      const queued = await create(stage, awake);
      failWhen(awake, `NEW.released_at IS NOT NULL AND NEW.id = '${queued}'`);
      await awake.object.runs.applyEvent(ahead, SUCCEEDED, newKey());
      awake.sql.exec("DROP TRIGGER fails");
      await stage.ring(awake);
      expect(holds(awake, queued)).toBe(false);
      return queued;
    });
    await stage.restart();
    await stage.awake(async (awake) => {
      await stage.ring(awake);
      expect(holds(awake, next)).toBe(true);
    });
  });

  itAwake("of a pause that has ended keeps no run in its queue", async (awake) => {
    const { object, sql } = awake;
    const elsewhere = { group: "elsewhere", key: "" };
    // It ends in a minute, as the lease of the attempt does.
    const until = Date.now() + MINUTE_MS;
    await object.gates.pause(newPause({ group: "elsewhere", until }));
    const held = await create(stage, awake, { concurrency: elsewhere });
    const old = await create(stage, awake);
    const next = await create(stage, awake);
    await object.runs.cancel(old, NOW, newKey());
    sql.exec(`CREATE TRIGGER keeps_pauses BEFORE DELETE ON pauses
      BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`);
    stage.pass(MINUTE_MS);
    await awake.alarm();
    expect([held, next].map((id) => holds(awake, id))).toEqual([true, true]);
    expect(await awake.storage.getAlarm()).toBe(Date.now() + AFTER_FAILURE_MS);
  });

  itAwake("of one run that leaves its queue lets the others go", async (awake) => {
    const held = await create(stage, awake, { concurrency: { key: "a" } });
    stage.pass(1);
    const other = await create(stage, awake, { concurrency: { key: "b" } });
    const next = await create(stage, awake, { concurrency: { key: "b" } });
    for (const id of [held, other]) await awake.object.runs.cancel(id, NOW, newKey());
    failWhen(awake, `OLD.id = '${held}' AND NEW.occupied_until IS NULL`);
    await stage.ringAfter(30_000, awake);
    expect(holds(awake, next)).toBe(true);
    expect(await awake.storage.getAlarm()).toBeGreaterThan(Date.now());
  });
});

describe("a release that fails", () => {
  itAwake("leaves the room to the next queued run, and is tried again after 10 s and not before", async (awake) => {
    const ahead = await running(stage, awake, { concurrency: { limit: 2 } });
    const limited = { concurrency: { limit: 2 } };
    const other = await running(stage, awake, limited);
    const [first, next, last] = [
      await create(stage, awake, limited),
      await create(stage, awake, limited),
      await create(stage, awake, limited),
    ];
    failWhen(awake, `OLD.id = '${first}' AND NEW.released_at IS NOT NULL`);
    expect(await awake.object.runs.applyEvent(ahead, SUCCEEDED, newKey())).toMatchObject({ ok: true });
    expect([first, next, last].map((id) => holds(awake, id))).toEqual([false, true, false]);
    awake.sql.exec("DROP TRIGGER fails");
    await awake.alarm();
    await awake.object.runs.applyEvent(other, SUCCEEDED, newKey());
    expect([first, last].map((id) => holds(awake, id))).toEqual([false, true]);
    for (const attempt of stage.underWay) attempt.answer(200);
    await stage.settle();
    await awake.object.runs.applyEvent(last, SUCCEEDED, newKey());
    expect(holds(awake, first)).toBe(false);
    await stage.ringAfter(10_000, awake);
    expect(holds(awake, first)).toBe(true);
  });
});

itAwake("an end, the room that it makes and the next run's request are one critical section", async (awake) => {
  const ahead = await running(stage, awake);
  const next = await create(stage, awake);
  expect(stage.underWay).toEqual([]);
  await awake.object.runs.applyEvent(ahead, SUCCEEDED, newKey());
  expect(stage.underWay).toMatchObject([{ runId: next, attempt: 1 }]);
});

describe("a request that waits at a gate", () => {
  itAwake("is not overdue, however long ago its run was made", async (awake) => {
    const wanted = { approvals: 1, waitMs: 24 * HOUR_MS, maxAttempts: null };
    const id = await create(stage, awake, wanted);
    stage.pass(3 * HOUR_MS);
    expect(new DueRuns(awake.sql).overdue(Date.now(), 10)).toEqual([]);
    await awake.object.gates.approve(id, { by: BOB, reason: null }, newKey(), DETAILED);
    expect(holds(awake, id)).toBe(true);
  });
});

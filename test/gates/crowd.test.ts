/**
 * Many runs: none of a queue is forgotten, and none overtakes. How much one pass does, and how much may wait. With
 * `GATE_STEPS` of 100 000 or more it is a thousand runs, which is as many as can wait there.
 */

import { expect, inject, it } from "vitest";
import { ANN, ask, BOB, copyRun, create, newKey, newPause, type Wanted } from "./gated-runs.ts";
import { type Awake, itAwake, stage, useStage } from "./stage.ts";

const QUEUED = inject("gateSteps") < 100_000 ? 120 : 1000;
/** What one token may have of it. */
const OF_TOKEN = 250;
const LIMIT = 50;
const SUCCEEDED = { type: "succeeded", output: null } as const;

useStage();

const concurrency = { group: "prod", key: "", limit: LIMIT } as const;

async function runningIn({ sql }: Awake): Promise<string[]> {
  const query = "SELECT id FROM runs WHERE released_at IS NOT NULL AND completed_at IS NULL ORDER BY ready_seq";
  return [...sql.exec<{ id: string }>(query)].map(({ id }) => id);
}

it("nobody of a crowd is forgotten over restarts, and they start in their order", async () => {
  const order: string[] = [];
  await stage.awake(async ({ object }) => {
    for (let n = 0; n < LIMIT + QUEUED; n++) {
      // Two ids of one millisecond can want one place in the journal.
      stage.pass(1);
      const creator = { ...ANN, tokenId: `token-${Math.max(n - LIMIT, 0) % 4}` };
      const reply = await ask(stage, object, { concurrency, creator, waitMs: 3_600_000 });
      if (!reply.ok) throw new Error(`${n}: ${reply.reason}`);
      order.push(reply.id);
    }
    // Each token has its part, and the queue is full.
    if (QUEUED < 4 * OF_TOKEN) return;
    for (const tokenId of ["token-0", "another"]) {
      const reply = await ask(stage, object, { concurrency, creator: { ...ANN, tokenId } });
      expect(reply).toMatchObject({ ok: false, reason: "too_many_waiting" });
    }
  });
  const released: string[] = [];
  for (let n = 0; released.length < order.length; n++) {
    await stage.awake(async (awake) => {
      await stage.ring(awake);
      const running = await runningIn(awake);
      expect(running.length).toBe(Math.min(LIMIT, order.length - released.length));
      released.push(...running);
      for (const attempt of stage.underWay) attempt.answer(200);
      await stage.settle();
      // Every third time, the running runs end in an object that releases nobody before it dies.
      if (n % 3 === 0) {
        await awake.object.gates.pause(newPause({ until: Date.now() + 1000 }));
      }
      for (const id of running) await awake.object.runs.applyEvent(id, SUCCEEDED, newKey());
    });
    // The answers of what is under way are lost with the object, so that their leases decide.
    await stage.restart();
    stage.pass(30_000);
  }
  expect(released).toEqual(order);
});

it.each([199, 200, 201, 400])("nobody is forgotten in %i queues, which an alarm looks at in parts", (queues) =>
  stage.awake(async (awake) => {
    const { alarm, object, sql } = awake;
    await object.gates.pause(newPause());
    for (let n = 0; n < queues; n++) {
      stage.pass(1);
      await ask(stage, object, { concurrency: { key: `${n}` } });
    }
    // A few passes over all queues.
    for (let n = 0; n < 8; n++) await alarm();
    await object.gates.resume("prod");
    await stage.ring(awake);
    const released = "SELECT count(*) AS n FROM runs WHERE released_at IS NOT NULL";
    expect(sql.exec<{ n: number }>(released).one().n).toBe(queues);
  }),
);

itAwake(
  "a running run that can't be asked to stop costs a few looks at its queue, although 1000 wait there",
  async (awake) => {
    const { sql, storage } = awake;
    await ask(stage, awake.object, {});
    stage.underWay.at(-1)?.answer(200);
    await stage.settle();
    const queued = await ask(stage, awake.object, { actionName: "other" });
    if (!queued.ok) throw new Error(queued.reason);
    copyRun(awake, queued.id, 998);
    sql.exec(`CREATE TRIGGER fails BEFORE UPDATE ON runs WHEN NEW.cancel_by IS NOT NULL
    BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`);
    let looks = 0;
    stage.onSql = (query) => {
      // Without this, a test that fails would never end.
      if (query.includes("concurrency_state = 'running'") && ++looks > 500) throw new Error("too many looks");
    };
    const newer = { concurrency: { onConflict: "cancel_running" }, creator: { ...ANN, tokenId: "bob" } } as const;
    expect(await ask(stage, awake.object, newer)).toMatchObject({ ok: true });
    await stage.ring(awake);
    stage.onSql = () => {};
    expect(looks).toBeLessThan(20);
    expect(await storage.getAlarm()).toBeGreaterThan(Date.now());
  },
);

/** Runs with a gate and no group have no limit of their own. */
const NO_GROUP = { concurrency: null } as const;

function releasedOf({ sql }: Awake): number {
  return Number(sql.exec("SELECT count(*) AS n FROM runs WHERE released_at IS NOT NULL").one().n);
}

async function frozen(awake: Awake, count: number): Promise<void> {
  await awake.object.gates.pause(newPause({ group: "" }));
  for (let n = 0; n < count; n++) {
    // Two ids of one millisecond can want one place in the journal.
    stage.pass(1);
    await create(stage, awake, NO_GROUP);
  }
}

itAwake("the end of a freeze releases 200 runs, and the alarm releases the others at once", async (awake) => {
  await frozen(awake, 201);
  await awake.object.gates.resume("");
  expect(releasedOf(awake)).toBe(200);
  expect(await awake.storage.getAlarm()).toBeLessThanOrEqual(Date.now());
  await stage.ring(awake);
  expect(releasedOf(awake)).toBe(201);
});

itAwake("the end of a freeze releases no more runs once their requests have 4 MB", async (awake) => {
  await frozen(awake, 5);
  awake.sql.exec("UPDATE dispatches SET sealed = zeroblob(2000000)");
  await awake.object.gates.resume("");
  expect(releasedOf(awake)).toBe(2);
  await stage.ring(awake);
  expect(releasedOf(awake)).toBe(5);
});

const MIB = 1024 * 1024;
const RUN_ID = /^[0-9a-f-]{36}$/;
const ELSEWHERE = { concurrency: { key: "elsewhere" } };

/** Copies a run that waits until `count` of them wait, with `bytes` in all. */
function fill(awake: Awake, id: string, count: number, bytes: number): void {
  copyRun(awake, id, count - 1);
  awake.sql.exec("UPDATE runs SET waiting_bytes = ? WHERE id = ?", bytes - 8 * (count - 1), id);
}

it.each<[what: string, limit: number, bytes: number, of: Wanted, and: Wanted, whose: "theirs" | "all"]>([
  ["250 runs of one token at a group and key, and those of others", 250, 2000, {}, {}, "theirs"],
  ["5000 runs of one token, and those of others", 5000, 40_000, NO_GROUP, ELSEWHERE, "theirs"],
  ["128 MiB of one token, and those of others", 2, 128 * MIB, NO_GROUP, ELSEWHERE, "theirs"],
  ["1000 runs at a group and key, whoever created them", 1000, 8000, {}, {}, "all"],
  ["20 000 runs, whoever created them", 20_000, 160_000, NO_GROUP, ELSEWHERE, "all"],
  ["512 MiB, whoever created them", 2, 512 * MIB, NO_GROUP, ELSEWHERE, "all"],
])("as many may wait, and no more: %s", async (_, limit, bytes, of, and, whose) => {
  await stage.awake(async (awake) => {
    const first = await create(stage, awake, { approvals: 1, ...of, creator: ANN });
    fill(awake, first, limit - 1, bytes - 8);
    const more = { approvals: 1, ...and };
    expect(await create(stage, awake, { ...more, creator: whose === "all" ? BOB : ANN })).toMatch(RUN_ID);
    stage.pass(1);
    const last = whose === "all" ? "too_many_waiting" : expect.stringMatching(RUN_ID);
    if (whose === "theirs") expect(await create(stage, awake, { ...more, creator: ANN })).toBe("too_many_waiting");
    expect(await create(stage, awake, { ...more, creator: BOB })).toEqual(last);
  });
});

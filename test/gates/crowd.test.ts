/**
 * A crowd of runs in one concurrency queue: none is forgotten, and none overtakes. With `GATE_STEPS` of 100 000 or more
 * it is a thousand runs, which is as many as can wait there.
 */

import { afterEach, beforeEach, expect, inject, it, vi } from "vitest";
import { ANN, ask, newKey } from "./gated-runs.ts";
import { type Awake, Stage } from "./stage.ts";

const QUEUED = inject("gateSteps") < 100_000 ? 120 : 1000;
/** What one token may have of it. */
const OF_TOKEN = 250;
const LIMIT = 50;
const SUCCEEDED = { type: "succeeded", output: null } as const;

let stage: Stage;
beforeEach(async () => {
  stage = new Stage();
  stage.random = Math.random;
  await stage.begin();
});
afterEach(() => stage.end());

const concurrency = { group: "prod", key: "", limit: LIMIT } as const;

async function runningIn({ sql }: Awake): Promise<string[]> {
  const query = "SELECT id FROM runs WHERE released_at IS NOT NULL AND completed_at IS NULL ORDER BY ready_seq";
  return [...sql.exec<{ id: string }>(query)].map(({ id }) => id);
}

it("nobody of a crowd is forgotten over evictions, and they start in their order", async () => {
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
        const until = Date.now() + 1000;
        await awake.object.gates.pause({ group: "prod", reason: "", until, by: "ann", via: null, at: Date.now() });
      }
      for (const id of running) await awake.object.runs.applyEvent(id, SUCCEEDED, newKey());
    });
    // The answers of what is under way are lost with the object, so that their leases decide.
    await stage.evict();
    stage.pass(30_000);
  }
  expect(released).toEqual(order);
});

it.each([199, 200, 201, 400])("nobody is forgotten in %i queues, which an alarm looks at in parts", (queues) =>
  stage.awake(async (awake) => {
    const { alarm, object, sql } = awake;
    await object.gates.pause({ group: "prod", reason: "", until: null, by: "ann", via: null, at: Date.now() });
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

/** So many more runs wait like this one. They are never released. */
function addQueued({ sql }: Awake, id: string, count: number): void {
  const columns = [...sql.exec<{ name: string }>("PRAGMA table_info(runs)")].map(({ name }) => name);
  const others: Readonly<Record<string, string>> = {
    run_key: "-n",
    id: "id || '-' || n",
    create_key: "'m:' || n",
    change_seq: "0",
  };
  const values = columns.map((name) => others[name] ?? name);
  sql.exec(
    `WITH RECURSIVE others (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM others WHERE n < ?1)
     INSERT INTO runs (${columns.join(", ")}) SELECT ${values.join(", ")} FROM runs, others WHERE id = ?2`,
    count,
    id,
  );
}

it("a running run that can't be asked to stop costs a few looks at its queue, although 1000 wait there", () =>
  stage.awake(async (awake) => {
    const { sql, storage } = awake;
    await ask(stage, awake.object, {});
    stage.underWay.at(-1)?.answer(200);
    await stage.settle();
    const queued = await ask(stage, awake.object, { actionName: "other" });
    if (!queued.ok) throw new Error(queued.reason);
    addQueued(awake, queued.id, 998);
    sql.exec(`CREATE TRIGGER fails BEFORE UPDATE ON runs WHEN NEW.cancel_by IS NOT NULL
      BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`);
    const prototype = Object.getPrototypeOf(sql) as SqlStorage;
    const { exec } = prototype;
    let looks = 0;
    const spy = vi.spyOn(prototype, "exec").mockImplementation(function (this: SqlStorage, query, ...bindings) {
      // Without this, a test that fails would never end.
      if (query.includes("concurrency_state = 'running'") && ++looks > 500) throw new Error("too many looks");
      return exec.call(this, query, ...bindings) as never;
    });
    const newer = { concurrency: { onConflict: "cancel_running" }, creator: { ...ANN, tokenId: "bob" } } as const;
    expect(await ask(stage, awake.object, newer)).toMatchObject({ ok: true });
    await stage.ring(awake);
    spy.mockRestore();
    expect(looks).toBeLessThan(20);
    expect(await storage.getAlarm()).toBeGreaterThan(Date.now());
  }));

/**
 * A crowd of runs at one slot: none is forgotten, and none overtakes. With `GATE_STEPS` of 100 000 or more it is a
 * thousand runs, which is as many as can wait there.
 */

import { afterEach, beforeEach, expect, inject, it } from "vitest";
import { ANN, ask, newKey } from "./gated-runs.ts";
import { type Awake, Stage } from "./stage.ts";

const WAITERS = inject("gateSteps") < 100_000 ? 120 : 1000;
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

async function holdersOf({ sql }: Awake): Promise<string[]> {
  const query =
    "SELECT id FROM runs WHERE released_at IS NOT NULL AND completed_at IS NULL ORDER BY ready_seq";
  return [...sql.exec<{ id: string }>(query)].map(({ id }) => id);
}

it("nobody of a crowd is forgotten over evictions, and they start in their order", async () => {
  const order: string[] = [];
  await stage.awake(async ({ object }) => {
    for (let n = 0; n < LIMIT + WAITERS; n++) {
      // Two ids of one millisecond can want one place in the journal.
      stage.pass(1);
      const creator = { ...ANN, tokenId: `token-${Math.max(n - LIMIT, 0) % 4}` };
      const reply = await ask(stage, object, { concurrency, creator, waitMs: 3_600_000 });
      if (!reply.ok) throw new Error(`${n}: ${reply.reason}`);
      order.push(reply.id);
    }
    // Each token has its part, and the slot is full.
    if (WAITERS < 4 * OF_TOKEN) return;
    for (const tokenId of ["token-0", "another"]) {
      const reply = await ask(stage, object, { concurrency, creator: { ...ANN, tokenId } });
      expect(reply).toMatchObject({ ok: false, reason: "too_many_waiting" });
    }
  });
  const released: string[] = [];
  for (let n = 0; released.length < order.length; n++) {
    await stage.awake(async (awake) => {
      await stage.ring(awake);
      const holders = await holdersOf(awake);
      expect(holders.length).toBe(Math.min(LIMIT, order.length - released.length));
      released.push(...holders);
      for (const attempt of stage.underWay) attempt.answer(200);
      await stage.settle();
      // Every third time, the slots come free in an object that releases nobody before it dies.
      if (n % 3 === 0) {
        const until = Date.now() + 1000;
        await awake.object.pause({ group: "prod", reason: "", until, by: "ann", via: null, at: Date.now() });
      }
      for (const id of holders) await awake.object.applyEvent(id, SUCCEEDED, newKey());
    });
    // The answers of what is under way are lost with the object, so that their leases decide.
    await stage.evict();
    stage.pass(30_000);
  }
  expect(released).toEqual(order);
});

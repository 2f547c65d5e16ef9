/**
 * How long a run occupies its queue if it is cancelled before its job has started, while nobody knows whether the job
 * is at work.
 */

import { describe, expect, it } from "vitest";
import { MINUTE_MS } from "../support/direct.ts";
import { create, holds, newKey, shown } from "./gated-runs.ts";
import { type Awake, itAwake, stage, useStage } from "./stage.ts";

const NEWEST = { concurrency: { onConflict: "cancel_running" } } as const;
/** Only a heartbeat starts its run. */
const QUEUED = { startOn: "heartbeat" } as const;
const LEASE_MS = 30_000;

useStage();

async function answer(status: number): Promise<void> {
  stage.underWay.at(-1)?.answer(status);
  await stage.settle();
}

/** A running run whose job its receiver has accepted, and the run behind it. */
async function acceptedRun(awake: Awake): Promise<[ahead: string, next: string]> {
  const ahead = await create(stage, awake, QUEUED);
  await answer(202);
  return [ahead, await create(stage, awake)];
}

function cancel({ object }: Awake, id: string, graceMs: number) {
  return object.runs.cancel(id, { type: "cancel_requested", by: "ann", reason: null, graceMs }, newKey());
}

function remove({ object }: Awake, id: string) {
  return object.runs.applyEvent(id, { type: "cancelled" }, newKey(), { mayWrite: true });
}

/** The run starts when so much time has passed, and not before. */
async function requireStartAfter(awake: Awake, id: string, ms: number): Promise<void> {
  await stage.ringAfter(ms - 1, awake);
  expect(holds(awake, id)).toBe(false);
  await stage.ringAfter(1, awake);
  expect(holds(awake, id)).toBe(true);
}

describe("a job that was accepted and has sent no heartbeat", () => {
  itAwake("has a minute to stop if a newer run cancels its run, which ends at once", async (awake) => {
    const ahead = await create(stage, awake, QUEUED);
    await answer(202);
    const newer = await create(stage, awake, NEWEST);
    expect(shown(awake, ahead)).toMatchObject({ status: "cancelled", endCause: "cancel" });
    await requireStartAfter(awake, newer, MINUTE_MS);
  });

  it.each<[what: string, ms: number, timeoutMs: number, end: (awake: Awake, id: string) => Promise<unknown>]>([
    ["the time that the cancel gives", 5000, 600_000, (awake, id) => cancel(awake, id, 5000)],
    ["no time if the cancel gives none", 0, 600_000, (awake, id) => cancel(awake, id, 0)],
    ["no more time than its run had", 20_000, 20_000, (awake, id) => cancel(awake, id, MINUTE_MS)],
    ["no time after its run's time is up", MINUTE_MS, MINUTE_MS, async () => {}],
    ["a minute after a DELETE", MINUTE_MS, 600_000, remove],
  ])("has %s", (_what, ms, timeoutMs, end) =>
    stage.awake(async (awake) => {
      const ahead = await create(stage, awake, { ...QUEUED, timeoutMs });
      await answer(202);
      const next = await create(stage, awake);
      await end(awake, ahead);
      if (ms > 0) await requireStartAfter(awake, next, ms);
      expect(holds(awake, next)).toBe(true);
    }),
  );

  itAwake("has the time that the cancel gives, although the alarm was set for later", async (awake) => {
    const ahead = await create(stage, awake, QUEUED);
    await answer(202);
    await stage.replicate(awake);
    const next = await create(stage, awake);
    await cancel(awake, ahead, 5000);
    await requireStartAfter(awake, next, 5000);
  });

  it.each([
    { type: "succeeded", output: null },
    { type: "failed", error: "stopped", output: null },
  ] as const)("leaves the queue to the next run when it reports that it $type", (report) =>
    stage.awake(async (awake) => {
      const [ahead, next] = await acceptedRun(awake);
      await cancel(awake, ahead, MINUTE_MS);
      const reply = await awake.object.runs.applyEvent(ahead, report, newKey());
      expect(reply).toMatchObject({ ok: false, reason: "run_cancelled" });
      expect(holds(awake, next)).toBe(true);
    }),
  );

  itAwake("stays in the queue after a heartbeat, which says that it is at work", async (awake) => {
    const [ahead, next] = await acceptedRun(awake);
    await cancel(awake, ahead, MINUTE_MS);
    expect(await awake.object.runs.heartbeat(ahead, {})).toMatchObject({ ok: false, reason: "run_cancelled" });
    await requireStartAfter(awake, next, MINUTE_MS);
  });

  it("stays in the queue although the object dies", async () => {
    const next = await stage.awake(async (awake) => {
      const [ahead, queued] = await acceptedRun(awake);
      await cancel(awake, ahead, MINUTE_MS);
      return queued;
    });
    await stage.restart();
    await stage.awake((awake) => requireStartAfter(awake, next, MINUTE_MS));
  });
});

describe("an attempt is under way when the run is cancelled", () => {
  async function cancelled(awake: Awake, graceMs = MINUTE_MS): Promise<[ahead: string, next: string]> {
    const ahead = await create(stage, awake);
    const next = await create(stage, awake);
    await cancel(awake, ahead, graceMs);
    return [ahead, next];
  }

  it.each([404, 503])("and the queue has room when the receiver refuses it with %i", (status) =>
    stage.awake(async (awake) => {
      const [, next] = await cancelled(awake);
      expect(holds(awake, next)).toBe(false);
      await answer(status);
      expect(holds(awake, next)).toBe(true);
    }),
  );

  it.each([200, 500, 502])("and the job has its time to stop when the receiver answers %i", (status) =>
    stage.awake(async (awake) => {
      const [, next] = await cancelled(awake);
      stage.pass(10_000);
      await answer(status);
      await requireStartAfter(awake, next, MINUTE_MS - 10_000);
    }),
  );

  itAwake(
    "and the alarm rings when its time is over, although the lease of the attempt would be longer",
    async (awake) => {
      const [, next] = await cancelled(awake, 3000);
      await stage.ringAfter(1000, awake);
      await answer(200);
      await requireStartAfter(awake, next, 2000);
    },
  );

  itAwake("and the job has its time to stop when nobody hears the answer", async (awake) => {
    const [, next] = await cancelled(awake);
    await requireStartAfter(awake, next, MINUTE_MS);
  });

  itAwake("and its lease is over, which the alarm has not noticed yet: the job has its time to stop", async (awake) => {
    const ahead = await create(stage, awake);
    const next = await create(stage, awake);
    stage.pass(LEASE_MS);
    await cancel(awake, ahead, MINUTE_MS);
    await requireStartAfter(awake, next, MINUTE_MS);
  });

  itAwake(
    "and it occupies the queue although a job of the run reports its end, because it may begin another",
    async (awake) => {
      const [ahead, next] = await cancelled(awake);
      await awake.object.runs.applyEvent(ahead, { type: "succeeded", output: null }, newKey());
      await requireStartAfter(awake, next, LEASE_MS);
    },
  );

  itAwake("and an earlier one may have arrived: the job has its time although this one is refused", async (awake) => {
    const ahead = await create(stage, awake);
    const next = await create(stage, awake);
    await answer(500);
    await stage.ringAfter(2000, awake);
    await cancel(awake, ahead, MINUTE_MS);
    await answer(404);
    await requireStartAfter(awake, next, MINUTE_MS);
  });
});

itAwake("a run whose time is up leaves its queue to a run that gets there before the alarm rings", async (awake) => {
  const ahead = await create(stage, awake, { ...QUEUED, timeoutMs: MINUTE_MS });
  await answer(202);
  stage.pass(MINUTE_MS);
  const next = await create(stage, awake);
  expect(holds(awake, next)).toBe(true);
  expect(shown(awake, ahead)).toMatchObject({ endCause: "deadline" });
});

itAwake(
  "a late answer of an attempt that counted as lost leaves the queue to the one that is under way",
  async (awake) => {
    const ahead = await create(stage, awake);
    const next = await create(stage, awake);
    const [lost] = stage.underWay;
    await stage.ringAfter(LEASE_MS, awake);
    await stage.ringAfter(2000, awake);
    expect(stage.underWay).toHaveLength(2);
    await cancel(awake, ahead, 0);
    lost?.answer(404);
    await stage.settle();
    expect(holds(awake, next)).toBe(false);
    await answer(404);
    expect(holds(awake, next)).toBe(true);
  },
);

describe("the next attempt waits when the run is cancelled", () => {
  it.each([
    [503, "has room, because no job has begun", 0],
    [500, "is still occupied, because a job may have begun", MINUTE_MS],
  ] as const)("after the answer %i, the queue %s", (status, _, heldMs) =>
    stage.awake(async (awake) => {
      const ahead = await create(stage, awake);
      const next = await create(stage, awake);
      await answer(status);
      await cancel(awake, ahead, MINUTE_MS);
      if (heldMs === 0) expect(holds(awake, next)).toBe(true);
      else await requireStartAfter(awake, next, heldMs);
    }),
  );
});

/** Decisions that come at the very instant at which the run's time to wait is up, or its time has come. */

import { describe, expect } from "vitest";
import type { RunReply } from "../../src/runs/run-calls.ts";
import { ANN, BOB, create, holds, newKey, shown } from "./gated-runs.ts";
import { type Awake, itAwake, stage, useStage } from "./stage.ts";

const WAIT_MS = 1000;
const BY_BOB = { by: BOB, reason: null };
const CANCEL = { type: "cancel_requested", by: "ann", reason: null, graceMs: 0 } as const;

type Decide = (object: Awake["object"], id: string) => Promise<RunReply>;

useStage();

/** A run that waits for an approval, `ms` after its creation. No alarm has rung. */
async function waitingSince(awake: Awake, ms: number): Promise<string> {
  const id = await create(stage, awake, { approvals: 1, waitMs: WAIT_MS });
  stage.pass(ms);
  return id;
}

describe.each<[what: string, decide: Decide, conflict: string, becomes: object]>([
  [
    "an approval",
    (object, id) => object.gates.approve(id, BY_BOB, newKey()),
    "not_waiting",
    { status: "pending", waitingFor: null, endCause: null },
  ],
  [
    "a rejection",
    (object, id) => object.gates.reject(id, BY_BOB, newKey()),
    "not_waiting",
    { status: "cancelled", endCause: "rejected" },
  ],
  [
    "a cancel",
    (object, id) => object.runs.cancel(id, CANCEL, newKey()),
    "run_failed",
    { status: "cancelled", endCause: "cancel" },
  ],
  [
    "a DELETE",
    (object, id) => object.runs.applyEvent(id, { type: "cancelled" }, newKey(), { mayWrite: true }),
    "run_failed",
    { status: "cancelled", endCause: "cancel" },
  ],
])("%s", (_what, decide, conflict, becomes) => {
  itAwake("counts a millisecond before the run has waited too long", async (awake) => {
    const id = await waitingSince(awake, WAIT_MS - 1);
    expect(await decide(awake.object, id)).toMatchObject({ ok: true });
    expect(shown(awake, id)).toMatchObject(becomes);
  });

  itAwake("is refused at the instant at which the run has waited too long, and nothing is sent", async (awake) => {
    const id = await waitingSince(awake, WAIT_MS);
    expect(await decide(awake.object, id)).toMatchObject({ ok: false, reason: conflict });
    expect(shown(awake, id)).toMatchObject({ status: "failed", endCause: "gate" });
    const { error } = awake.sql.exec("SELECT error FROM runs WHERE id = ?", id).one();
    expect(error).toBe("[gate] The run waited too long for approval.");
    expect(stage.underWay).toEqual([]);
  });
});

itAwake("a release opens the time gate until its time has come, and then there is nothing to open", async (awake) => {
  const wanted = { notBefore: Date.now() + WAIT_MS, concurrency: null };
  const [early, late] = [await create(stage, awake, wanted), await create(stage, awake, wanted)];
  stage.pass(WAIT_MS - 1);
  expect(await awake.object.gates.release(early, ANN, newKey())).toMatchObject({ ok: true });
  stage.pass(1);
  expect(await awake.object.gates.release(late, ANN, newKey())).toMatchObject({ reason: "not_waiting" });
  expect([early, late].map((id) => holds(awake, id))).toEqual([true, true]);
});

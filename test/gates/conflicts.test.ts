/** What becomes of runs for which there is no room, and what they show of it. */

import { describe, expect, it } from "vitest";
import { CANCEL_GRACE_DEFAULT_SECONDS } from "../../src/base/limits.ts";
import type { RunReply } from "../../src/runs/run-calls.ts";
import { ANN, BOB, create, DETAILED, holds, newKey, newPause, running, shown } from "./gated-runs.ts";
import { type Awake, itAwake, stage, useStage } from "./stage.ts";

const REJECT = { onConflict: "reject" } as const;
const NEWEST = { onConflict: "cancel_running" } as const;
const CARL = { ...ANN, tokenId: "carl", tokenName: "carl" };

useStage();

function approve({ object }: Awake, id: string): Promise<RunReply> {
  return object.gates.approve(id, { by: BOB, reason: null }, newKey(), DETAILED);
}

async function eventsOf({ object }: Awake, id: string): Promise<readonly object[]> {
  const reply = await object.watches.events(id, { after: 0, limit: 100 });
  return reply.ok ? reply.events.map((event) => JSON.parse(event)) : [];
}

describe("a run that does not wait", () => {
  it.each([
    ["", "The concurrency group prod had no free slot"],
    ["shop", "The concurrency group prod with the key shop had no free slot"],
  ])("fails when its approval has come and there is no room: with the key '%s'", (key, sentence) =>
    stage.awake(async (awake) => {
      await running(stage, awake, { concurrency: { key } });
      const id = await create(stage, awake, { concurrency: { ...REJECT, key }, approvals: 1 });
      expect(await approve(awake, id)).toMatchObject({ ok: true, status: "failed" });
      expect(shown(awake, id)).toMatchObject({ status: "failed", endCause: "gate" });
      const { error } = awake.sql.exec("SELECT error FROM runs WHERE id = ?", id).one();
      expect(error).toBe(`[gate] ${sentence}, and the action does not wait.`);
      expect(stage.underWay).toEqual([]);
    }),
  );

  itAwake("fails after a freeze in which its room went, and one that waits goes on waiting", async (awake) => {
    await awake.object.gates.pause(newPause());
    const first = await create(stage, awake, { concurrency: { limit: 3 } });
    const waits = await create(stage, awake, { concurrency: { limit: 3 } });
    const rejects = await create(stage, awake, { concurrency: { ...REJECT, limit: 3 } });
    for (const id of [first, waits, rejects]) expect(shown(awake, id)).toMatchObject({ waitingFor: "pause" });
    await awake.object.gates.setLimit("prod", "deploy", 2, 1);
    await awake.object.gates.resume("prod");
    expect(holds(awake, first)).toBe(true);
    expect(shown(awake, waits)).toMatchObject({ status: "pending", waitingFor: "concurrency" });
    expect(shown(awake, rejects)).toMatchObject({ status: "failed", endCause: "gate" });
  });
});

describe("a run that cancels others", () => {
  itAwake("ends the queued runs of its action, which name the newer run and who created it", async (awake) => {
    await running(stage, awake);
    const old = await create(stage, awake);
    const newer = await create(stage, awake, { concurrency: NEWEST, creator: CARL });
    expect(shown(awake, old)).toMatchObject({ status: "cancelled", endCause: "replaced" });
    const cancel = "SELECT cancel_by, cancel_reason FROM runs WHERE id = ?";
    expect(awake.sql.exec(cancel, old).one()).toEqual({
      cancel_by: "carl",
      cancel_reason: `The newer run ${newer} replaced this one.`,
    });
    expect((await eventsOf(awake, old)).at(-1)).toMatchObject({
      type: "ended",
      status: "cancelled",
      cause: "replaced",
      by: "carl",
      replacedBy: newer,
    });
  });

  itAwake(
    "asks the running runs of its action to stop, with the usual grace, and waits for their real end",
    async (awake) => {
      const ahead = await running(stage, awake, { concurrency: { limit: 2 } });
      const other = await running(stage, awake, { concurrency: { limit: 2 }, actionName: "other" });
      const newer = await create(stage, awake, { concurrency: { ...NEWEST, limit: 2 }, creator: CARL });
      const asked = "SELECT cancel_by, cancel_reason, cancel_until FROM runs WHERE id = ?";
      expect(awake.sql.exec(asked, ahead).one()).toEqual({
        cancel_by: "carl",
        cancel_reason: `The newer run ${newer} replaces this one.`,
        cancel_until: Date.now() + CANCEL_GRACE_DEFAULT_SECONDS * 1000,
      });
      expect(awake.sql.exec(asked, other).one()).toMatchObject({ cancel_by: null });
      expect(holds(awake, newer)).toBe(false);
      await awake.object.runs.applyEvent(ahead, { type: "succeeded", output: null }, newKey());
      expect(holds(awake, newer)).toBe(true);
    },
  );

  itAwake("stops nobody while it waits for its approval", async (awake) => {
    const ahead = await running(stage, awake);
    const old = await create(stage, awake);
    const id = await create(stage, awake, { concurrency: NEWEST, approvals: 1 });
    expect(shown(awake, old)).toMatchObject({ status: "pending" });
    expect(await awake.object.runs.heartbeat(ahead, {})).toMatchObject({ cancel: null });
    await approve(awake, id);
    expect(shown(awake, old)).toMatchObject({ endCause: "replaced" });
    expect(await awake.object.runs.heartbeat(ahead, {})).toMatchObject({ cancel: expect.anything() });
  });
});

/** An approval counts only if D1 says before the release that the token which gave it was not revoked. */

import { describe, expect, it, vi } from "vitest";
import { RunRows } from "../../src/runs/journal/run-rows.ts";
import type { Actor } from "../../src/runs/run.ts";

import { MINUTE_MS } from "../support/direct.ts";
import { replicatedIn } from "../support/replicated.ts";
import { BOB, create, DETAILED, holds, newKey, newPause, shown, type Wanted } from "./gated-runs.ts";
import { type Awake, itAwake, stage, useStage } from "./stage.ts";

const EVE: Actor = { ...BOB, tokenId: "eve", tokenName: "eve" };
const SUCCEEDED = { type: "succeeded", output: null } as const;
/** A question that takes longer is lost. */
const ANSWERS_WITHIN_MS = 5000;
const FREE = { concurrency: null } as const;

useStage();

async function approve({ object }: Awake, id: string, by = BOB) {
  const reply = await object.gates.approve(id, { by, reason: "fine" }, newKey(), DETAILED);
  await stage.settle();
  return reply;
}

/** A queued run with the approvals of these. Returns it, and the run ahead of it. */
async function approved(awake: Awake, approvers: readonly Actor[], wanted: Wanted = {}) {
  const ahead = await create(stage, awake);
  const id = await create(stage, awake, { approvals: approvers.length, ...wanted });
  for (const by of approvers) await approve(awake, id, by);
  expect(shown(awake, id)).toMatchObject({ waitingFor: "concurrency" });
  return { id, ahead };
}

async function end({ object }: Awake, id: string): Promise<void> {
  stage.underWay.find(({ runId }) => runId === id)?.answer(200);
  await stage.settle();
  await object.runs.applyEvent(id, SUCCEEDED, newKey());
  await stage.settle();
}

interface Event {
  readonly type: string;
  readonly [member: string]: unknown;
}

function timeline({ sql }: Awake, id: string): Event[] {
  const rows = sql.exec<{ type: string; data: string }>(
    "SELECT type, data FROM events WHERE run_id = ? ORDER BY seq",
    id,
  );
  return [...rows].map(({ type, data }) => ({ type, ...JSON.parse(data) }));
}

const approversOf = ({ sql }: Awake, id: string) =>
  sql
    .exec<{ by: string }>("SELECT value ->> '$.by.tokenId' AS by FROM runs, json_each(approvals) WHERE runs.id = ?", id)
    .toArray()
    .map(({ by }) => by);

describe("a run that a leaver approved", () => {
  itAwake("waits for another approval when there is room, says so, and is not sent", async (awake) => {
    const { id, ahead } = await approved(awake, [BOB]);
    stage.revoked.add("bob");
    await end(awake, ahead);
    expect(shown(awake, id)).toMatchObject({ status: "pending", waitingFor: "approval" });
    expect(approversOf(awake, id)).toEqual([]);
    const types = timeline(awake, id).map(({ type, by = null, for: gate = null }) => [type, by ?? gate]);
    expect(types).toEqual([
      ["waiting", "approval"],
      ["approved", "bob"],
      ["waiting", "concurrency"],
      ["approval_withdrawn", "bob"],
      ["waiting", "approval"],
    ]);
    expect(stage.newest.has(id)).toBe(false);
    await approve(awake, id, EVE);
    expect(holds(awake, id)).toBe(true);
  });

  itAwake("can be rejected, and says so before, although it had all approvals", async (awake) => {
    const { id } = await approved(awake, [BOB]);
    stage.revoked.add("bob");
    const before = await awake.object.gates.approval(id, EVE);
    expect(before).toMatchObject({ approvals: "[]", conflicts: { approve: null, reject: null } });
    expect(approversOf(awake, id)).toEqual(["bob"]);
    await awake.object.gates.reject(id, { by: EVE, reason: null }, newKey(), DETAILED);
    expect(shown(awake, id)).toMatchObject({ status: "cancelled" });
  });

  itAwake("takes the approval of the same person with a new token, while it lacks others", async (awake) => {
    const id = await create(stage, awake, { approvals: 3, ...FREE });
    await approve(awake, id, { ...BOB, person: "bob" });
    stage.revoked.add("bob");
    await approve(awake, id, { ...BOB, tokenId: "bobs-new", person: "bob" });
    expect(approversOf(awake, id)).toEqual(["bobs-new"]);
  });

  itAwake("keeps the approvals of the others", async (awake) => {
    const { id, ahead } = await approved(awake, [BOB, EVE]);
    stage.revoked.add("bob");
    await end(awake, ahead);
    expect(approversOf(awake, id)).toEqual(["eve"]);
    expect(shown(awake, id)).toMatchObject({ waitingFor: "approval" });
  });

  itAwake("is found by the tokens above the leaver's, which may be all that was revoked", async (awake) => {
    const { id, ahead } = await approved(awake, [{ ...BOB, parents: ["bobs-first"] }]);
    stage.revoked.add("bobs-first");
    await end(awake, ahead);
    expect(shown(awake, id)).toMatchObject({ waitingFor: "approval" });
  });

  itAwake("is asked about without reading the whole run, which can fail again and again", async (awake) => {
    const { id, ahead } = await approved(awake, [BOB]);
    const read = vi.spyOn(RunRows.prototype, "byIds").mockImplementation(() => {
      throw new Error("the row can't be read");
    });
    await end(awake, ahead);
    read.mockRestore();
    expect(holds(awake, id)).toBe(true);
  });

  itAwake("is released if the token was not revoked, whatever else has become of it", async (awake) => {
    const { id, ahead } = await approved(awake, [BOB]);
    stage.revoked.add("eve");
    await end(awake, ahead);
    expect(holds(awake, id)).toBe(true);
    expect(timeline(awake, id)).toContainEqual({ type: "released" });
  });

  itAwake("loses its position", async (awake) => {
    const { id, ahead } = await approved(awake, [BOB]);
    const next = await create(stage, awake);
    const last = await create(stage, awake);
    stage.revoked.add("bob");
    await end(awake, ahead);
    expect([holds(awake, id), holds(awake, next)]).toEqual([false, true]);
    await approve(awake, id, EVE);
    await end(awake, next);
    expect([holds(awake, id), holds(awake, last)]).toEqual([false, true]);
  });

  itAwake("stops and replaces nobody, also before D1 has answered", async (awake) => {
    const notBefore = Date.now() + MINUTE_MS;
    const ahead = await create(stage, awake);
    stage.underWay[0]?.answer(200);
    const older = await create(stage, awake);
    const wanted = { approvals: 1, notBefore, concurrency: { onConflict: "cancel_running" } } as const;
    const id = await create(stage, awake, wanted);
    await approve(awake, id);
    stage.d1 = "held";
    await stage.ringAfter(MINUTE_MS, awake);
    const statuses = () => [ahead, older, id].map((one) => shown(awake, one).waitingFor);
    expect(statuses()).toEqual([null, "concurrency", "concurrency"]);
    stage.revoked.add("bob");
    stage.answerQuestions();
    await stage.settle();
    expect(statuses()).toEqual([null, "concurrency", "approval"]);
    const asked = "SELECT cancel_until AS until FROM runs WHERE id = ?";
    expect(awake.sql.exec(asked, ahead).one()).toEqual({ until: null });
    stage.d1 = "up";
    await approve(awake, id, EVE);
    expect(shown(awake, older)).toMatchObject({ status: "cancelled", endCause: "replaced" });
  });

  itAwake("is not approved by a revoked token, which another isolate may still know", async (awake) => {
    const id = await create(stage, awake, { approvals: 1, ...FREE });
    stage.revoked.add("bob");
    expect(await approve(awake, id)).toMatchObject({ ok: false, reason: "token_invalid" });
    expect(approversOf(awake, id)).toEqual([]);
  });
});

describe("while D1 does not answer", () => {
  itAwake("approvals count, and the timeline says that nobody knows", async (awake) => {
    const { id, ahead } = await approved(awake, [BOB]);
    stage.revoked.add("bob");
    stage.d1 = "down";
    await end(awake, ahead);
    expect(holds(awake, id)).toBe(true);
    expect(timeline(awake, id)).toContainEqual({ type: "released", approversUnchecked: true });
  });

  itAwake("the last approval releases the run as well", async (awake) => {
    stage.d1 = "down";
    const id = await create(stage, awake, { approvals: 1, ...FREE });
    const reply = await approve(awake, id);
    if (!reply.ok) throw new Error(reply.reason);
    expect(JSON.parse(reply.details ?? "{}")).toMatchObject({ waiting: null });
    expect(timeline(awake, id)).toContainEqual({ type: "released", approversUnchecked: true });
  });

  itAwake("nobody of its group overtakes a run, and its room is kept for it", async (awake) => {
    const two = { concurrency: { limit: 2 } } as const;
    const { id, ahead } = await approved(awake, [BOB], { concurrency: { limit: 1 } });
    stage.d1 = "held";
    await end(awake, ahead);
    const next = await create(stage, awake, two);
    const other = await create(stage, awake, { concurrency: { group: "db" } });
    expect([holds(awake, id), holds(awake, next), holds(awake, other)]).toEqual([false, false, true]);
    stage.answerQuestions();
    await stage.settle();
    expect([holds(awake, id), holds(awake, next)]).toEqual([true, false]);
  });

  itAwake("a run without a group holds up none of the others", async (awake) => {
    const at = Date.now() + MINUTE_MS;
    const id = await create(stage, awake, { approvals: 1, notBefore: at, ...FREE });
    await approve(awake, id);
    const other = await create(stage, awake, { notBefore: at, ...FREE });
    stage.d1 = "held";
    await stage.ringAfter(MINUTE_MS, awake);
    expect([holds(awake, id), holds(awake, other)]).toEqual([false, true]);
    stage.answerQuestions();
    await stage.settle();
    expect(holds(awake, id)).toBe(true);
  });
});

describe("a revocation and a release at once", () => {
  itAwake("of which the revocation is first, withdraws the approval, even if D1 was asked before", async (awake) => {
    const { id, ahead } = await approved(awake, [BOB]);
    stage.d1 = "held";
    await end(awake, ahead);
    stage.revoked.add("bob");
    stage.answerQuestions();
    await stage.settle();
    expect(shown(awake, id)).toMatchObject({ waitingFor: "approval" });
  });

  itAwake("of which the release is first, changes nothing of the run", async (awake) => {
    const { id, ahead } = await approved(awake, [BOB]);
    await end(awake, ahead);
    stage.revoked.add("bob");
    await stage.ring(awake);
    expect(holds(awake, id)).toBe(true);
  });

  itAwake("does not use what D1 said when the run got into its queue", async (awake) => {
    const id = await create(stage, awake, { approvals: 1, ...FREE });
    await awake.object.gates.pause(newPause({ group: "" }));
    await approve(awake, id);
    expect(shown(awake, id)).toMatchObject({ waitingFor: "pause" });
    stage.revoked.add("bob");
    await awake.object.gates.resume("");
    await stage.settle();
    expect(shown(awake, id)).toMatchObject({ waitingFor: "approval" });
  });
});

it("D1 is asked again by the next object if one dies between the question and the release", async () => {
  let asked = "";
  const dying = stage.awake(async (awake) => {
    const { id, ahead } = await approved(awake, [BOB]);
    stage.d1 = "held";
    await end(awake, ahead);
    asked = id;
    expect([stage.isAsking, holds(awake, id)]).toEqual([true, false]);
    await replicatedIn(awake.object);
    await awake.object.upkeep.poke();
    expect(await awake.storage.getAlarm()).toBeLessThanOrEqual(Date.now() + ANSWERS_WITHIN_MS);
    await awake.storage.sync();
    awake.kill();
  });
  await dying.catch(() => {});
  stage.d1 = "up";
  stage.pass(MINUTE_MS);
  await stage.awake(async (awake) => {
    expect(holds(awake, asked)).toBe(false);
    await stage.ring(awake);
    expect(timeline(awake, asked)).toContainEqual({ type: "released" });
  });
});

itAwake("D1 is not asked about runs that nobody had to approve, nor about the operator", async (awake) => {
  stage.d1 = "down";
  const timed = await create(stage, awake, { notBefore: Date.now() + MINUTE_MS });
  const operators = await create(stage, awake, { approvals: 1, ...FREE });
  await approve(awake, operators, { ...BOB, tokenId: "root", tokenName: "root" });
  await stage.ringAfter(MINUTE_MS, awake);
  expect([holds(awake, timed), holds(awake, operators)]).toEqual([true, true]);
  expect(stage.d1Failures).toBe(0);
});

itAwake("a withdrawal that can't be written holds up nobody, and is tried again", async (awake) => {
  const { id, ahead } = await approved(awake, [BOB]);
  const next = await create(stage, awake);
  stage.revoked.add("bob");
  awake.sql.exec(`CREATE TRIGGER fails BEFORE UPDATE ON runs WHEN new.withdrawn_at IS NOT NULL
    BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`);
  await end(awake, ahead);
  expect([holds(awake, id), holds(awake, next)]).toEqual([false, true]);
  awake.sql.exec("DROP TRIGGER fails");
  await end(awake, next);
  await stage.ringAfter(MINUTE_MS, awake);
  expect(shown(awake, id)).toMatchObject({ waitingFor: "approval" });
});

itAwake("a run whose approval was withdrawn shows that it waits for approval again", async (awake) => {
  const { id, ahead } = await approved(awake, [BOB]);
  stage.revoked.add("bob");
  await end(awake, ahead);
  const read = await awake.object.runs.read(id, DETAILED);
  if (!read.ok) throw new Error(read.reason);
  expect(JSON.parse(read.details ?? "{}")).toMatchObject({
    waiting: { for: "approval" },
    approval: { required: 1, approvals: [] },
  });
});

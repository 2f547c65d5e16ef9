/** A run that an admin releases through a pause: it passes the pauses of that moment, and nothing else. */

import { expect, it } from "vitest";
import { WAITING_MAX_IN_QUEUE } from "../../src/runs/journal/concurrency-rows.ts";
import type { Actor } from "../../src/runs/run.ts";
import { HOUR_MS, MINUTE_MS } from "../support/direct.ts";
import { ANN, BOB, copyRun, create, DETAILED, holds, newKey, newPause, shown } from "./gated-runs.ts";
import { type Awake, itAwake, stage, useStage } from "./stage.ts";

useStage();

const SAT_10 = 16 * HOUR_MS;

const release = ({ object }: Awake, id: string, by: Actor = BOB, key = newKey()) =>
  object.gates.releaseThroughPause(id, { by, reason: "the fix" }, key, DETAILED);

function eventsOf({ sql }: Awake, id: string): unknown[] {
  return [...sql.exec("SELECT type FROM events WHERE run_id = ? ORDER BY seq", id).raw()].flat();
}

it("a freeze from Friday 18:00 to Monday 6:00 has one exception, which waits for its time and its approval", async () => {
  const from = stage.now + HOUR_MS;
  const until = from + 60 * HOUR_MS;
  const gates = { approvals: 1, waitMs: 100 * HOUR_MS, notBefore: from + SAT_10, concurrency: { limit: 9 } };
  let [fix, other, early] = ["", "", ""];
  await stage.awake(async (awake) => {
    await awake.object.gates.pause(newPause({ from, until, reason: "the weekend" }));
    early = await create(stage, awake);
    [fix, other] = [await create(stage, awake, gates), await create(stage, awake, gates)];
    // The pause has not begun, so there is nothing to pass.
    expect(await release(awake, fix)).toMatchObject({ ok: false, reason: "not_paused" });
    stage.pass(HOUR_MS);
    expect(await release(awake, fix)).toMatchObject({ ok: true });
    expect(shown(awake, fix).waitingFor).toBe("time");
    expect(holds(awake, early)).toBe(true);
  });
  await stage.restart();
  await stage.awake(async (awake) => {
    await stage.ringAfter(SAT_10, awake);
    expect([shown(awake, fix).waitingFor, shown(awake, other).waitingFor]).toEqual(["approval", "approval"]);
    for (const id of [other, fix]) await awake.object.gates.approve(id, { by: BOB, reason: null }, newKey(), DETAILED);
    await stage.settle();
    expect([holds(awake, fix), shown(awake, other).waitingFor]).toEqual([true, "pause"]);
    await stage.ringAfter(until - stage.now, awake);
    await stage.settle();
    expect(holds(awake, other)).toBe(true);
  });
});

itAwake("it overtakes those that are held, and its timeline says who let it through and why", async (awake) => {
  await awake.object.gates.pause(newPause());
  const [first, second] = [await create(stage, awake), await create(stage, awake)];
  const reply = await release(awake, second);
  expect([holds(awake, first), holds(awake, second)]).toEqual([false, true]);
  expect(reply).toMatchObject({ ok: true, decidedAt: stage.now });
  expect(eventsOf(awake, second)).toEqual(["waiting", "let_through", "released", "attempt_started"]);
  const [data] = awake.sql.exec("SELECT data FROM events WHERE run_id = ? AND type = 'let_through'", second).raw();
  expect(JSON.parse(String(data))).toEqual({ by: "bob", reason: "the fix" });
});

it("it waits for its slot, over a restart, and passes when the slot is free", async () => {
  let [ahead, held, fix] = ["", "", ""];
  await stage.awake(async (awake) => {
    ahead = await create(stage, awake);
    stage.underWay.at(-1)?.answer(200);
    await stage.settle();
    await awake.object.gates.pause(newPause());
    [held, fix] = [await create(stage, awake), await create(stage, awake)];
    const reply = await release(awake, fix);
    const { waiting } = JSON.parse((reply.ok && reply.details) || "{}");
    expect(waiting).toMatchObject({ for: "concurrency", position: 1, behind: [ahead] });
  });
  await stage.restart();
  await stage.awake(async (awake) => {
    const done = { type: "succeeded", output: null } as const;
    await awake.object.runs.applyEvent(ahead, done, newKey());
    expect([holds(awake, held), holds(awake, fix)]).toEqual([false, true]);
  });
});

itAwake("a second admin, and then the end of the pause, change nothing more", async (awake) => {
  const { object } = awake;
  await object.gates.pause(newPause());
  const id = await create(stage, awake, { approvals: 1 });
  const key = newKey();
  const [first, second, again] = await Promise.all([
    release(awake, id, BOB, key),
    release(awake, id, ANN),
    release(awake, id, BOB, key),
  ]);
  expect([first.ok, second.ok, again]).toMatchObject([true, true, { ok: true, replayed: true }]);
  // The second one has decided nothing, so no entry in the audit may say so.
  expect([first, second, again].map((reply) => reply.ok && reply.decidedAt)).toEqual([stage.now, undefined, stage.now]);
  expect(eventsOf(awake, id).filter((type) => type === "let_through")).toHaveLength(1);
  await object.gates.resume("prod");
  expect(shown(awake, id).waitingFor).toBe("approval");
  expect(await release(awake, id)).toMatchObject({ ok: false, reason: "not_paused" });
});

itAwake("a pause that begins later holds it back, until it is let through that one as well", async (awake) => {
  const { object } = awake;
  await object.gates.pause(newPause());
  await object.gates.pause(newPause({ from: stage.now + MINUTE_MS, reason: "an incident" }));
  const id = await create(stage, awake, { approvals: 1 });
  await release(awake, id);
  // The pause that it passes ends later, and is still the same pause.
  await object.gates.pause(newPause({ until: stage.now + 10 * MINUTE_MS }));
  stage.pass(MINUTE_MS);
  await object.gates.approve(id, { by: BOB, reason: null }, newKey(), DETAILED);
  await stage.settle();
  const [row] = awake.sql.exec("SELECT waiting_for, waiting_reason FROM runs WHERE id = ?", id).raw();
  expect(row).toEqual(["pause", "an incident"]);
  expect(await release(awake, id, ANN)).toMatchObject({ ok: true, decidedAt: stage.now });
  expect(holds(awake, id)).toBe(true);
});

itAwake("a pause that gets another reason holds it back again", async (awake) => {
  const { object } = awake;
  await object.gates.pause(newPause());
  const id = await create(stage, awake, { approvals: 1 });
  await release(awake, id);
  await object.gates.pause(newPause({ reason: "an incident: nothing may start" }));
  await object.gates.approve(id, { by: BOB, reason: null }, newKey(), DETAILED);
  await stage.settle();
  const [row] = awake.sql.exec("SELECT waiting_for, waiting_reason FROM runs WHERE id = ?", id).raw();
  expect(row).toEqual(["pause", "an incident: nothing may start"]);
});

itAwake(
  "a pause holds it back that came after it was let through, although the clock has stepped back",
  async (awake) => {
    await awake.object.gates.pause(newPause());
    const id = await create(stage, awake, { approvals: 1 });
    await release(awake, id);
    stage.pass(-MINUTE_MS);
    await awake.object.gates.pause(newPause({ group: "", reason: "an incident" }));
    await awake.object.gates.approve(id, { by: BOB, reason: null }, newKey(), DETAILED);
    await stage.settle();
    expect(shown(awake, id).waitingFor).toBe("pause");
  },
);

itAwake("a pause of the environment is passed like one of the group, also by a run without a group", async (awake) => {
  await awake.object.gates.pause(newPause({ group: "" }));
  const [grouped, free, held] = [
    await create(stage, awake, { concurrency: { limit: 2 } }),
    await create(stage, awake, { concurrency: null, approvals: 1 }),
    await create(stage, awake, { concurrency: { limit: 2 } }),
  ];
  for (const id of [grouped, free]) expect(await release(awake, id)).toMatchObject({ ok: true });
  await awake.object.gates.approve(free, { by: BOB, reason: null }, newKey(), DETAILED);
  await stage.settle();
  expect([grouped, free, held].map((id) => holds(awake, id))).toEqual([true, true, false]);
});

itAwake("a run that waits for nothing, or that another group's pause does not touch, is refused", async (awake) => {
  const started = await create(stage, awake);
  const waits = await create(stage, awake);
  await awake.object.gates.pause(newPause({ group: "db" }));
  expect(await release(awake, started)).toMatchObject({ ok: false, reason: "not_waiting" });
  expect(await release(awake, waits)).toMatchObject({ ok: false, reason: "not_paused" });
  expect(await release(awake, await stage.newId())).toMatchObject({ ok: false, reason: "run_not_found" });
});

itAwake("it overtakes all that are held, also if they are more than are looked at together", async (awake) => {
  const { object } = awake;
  await object.gates.pause(newPause({ group: "" }));
  const gates = { concurrency: null, approvals: 1 };
  const [first, fix] = [await create(stage, awake, gates), await create(stage, awake, gates)];
  await object.gates.approve(first, { by: BOB, reason: null }, newKey(), DETAILED);
  await stage.settle();
  copyRun(awake, first, WAITING_MAX_IN_QUEUE);
  await object.gates.approve(fix, { by: BOB, reason: null }, newKey(), DETAILED);
  await stage.settle();
  expect(shown(awake, fix).waitingFor).toBe("pause");
  expect(await release(awake, fix)).toMatchObject({ ok: true });
  await stage.settle();
  await stage.ringAfter(MINUTE_MS, awake);
  expect([holds(awake, first), holds(awake, fix)]).toEqual([false, true]);
});

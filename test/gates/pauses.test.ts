/** Pauses: over restarts, over clocks that step back, and at the instant at which it ends. */

import { expect, it } from "vitest";
import { isInForce } from "../../src/runs/pauses.ts";
import { HOUR_MS, MINUTE_MS } from "../support/direct.ts";
import { BOB, create, DETAILED, holds, newKey, newPause, shown } from "./gated-runs.ts";
import { type Awake, itAwake, stage, useStage } from "./stage.ts";

useStage();

function rowsOf({ sql }: Awake): unknown[] {
  return [...sql.exec("SELECT concurrency_group FROM pauses ORDER BY concurrency_group").raw()].flat();
}

it("a pause and its end outlive a restart", async () => {
  let id = "";
  await stage.awake(async ({ object }) => void (await object.gates.pause(newPause())));
  await stage.restart();
  await stage.awake(async (awake) => {
    id = await create(stage, awake);
    expect(holds(awake, id)).toBe(false);
    await awake.object.gates.resume("prod");
    expect(holds(awake, id)).toBe(true);
  });
  await stage.restart();
  await stage.awake(async ({ object }) => expect(await object.gates.pauses()).toEqual([]));
});

itAwake("of two pauses the one that came last stays, also if the clock has stepped back", async ({ object }) => {
  const first = newPause({ reason: "first" });
  stage.pass(-HOUR_MS);
  const last = newPause({ reason: "last" });
  const { from } = (await object.gates.pause(first)) ?? {};
  stage.pass(-HOUR_MS);
  const kept = { ...last, from, isPlanned: false };
  expect(await object.gates.pause(last)).toEqual(kept);
  expect(await object.gates.pauses()).toEqual([kept]);
  const { groups, pauses } = await object.gates.groups(null, null, 1);
  expect([groups, pauses.map((pause) => isInForce(pause, stage.now))]).toEqual([[], [true]]);
});

itAwake("a pause ends at its instant and not before, and the alarm removes it and no other", async (awake) => {
  const { object, storage } = awake;
  await object.gates.pause(newPause({ until: Date.now() + MINUTE_MS }));
  await object.gates.pause(newPause({ group: "b", until: Date.now() + HOUR_MS }));
  await object.gates.pause(newPause({ group: "a" }));
  const id = await create(stage, awake);
  await stage.ringAfter(MINUTE_MS - 1, awake);
  expect(holds(awake, id)).toBe(false);
  expect(await storage.getAlarm()).toBe(Date.now() + 1);
  await stage.ringAfter(1, awake);
  expect(holds(awake, id)).toBe(true);
  expect(rowsOf(awake)).toEqual(["a", "b"]);
  expect((await object.gates.pauses()).map(({ group }) => group)).toEqual(["a", "b"]);
});

itAwake(
  "a run that was approved during a pause starts when the pause is over, although nobody was queued before",
  async (awake) => {
    await awake.object.gates.pause(newPause({ group: "" }));
    const id = await create(stage, awake, { approvals: 1 });
    stage.pass(MINUTE_MS);
    await awake.alarm();
    await awake.object.gates.approve(id, { by: BOB, reason: null }, newKey(), DETAILED);
    expect(shown(awake, id)).toMatchObject({ waitingFor: "pause" });
    await awake.object.gates.resume("");
    await stage.settle();
    expect(holds(awake, id)).toBe(true);
  },
);

itAwake("a resume that can't set the alarm is refused, and the repeated one starts the runs", async (awake) => {
  await awake.object.gates.pause(newPause());
  const id = await create(stage, awake);
  stage.onSql = (query) => {
    if (query.includes("runs_open_due")) throw new Error("a disk can't be read");
  };
  await expect(() => awake.object.gates.resume("prod")).rejects.toThrow("a disk can't be read");
  expect(await awake.object.gates.pauses()).toHaveLength(1);
  stage.onSql = () => {};
  expect(await awake.object.gates.resume("prod")).toBe(true);
  expect(holds(awake, id)).toBe(true);
});

/** Pauses: planned ones and several at once, over restarts, over clocks that step back, and when one begins and ends. */

import { expect, it } from "vitest";
import { PAUSES_MAX_PER_ENVIRONMENT } from "../../src/base/limits.ts";
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

itAwake("a pause that is put when a planned one begins does not replace it", async (awake) => {
  const { object } = awake;
  const from = Date.now() + MINUTE_MS;
  await object.gates.pause(newPause({ from, until: from + HOUR_MS }));
  stage.pass(MINUTE_MS);
  await object.gates.pause(newPause({ until: from + 1000 }));
  const id = await create(stage, awake, { waitMs: 2 * HOUR_MS });
  expect(await object.gates.pauses()).toHaveLength(2);
  await stage.ringAfter(1000, awake);
  expect(holds(awake, id)).toBe(false);
  await stage.ringAfter(HOUR_MS - 1000, awake);
  expect(holds(awake, id)).toBe(true);
});

itAwake("a pause whose planned time is over is put again as one without `from`", async ({ object }) => {
  const from = Date.now() + 1000;
  await object.gates.pause(newPause({ reason: "today" }));
  await object.gates.pause(newPause({ from, until: from + 1000 }));
  stage.pass(2000);
  await object.gates.pause(newPause({ from, reason: "again" }));
  expect(await object.gates.pauses()).toMatchObject([{ reason: "again", isPlanned: false }]);
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

function stateOf({ object }: Awake) {
  return object.gates.pauses().then((all) => all.map(({ group, from, reason }) => [group, from - stage.now, reason]));
}

itAwake(
  "a planned pause holds from its instant on, without an alarm, and runs that started before go on",
  async (awake) => {
    const { object, storage } = awake;
    const { from, until } = { from: stage.now + HOUR_MS, until: stage.now + 2 * HOUR_MS };
    await object.gates.pause(newPause({ from, until }));
    const before = await create(stage, awake, { concurrency: { limit: 9 } });
    expect(holds(awake, before)).toBe(true);
    stage.pass(HOUR_MS - 1);
    const last = await create(stage, awake, { concurrency: { limit: 9 } });
    expect(holds(awake, last)).toBe(true);
    stage.pass(1);
    const held = await create(stage, awake, { concurrency: { limit: 9 }, waitMs: 9 * HOUR_MS });
    expect(shown(awake, held).waitingFor).toBe("pause");
    expect(shown(awake, last).waitingFor).toBeNull();
    stage.pass(HOUR_MS - 1);
    await stage.ring(awake, true);
    expect([await storage.getAlarm(), shown(awake, held).waitingFor]).toEqual([until, "pause"]);
    await stage.ringAfter(1, awake);
    expect([holds(awake, held), rowsOf(awake)]).toEqual([true, []]);
  },
);

itAwake(
  "planning a pause lifts none of today, and the same pause can be put again, also after it began",
  async (awake) => {
    const { object } = awake;
    const from = stage.now + HOUR_MS;
    const today = newPause({ reason: "today" });
    const planned = newPause({ from, until: from + HOUR_MS, reason: "planned" });
    await Promise.all([today, planned, today, planned].map((pause) => object.gates.pause(pause)));
    expect(await stateOf(awake)).toEqual([
      ["prod", 0, "today"],
      ["prod", HOUR_MS, "planned"],
    ]);
    stage.pass(HOUR_MS + MINUTE_MS);
    await object.gates.pause({ ...planned, until: from + 2 * HOUR_MS, reason: "longer" });
    await object.gates.pause({ ...today, reason: "still" });
    // A past instant that no pause has means now.
    await object.gates.pause({ ...today, from: 1, reason: "still today" });
    expect(await stateOf(awake)).toEqual([
      ["prod", -HOUR_MS - MINUTE_MS, "still today"],
      ["prod", -MINUTE_MS, "longer"],
    ]);
  },
);

itAwake("an end leaves what is planned, and a planned pause is removed alone", async (awake) => {
  const { object } = awake;
  const [soon, later] = [stage.now + MINUTE_MS, stage.now + HOUR_MS];
  await object.gates.pause(newPause());
  await object.gates.pause(newPause({ from: soon }));
  await object.gates.pause(newPause({ from: later, reason: "later" }));
  await object.gates.pause(newPause({ group: "" }));
  expect(await object.gates.resume("prod", 7)).toBe(false);
  const id = await create(stage, awake);
  stage.pass(MINUTE_MS);
  // Both that have begun.
  expect(await object.gates.resume("prod")).toBe(true);
  expect(await object.gates.resume("prod")).toBe(false);
  expect((await stateOf(awake)).map(([group]) => group)).toEqual(["", "prod"]);
  expect(await object.gates.resume("prod", later)).toBe(true);
  await object.gates.resume("");
  expect([await stateOf(awake), holds(awake, id)]).toEqual([[], true]);
});

it.each([[true], [false]])(
  "of several pauses the one that ends last counts, and each end rings: first put last %s",
  async (isReversed) => {
    await stage.awake(async (awake) => {
      const { object, storage } = awake;
      const begin = stage.now;
      const all = [
        newPause({ from: begin + 1, until: begin + 3 * MINUTE_MS, reason: "long" }),
        newPause({ until: begin + 2 * MINUTE_MS, reason: "short" }),
        newPause({ group: "", until: begin + 4 * MINUTE_MS, reason: "all of it" }),
      ];
      for (const pause of isReversed ? all.toReversed() : all) await object.gates.pause(pause);
      stage.pass(1);
      const id = await create(stage, awake);
      const reason = async () => {
        const [row] = awake.sql.exec("SELECT waiting_reason FROM runs WHERE id = ?", id).raw();
        return row?.[0];
      };
      expect(await reason()).toBe("long");
      stage.pass(2 * MINUTE_MS - 1);
      await awake.alarm();
      expect([await reason(), await storage.getAlarm()]).toEqual(["long", begin + 3 * MINUTE_MS]);
      await stage.ringAfter(MINUTE_MS, awake);
      expect([await reason(), await storage.getAlarm()]).toEqual(["all of it", begin + 4 * MINUTE_MS]);
      await stage.ringAfter(MINUTE_MS, awake);
      expect(holds(awake, id)).toBe(true);
    });
  },
);

it("a planned pause outlives a restart, and planned ones count in the limit", async () => {
  const from = stage.now + HOUR_MS;
  await stage.awake(async ({ object }) => {
    for (let n = 0; n < PAUSES_MAX_PER_ENVIRONMENT; n++) await object.gates.pause(newPause({ from: from + n }));
    expect(await object.gates.pause(newPause({ from: from - 1 }))).toBeNull();
    expect(await object.gates.pause(newPause())).toBeNull();
    expect(await object.gates.pause(newPause({ from, reason: "again" }))).toMatchObject({ reason: "again" });
  });
  await stage.restart();
  await stage.awake(async (awake) => {
    expect((await stateOf(awake)).slice(0, 2)).toEqual([
      ["prod", HOUR_MS, "again"],
      ["prod", HOUR_MS + 1, "freeze"],
    ]);
    expect(holds(awake, await create(stage, awake))).toBe(true);
    stage.pass(HOUR_MS);
    expect(shown(awake, await create(stage, awake, { concurrency: { limit: 9 } })).waitingFor).not.toBeNull();
  });
});

/** Pauses: over restarts, over clocks that step back, and at the instant at which it ends. */

import { expect, it, vi } from "vitest";
import type { Pause } from "../../src/runs/run-calls.ts";
import { HOUR_MS, MINUTE_MS } from "../support/direct.ts";
import { BOB, create, DETAILED, holds, newKey, shown } from "./gated-runs.ts";
import { type Awake, stage, useStage } from "./stage.ts";

useStage();

const pause = (more: Partial<Pause> = {}): Pause => ({
  group: "prod",
  reason: "freeze",
  until: null,
  by: "ann",
  via: null,
  at: Date.now(),
  ...more,
});

function rowsOf({ sql }: Awake): unknown[] {
  return [...sql.exec("SELECT concurrency_group FROM pauses ORDER BY concurrency_group").raw()].flat();
}

it("a pause and its end outlive a restart", async () => {
  let id = "";
  await stage.awake(async ({ object }) => void (await object.gates.pause(pause())));
  await stage.evict();
  await stage.awake(async (awake) => {
    id = await create(stage, awake);
    expect(holds(awake, id)).toBe(false);
    await awake.object.gates.resume("prod");
    expect(holds(awake, id)).toBe(true);
  });
  await stage.evict();
  await stage.awake(async ({ object }) => expect(await object.gates.pauses()).toEqual([]));
});

it("of two pauses the one that came last stays, also if the clock has stepped back", () =>
  stage.awake(async ({ object }) => {
    const first = pause({ reason: "first" });
    stage.pass(-HOUR_MS);
    const last = pause({ reason: "last" });
    expect([await object.gates.pause(first), await object.gates.pause(last)]).toEqual([true, true]);
    expect(await object.gates.pauses()).toEqual([last]);
  }));

it("a pause ends at its instant and not before, and the alarm removes it and no other", () =>
  stage.awake(async (awake) => {
    const { object, storage } = awake;
    await object.gates.pause(pause({ until: Date.now() + MINUTE_MS }));
    await object.gates.pause(pause({ group: "b", until: Date.now() + HOUR_MS }));
    await object.gates.pause(pause({ group: "a" }));
    const id = await create(stage, awake);
    stage.pass(MINUTE_MS - 1);
    await stage.ring(awake);
    expect(holds(awake, id)).toBe(false);
    expect(await storage.getAlarm()).toBe(Date.now() + 1);
    stage.pass(1);
    await stage.ring(awake);
    expect(holds(awake, id)).toBe(true);
    expect(rowsOf(awake)).toEqual(["a", "b"]);
    expect((await object.gates.pauses()).map(({ group }) => group)).toEqual(["a", "b"]);
  }));

it("a run that was approved during a pause starts when the pause is over, although nobody was queued before", () =>
  stage.awake(async (awake) => {
    await awake.object.gates.pause(pause({ group: "" }));
    const id = await create(stage, awake, { approvals: 1 });
    stage.pass(MINUTE_MS);
    await awake.alarm();
    await awake.object.gates.approve(id, { by: BOB, reason: null }, newKey(), DETAILED);
    expect(shown(awake, id)).toMatchObject({ waitingFor: "pause" });
    await awake.object.gates.resume("");
    await stage.settle();
    expect(holds(awake, id)).toBe(true);
  }));

it("a resume that can't set the alarm is refused, and the repeated one starts the runs", () =>
  stage.awake(async (awake) => {
    await awake.object.gates.pause(pause());
    const id = await create(stage, awake);
    const prototype = Object.getPrototypeOf(awake.sql) as SqlStorage;
    const { exec } = prototype;
    const spy = vi.spyOn(prototype, "exec").mockImplementation(function (this: SqlStorage, query, ...bindings) {
      if (query.includes("runs_open_due")) throw new Error("a disk can't be read");
      return exec.call(this, query, ...bindings) as never;
    });
    await expect(() => awake.object.gates.resume("prod")).rejects.toThrow("a disk can't be read");
    expect(await awake.object.gates.pauses()).toHaveLength(1);
    spy.mockRestore();
    expect(await awake.object.gates.resume("prod")).toBe(true);
    expect(holds(awake, id)).toBe(true);
  }));

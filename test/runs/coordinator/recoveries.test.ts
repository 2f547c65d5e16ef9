/** Messages that an endpoint has lost come back: those that were given up, and those that were never made. */

import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { RECOVERED_MAX } from "../../../src/base/limits.ts";
import { coordinatorOf } from "../../../src/runs/protocol.ts";
import { COORDINATORS } from "../../../src/runs/run-id.ts";
import type { Recovery, RecoveryOrder } from "../../../src/runs/telling.ts";
import { coordinator, HOUR_MS, journal, until } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";
import { fillJournal } from "../../support/rows-in-journal.ts";
import {
  answer,
  CHAT,
  die,
  end,
  everyoneHears,
  given,
  notify,
  outside,
  pass,
  useStandInEndpoints,
} from "./stand-in-endpoints.ts";

useStandInEndpoints();

const EACH = RECOVERED_MAX / COORDINATORS;

const recover = (path: string, order: RecoveryOrder, key = CHAT) =>
  runInDurableObject(coordinator(path), (instance) => coordinatorOf(instance).endpoints.recover(key, order));
const recovery = async (path: string): Promise<Recovery | null> =>
  (await runInDurableObject(coordinator(path), (instance) => coordinatorOf(instance).endpoints.report(CHAT)))
    .recovery;
const untilOver = (path: string) => until(async () => (await recovery(path))?.isOver === true);
const states = async (path: string) =>
  Object.fromEntries(
    (await journal<{ run_id: string; state: string }>(path, "SELECT run_id, state FROM messages")).map(
      ({ run_id, state }) => [run_id, state],
    ),
  );
const since = () => Date.now() - HOUR_MS;

describe("recover", () => {
  it("sends what was given up again, and nothing else", async () => {
    const path = await given(CHAT);
    outside.answers = ({ type }) => (type === "action_run.succeeded" ? 200 : 422);
    const good = await end(path, "succeeded");
    const bad = [await end(path), await end(path)];
    await until(async () => Object.keys(await states(path)).length === 3);
    await until(async () => !Object.values(await states(path)).includes("waiting"));
    outside.sent = [];
    outside.answers = () => 200;
    expect(await recover(path, { since: since(), until: null, include: "failed" })).toMatchObject({
      isOver: false,
    });
    await untilOver(path);
    await until(async () => Object.values(await states(path)).every((state) => state === "delivered"));
    expect(outside.sent.map(({ runId }) => runId).sort()).toEqual(bad.sort());
    expect(await recovery(path)).toMatchObject({ messages: 2, isOver: true, include: "failed" });
    expect(Object.keys(await states(path)).sort()).toEqual([good, ...bad].sort());
  });

  it("finds runs that the endpoint never heard of, also from before the endpoint, within the time asked", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    const ids = [];
    for (let n = 0; n < 3; n++) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
      ids.push(await end(path));
    }
    const [ended] = await journal<{ at: number }>(
      path,
      "SELECT completed_at AS at FROM runs WHERE id = ?",
      ids[1] ?? "",
    );
    outside.endpoints = [CHAT];
    await notify(path);
    await recover(path, { since: ended?.at ?? 0, until: (ended?.at ?? 0) + 1, include: "missing" });
    await untilOver(path);
    expect(outside.sent.map(({ runId }) => runId)).toEqual([ids[1]]);
    await recover(path, { since: since(), until: null, include: "missing" });
    await untilOver(path);
    await until(async () => outside.sent.length === 3);
    expect(outside.sent.map(({ runId }) => runId).sort()).toEqual(ids.sort());
  });

  it("brings a bounded number of messages, the same request goes on, and a death loses none", async () => {
    const path = await given(CHAT);
    const ids = await fillJournal(path, { rows: EACH + 340, landed: false, endedAt: Date.now() });
    // The endpoint does not hear of the newest seven.
    const unheard = new Set(ids.slice(-7));
    outside.match = async (runs, only) =>
      everyoneHears(
        runs.filter(({ id }) => !unheard.has(id)),
        only,
      );
    // A new object knows the rows, and they count as told.
    await runInDurableObject(coordinator(path), (_, { storage }) => {
      storage.sql.exec("UPDATE marks SET value = ? WHERE name = 'told_seq'", String(ids.length));
    });
    await die(path);
    const order: RecoveryOrder = { since: since(), until: null, include: "missing" };
    await recover(path, order);
    await until(async () => ((await recovery(path))?.messages ?? 0) > 500);
    await die(path);
    await untilOver(path);
    expect(await recovery(path)).toMatchObject({ messages: EACH, isOver: true });
    const heard = ids.slice(0, -7);
    const newest = heard.slice(-EACH);
    expect(Object.keys(await states(path)).sort()).toEqual(newest);
    await recover(path, order);
    await untilOver(path);
    expect(await recovery(path)).toMatchObject({ messages: 333, isOver: true });
    expect(Object.keys(await states(path)).sort()).toEqual(heard);
    // Two at a time, however many wait.
    expect(outside.underWay.length).toBeLessThanOrEqual(4);
  });

  it("lets others have their turn while it walks, also past runs that it need not ask about", async () => {
    const path = await given(CHAT);
    await fillJournal(path, { rows: 1000, landed: false, endedAt: Date.now() });
    await die(path);
    const order: RecoveryOrder = { since: since(), until: null, include: "failed" };
    const between = await runInDurableObject(coordinator(path), async (instance) => {
      await coordinatorOf(instance).endpoints.recover(CHAT, order);
      await scheduler.wait(0);
      return (await coordinatorOf(instance).endpoints.report(CHAT)).recovery;
    });
    expect(between).toMatchObject({ isOver: false });
    await untilOver(path);
  });

  it("brings a run whose matching began while the endpoint did not hear", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    await notify(path);
    const gate = Promise.withResolvers<void>();
    outside.match = async (runs, only) => {
      // D1 is read first, and then the coordinators settle.
      const before = everyoneHears(runs, only);
      if (only === undefined) await gate.promise;
      return before;
    };
    const id = await end(path);
    await until(async () => outside.matched.length === 1);
    outside.endpoints = [CHAT];
    await recover(path, { since: since(), until: null, include: "missing" });
    gate.resolve();
    await untilOver(path);
    await until(async () => outside.sent.length === 1);
    expect(outside.sent.map(({ runId }) => runId)).toEqual([id]);
  });

  it("brings no run that somebody sends again while the matching is under way", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    const id = await end(path);
    outside.endpoints = [CHAT];
    await notify(path);
    const gate = Promise.withResolvers<void>();
    outside.match = async (runs, only) => {
      await gate.promise;
      return everyoneHears(runs, only);
    };
    await recover(path, { since: since(), until: null, include: "missing" });
    await until(async () => outside.matched.length === 1);
    await runInDurableObject(coordinator(path), (instance) =>
      coordinatorOf(instance).endpoints.resend(CHAT, id, null),
    );
    await until(async () => (await states(path))[id] === "delivered");
    gate.resolve();
    await untilOver(path);
    expect(await recovery(path)).toMatchObject({ messages: 0 });
    expect(outside.sent.map(({ runId }) => runId)).toEqual([id]);
  });

  it("refuses another order while one is under way, and begins anew when it is over", async () => {
    const path = newRunsPath();
    outside.endpoints = [CHAT, "pager@1"];
    outside.answers = () => 200;
    const id = await end(path);
    await notify(path);
    const gate = Promise.withResolvers<void>();
    outside.match = async (runs, only) => {
      await gate.promise;
      return everyoneHears(runs, only);
    };
    const order: RecoveryOrder = { since: since(), until: null, include: "missing" };
    expect(await recover(path, order)).toMatchObject({ isOver: false });
    expect(await recover(path, order)).toMatchObject({ isOver: false });
    expect(await recover(path, { ...order, include: "failed" })).toBeNull();
    expect(await recover(path, order, "pager@1")).toMatchObject({ isOver: false });
    gate.resolve();
    await untilOver(path);
    await until(async () => outside.sent.length === 2);
    expect(outside.sent.map(({ endpoint, runId }) => [endpoint, runId])).toEqual([
      [CHAT, id],
      ["pager@1", id],
    ]);
    expect(await recover(path, { ...order, include: "failed" })).toMatchObject({ include: "failed" });
    await untilOver(path);
  });

  it("goes on while ends are told, and tries again after a failure", async () => {
    const path = await given(CHAT);
    const [missing] = await Promise.all([end(path)]);
    await until(async () => outside.underWay.length === 1);
    await answer(path, outside.underWay, { verdict: "gone", isAlive: null, status: null, version: 0 });
    await until(async () => Object.keys(await states(path)).length === 0);
    outside.match = async () => {
      throw new Error("D1 is down");
    };
    outside.answers = () => 200;
    await recover(path, { since: since(), until: null, include: "missing" });
    const told = await end(path);
    await until(async () => outside.matched.length >= 2);
    outside.match = null;
    await pass(path, 31_000);
    await untilOver(path);
    await until(async () => outside.sent.length === 3);
    expect(await states(path)).toEqual({ [missing]: "delivered", [told]: "delivered" });
  });
});

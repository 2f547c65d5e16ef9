/** Deliveries that an endpoint has lost come back: those that were given up, and those that were never made. */

import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { RECOVERED_MAX } from "../../../src/base/limits.ts";
import type { Recovery, RecoveryOrder } from "../../../src/runs/endpoint-deliveries.ts";
import { coordinatorOf } from "../../../src/runs/protocol.ts";

import { coordinator, direct, HOUR_MS, journal, restart, until } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";
import { fillJournal } from "../../support/runs/rows-in-journal.ts";
import { answer, CHAT, end, given, outside, pass, put, useStandInEndpoints } from "./stand-in-endpoints.ts";

useStandInEndpoints();

const EACH = RECOVERED_MAX;

const recover = (path: string, order: RecoveryOrder, key = CHAT) => direct(path).endpoints.recover(key, order);
const recovery = async (path: string): Promise<Recovery | null> => (await direct(path).endpoints.report(CHAT)).recovery;
const untilOver = (path: string) => until(async () => (await recovery(path))?.isOver === true);
const states = async (path: string) =>
  Object.fromEntries(
    (await journal<{ run_id: string; state: string }>(path, "SELECT run_id, state FROM deliveries")).map(
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
    expect(await recover(path, { since: since(), until: null, include: "failed" })).toMatchObject({ isOver: false });
    await untilOver(path);
    await until(async () => Object.values(await states(path)).every((state) => state === "delivered"));
    expect(outside.sent.map(({ runId }) => runId).sort()).toEqual(bad.sort());
    expect(await recovery(path)).toMatchObject({ deliveries: 2, isOver: true, include: "failed" });
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
    await put(path, CHAT);
    await recover(path, { since: ended?.at ?? 0, until: (ended?.at ?? 0) + 1, include: "missing" });
    await untilOver(path);
    expect(outside.sent.map(({ runId }) => runId)).toEqual([ids[1]]);
    await recover(path, { since: since(), until: null, include: "missing" });
    await untilOver(path);
    await until(async () => outside.sent.length === 3);
    expect(outside.sent.map(({ runId }) => runId).sort()).toEqual(ids.sort());
  });

  it("brings a bounded number of deliveries, the same request goes on, and a death loses none", async () => {
    const path = await given(CHAT);
    await fillJournal(path, { rows: EACH + 340, isReplicated: false, endedAt: Date.now() });
    const rows = await journal<{ id: string }>(path, "SELECT id FROM runs ORDER BY change_seq");
    const ids = rows.map(({ id }) => id);
    // The endpoint does not hear of the newest seven.
    outside.filters = { [CHAT]: { actionNames: ["filler"] } };
    await put(path, CHAT);
    await journal(
      path,
      "UPDATE runs SET action_name = 'other' WHERE id IN (SELECT value FROM json_each(?))",
      JSON.stringify(ids.slice(-7)),
    );
    // A new object knows the rows.
    await restart(path);
    const order: RecoveryOrder = { since: since(), until: null, include: "missing" };
    await recover(path, order);
    await until(async () => ((await recovery(path))?.deliveries ?? 0) > 500);
    await restart(path);
    await untilOver(path);
    expect(await recovery(path)).toMatchObject({ deliveries: EACH, isOver: true });
    const heard = ids.slice(0, -7);
    const newest = heard.slice(-EACH);
    expect(Object.keys(await states(path)).sort()).toEqual(newest.sort());
    await recover(path, order);
    await untilOver(path);
    expect(await recovery(path)).toMatchObject({ deliveries: 333, isOver: true });
    expect(Object.keys(await states(path)).sort()).toEqual(heard.sort());
    // Eight at a time, however many wait.
    expect(outside.underWay.length).toBeLessThanOrEqual(16);
  });

  it("lets other calls be served while it walks, also past runs that it need not ask about", async () => {
    const path = await given(CHAT);
    await fillJournal(path, { rows: 1000, isReplicated: false, endedAt: Date.now() });
    await restart(path);
    const order: RecoveryOrder = { since: since(), until: null, include: "failed" };
    const between = await runInDurableObject(coordinator(path), async (instance) => {
      await coordinatorOf(instance).endpoints.recover(CHAT, order);
      await scheduler.wait(0);
      return (await coordinatorOf(instance).endpoints.report(CHAT)).recovery;
    });
    expect(between).toMatchObject({ isOver: false });
    await untilOver(path);
  });

  it("reads the endpoints first if it does not know this one, because it may have been stored a moment ago", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    const id = await end(path);
    outside.endpoints = [CHAT];
    await recover(path, { since: since(), until: null, include: "missing" });
    await untilOver(path);
    await until(async () => outside.sent.length === 1);
    expect(outside.sent.map(({ runId }) => runId)).toEqual([id]);
  });

  it("refuses another order while one is under way, and begins anew when it is over", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    const id = await end(path);
    await put(path, CHAT, "pager@1");
    const order: RecoveryOrder = { since: since(), until: null, include: "missing" };
    expect(await recover(path, order)).toMatchObject({ isOver: false });
    expect(await recover(path, order)).toMatchObject({ isOver: false });
    expect(await recover(path, { ...order, include: "failed" })).toBeNull();
    expect(await recover(path, order, "pager@1")).toMatchObject({ isOver: false });
    await untilOver(path);
    await until(async () => outside.sent.length === 2);
    expect(outside.sent.map(({ endpoint, runId }) => [endpoint, runId]).sort()).toEqual([
      [CHAT, id],
      ["pager@1", id],
    ]);
    expect(await recover(path, { ...order, include: "failed" })).toMatchObject({ include: "failed" });
    await untilOver(path);
  });

  it("goes on while ends are fanned out, and tries again after a failure", async () => {
    const path = await given(CHAT);
    const missing = await end(path);
    await until(async () => outside.underWay.length === 1);
    await answer(path, outside.underWay, { verdict: "gone", isAlive: null, status: null, version: 0 });
    await until(async () => Object.keys(await states(path)).length === 0);
    await journal(
      path,
      `CREATE TRIGGER broken BEFORE INSERT ON deliveries WHEN NEW.run_id = '${missing}'
       BEGIN SELECT RAISE(ABORT, 'broken'); END`,
    );
    outside.answers = () => 200;
    await recover(path, { since: since(), until: null, include: "missing" });
    const told = await end(path);
    await until(async () => (await states(path))[told] === "delivered");
    await journal(path, "DROP TRIGGER broken");
    await pass(path, 31_000);
    await untilOver(path);
    await until(async () => outside.sent.length === 3);
    expect(await states(path)).toEqual({ [missing]: "delivered", [told]: "delivered" });
  });

  it("skips a delivery that can't be written, and brings the others", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    const [first, broken, last] = [await end(path), await end(path), await end(path)];
    await put(path, CHAT);
    await journal(
      path,
      `CREATE TRIGGER broken BEFORE INSERT ON deliveries WHEN NEW.run_id = '${broken}'
       BEGIN SELECT RAISE(ABORT, 'broken'); END`,
    );
    const logged = vi.spyOn(console, "error");
    await recover(path, { since: since(), until: null, include: "missing" });
    await until(async () => {
      await pass(path, 31_000);
      return (await recovery(path))?.isOver === true;
    });
    await until(async () => Object.values(await states(path)).every((state) => state === "delivered"));
    expect(await states(path)).toEqual({ [first]: "delivered", [last]: "delivered" });
    const skipped = logged.mock.calls.filter(([line]) => String(line).includes("event_skipped"));
    expect(skipped).toMatchObject([[expect.stringContaining(broken)]]);
  });
});

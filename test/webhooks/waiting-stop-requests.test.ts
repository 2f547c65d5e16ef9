/**
 * Stop requests that get no permit for their attempt: as dispatches, but they outlive their runs, and end 15 minutes
 * after them.
 */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import { coordinatorOf } from "../../src/runs/protocol.ts";
import { coordinator, journal, MINUTE_MS, until } from "../support/direct.ts";
import { replicated } from "../support/landed.ts";
import { newRunsPath } from "../support/requests.ts";
import { alarmAt, answer, fire, outside, pass, ring, rowsWritten, useStandInSender } from "./stand-in-sender.ts";

/** Of one host. */
const PERMITS = 160;
const MB = 1_000_000;

useStandInSender();
afterEach(() => vi.restoreAllMocks());

/** Running runs whose stop requests were all asked for at once, in this order. */
async function cancelled(path: string, count: number, bytes = 10): Promise<string[]> {
  const ids = await fire(path, count, { bytes, isStoppable: true });
  while (outside.sent.length < count || outside.underWay.length > 0) {
    await answer(path, [...outside.underWay]);
    await ring(path);
  }
  outside.sent = [];
  await runInDurableObject(coordinator(path), async (instance) => {
    const request = { type: "cancel_requested", by: "root", reason: null, graceMs: 0 } as const;
    const cancels = ids.map((id) =>
      coordinatorOf(instance).runs.cancel(id, request, { key: `m:${id}`, fingerprint: "" }),
    );
    expect((await Promise.all(cancels)).every(({ ok }) => ok)).toBe(true);
  });
  return ids;
}

const kept = async (path: string) => (await journal(path, "SELECT run_id FROM stop_requests")).length;

it("each leaves as soon as a permit is free, in the order of the cancels", async () => {
  const path = newRunsPath();
  const ids = await cancelled(path, PERMITS + 80);
  expect(outside.sent).toEqual(ids.slice(0, PERMITS));
  // No alarm is needed for those that wait.
  for (let n = 1; n <= 3; n++) {
    await answer(path, [outside.underWay[0]]);
    await until(async () => outside.sent.length === PERMITS + n);
  }
  await runInDurableObject(coordinator(path), () => outside.underWay[0]?.crash());
  await until(async () => outside.sent.length === PERMITS + 4);
  while (outside.sent.length < ids.length) {
    const before = outside.sent.length;
    await answer(path, [...outside.underWay]);
    await until(async () => outside.sent.length > before);
  }
  expect(outside.sent).toEqual(ids);
});

it("1000 that wait write nothing when the alarm rings, and it does not ring without pause", async () => {
  const path = newRunsPath();
  await cancelled(path, PERMITS + 1000);
  await replicated(path);
  // Until all that waits has been looked at once.
  for (let n = 0; n < 30; n++) await pass(path, 100);
  const written = await rowsWritten(path, async () => {
    for (let n = 0; n < 20; n++) await pass(path, 1000);
  });
  // A look whether anything must be replicated again is put off, and that is noted.
  expect(written).toBeLessThan(10);
  expect(await alarmAt(path)).toBeGreaterThan(Date.now());
  expect(outside.sent).toHaveLength(PERMITS);
});

it("all that wait leave after the object restarts", async () => {
  const path = newRunsPath();
  const ids = await cancelled(path, PERMITS + 30);
  await ring(path);
  outside.underWay = [];
  outside.sent = [];
  await evictDurableObject(coordinator(path));
  await pass(path, 31_000);
  for (let n = 0; n < 5; n++) await pass(path, 100);
  expect(outside.sent.slice(0, 30)).toEqual(ids.slice(PERMITS));
  expect(outside.underWay).toHaveLength(PERMITS);
});

it("those under way are bounded by their bytes too", async () => {
  const path = newRunsPath();
  const ids = await cancelled(path, 12, MB);
  expect(outside.underWay).toHaveLength(6);
  await answer(path, [outside.underWay[0]]);
  await until(async () => outside.sent.length === 7);
  expect(outside.sent).toEqual(ids.slice(0, 7));
});

it("one that its receiver refuses is given up, and the log says so, as it does for a dispatch", async () => {
  const path = newRunsPath();
  const [stopped = ""] = await cancelled(path, 1);
  const [started = ""] = await fire(path, 1);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await answer(path, [...outside.underWay], 400);
  await until(async () => (await kept(path)) === 0);
  const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)) as { event: string });
  const givenUp = { coordinator: expect.any(String), attempt: 1, reason: "ci.example answered 400." };
  expect(lines.filter(({ event }) => event.endsWith("_given_up"))).toEqual([
    { level: "info", event: "stop_given_up", run: stopped, ...givenUp },
    { level: "info", event: "attempt_given_up", run: started, ...givenUp },
  ]);
});

it("one that gets no permit for 15 minutes after its run's end is given up, and the log says so", async () => {
  const path = newRunsPath();
  const ids = await cancelled(path, PERMITS + 60);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  // All attempts hang, so their leases end, and they wait again behind the others.
  for (let n = 0; n < 20; n++) await pass(path, MINUTE_MS);
  await until(async () => (await kept(path)) === 0);
  const lines = log.mock.calls.map(
    ([line]) => JSON.parse(String(line)) as { event: string; run: string; reason: string },
  );
  const givenUp = lines.filter(({ event }) => event === "stop_given_up");
  expect(givenUp.map(({ run }) => run).sort()).toEqual(ids);
  const waited = givenUp.filter(({ run }) => ids.slice(PERMITS).includes(run));
  expect(new Set(waited.map(({ reason }) => reason))).toEqual(new Set(["ci.example was not called in time."]));
});

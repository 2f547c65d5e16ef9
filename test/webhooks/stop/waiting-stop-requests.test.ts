/**
 * Stop requests that get no permit for their attempt: as dispatches, but they outlive their runs, and end 15 minutes
 * after them.
 */

import { runInDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import { coordinatorOf } from "../../../src/runs/protocol.ts";
import { coordinator, journal, MINUTE_MS, until } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";
import { answer, fire, outside, pass, ring, useStandInSender } from "../stand-in-sender.ts";

/** Of one host. */
const PERMITS = 160;

useStandInSender();

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

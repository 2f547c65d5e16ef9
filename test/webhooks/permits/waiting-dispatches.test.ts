/**
 * Dispatches that get no permit for their attempt: they cost no write, start as soon as a permit is free, and end at
 * their deadline.
 */

import { runInDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import { coordinatorOf } from "../../../src/runs/protocol.ts";
import { coordinator, createAged, journal, MINUTE_MS, restart, until } from "../../support/direct.ts";
import { replicated } from "../../support/replicated.ts";
import { newRunsPath } from "../../support/requests.ts";
import { alarmAt, answer, fire, outside, pass, ring, rowsWritten, useStandInSender } from "../stand-in-sender.ts";

/** Of one host. */
const PERMITS = 1600;
const MB = 1_000_000;

useStandInSender();

it("1000 waiting dispatches write nothing when the alarm rings", async () => {
  const path = newRunsPath();
  await fire(path, PERMITS + 1000);
  expect(outside.underWay).toHaveLength(PERMITS);
  await replicated(path);
  // All that waits has been looked at once.
  for (let n = 0; n < 10; n++) await pass(path, 100);
  const written = await rowsWritten(path, async () => {
    for (let n = 0; n < 20; n++) await pass(path, 1000);
  });
  // A look whether anything must be replicated again is put off, and that is noted.
  expect(written).toBeLessThan(10);
  expect(await alarmAt(path)).toBeGreaterThan(Date.now());
  expect(outside.underWay).toHaveLength(PERMITS);
});

it("the dispatch that waits longest starts first when a permit is free", async () => {
  const path = newRunsPath();
  const ids = await fire(path, PERMITS + 4);
  const [later = ""] = await fire(path, 1);
  expect(outside.sent).toEqual(ids.slice(0, PERMITS));
  await answer(path, [outside.underWay[0]]);
  await until(async () => outside.sent.length === PERMITS + 1);
  await runInDurableObject(coordinator(path), () => outside.underWay[0]?.crash());
  await until(async () => outside.sent.length === PERMITS + 2);
  const [, third] = outside.underWay;
  await runInDurableObject(coordinator(path), (instance) =>
    coordinatorOf(instance).runs.applyEvent(third?.runId ?? "", { type: "cancelled" }, { key: "m:x", fingerprint: "" }),
  );
  await answer(path, [third]);
  await until(async () => outside.sent.length === PERMITS + 3);
  await answer(path, [...outside.underWay]);
  await until(async () => outside.sent.length === PERMITS + 5);
  expect(outside.sent).toEqual([...ids, later]);
});

it("a small dispatch does not overtake a large one that waits", async () => {
  const path = newRunsPath();
  const first = await fire(path, 13, { bytes: 1.9 * MB });
  const [large = ""] = await fire(path, 1, { bytes: 1.9 * MB });
  const [small = ""] = await fire(path, 1);
  expect(outside.sent).toEqual(first);
  await ring(path);
  expect(outside.sent).toEqual(first);
  await answer(path, [outside.underWay[0]]);
  await until(async () => outside.sent.length === 15);
  expect(outside.sent.slice(13)).toEqual([large, small]);
});

it("all waiting dispatches start again after the object restarts", async () => {
  const path = newRunsPath();
  const ids = await fire(path, PERMITS + 300);
  await ring(path);
  outside.underWay = [];
  outside.sent = [];
  await restart(path);
  // By then the attempts that were under way count as lost, and wait for their next one behind the others.
  await pass(path, 31_000);
  for (let n = 0; n < 30 && outside.underWay.length < PERMITS; n++) await pass(path, 100);
  expect(outside.underWay).toHaveLength(PERMITS);
  expect(outside.sent.slice(0, 300)).toEqual(ids.slice(PERMITS));
  while (outside.underWay.length > 0) {
    await answer(path, [...outside.underWay]);
    await pass(path, 100);
  }
  expect(new Set(outside.sent)).toEqual(new Set(ids));
  const open = await journal(path, "SELECT id FROM runs WHERE status = 'pending'");
  expect(open).toEqual([]);
});

it("waiting dispatches have an alarm even if no attempt has a lease any more", async () => {
  const path = newRunsPath();
  // On a busy machine, the attempts would lose their leases meanwhile.
  vi.useFakeTimers({ toFake: ["Date"] });
  const ids = await fire(path, PERMITS + 3);
  await ring(path);
  await runInDurableObject(coordinator(path), async (instance) => {
    const cancels = ids
      .slice(0, PERMITS)
      .map((id) =>
        coordinatorOf(instance).runs.applyEvent(id, { type: "cancelled" }, { key: `m:${id}`, fingerprint: "" }),
      );
    await Promise.all(cancels);
  });
  await replicated(path);
  // The retry of replication, and what else has nothing to do with them.
  for (let n = 0; n < 3; n++) await pass(path, 5000);
  outside.sent = [];
  outside.underWay = [];
  await restart(path);
  const at = await alarmAt(path);
  expect(at).toBeLessThan(Date.now() + MINUTE_MS);
  await pass(path, MINUTE_MS);
  expect(outside.sent).toEqual(ids.slice(PERMITS));
});

it("a waiting dispatch ends at its deadline and holds up no other run", async () => {
  const path = newRunsPath();
  await fire(path, PERMITS);
  const short = await fire(path, 250, { minutes: 1 });
  const long = await fire(path, 250);
  for (let n = 0; n < 5; n++) await ring(path);
  // A run that nobody dispatches, due later than all that waits.
  const [silent = ""] = await fire(path, 1, { minutes: 2 });
  const statuses = async (ids: readonly string[]) => {
    const list = JSON.stringify(ids);
    const query = "SELECT DISTINCT status FROM runs WHERE id IN (SELECT value FROM json_each(?)) ORDER BY status";
    return (await journal<{ status: string }>(path, query, list)).map(({ status }) => status);
  };
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  // The attempts under way go on hanging: their leases end, and they wait too.
  await pass(path, MINUTE_MS + 1);
  for (let n = 0; n < 10; n++) await pass(path, 100);
  expect([await statuses(short), await statuses(long)]).toEqual([["failed"], ["pending"]]);
  const lines = log.mock.calls.map(
    ([line]) => JSON.parse(String(line)) as { event: string; run: string; reason: string },
  );
  const givenUp = lines.filter(({ event }) => event === "attempt_given_up");
  expect(givenUp.map(({ run }) => run).sort()).toEqual(short);
  expect(new Set(givenUp.map(({ reason }) => reason))).toEqual(new Set(["ci.example was not called in time."]));
  log.mockRestore();
  await pass(path, MINUTE_MS);
  for (let n = 0; n < 10; n++) await pass(path, 100);
  expect(await statuses([silent])).toEqual(["failed"]);
});

it("a waiting dispatch has an alarm for its deadline", async () => {
  const path = newRunsPath();
  await fire(path, PERMITS);
  await fire(path, 1, { minutes: 0.2 });
  await replicated(path);
  for (let n = 0; n < 5; n++) await ring(path);
  expect(await alarmAt(path)).toBeLessThanOrEqual(Date.now() + 12_000);
});

it("a dispatch that can't be processed, nor deferred, keeps a free permit from the others only once", async () => {
  const path = newRunsPath();
  await fire(path, PERMITS);
  const [stuck = "", next = ""] = await fire(path, 2);
  await journal(
    path,
    `CREATE TRIGGER stuck BEFORE UPDATE ON runs WHEN NEW.id = '${stuck}' BEGIN SELECT RAISE(FAIL, 'no'); END`,
  );
  const failures = vi.spyOn(console, "error").mockImplementation(() => {});
  await answer(path, [outside.underWay[0]]);
  await until(async () => outside.sent.includes(next));
  const failed = failures.mock.calls.filter(([line]) => String(line).includes("due_row_failed"));
  expect(failed.length).toBeLessThan(5);
  failures.mockRestore();
});

it("a run that is due before all that waits, because the clock stepped back, ends at its deadline", async () => {
  const path = newRunsPath();
  await fire(path, PERMITS + 5);
  // The alarm has looked at all that waits.
  for (let n = 0; n < 3; n++) await pass(path, MINUTE_MS);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 30 * MINUTE_MS });
  const early = await createAged(path, { deadlineAt: Date.now() + MINUTE_MS });
  await pass(path, MINUTE_MS + 1);
  // Only the alarm: a get would end the run as well.
  const status = "SELECT status FROM runs WHERE id = ?";
  expect(await journal(path, status, early)).toEqual([{ status: "failed" }]);
});

it("attempts under way are bounded by their bytes too, and the next one leaves as soon as it fits", async () => {
  const path = newRunsPath();
  const ids = await fire(path, 40, { bytes: MB });
  const inTheAir = () => outside.underWay.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(inTheAir()).toBe(25 * MB);
  await ring(path);
  expect(inTheAir()).toBe(25 * MB);
  for (let answered = 1; answered <= ids.length; answered++) {
    await answer(path, [outside.underWay[0]]);
    await ring(path);
    expect(inTheAir()).toBe(Math.min(25, ids.length - answered) * MB);
  }
  expect(outside.sent).toEqual(ids);
});

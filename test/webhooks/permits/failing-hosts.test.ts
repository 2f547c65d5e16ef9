/** A host whose attempts fail holds few permits, so that it can't hold up the jobs of the other hosts. */

import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { coordinatorOf } from "../../../src/runs/protocol.ts";
import { coordinator, journal, MINUTE_MS, restart, until } from "../../support/direct.ts";
import { replicated } from "../../support/replicated.ts";
import { newRunsPath } from "../../support/requests.ts";
import { alarmAt, answer, fire, outside, pass, rowsWritten, useStandInSender } from "../stand-in-sender.ts";

const MB = 1_000_000;
const DEAD = { host: "dead.example", maxAttempts: null };

useStandInSender();

const sentTo = (ids: readonly string[]) => outside.sent.filter((id) => ids.includes(id)).length;
const underWayOf = (ids: readonly string[]) => outside.underWay.filter(({ runId }) => ids.includes(runId));

/** All attempts under way of these runs come to this status. */
const answerAll = (path: string, ids: readonly string[], status: number) => answer(path, underWayOf(ids), status);

it("3000 runs of a dead host beside one of a healthy host, whose attempt leaves at once", async () => {
  const path = newRunsPath();
  const dead = await fire(path, 3000, DEAD);
  // They hang: nobody knows yet that the host is dead.
  expect(underWayOf(dead)).toHaveLength(1600);
  const [healthy = ""] = await fire(path, 1);
  expect(outside.sent).toContain(healthy);

  // Another one is sent each time that one fails, until five in a row have failed.
  await answerAll(path, dead, 503);
  expect(underWayOf(dead).length).toBeLessThanOrEqual(100);
  await replicated(path);
  const [second = ""] = await fire(path, 1);
  expect(outside.sent).toContain(second);
  await answer(path, outside.underWay, 202);
  await until(async () => outside.underWay.length === 0);

  // From then on the host gets one attempt in 10 s, and nothing else is written for it.
  await pass(path, 1000);
  const before = sentTo(dead);
  for (let n = 0; n < 12; n++) {
    await pass(path, 2500);
    await answerAll(path, dead, 503);
  }
  expect(sentTo(dead) - before).toBe(3);
  const [third = ""] = await fire(path, 1);
  expect(outside.sent).toContain(third);
});

it("a failing host holds 100 permits and 2 MB, and is free again with its first success", async () => {
  const path = newRunsPath();
  const [first = ""] = await fire(path, 1, DEAD);
  await answerAll(path, [first], 503);
  const small = await fire(path, 120, DEAD);
  expect(underWayOf(small)).toHaveLength(100);
  const [one] = underWayOf(small);
  await answer(path, [one], 202);
  await until(async () => underWayOf(small).length === 119);
  await answerAll(path, small, 202);

  const [again = ""] = await fire(path, 1, DEAD);
  await answerAll(path, [again], 503);
  const large = await fire(path, 5, { ...DEAD, bytes: 0.9 * MB });
  expect(underWayOf(large)).toHaveLength(2);
  // One always fits, whatever it weighs.
  await answer(path, underWayOf(large), 503);
  const [huge = ""] = await fire(path, 1, { host: "huge.example", bytes: 3 * MB });
  await answerAll(path, [huge], 503);
  for (let n = 0; n < 5 && sentTo([huge]) < 2; n++) await pass(path, 1000);
  expect(sentTo([huge])).toBe(2);
});

it("first attempts begin before retries, and waiting counts as no attempt", async () => {
  const path = newRunsPath();
  const tried = await fire(path, 6, DEAD);
  await answerAll(path, tried, 503);
  const fresh = await fire(path, 3, DEAD);
  expect(sentTo(fresh)).toBe(0);
  const attempts = "SELECT attempt FROM dispatches JOIN json_each(?) ON run_id = value ORDER BY run_id";
  expect(await journal(path, attempts, JSON.stringify(fresh))).toEqual(Array(3).fill({ attempt: 0 }));
  // All retries are due by then.
  for (let n = 1; n <= 3; n++) {
    await pass(path, 10_000);
    expect([sentTo(fresh), sentTo(tried)]).toEqual([n, 6]);
    await answerAll(path, fresh, 503);
  }
  // The trial request to a host that is back lets all others go.
  await pass(path, 10_000);
  await answer(path, outside.underWay, 202);
  await pass(path, 60_000);
  await until(async () => sentTo(fresh) + sentTo(tried) >= 6 + 3 + 8);
});

it("a first attempt gets a free permit before a retry to another host", async () => {
  const path = newRunsPath();
  const [retried = ""] = await fire(path, 1, { host: "a.example" });
  await answerAll(path, [retried], 503);
  const filling = await fire(path, 1600);
  await fire(path, 320, { host: "other.example" });
  for (let n = 0; n < 80; n++) await fire(path, 1, { host: `small-${n}.example` });
  expect(outside.underWay).toHaveLength(2000);
  await pass(path, 200);
  const [fresh = ""] = await fire(path, 1, { host: "b.example" });
  expect([sentTo([retried]), sentTo([fresh])]).toEqual([1, 0]);
  await answer(path, underWayOf(filling).slice(0, 1));
  await until(async () => sentTo([fresh]) === 1);
  expect(sentTo([retried])).toBe(1);
  await answer(path, underWayOf(filling).slice(0, 1));
  await until(async () => sentTo([retried]) === 2);
});

it("runs that wait for a trial request write nothing, have an alarm for it, and wait no second longer", async () => {
  const path = newRunsPath();
  const dead = await fire(path, 300, DEAD);
  await answerAll(path, dead, 503);
  await replicated(path);
  await pass(path, 60_000);
  await answerAll(path, dead, 503);
  // All that waits has been looked at.
  for (let n = 0; n < 4; n++) await pass(path, 100);
  const written = await rowsWritten(path, async () => {
    for (let n = 0; n < 8; n++) await pass(path, 1000);
  });
  expect(written).toBeLessThan(10);
  const at = (await alarmAt(path)) ?? 0;
  expect(at - Date.now()).toBeLessThanOrEqual(2000);
  const before = sentTo(dead);
  await pass(path, at - Date.now());
  for (let n = 0; n < 3 && sentTo(dead) === before; n++) await pass(path, 100);
  expect(sentTo(dead)).toBe(before + 1);
});

it("an attempt of a run that waits for no other costs one alarm", async () => {
  const path = newRunsPath();
  const dead = await fire(path, 1, { ...DEAD, initialDelayMs: 1000 });
  await replicated(path);
  // What is replicated is noted.
  await pass(path, 10);
  let rings = 0;
  for (; sentTo(dead) < 20; rings++) {
    await answerAll(path, dead, 503);
    await pass(path, Math.max(((await alarmAt(path)) ?? 0) - Date.now(), 1));
  }
  expect(rings).toBeLessThan(25);
});

it("a run that waits for its host is given up when half of its time is up", async () => {
  const path = newRunsPath();
  const tried = await fire(path, 6, DEAD);
  await answerAll(path, tried, 503);
  const [waiting = ""] = await fire(path, 1, { ...DEAD, minutes: 0.2 });
  const state = "SELECT status, error, end_cause FROM runs WHERE id = ?";
  await pass(path, 5900);
  expect(await journal(path, state, waiting)).toMatchObject([{ status: "pending" }]);
  await pass(path, 101);
  expect(await journal(path, state, waiting)).toEqual([
    {
      status: "failed",
      error:
        "[delivery] dead.example was not called in time, because a host that fails gets one attempt every 10 seconds.",
      end_cause: "delivery",
    },
  ]);
});

it("after a restart, a host whose runs were tried before counts as failing", async () => {
  const path = newRunsPath();
  const dead = await fire(path, 150, DEAD);
  await answerAll(path, dead, 503);
  await replicated(path);
  await restart(path);
  outside.sent = [];
  await pass(path, 60_000);
  expect(sentTo(dead)).toBe(100);
});

it("a failure to process one waiting run defers it, and the others of its host go on", async () => {
  const path = newRunsPath();
  const tried = await fire(path, 6, DEAD);
  await answerAll(path, tried, 503);
  const [stuck = "", next = ""] = await fire(path, 2, DEAD);
  await journal(
    path,
    `CREATE TRIGGER stuck BEFORE UPDATE ON dispatches WHEN NEW.run_id = '${stuck}' AND NEW.attempt > 0
     BEGIN SELECT RAISE(FAIL, 'no'); END`,
  );
  await pass(path, 10_000);
  await until(async () => sentTo([next]) === 1);
  expect(sentTo([stuck])).toBe(0);
  const due = "SELECT next_at - ? AS ms FROM dispatches WHERE run_id = ?";
  expect(await journal(path, due, Date.now(), stuck)).toEqual([{ ms: 10_000 }]);
});

it("hosts that hang leave permits for the others, however many hang", async () => {
  const path = newRunsPath();
  for (const n of [1, 2, 3]) await fire(path, 1700, { host: `hanging-${n}.example`, maxAttempts: null });
  const [healthy = ""] = await fire(path, 1);
  expect(outside.sent).toContain(healthy);
});

it("a hook that answers 500 does not hold up the other hooks of its host", async () => {
  const path = newRunsPath();
  const broken = await fire(path, 50, DEAD);
  await answerAll(path, broken, 500);
  const [healthy = ""] = await fire(path, 1, DEAD);
  expect(outside.sent).toContain(healthy);
});

it("first attempts begin before retries also after a restart", async () => {
  const path = newRunsPath();
  const tried = await fire(path, 30, DEAD);
  await answerAll(path, tried, 503);
  const fresh = await fire(path, 10, DEAD);
  await replicated(path);
  await restart(path);
  outside.sent = [];
  await pass(path, 60_000);
  await until(async () => sentTo(fresh) === 10);
  expect(outside.sent.slice(0, 10).sort()).toEqual([...fresh].sort());
});

it("lighter requests of other hosts do not overtake a heavy one, and the alarm does not ring without pause", async () => {
  const path = newRunsPath();
  // Of 32 MB, 100 kB are left.
  for (let n = 0; n < 16; n++) await fire(path, 1, { host: `filling-${n}.example`, bytes: 1.9 * MB });
  await fire(path, 1, { host: "filling.example", bytes: 1.5 * MB });
  const [heavy = ""] = await fire(path, 1, { host: "heavy.example", bytes: 0.5 * MB });
  const light: string[] = [];
  for (let n = 0; n < 20; n++) light.push(...(await fire(path, 1, { host: `light-${n}.example` })));
  await pass(path, 100);
  await pass(path, 1);
  expect([outside.underWay.length, sentTo([heavy]), sentTo(light)]).toEqual([17, 0, 0]);
  expect((await alarmAt(path)) ?? 0).toBeGreaterThan(Date.now());
  await answer(path, outside.underWay.slice(0, 1));
  await until(async () => sentTo(light) > 0);
  expect(outside.sent[17]).toBe(heavy);
});

it("an attempt that a heartbeat overtook is in the timeline also if its invocation dies", async () => {
  const path = newRunsPath();
  const [id = ""] = await fire(path, 1);
  await until(async () => outside.underWay.length === 1);
  await runInDurableObject(coordinator(path), async (instance) => {
    expect(await coordinatorOf(instance).runs.heartbeat(id, {})).toMatchObject({ ok: true });
    outside.underWay[0]?.crash();
  });
  const outcomes = "SELECT data ->> 'outcome' AS outcome FROM events WHERE run_id = ? AND type = 'attempt_answered'";
  await until(async () => (await journal(path, outcomes, id)).length === 1);
  expect(await journal(path, outcomes, id)).toEqual([{ outcome: "overtaken" }]);
});

describe("a run that gets no attempt in time from a host that fails", () => {
  const WHY = "because a host that fails gets one attempt every 10 seconds";
  const errorOf = async (path: string, id = "") => {
    const [run] = await journal<{ error: string }>(path, "SELECT error FROM runs WHERE id = ?", id);
    return run?.error;
  };
  /** A run whose attempt failed, and one that has never had one. */
  async function failing(maxAttempts: number | null) {
    const path = newRunsPath();
    const wanted = { ...DEAD, maxAttempts, minutes: 2 };
    const tried = await fire(path, 6, wanted);
    await answerAll(path, tried, 503);
    const fresh = await fire(path, 1, wanted);
    return { path, tried: tried[0], fresh: fresh[0] };
  }

  it("says what its last attempt came to", async () => {
    const { path, tried, fresh } = await failing(null);
    await pass(path, MINUTE_MS + 1000);
    expect(await errorOf(path, tried)).toBe(
      `[delivery] dead.example answered 503, at attempt 1, and the time was up before the next attempt could begin, ${WHY}.`,
    );
    expect(await errorOf(path, fresh)).toBe(`[delivery] dead.example was not called in time, ${WHY}.`);
  });

  it("says so also if its deadline ends it", async () => {
    const { path, tried, fresh } = await failing(9);
    await pass(path, 2 * MINUTE_MS + 1000);
    const timeout = /^\[timeout\] No result was reported by \S+Z\. /;
    expect(await errorOf(path, tried)).toMatch(timeout);
    expect((await errorOf(path, tried))?.replace(timeout, "")).toBe(
      "dead.example answered 503, at attempt 1, and the time was up before the next attempt could begin.",
    );
    expect((await errorOf(path, fresh))?.replace(timeout, "")).toBe("dead.example was not called in time.");
  });

  it("does not blame a host whose attempt is under way at the deadline", async () => {
    const path = newRunsPath();
    const [run] = await fire(path, 1, { ...DEAD, maxAttempts: 9, minutes: 0.2 });
    await pass(path, 0.2 * MINUTE_MS);
    expect(await errorOf(path, run)).toMatch(/^\[timeout\] No result was reported by \S+Z\.$/);
  });
});

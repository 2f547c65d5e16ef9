/** The attempts of deliveries: their schedule, what an answer means, and that one endpoint can't hurt another. */

import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { type Circumstances, deliveryAfter } from "../../../src/runs/coordinator/endpoints/deliveries.ts";
import type { Delivery, DeliveryResult } from "../../../src/runs/endpoint-deliveries.ts";
import { LEASE_MS } from "../../../src/webhooks/dispatch.ts";

import {
  alarmAt,
  coordinator,
  DAY_MS,
  direct,
  HOUR_MS,
  journal,
  MINUTE_MS,
  restart,
  until,
} from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";
import {
  answer,
  CHAT,
  type DeliveryRow,
  deliveryRows,
  end,
  given,
  givenWorking,
  healthRows,
  note,
  outside,
  pass,
  put,
  untilDelivered,
  untilIdle,
  untilSent,
  useStandInEndpoints,
} from "./stand-in-endpoints.ts";

useStandInEndpoints();

const DOWN = "down@1";
const of = (endpoint: string) => outside.underWay.filter(({ attempt }) => attempt.endpoint === endpoint);

const recover = (path: string, endpoint: string) =>
  direct(path).endpoints.recover(endpoint, { since: 0, until: null, include: "missing" });
const recoveries = (path: string) => journal(path, "SELECT * FROM recoveries");

/** An environment whose endpoint gets only trial requests, with six deliveries. */
async function givenDown(): Promise<string> {
  const path = await given(DOWN);
  outside.answers = () => 503;
  for (let n = 0; n < 6; n++) await end(path);
  await until(async () => Number((await healthRows(path))[0]?.failures) >= 5);
  return path;
}

/** Answers the one attempt under way, and waits until the journal has that. */
async function settle(path: string, result: Partial<DeliveryResult> | number): Promise<DeliveryRow> {
  await until(async () => outside.underWay.length === 1);
  await answer(path, outside.underWay, result);
  await untilIdle(path);
  const [row] = await deliveryRows(path);
  if (row === undefined) throw new Error("no delivery is left");
  return row;
}

describe("deliveryAfter", () => {
  const DELIVERY: Delivery = {
    endpoint: CHAT,
    runId: "r",
    kind: "ended",
    type: "action_run.failed",
    state: "waiting",
    isResend: false,
    weight: 1,
    attempt: 1,
    nextAt: null,
    leaseUntil: 9e9,
    expiresAt: 9e12,
    attempts: [],
  };
  const FAILED: DeliveryResult = {
    verdict: "failed",
    isAlive: false,
    version: 1,
    status: 503,
    durationMs: 5,
    reason: "answered 503",
    excerpt: null,
    retryAfter: null,
  };
  const AT: Circumstances = { now: 1_000_000, random: 0.5, isTrial: false, isHalfOpen: false };
  const waits = [5000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS];

  it("waits longer after each of seven failures, a fifth more or less, and gives up after the eighth", () => {
    for (const [n, wait] of waits.entries()) {
      const delivery = { ...DELIVERY, attempt: n + 1 };
      const nextAt = (random: number) => (deliveryAfter(delivery, FAILED, { ...AT, random })?.nextAt ?? 0) - AT.now;
      expect([nextAt(0), nextAt(0.5), nextAt(1)]).toEqual([0.8, 1, 1.2].map((part) => Math.ceil(part * wait)));
    }
    expect(deliveryAfter({ ...DELIVERY, attempt: 8 }, FAILED, AT)).toMatchObject({ state: "failed", nextAt: null });
  });

  it("waits as long as Retry-After says, if that is longer, and an hour at most", () => {
    const wait = (retryAfter: string) => (deliveryAfter(DELIVERY, { ...FAILED, retryAfter }, AT)?.nextAt ?? 0) - AT.now;
    expect([wait("60"), wait("1"), wait("86400"), wait("soon")]).toEqual([60_000, 5000, HOUR_MS, 5000]);
  });

  it("counts no attempt that could not be made, and no trial request", () => {
    const unmade = deliveryAfter(DELIVERY, { ...FAILED, verdict: "not_made", isAlive: null }, AT);
    expect(unmade).toMatchObject({ attempt: 0, nextAt: AT.now + 30_000, attempts: [], state: "waiting" });
    const tried = deliveryAfter(DELIVERY, FAILED, { ...AT, isTrial: true, isHalfOpen: true });
    expect(tried).toMatchObject({ attempt: 0, nextAt: AT.now, state: "waiting" });
    expect(tried?.attempts).toHaveLength(1);
    // The failure after which the endpoint gets only trial requests counts, and the schedule stands still from then on.
    const fifth = deliveryAfter(DELIVERY, FAILED, { ...AT, isHalfOpen: true });
    expect(fifth).toMatchObject({ attempt: 1, nextAt: AT.now, state: "waiting" });
  });

  it("shows the last ten attempts", () => {
    const attempts = Array.from({ length: 10 }, (_, at) => ({
      at,
      status: 503,
      durationMs: 1,
      reason: "answered 503",
      excerpt: null,
    }));
    const next = deliveryAfter({ ...DELIVERY, attempts }, FAILED, AT);
    expect(next?.attempts.map(({ at }) => at)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, AT.now - 5]);
  });
});

describe("a delivery", () => {
  it("is tried until a 2xx, and costs nothing after that", async () => {
    const path = await given(CHAT);
    await end(path);
    const first = await settle(path, 503);
    expect(first).toMatchObject({ state: "waiting", attempt: 1 });
    expect(first.next_at).toBeGreaterThanOrEqual(Date.now() + 3000);
    await pass(path, 6001);
    const done = await settle(path, 204);
    expect(done).toMatchObject({ state: "delivered", attempt: 2, next_at: null });
    expect(JSON.parse(done.attempts)).toMatchObject([{ status: 503 }, { status: 204 }]);
    expect(await healthRows(path)).toMatchObject([{ failures: 0, failing_since: null }]);
    await pass(path, HOUR_MS);
    expect(outside.sent).toHaveLength(2);
  });

  it.each<[string, Partial<DeliveryResult> | number]>([
    ["a redirect", { verdict: "failed", isAlive: true, status: 302 }],
    ["no answer", { verdict: "failed", isAlive: false, status: null }],
  ])("is tried again after %s", async (_, result) => {
    const path = await given(CHAT);
    await end(path);
    expect(await settle(path, result)).toMatchObject({ state: "waiting", attempt: 1 });
  });

  it("that the receiver refuses is over, and five of them leave the endpoint healthy", async () => {
    const path = await given(CHAT);
    for (let n = 0; n < 5; n++) {
      await end(path);
      await until(async () => outside.underWay.length === 1);
      await answer(path, outside.underWay, 422);
    }
    await until(async () => (await deliveryRows(path)).every(({ state }) => state === "failed"));
    expect(await healthRows(path)).toEqual([]);
    await end(path);
    await untilSent(6);
    await answer(path, outside.underWay, 200);
    await until(async () => (await deliveryRows(path)).some(({ state }) => state === "delivered"));
  });

  it("whose endpoint is gone is dropped, with all others that wait for that endpoint", async () => {
    const path = await given(CHAT, DOWN);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + MINUTE_MS });
    for (let n = 0; n < 10; n++) await end(path);
    await until(async () => of(CHAT).length === 8 && of(DOWN).length === 8);
    await answer(path, of(DOWN).slice(0, 1), { verdict: "gone", isAlive: null, status: null, version: 0 });
    await until(async () => (await deliveryRows(path)).filter(({ endpoint }) => endpoint === DOWN).length === 0);
    await answer(path, of(DOWN), 200);
    expect((await deliveryRows(path)).map(({ endpoint }) => endpoint)).toEqual(Array(10).fill(CHAT));
  });

  it.each([0, -1, -HOUR_MS])(
    "is kept if its endpoint was stored or enabled while another delivery found that endpoint gone, and the clock stepped by %i ms",
    async (step) => {
      // So far ahead, no alarm rings by itself.
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY_MS });
      for (const enable of [note, (path: string) => direct(path).endpoints.forgetHealth(CHAT)]) {
        const path = await given(CHAT);
        await end(path);
        await until(async () => outside.underWay.length === 1);
        const [gone] = outside.underWay;
        vi.setSystemTime(Date.now() + 20_000);
        await enable(path);
        const heard = [await end(path), await end(path)];
        await until(async () => (await deliveryRows(path)).length === 3);
        vi.setSystemTime(Date.now() + step);
        await answer(path, [gone], { verdict: "gone", isAlive: null, status: null, version: 0 });
        await until(async () => (await deliveryRows(path)).length < 3);
        expect((await deliveryRows(path)).map(({ run_id }) => run_id)).toEqual(heard.sort());
        outside.underWay = [];
      }
    },
  );

  it.each(["dies with its attempt", "loses only the attempt"])("is tried again if its object %s", async (what) => {
    const path = await given(CHAT);
    const id = await end(path);
    await until(async () => outside.underWay.length === 1);
    const [lost] = outside.underWay;
    if (what === "loses only the attempt") {
      await runInDurableObject(coordinator(path), async () => lost?.crash());
    } else {
      await restart(path);
      outside.underWay = [];
    }
    await pass(path, 30_001);
    await pass(path, 6001);
    await untilSent(2);
    expect(outside.sent.map(({ runId }) => runId)).toEqual([id, id]);
    expect(await settle(path, 200)).toMatchObject({ state: "delivered", attempt: 2 });
  });

  it("is kept for seven days", async () => {
    const path = await given(CHAT);
    await end(path);
    await settle(path, 200);
    await pass(path, 7 * DAY_MS - 1);
    expect(await deliveryRows(path)).toHaveLength(1);
    await pass(path, HOUR_MS + 1);
    expect(await deliveryRows(path)).toEqual([]);
  });

  it("has its alarm before anything is due, also after a death", async () => {
    const path = await given(CHAT);
    await end(path);
    const { next_at } = await settle(path, 503);
    expect(await alarmAt(path)).toBeLessThanOrEqual(next_at ?? 0);
    await restart(path);
    await runInDurableObject(coordinator(path), (_, { storage }) => storage.deleteAlarm());
    const dueAt = await direct(path).upkeep.poke();
    expect(dueAt).toBeLessThanOrEqual(next_at ?? 0);
    expect(await alarmAt(path)).not.toBeNull();
  });
});

it("deliveries that wait for a permit ring no alarm, and one that was due before them still does", async () => {
  const path = await given(CHAT, DOWN);
  const dueInMs = async () => {
    const dueAt = await direct(path).upkeep.poke();
    return (dueAt ?? 0) - Date.now();
  };
  // The platform rings no alarm by this clock. The endpoints are read for the last time.
  await pass(path, HOUR_MS);
  await until(async () => outside.reads >= 2);
  for (let n = 1; n <= 10; n++) await end(path);
  await until(async () => (await deliveryRows(path)).length === 20 && outside.underWay.length === 16);
  expect(await dueInMs()).toBeGreaterThan(LEASE_MS / 2);
  await answer(path, of(DOWN).slice(0, 2), 503);
  await until(async () => (await deliveryRows(path)).filter(({ attempt }) => attempt > 0).length === 18);
  // The retries of DOWN are due within seconds, and more deliveries come meanwhile.
  expect(await dueInMs()).toBeLessThan(7000);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 7000 });
  await end(path);
  await until(async () => (await deliveryRows(path)).length === 22);
  expect(await dueInMs()).toBeLessThanOrEqual(0);
});

describe("one endpoint", () => {
  it("gets eight attempts at a time, and nineteen that hang leave the twentieth its own", async () => {
    const hanging = Array.from({ length: 19 }, (_, n) => `hangs${n}@1`);
    const path = await given(...hanging, CHAT);
    for (let n = 0; n < 10; n++) await end(path);
    await until(async () => of(CHAT).length === 8);
    expect(hanging.map((endpoint) => of(endpoint).length)).toEqual(hanging.map(() => 8));
    await answer(path, of(CHAT), 200);
    await until(async () => of(CHAT).length === 2);
    await answer(path, of(CHAT), 200);
    await until(async () => {
      const chat = (await deliveryRows(path)).filter(({ endpoint }) => endpoint === CHAT);
      return chat.length === 10 && chat.every(({ state }) => state === "delivered");
    });
    expect(hanging.map((endpoint) => of(endpoint).length)).toEqual(hanging.map(() => 8));
  });

  it("that is down gets one trial request a minute, with another delivery each time, and none of them counts", async () => {
    const path = await given(DOWN);
    outside.answers = () => 503;
    const ids = [];
    for (let n = 0; n < 7; n++) {
      ids.push(await end(path));
      await untilIdle(path);
    }
    await until(async () => outside.sent.length >= 5);
    const before = (await deliveryRows(path)).map(({ attempt }) => attempt);
    // The fifth failure can come while a sixth attempt is under way.
    expect([5, 6]).toContain(before.reduce((sum, attempt) => sum + attempt, 0));
    outside.sent = [];
    for (let n = 0; n < 7; n++) {
      await pass(path, 30_000);
      await pass(path, 30_001);
      await until(async () => outside.sent.length === n + 1);
      await untilIdle(path);
    }
    expect(outside.sent.map(({ runId }) => runId).sort()).toEqual([...ids].sort());
    expect((await deliveryRows(path)).map(({ attempt }) => attempt)).toEqual(before);
    const page = await direct(path).endpoints.page(DOWN, { limit: 10 });
    expect(page).toMatchObject({ isHalfOpen: true });

    // It is up again: the trial request that finds out brings all others with it.
    outside.answers = () => 200;
    await pass(path, 61_000);
    await until(async () => (await deliveryRows(path)).filter(({ state }) => state === "delivered").length >= 5);
    await pass(path, 10_000);
    await untilDelivered(path);
    expect(await healthRows(path)).toMatchObject([{ failures: 0, failing_since: null }]);
  });

  it("that was deleted leaves no row, although nothing waited for it", async () => {
    const path = await given(CHAT, DOWN);
    await end(path);
    await until(async () => outside.underWay.length === 2);
    await answer(path, outside.underWay, 204);
    await until(async () => (await healthRows(path)).length === 2);
    await recover(path, DOWN);
    await until(async () => (await recoveries(path)).every(({ is_over }) => is_over === 1));
    await put(path, CHAT);
    await until(async () => (await healthRows(path)).length === 1);
    expect(await healthRows(path)).toMatchObject([{ endpoint: CHAT }]);
    expect(await recoveries(path)).toEqual([]);
  });

  it("that is down gets trial requests, even if others began to wait in the millisecond of its last failure", async () => {
    const path = await given("a@1");
    outside.answers = () => 503;
    await end(path);
    for (const [n, ms] of [0, 6001, 6 * MINUTE_MS, 36 * MINUTE_MS].entries()) {
      await pass(path, ms);
      await until(async () => (await deliveryRows(path))[0]?.attempt === n + 1);
    }
    outside.answers = null;
    await pass(path, 3 * HOUR_MS);
    await until(async () => of("a@1").length === 1);
    outside.filters = { "a@1": { disabled: true } };
    await put(path, "a@1", "z@1");
    for (let n = 1; n <= 3; n++) await end(path);
    await until(async () => (await deliveryRows(path)).length === 4);
    await answer(path, of("a@1"), 503);
    await until(async () => (await deliveryRows(path))[0]?.lease_until === null);
    await pass(path, MINUTE_MS);
    await until(async () => of("a@1").length === 1);
  });

  it("that is down gets trial requests with another delivery each time, also if it takes long to answer", async () => {
    const path = await givenDown();
    outside.answers = null;
    const tried: string[] = [];
    for (let n = 0; n < 6; n++) {
      await untilIdle(path);
      await pass(path, 30_000);
      await pass(path, 30_001);
      await until(async () => outside.underWay.length === 1);
      tried.push(...outside.underWay.map(({ attempt }) => attempt.runId));
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2000 });
      await answer(path, outside.underWay, 503);
    }
    expect(new Set(tried).size).toBe(6);
  });

  it("that is down gets a trial request with a delivery whose next attempt is hours away, too", async () => {
    const path = await given(DOWN);
    outside.answers = () => 503;
    const first = await end(path);
    for (const [n, ms] of [0, 6001, 6 * MINUTE_MS, 36 * MINUTE_MS].entries()) {
      await pass(path, ms);
      await until(async () => (await deliveryRows(path))[0]?.attempt === n + 1);
    }
    await end(path);
    await until(async () => Number((await healthRows(path))[0]?.failures) === 5);
    outside.sent = [];
    for (let n = 1; n <= 3; n++) {
      await pass(path, 61_000);
      await until(async () => outside.sent.length === n);
      await untilIdle(path);
    }
    expect(outside.sent.map(({ runId }) => runId)).toContain(first);
    expect((await deliveryRows(path))[0]?.attempt).toBe(4);
  });

  it("that is down still gets trial requests after a death, and others are not held up by it", async () => {
    const path = await given(DOWN);
    outside.answers = ({ endpoint }) => (endpoint === DOWN ? 503 : 200);
    for (let n = 0; n < 6; n++) await end(path);
    await untilSent(5);
    await until(async () => Number((await healthRows(path))[0]?.failures) >= 5);
    await restart(path);
    outside.sent = [];
    await put(path, DOWN, CHAT);
    await end(path);
    await until(async () => outside.sent.some(({ endpoint }) => endpoint === CHAT));
    for (let n = 0; n < 4; n++) await pass(path, 5000);
    expect(outside.sent.filter(({ endpoint }) => endpoint === DOWN).length).toBeLessThanOrEqual(1);
  });

  it("that is down uses up no attempts, however often its object dies", async () => {
    const path = await givenDown();
    await untilIdle(path);
    const before = (await deliveryRows(path)).map(({ attempt }) => attempt);
    for (let n = 0; n < 4; n++) {
      await restart(path);
      outside.sent = [];
      await pass(path, 61_000);
      await untilSent(1);
      await untilIdle(path);
    }
    expect((await deliveryRows(path)).map(({ attempt }) => attempt)).toEqual(before);
  });

  it("that answers but refuses with 404 gets no trial requests, and its failures are counted", async () => {
    const path = await given(CHAT);
    outside.answers = () => ({ verdict: "failed", isAlive: true, status: 404 });
    for (let n = 0; n < 7; n++) {
      const id = await end(path);
      // On a busy machine, the deliveries before are meanwhile tried again.
      await until(async () => outside.sent.some(({ runId }) => runId === id));
    }
    await untilIdle(path);
    const page = await direct(path).endpoints.page(CHAT, { limit: 10 });
    expect(page.isHalfOpen).toBe(false);
    expect(await healthRows(path)).toMatchObject([{ failures: 0, failing_since: expect.any(Number) }]);
  });

  it("whose secrets can't be opened is not looked for all the time", async () => {
    const path = await given(CHAT);
    outside.answers = () => ({ verdict: "not_made", isAlive: null, status: null, version: 0 });
    for (let n = 0; n < 10; n++) await end(path);
    await until(async () => outside.sent.length >= 5);
    for (let n = 0; n < 10; n++) await pass(path, 1000);
    expect(outside.sent.length).toBeLessThanOrEqual(7);
    expect((await deliveryRows(path)).map(({ attempt }) => attempt)).toEqual(Array(10).fill(0));
    expect(await healthRows(path)).toEqual([]);
    outside.answers = () => 200;
    for (let n = 0; n < 3; n++) await pass(path, 61_000);
    await untilDelivered(path);
  });
});

describe("health", () => {
  it("of an endpoint that works costs one row a day", async () => {
    const path = await givenWorking(CHAT);
    for (let n = 0; n < 3; n++) await end(path);
    await until(async () => (await deliveryRows(path)).filter(({ state }) => state === "delivered").length === 3);
    const [first] = await healthRows(path);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + HOUR_MS });
    await end(path);
    await until(async () => (await deliveryRows(path)).filter(({ state }) => state === "delivered").length === 4);
    expect(await healthRows(path)).toEqual([first]);
  });

  it("belongs to a version: a new one starts anew, and an old one's results no longer count", async () => {
    const path = await given(CHAT);
    await end(path);
    await settle(path, { version: 2, status: 503, verdict: "failed", isAlive: false });
    expect(await healthRows(path)).toMatchObject([{ version: 2, failures: 1 }]);
    await pass(path, 6001);
    await settle(path, { version: 1, status: 503, verdict: "failed", isAlive: false });
    expect(await healthRows(path)).toMatchObject([{ version: 2, failures: 1 }]);
    await pass(path, 6 * MINUTE_MS);
    await settle(path, { version: 3, status: 404, verdict: "failed", isAlive: true });
    expect(await healthRows(path)).toMatchObject([{ version: 3, failures: 0 }]);
  });

  it("that has been bad for a day is shown to the Worker, once an hour", async () => {
    const path = await given(CHAT);
    outside.answers = () => ({ verdict: "failed", isAlive: true, status: 404 });
    await end(path);
    await until(async () => (await deliveryRows(path))[0]?.attempt === 1);
    expect(outside.considered).toEqual([]);
    await pass(path, DAY_MS + HOUR_MS);
    for (const n of [2, 3]) {
      await until(async () => (await deliveryRows(path))[0]?.attempt === n);
      await pass(path, 40 * MINUTE_MS);
    }
    await until(async () => (await deliveryRows(path))[0]?.attempt === 4);
    expect(outside.considered).toEqual([CHAT, CHAT]);
  });
});

describe("resend", () => {
  const resend = (path: string, id: string, type: "action_run.failed" | "action_run.succeeded" | null = null) =>
    direct(path).endpoints.resend(CHAT, id, type);

  it("sends a delivery again under its old id, and says nothing of health", async () => {
    const path = await given(CHAT);
    const id = await end(path);
    await settle(path, 422);
    expect(await resend(path, id)).toBe("accepted");
    expect(await settle(path, 503)).toMatchObject({ state: "waiting", attempt: 1, is_resend: 1 });
    expect(await healthRows(path)).toEqual([]);
    await pass(path, 6001);
    expect(await settle(path, 200)).toMatchObject({ state: "delivered", attempt: 2 });
  });

  it("sends a run of before the endpoint, refuses other events, and waits for no attempt under way", async () => {
    const path = newRunsPath();
    const id = await end(path);
    await put(path, CHAT);
    expect(await resend(path, id, "action_run.succeeded")).toBe("no_such_event");
    expect(await resend(path, crypto.randomUUID())).toBe("run_not_found");
    expect(await resend(path, id, "action_run.failed")).toBe("accepted");
    await until(async () => outside.underWay.length === 1);
    expect(await resend(path, id)).toBe("accepted");
    expect(await settle(path, 200)).toMatchObject({ state: "delivered", attempt: 1 });
    expect(outside.sent).toHaveLength(1);
  });
});

it("an attempt that was under way while its run was erased leaves no excerpt of what the receiver answered", async () => {
  const path = await given(CHAT);
  const id = await end(path);
  await untilSent(1);
  const stranger = { tokenId: "other", tokenName: "other", parents: [], person: null };
  expect(await direct(path).runs.erase(id, stranger)).toMatchObject({ ok: true });
  const row = await settle(path, { verdict: "failed", status: 500, excerpt: "no such customer: Ada" });
  expect(JSON.parse(String(row.attempts))).toMatchObject([{ status: 500, excerpt: null }]);
});

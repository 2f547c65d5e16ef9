/**
 * Something happens while an attempt is under way. The first end wins, and nothing is sent for a run that started or
 * ended.
 */

import { abortAllDurableObjects } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { MINUTE_MS, restart, until } from "../support/direct.ts";
import type { Answer } from "../support/receiver/client.ts";
import { ask, type CreatedRun, createRun, newRunsPath, rowOf } from "../support/requests.ts";
import { useSettings } from "../support/use-settings.ts";
import {
  answering,
  type Fired,
  fire,
  fired,
  LEASE_OVER_MS,
  loseFirstAttempt,
  ORIGIN,
  untilNobodyWaits,
} from "./runs.ts";

await useSettings("development");

const LATE_ANSWERS: readonly [string, Answer][] = [
  ["200", { status: 200 }],
  ["404", { status: 404 }],
  ["409", { status: 409 }],
  ["503", { status: 503 }],
  ["a reset", { mode: "reset" }],
];

interface UnderWay extends Fired {
  /** Lets the receiver answer. */
  release(): Promise<void>;
  /** Lets the receiver answer if it has not, gives what is due a chance, and says how many requests were sent. */
  requestsSent(): Promise<number>;
}

/** A run whose first attempt is at the receiver, which holds its answer back. */
async function underWay(answer: Answer, body: Record<string, unknown> = {}): Promise<UnderWay> {
  const r = await answering({ ...answer, held: true }, { status: 202 });
  let isHeld = true;
  const release = async () => {
    if (isHeld) await r.release();
    isHeld = false;
  };
  const run = await fire(r.url, {}, { body });
  await r.untilInbox(1);
  return {
    ...run,
    release,
    requestsSent: async () => {
      await release();
      await untilNobodyWaits(r);
      await scheduler.wait(50);
      await run.alarmIn(LEASE_OVER_MS);
      await scheduler.wait(50);
      return (await r.inbox()).length;
    },
  };
}

describe.each(LATE_ANSWERS)("before the receiver answers with %s", (_what, late) => {
  it("a callback comes, and its result stays", async () => {
    const { report, requestsSent, get, story, timeline } = await underWay(late);
    const { status, body } = await report({ status: "failed", error: "no", output: { log: 1 } });
    expect(status).toBe(200);
    expect(body.startedAt).toBe(body.completedAt);
    expect(await requestsSent()).toBe(1);
    expect(await get()).toEqual(body);
    expect(await story()).toEqual(["created", "attempt_started", "started", "ended"]);
    expect((await timeline()).slice(2)).toMatchObject([{ cause: "callback" }, { cause: "callback" }]);
  });

  it("a heartbeat comes, which starts the run, and nothing more is sent", async () => {
    const { heartbeat, requestsSent, get, story, timeline, report } = await underWay(late);
    expect((await heartbeat({ message: "at work" })).body).toMatchObject({ status: "running" });
    const body = await get();
    expect(body).toMatchObject({ status: "running", error: null });
    expect(await requestsSent()).toBe(1);
    expect(await get()).toEqual(body);
    expect(await story()).toEqual(["created", "attempt_started", "started", "heartbeat", "attempt_answered"]);
    expect((await timeline())[2]).toMatchObject({ cause: "heartbeat", at: body.startedAt });
    const overtaken = { attempt: 1, outcome: "overtaken", status: late.status ?? null, nextAttemptAt: null };
    expect((await timeline())[4]).toMatchObject(overtaken);
    expect((await report({ status: "succeeded" })).body.status).toBe("succeeded");
  });

  it("the run is cancelled, and nothing more is sent", async () => {
    const { cancel, requestsSent, get, story, timeline } = await underWay(late);
    const { status, body } = await cancel();
    expect([status, body.status, body.startedAt]).toEqual([200, "cancelled", null]);
    expect(await requestsSent()).toBe(1);
    expect(await get()).toEqual(body);
    expect(await story()).toEqual(["created", "attempt_started", "ended"]);
    expect((await timeline()).at(-1)).toMatchObject({ status: "cancelled", cause: "cancel", by: "root" });
  });

  it("the run times out, and nothing more is sent", async () => {
    const { alarmIn, requestsSent, get, story, created } = await underWay(late, { timeout: 1 });
    await alarmIn(MINUTE_MS + 1);
    const ended = await get();
    expect(ended).toMatchObject({ status: "failed", startedAt: null, completedAt: created.callback.expiresAt });
    expect(ended.error).toMatch(/^\[timeout\] /);
    expect(await requestsSent()).toBe(1);
    expect(await get()).toEqual(ended);
    expect(await story()).toEqual(["created", "attempt_started", "ended"]);
  });

  it("the deadline passes, and the response makes the coordinator notice", async () => {
    const { get, requestsSent, release, timeline, created } = await underWay(late, { timeout: 1 });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + MINUTE_MS + 1 });
    await release();
    // Looked for in D1, for to ask the coordinator would bring it to light as well.
    await until(async () => (await rowOf(created.id))?.status === "failed");
    vi.useRealTimers();
    expect((await timeline()).at(-1)).toMatchObject({
      type: "ended",
      cause: "deadline",
      at: created.callback.expiresAt,
    });
    expect(await requestsSent()).toBe(1);
    expect(await get()).toMatchObject({ status: "failed", startedAt: null });
  });
});

describe("an attempt that outlived its lease", () => {
  /** The first attempt counts as lost, and the second is under way. */
  async function twoUnderWay(
    first: Answer,
    second: Answer,
  ): Promise<Fired & { sent(): Promise<string[]>; release(): Promise<void>; untilOpen(n: number): Promise<void> }> {
    const r = await answering(first, second, { status: 500, body: "one too many" });
    const run = await fire(r.url);
    await loseFirstAttempt(run, r);
    const sent = async () => (await r.inbox()).map(({ headers }) => headers["webhook-id"] ?? "");
    /** Once no more than `n` attempts wait for their answer. */
    const untilOpen = (n: number) => until(async () => (await r.open()).open <= n);
    return { ...run, sent, release: r.release, untilOpen };
  }

  it("counts as lost and is sent again with the same id", async () => {
    const { timeline, untilStatus, sent, created } = await twoUnderWay({ mode: "hang" }, { status: 202 });
    await untilStatus("running");
    expect((await timeline()).slice(1)).toMatchObject([
      { type: "attempt_started", attempt: 1 },
      { type: "attempt_answered", attempt: 1, status: null, outcome: "retry", nextAttemptAt: expect.any(String) },
      { type: "attempt_started", attempt: 2 },
      { type: "attempt_answered", attempt: 2, status: 202, outcome: "accepted" },
      { type: "started", cause: "delivery" },
    ]);
    expect(await sent()).toEqual([created.id, created.id]);
  });

  it.each([404, 503, 409])("answers %i, which changes nothing: the newer attempt decides", async (status) => {
    const run = await twoUnderWay({ held: true, status }, { held: true, status: 202 });
    await run.release();
    await run.untilOpen(1);
    expect(await run.get()).toMatchObject({ status: "pending", error: null });
    await run.release();
    await run.untilStatus("running");
    expect(await run.sent()).toHaveLength(2);
    const answers = (await run.timeline()).filter(({ type }) => type === "attempt_answered");
    expect(answers.map(({ attempt, status: answered }) => [attempt, answered])).toEqual([
      [1, null],
      [2, 202],
    ]);
  });

  it.each([404, 503])("answers %i after the newer one was accepted, and the run stays running", async (status) => {
    const run = await twoUnderWay({ held: true, status }, { status: 202 });
    const running = await run.untilStatus("running");
    await run.release();
    await run.untilOpen(0);
    await run.alarmIn(LEASE_OVER_MS);
    expect(await run.get()).toEqual(running);
    expect(await run.sent()).toHaveLength(2);
  });

  it.each([404, 503])(
    "answers 200 while the newer one is under way, which counts even if the newer one gets %i",
    async (status) => {
      const run = await twoUnderWay({ held: true, status: 200 }, { held: true, status });
      await run.release();
      const running = await run.untilStatus("running");
      expect((await run.timeline()).at(-2)).toMatchObject({ attempt: 1, status: 200, outcome: "accepted" });
      await run.release();
      await run.untilOpen(0);
      await run.alarmIn(LEASE_OVER_MS);
      expect(await run.get()).toEqual(running);
      expect([await run.kept(), (await run.sent()).length]).toEqual([0, 2]);
    },
  );

  it("answers 200 before the next one leaves, and no other leaves", async () => {
    const r = await answering({ held: true, status: 200 });
    // The next one leaves half an hour to an hour later, always before the run's deadline.
    const retry = { maxAttempts: 3, initialDelayMs: 3_600_000 };
    const run = await fire(r.url, { retry }, { body: { timeout: 120 } });
    await r.untilInbox(1);
    await run.alarmIn(LEASE_OVER_MS);
    expect(await run.story()).toEqual(["created", "attempt_started", "attempt_answered"]);
    await r.release();
    await run.untilStatus("running");
    await run.alarmIn(3_700_000);
    await scheduler.wait(50);
    expect(await r.inbox()).toHaveLength(1);
  });

  it("is answered once, also if a heartbeat overtakes it", async () => {
    const run = await twoUnderWay({ held: true, status: 200 }, { held: true, status: 202 });
    await run.heartbeat();
    await run.release();
    await run.release();
    await until(async () => (await run.timeline()).at(-1)?.type === "attempt_answered");
    await run.untilOpen(0);
    await run.alarmIn(LEASE_OVER_MS);
    const answered = (await run.timeline()).filter(({ type }) => type === "attempt_answered");
    expect(answered).toMatchObject([
      { attempt: 1, outcome: "retry", status: null },
      { attempt: 2, outcome: "overtaken", status: 202 },
    ]);
  });

  it("may have arrived, and a 409 to the next one starts the run", async () => {
    await (await twoUnderWay({ mode: "hang" }, { status: 409 })).untilStatus("running");
  });
});

describe("a repeated create", () => {
  it("dispatches it no second time, however many come at once", async () => {
    const r = await answering({ status: 503, headers: { "Retry-After": "600" } }, { status: 202 });
    const path = newRunsPath();
    const body = { actionName: "deploy", trigger: { type: "webhook", url: r.url } };
    const create = () => createRun(ORIGIN + path, body, { headers: { "Idempotency-Key": "once" } });
    const runs: CreatedRun[] = await Promise.all(Array.from({ length: 8 }, create));
    const [first] = runs;
    if (first === undefined) throw new Error("nothing was created");
    const run = fired(path, first);
    await run.untilAnswered(1);
    runs.push(await create());
    await scheduler.wait(100);
    expect(await r.inbox()).toHaveLength(1);
    await run.alarmIn(600_001);
    await run.untilStatus("running");
    runs.push(await create());
    expect(new Set(runs.map(({ id }) => id))).toEqual(new Set([first.id]));
    await scheduler.wait(100);
    expect(await r.inbox()).toHaveLength(2);
    expect((await ask<unknown[]>("GET", ORIGIN + path)).body).toHaveLength(1);
  });
});

describe("the object restarts", () => {
  it("between two attempts, and the next one leaves on time", async () => {
    const r = await answering({ status: 503, headers: { "Retry-After": "2" } }, { status: 202 });
    const { path, untilAnswered, untilStatus } = await fire(r.url);
    const [{ nextAttemptAt } = {}] = await untilAnswered(1);
    await restart(path);
    const [first, second] = await r.untilInbox(2);
    expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
    expect(second?.at).toBeGreaterThanOrEqual(Date.parse(nextAttemptAt ?? ""));
    expect(await untilStatus("running")).toMatchObject({ error: null });
  });

  it("while an attempt is under way, which is sent again with the same id after its lease", async () => {
    const r = await answering({ mode: "hang" }, { status: 202 });
    const { created, untilStatus, alarmIn, story } = await fire(r.url);
    await r.untilInbox(1);
    await abortAllDurableObjects();
    await alarmIn(28_000);
    await scheduler.wait(50);
    expect(await story()).toEqual(["created", "attempt_started"]);
    await alarmIn(LEASE_OVER_MS);
    await alarmIn(LEASE_OVER_MS + 200);
    await untilStatus("running");
    const ids = (await r.inbox()).map(({ headers }) => headers["webhook-id"]);
    expect(ids).toEqual([created.id, created.id]);
  });
});

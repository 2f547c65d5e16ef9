/**
 * The steps that a random story of one dispatched run is made of: each asks the service and the model, and compares.
 */

import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type fc from "fast-check";
import { expect, vi } from "vitest";
import type { AttemptResult } from "../../../src/webhooks/dispatch.ts";
import { coordinator } from "../../support/direct.ts";
import { type Answer, ask, type CreatedRun } from "../../support/requests.ts";
import type { Entry } from "../runs.ts";
import type { Came, ModelRun } from "./property-model.ts";
import { expectSound, type Inside, lookInside, runOf } from "./property-timeline.ts";

/**
 * An attempt that was sent. `answer` is what the receiver responds; the object then gets it like any other response.
 */
export interface Sent {
  readonly runId: string;
  readonly attempt: number;
  answer(came: Came, retryAfter: string | null): void;
  fail(): void;
}

export interface Story {
  readonly run: CreatedRun;
  readonly url: string;
  owner: ReturnType<typeof coordinator>;
  /** Every attempt that left, in order; those that are still to be answered stay in `underWay`. */
  readonly sent: Sent[];
  readonly underWay: Sent[];
  /** What the object knows of the receiver's host; null if it knows nothing, as after a restart. */
  host: { failures: number; begunAt: number } | null;
  /** The entries of the timeline when it was last looked at. */
  seen: readonly Entry[];
}

/** From when on the host may be tried: after five failures in a row, one attempt in 10 s. */
function hostOpensAt({ host, underWay }: Story): number {
  if (host === null || host.failures < 5) return 0;
  return underWay.length > 0 ? Number.POSITIVE_INFINITY : host.begunAt + 10_000;
}

const isFailure = (came: Came) =>
  came === "no response" || (typeof came === "number" && [429, 502, 503, 504].includes(came));

interface Command extends fc.AsyncCommand<ModelRun, Story> {}

const REASONS = { "no response": "could not be reached", unsendable: "was not called" };

export function toAnswer(came: Came, retryAfter: string | null): AttemptResult {
  const status = typeof came === "number" ? came : null;
  const reason = typeof came === "number" ? `answered ${came}` : REASONS[came];
  return { status, durationMs: 5, reason, isFinal: came === "unsendable", excerpt: null, retryAfter };
}

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

/** The timeline has only grown, it is sound, and it describes the run that the model has and that everybody sees. */
export async function expectSame(model: ModelRun, story: Story): Promise<Inside> {
  const inside = await lookInside(story.owner, story.run.id);
  const { run, events, kept, alarmAt } = inside;
  expect(events.slice(0, story.seen.length)).toEqual(story.seen);
  expectSound(events, model.settings.maxAttempts);
  const { status, startedAt, completedAt } = run;
  expect(runOf(events)).toEqual({ status, startedAt, completedAt });
  const expected = { status: model.status, startedAt: iso(model.startedAt), completedAt: iso(model.completedAt) };
  expect({ status, startedAt, completedAt }).toEqual(expected);
  const kind = /^\[(\w+)\] /.exec(run.error ?? "")?.[1] ?? null;
  const kinds = { delivery: "delivery", deadline: "timeout", silence: "timeout", callback: null, cancel: null };
  const { cause } = model;
  expect(kind).toBe(cause === null ? null : kinds[cause]);
  expect(events.find(({ type }) => type === "ended")?.cause ?? null).toBe(cause);
  // Every attempt on record has left, and none that is not on record.
  const started = events.filter(({ type }) => type === "attempt_started").map(({ attempt }) => attempt);
  expect(story.sent.map(({ attempt }) => attempt)).toEqual(started);
  expect(started).toHaveLength(model.attempts);
  expect(new Set(story.sent.map(({ runId }) => runId))).toEqual(new Set([story.run.id]));
  // Nothing is kept of a dispatch that is done, and what is due is not slept through.
  expect(kept).toBe(model.isDispatching ? 1 : 0);
  if (model.isOpen)
    expect(alarmAt ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(
      Math.max(model.dueAt, Date.now(), Math.min(hostOpensAt(story), Date.now() + 30_000)),
    );
  story.seen = events;
  return inside;
}

/** When the next attempt leaves, by an event that was not there before; null if there is none. */
async function newNextAttemptAt(story: Story): Promise<number | null> {
  const { events } = await lookInside(story.owner, story.run.id);
  const fresh = events.slice(story.seen.length);
  const text = fresh.find(({ type }) => type === "attempt_answered")?.nextAttemptAt ?? null;
  return text === null ? null : Date.parse(text);
}

function command(name: string, go: (model: ModelRun, story: Story) => Promise<void>): Command {
  return {
    // What comes long after the end is no longer worth its time.
    check: (model) => model.afterEnd < 4,
    async run(model, story) {
      await go(model, story);
      if (!model.at(Date.now()).isOpen) model.afterEnd++;
      await expectSame(model, story);
    },
    toString: () => name,
  };
}

/**
 * 200, or the refusal that says how things stand; `isByToken`: with the run's own, which is late after the deadline.
 */
function expectAnswered(answer: Answer<unknown>, model: ModelRun, isDone: boolean, isByToken: boolean): void {
  const { status, body } = answer;
  const { code } = body as { code?: string };
  if (isDone) expect(status).toBe(200);
  else if (isByToken && model.isLate(Date.now()))
    expect({ status, code }).toEqual({ status: 401, code: "token_expired" });
  else expect({ status, code }).toEqual({ status: 409, code: conflictOf(model) });
}

function conflictOf({ status, cause }: ModelRun): string {
  if (cause === "delivery") return "delivery_failed";
  return cause === "deadline" || cause === "silence" ? "run_timed_out" : `run_${status}`;
}

export const report = (status: "succeeded" | "failed") =>
  command(status, async (model, { run }) => {
    const { isOpen } = model.at(Date.now());
    const body = status === "failed" ? { status, error: "exit 1" } : { status };
    const answer = await ask("POST", run.callback.url, { token: run.callback.token, body });
    expectAnswered(answer, model, isOpen, true);
    model.report(status, Date.now());
  });

export const heartbeat = (message: string | null, afterMs: number) =>
  command(`heartbeat(${message}) after ${afterMs} ms`, async (model, { url, run }) => {
    vi.setSystemTime(Date.now() + afterMs);
    const { isOpen } = model.at(Date.now());
    const body = message === null ? {} : { message };
    const answer = await ask("POST", `${url}/heartbeat`, { token: run.callback.token, body });
    expectAnswered(answer, model, isOpen, true);
    model.heartbeat(Date.now());
  });

export const cancel = command("cancel", async (model, { url }) => {
  const isPending = model.at(Date.now()).status === "pending";
  expectAnswered(await ask("DELETE", url), model, isPending, false);
  model.cancel(Date.now());
});

/** One of the attempts that are still underWay is answered, the newest first. */
export const answer = (nth: number, came: Came, retryAfterSeconds: number | null) =>
  command(`answer #${nth} ${came} ${retryAfterSeconds}`, async (model, story) => {
    const { length } = story.underWay;
    const [underWay] = story.underWay.splice(length - 1 - (nth % Math.max(length, 1)), 1);
    if (underWay === undefined) return;
    const retryAfter = retryAfterSeconds === null ? null : String(retryAfterSeconds);
    await runInDurableObject(story.owner, () => underWay.answer(came, retryAfter));
    if (story.host !== null && came !== "unsendable")
      story.host.failures = isFailure(came) ? story.host.failures + 1 : 0;
    const asked = retryAfterSeconds === null ? null : retryAfterSeconds * 1000;
    model.attempted(underWay.attempt, came, asked, Date.now(), await newNextAttemptAt(story));
  });

/** The invocation that made the newest attempt dies without a word. */
export const lose = command("lose", async (_, story) => {
  const underWay = story.underWay.pop();
  if (underWay !== undefined) await runInDurableObject(story.owner, () => underWay.fail());
});

async function ring(model: ModelRun, story: Story): Promise<void> {
  const at = await runInDurableObject(story.owner, (_, { storage }) => storage.getAlarm());
  const isHostOpen = hostOpensAt(story) <= Date.now();
  if (at !== null && at <= Date.now()) await runDurableObjectAlarm(story.owner);
  model.alarm(Date.now(), await newNextAttemptAt(story), isHostOpen);
}

/** The alarm rings, if it is set for now or earlier. */
export const ringAlarm = command("alarm", ring);

/** The same when something is due, or a moment before. */
export const ringWhenDue = (early: number) =>
  command(`alarm when due, ${early} ms early`, async (model, story) => {
    vi.setSystemTime(Math.max(Date.now(), model.dueAt - early));
    await ring(model, story);
  });

/** The object is gone with all that it waited for, and another takes over. */
export const restart = command("restart", async (_, story) => {
  await abortAllDurableObjects();
  story.owner = coordinator(new URL(story.url).pathname);
  story.underWay.length = 0;
  story.host = null;
});

/** Nothing is read afterwards, so that whatever comes next is the first to notice. */
export const pass = (ms: number): Command => ({
  check: () => true,
  async run() {
    vi.setSystemTime(Date.now() + ms);
  },
  toString: () => `pass(${ms} ms)`,
});

/**
 * Random stories of a run with a webhook: attempts answered late, twice lost or never, heartbeats, reports, cancels
 * and time in any order. It is the real service; only the entrypoint that makes a request, at the platform's edge,
 * is a stand-in whose answers the story gives. Dates move only when a story says so, from a day ahead: no alarm
 * rings unless a story rings it.
 */

import fc from "fast-check";
import { beforeEach, expect, it, vi } from "vitest";
import type { AttemptResult } from "../../../src/webhooks/dispatch.ts";
import type { Attempt } from "../../../src/webhooks/webhook-request.ts";

import { coordinator, DAY_MS } from "../../support/direct.ts";
import { createRun, newRunsPath } from "../../support/requests.ts";
import { useSettings } from "../../support/use-settings.ts";
import { sendWith } from "../stand-in-sender.ts";
import {
  answer,
  cancel,
  expectSame,
  heartbeat,
  lose,
  pass,
  report,
  restart,
  ringAlarm,
  ringWhenDue,
  type Sent,
  type Story,
  toAnswer,
} from "./property-commands.ts";
import { type Came, ModelRun, type Settings } from "./property-model.ts";
import { expectShown } from "./property-timeline.ts";

await useSettings("development");

const SEED = 20260131;
const STORIES = 40;
const KEY = "the-run";
const ORIGIN = "http://localhost:8787";

/** What the stand-in calls for each attempt. */
let onSent: (sent: Sent) => void = () => {};

beforeEach(async () => {
  const start = Date.now() + DAY_MS;
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(start);
  const send = ({ runId, attempt }: Attempt): Promise<AttemptResult> => {
    const { promise, resolve, reject } = Promise.withResolvers<AttemptResult>();
    const fail = () => reject(new Error("the invocation died"));
    onSent({ runId, attempt, answer: (came, after) => resolve(toAnswer(came, after)), fail });
    return promise;
  };
  return sendWith(send);
});

/** A run whose first attempt has just left. */
async function begin(settings: Settings): Promise<{ model: ModelRun; real: Story }> {
  const path = newRunsPath();
  const { timeout, heartbeatTimeout, startOn, maxAttempts, initialDelayMs } = settings;
  const owner = coordinator(path);
  const sent: Sent[] = [];
  const underWay: Sent[] = [];
  const real: Partial<Story> = { owner, sent, underWay, seen: [], host: null };
  onSent = (one) => {
    sent.push(one);
    underWay.push(one);
    real.host ??= { failures: one.attempt > 1 ? 1 : 0, begunAt: 0 };
    real.host.begunAt = Date.now();
  };
  const body = {
    actionName: "deploy",
    timeout,
    ...(heartbeatTimeout === null ? {} : { heartbeatTimeout }),
    trigger: {
      type: "webhook",
      url: "http://127.0.0.1:9/never-called",
      startOn,
      retry: { ...(maxAttempts !== null && { maxAttempts }), initialDelayMs },
    },
  };
  const run = await createRun(`${ORIGIN}${path}`, body, { headers: { "Idempotency-Key": KEY } });
  const url = `${ORIGIN}${path}/${run.id}`;
  const model = new ModelRun(settings, Date.parse(run.createdAt));
  const story = Object.assign(real, { run, url }) as Story;
  await expectSame(model, story);
  return { model, real: story };
}

const settings = fc.record<Settings>({
  timeout: fc.constantFrom(1, 5, 60),
  heartbeatTimeout: fc.constantFrom(null, 1, 1),
  startOn: fc.constantFrom("accepted", "heartbeat"),
  maxAttempts: fc.constantFrom(null, null, 1, 2, 3, 4),
  initialDelayMs: fc.constantFrom(100, 1000, 20_000),
});
const came = fc.constantFrom<Came[]>(
  200,
  204,
  503,
  503,
  504,
  504,
  429,
  409,
  409,
  302,
  404,
  "no response",
  "no response",
  "unsendable",
);
const ms = fc.constantFrom(1, 1000, 20_000, 29_999, 30_000, 59_999, 60_000, 3_600_000);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.nat({ max: 2 }), came, fc.constantFrom(null, null, 10, 7200))
      .map(([nth, c, after]) => answer(nth, c, after)),
  },
  { weight: 1, arbitrary: fc.constant(ringAlarm) },
  { weight: 5, arbitrary: fc.constantFrom(0, 0, 0, 0, 1).map(ringWhenDue) },
  { weight: 2, arbitrary: ms.map(pass) },
  { weight: 1, arbitrary: fc.constant(lose) },
  { weight: 1, arbitrary: fc.constant(restart) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(null, "at work"), fc.constantFrom(0, 20_000, 59_999))
      .map(([message, after]) => heartbeat(message, after)),
  },
  { weight: 1, arbitrary: fc.constantFrom("succeeded" as const, "failed" as const).map(report) },
  { weight: 1, arbitrary: fc.constant(cancel) },
);
const story = fc.noBias(fc.array(step, { minLength: 10, maxLength: 24, size: "max" }));

it("has one end, no attempt after it, and a timeline that tells the same story, whatever comes in whatever order", async () => {
  const ends = new Map<string, number>();
  const property = fc.asyncProperty(settings, story, async (settings, steps) => {
    const { model, real } = await begin(settings);
    await fc.asyncModelRun(() => ({ model, real }), steps);
    // Whoever is heard of last: after the end nothing changes any more.
    await pass(3_600_000).run(model, real);
    for (const last of [ringAlarm, ringAlarm, answer(0, 200, null), answer(0, 404, null), report("succeeded")])
      await last.run(model, real);
    await expectShown(real.url, await expectSame(model, real));
    ends.set(String(model.cause), (ends.get(String(model.cause)) ?? 0) + 1);
  });
  // A failure prints its seed and path; for the smallest story that fails, drop endOnFailure.
  await fc.assert(property, { seed: SEED, numRuns: STORIES, endOnFailure: true });
  // The stories end in every way there is.
  expect([...ends.keys()].sort()).toEqual(["callback", "cancel", "deadline", "delivery", "silence"]);
});

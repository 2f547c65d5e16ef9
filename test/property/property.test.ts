/**
 * Random stories of an environment's runs, each answer compared with a small model. Dates are faked and move only
 * when a story says so, also back; they start a day ahead, so that no alarm rings unless a story rings it.
 */

import fc from "fast-check";
import { beforeEach, it, vi } from "vitest";
import { type Fault, resetFaults } from "../support/faults.ts";
import { newRunsPath } from "../support/requests.ts";
import { useSettings } from "../support/use-settings.ts";
import { beat, callback, callbackAgain, cancel, start, stop, stopAgain, stopTwice } from "./changes.ts";
import { newReal, type Who } from "./command.ts";
import { fault, hold, pass, REFUSES, release, restartObject, ringAlarm, settle, slow } from "./disturbances.ts";
import { expectFollowed, follow, resync } from "./following.ts";
import type { Filters, Page } from "./lists.ts";
import { count } from "./lists.ts";
import { Model, type NewRunBody, type ReportBody, type RetryBody, type StopBody } from "./model.ts";
import { cancelMove, drive, finishMoves, move } from "./moves.ts";
import { create, retry } from "./new-runs.ts";
import { HeldWrites } from "./platform.ts";
import { get, list, listAlone, listDuring, summarize } from "./reads.ts";
import { cancelSet, purge, type RunSet } from "./sets.ts";

await useSettings("databases");

const SEED = 20260131;
const STORIES = 40;
const SHOP = "0198c2a0-0000-7000-8000-000000000001";
const DAY_MS = 86_400_000;

let held: HeldWrites;

beforeEach(() => {
  const start = Date.now() + DAY_MS;
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(start);
  held = new HeldWrites();
  held.standIn();
});

/** Few runs and keys, so that each meets much. */
const nth = fc.nat({ max: 2 });
const key = fc.constantFrom(null, "k1", "k2");
const newRunBody = fc.constantFrom<NewRunBody>(
  { actionName: "deploy", timeout: 1, labels: ["b"] },
  { actionName: "deploy", timeout: 60, labels: ["b", "a", "b"], entityId: SHOP },
  { actionName: "rollback", timeout: 600 },
);
const reportBody = fc.constantFrom<ReportBody>(
  { status: "succeeded" },
  { status: "succeeded", output: { url: "x" } },
  { status: "failed", error: "exit 1" },
);
const stopBody = fc.constantFrom<StopBody>(
  {},
  { graceSeconds: 5, reason: "wrong branch" },
  { graceSeconds: 20 },
  { graceSeconds: 3600 },
  { graceSeconds: 0, reason: "now" },
);
const retryBody = fc.constantFrom<RetryBody>({}, {}, { parameters: { again: true } });
const ms = fc.constantFrom(-3_600_000, -1000, 1, 1000, 1000, 4999, 20_000, 59_999, 60_000, 3_600_000, DAY_MS - 1);
const writes = fc.constantFrom<(Fault | null)[]>(null, null, "down", "committed_then_error", REFUSES, REFUSES);
const reads = fc.constantFrom<(Fault | null)[]>(null, null, null, null, "down", "hang");
const rarely = fc.nat({ max: 3 }).map((n) => n === 0);
const isDetailed = fc.boolean();
const who: fc.Arbitrary<Who> = fc.record({ key, isDetailed });
const filters = fc.constantFrom<Filters[]>(
  {},
  {},
  { status: ["pending", "running"] },
  { status: ["succeeded"] },
  { status: ["failed", "cancelled"], actionName: "deploy" },
  { actionName: "deploy" },
  { label: ["b"] },
  { label: ["b", "a"] },
  { label: ["b"], status: ["running", "cancelled"] },
  { entityId: SHOP },
  { triggeredBy: "ROOT", status: ["pending"] },
  { triggeredBy: "nobody" },
  { waiting: "any" },
  { group: "prod" },
  { createdAfter: 0 },
  { createdBefore: 1 },
  { createdAfter: 0, createdBefore: 2, actionName: "deploy" },
);
const page = fc
  .tuple(filters, fc.constantFrom(200, 200, 1, 1, 2), isDetailed, fc.boolean())
  .map(
    ([filter, limit, detailed, isOldest]): Page => ({
      ...filter,
      limit,
      ...(detailed && { include: "details" }),
      ...(isOldest && { order: "oldest" }),
    }),
  );
const set = fc.constantFrom<RunSet>(
  { actionName: "deploy" },
  { labels: ["b"], status: ["pending", "running"] },
  { entityId: SHOP },
);
const change = fc.oneof(
  fc.tuple(who, newRunBody).map(([w, body]) => create({ ...w, key: null }, body, false)),
  nth.map((n) => cancel(n, null, false)),
  nth.map(beat),
);

const step = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(who, newRunBody, fc.boolean()).map(([w, body, same]) => create(w, body, same)) },
  {
    weight: 4,
    arbitrary: fc.tuple(nth, reportBody, key, rarely).map(([n, body, k, lost]) => callback(n, body, k, lost)),
  },
  { weight: 2, arbitrary: nth.map(callbackAgain) },
  { weight: 2, arbitrary: fc.tuple(nth, key, rarely).map(([n, k, lost]) => cancel(n, k, lost)) },
  {
    weight: 3,
    arbitrary: fc.tuple(who, nth, stopBody, stopBody).map(([w, n, first, second]) => stopTwice(w, n, [first, second])),
  },
  { weight: 3, arbitrary: fc.tuple(who, nth, stopBody, rarely).map(([w, n, body, lost]) => stop(w, n, body, lost)) },
  { weight: 3, arbitrary: fc.tuple(who, nth, nth).map(([w, n, of]) => stopAgain(w, n, of)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(who, fc.constantFrom(null, "k1", "r1", "r1"), nth, retryBody)
      .map(([w, k, n, body]) => retry({ ...w, key: k }, n, body)),
  },
  { weight: 2, arbitrary: nth.map(beat) },
  { weight: 3, arbitrary: fc.tuple(nth, fc.constantFrom("s1", "s2")).map(([n, k]) => start(n, k)) },
  { weight: 2, arbitrary: fc.tuple(nth, isDetailed).map(([n, all]) => get(n, all)) },
  { weight: 10, arbitrary: page.map(list) },
  { weight: 1, arbitrary: page.map(listAlone) },
  {
    weight: 4,
    arbitrary: fc.tuple(page, fc.constantFrom("object", "database"), change).map(([p, at, c]) => listDuring(p, at, c)),
  },
  { weight: 2, arbitrary: filters.map(summarize) },
  { weight: 2, arbitrary: fc.tuple(set, fc.constantFrom(0, 60)).map(([s, seconds]) => cancelSet(s, seconds)) },
  { weight: 2, arbitrary: fc.constant(count) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(nth, fc.constantFrom(0, 0, 1, 5), fc.constantFrom(1, 100))
      .map(([n, back, pages]) => follow(n, back, pages)),
  },
  { weight: 2, arbitrary: fc.boolean().map(resync) },
  { weight: 1, arbitrary: fc.constant(purge) },
  { weight: 3, arbitrary: ms.map(pass) },
  { weight: 2, arbitrary: nth.map(ringAlarm) },
  { weight: 2, arbitrary: fc.tuple(nth, fc.boolean()).map(([n, after]) => restartObject(n, after)) },
  { weight: 2, arbitrary: fc.tuple(writes, reads).map(([w, r]) => fault(w, r)) },
  { weight: 1, arbitrary: fc.constantFrom(0, 20).map(slow) },
  { weight: 1, arbitrary: fc.constant(hold) },
  { weight: 2, arbitrary: fc.boolean().map(release) },
  { weight: 1, arbitrary: fc.constant(settle) },
  { weight: 5, arbitrary: fc.nat({ max: 3 }).map(move) },
  { weight: 8, arbitrary: fc.constant(drive) },
  { weight: 1, arbitrary: fc.constant(cancelMove) },
);
// Without bias: one that leans to the first of each choice tells forty times nearly the same story.
const story = fc.noBias(fc.array(step, { minLength: 15, maxLength: 30, size: "max" }));

it("answers random stories of creates, reports, cancels, retries, bulk sets, purges, reads, followers, moves, time, alarms, restarts and outages as the model does", async () => {
  const property = fc.asyncProperty(story, async (steps) => {
    held.releaseAll();
    resetFaults();
    const model = new Model(newRunsPath());
    const real = newReal(held);
    await fc.asyncModelRun(() => ({ model, real }), steps);
    await settle.run(model, real);
    await finishMoves(model);
    await settle.run(model, real);
    await expectFollowed(model, real.followers);
  });
  // A failure prints its seed and path; for the smallest story that fails, drop endOnFailure.
  await fc.assert(property, { seed: SEED, numRuns: STORIES, endOnFailure: true });
});

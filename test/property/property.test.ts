/**
 * Random stories of an environment's runs, each answer compared with a small model. Dates are faked and move only
 * when a story says so; they start a day ahead, so that no alarm rings unless a story rings it.
 */

import fc from "fast-check";
import { afterEach, beforeEach, it, vi } from "vitest";
import { type Fault, resetFaults } from "../support/faults.ts";
import { newRunsPath } from "../support/requests.ts";
import type { Keeps } from "./caller.ts";
import {
  beat,
  callback,
  callbackAgain,
  cancel,
  start,
  startWithOldBookmark,
  stop,
  stopAgain,
  stopTwice,
} from "./changes.ts";
import { newReal, type Who } from "./command.ts";
import { count } from "./counts.ts";
import { evict, fault, hold, pass, release, ringAlarm, settle, slow } from "./disturbances.ts";
import { expectFollowed, follow, resync } from "./following.ts";
import type { Filters, Page } from "./lists.ts";
import { Model, type NewRunBody, type ReportBody, type RetryBody, type StopBody } from "./model.ts";
import { cancelMove, drive, finishMoves, move } from "./moves.ts";
import { create, createDuringList, createThenRefused, retry } from "./new-runs.ts";
import { HeldWrites } from "./platform.ts";
import { get, list, summarize } from "./reads.ts";

const SEED = 20260131;
const STORIES = 15;
const DAY_MS = 86_400_000;

let held: HeldWrites;

beforeEach(() => {
  const start = Date.now() + DAY_MS;
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(start);
  held = new HeldWrites();
  held.standIn();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Few runs and keys, so that each meets much. */
const nth = fc.nat({ max: 2 });
const key = fc.constantFrom(null, "k1", "k2");
const newRunBody = fc.constantFrom<NewRunBody>(
  { actionName: "deploy", timeout: 1, labels: ["b"] },
  { actionName: "deploy", timeout: 60, labels: ["b", "a", "b"] },
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
const ms = fc.constantFrom(1, 1000, 1000, 4999, 20_000, 59_999, 60_000, 3_600_000, DAY_MS - 1);
const writes = fc.constantFrom<(Fault | null)[]>(null, null, "down", "committed_then_error");
const reads = fc.constantFrom<(Fault | null)[]>(null, null, null, null, "down", "hang");
const by = fc.constantFrom<Keeps[]>("none", "last", "last", "all", "all");
const rarely = fc.nat({ max: 3 }).map((n) => n === 0);
const isDetailed = fc.boolean();
const who: fc.Arbitrary<Who> = fc.record({ by, key, isDetailed });
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
);
const page = fc
  .tuple(filters, fc.constantFrom(200, 200, 200, 1, 2), isDetailed)
  .map(([filter, limit, detailed]): Page => ({ ...filter, limit, ...(detailed && { include: "details" }) }));

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(who, newRunBody, fc.boolean()).map(([w, body, same]) => create(w, body, same)),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(by, nth, reportBody, key, rarely)
      .map(([keeps, n, body, k, lost]) => callback(keeps, n, body, k, lost)),
  },
  { weight: 2, arbitrary: fc.tuple(by, nth).map(([keeps, n]) => callbackAgain(keeps, n)) },
  {
    weight: 2,
    arbitrary: fc.tuple(by, nth, key, rarely).map(([keeps, n, k, lost]) => cancel(keeps, n, k, lost)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(who, nth, stopBody, stopBody)
      .map(([w, n, first, second]) => stopTwice(w, n, [first, second])),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(who, nth, stopBody, rarely).map(([w, n, body, lost]) => stop(w, n, body, lost)),
  },
  { weight: 3, arbitrary: fc.tuple(who, nth, nth).map(([w, n, of]) => stopAgain(w, n, of)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(who, fc.constantFrom(null, "k1", "r1", "r1"), nth, retryBody)
      .map(([w, k, n, body]) => retry({ ...w, key: k }, n, body)),
  },
  { weight: 2, arbitrary: nth.map(beat) },
  {
    weight: 3,
    arbitrary: fc.tuple(by, nth, fc.constantFrom("s1", "s2")).map(([keeps, n, k]) => start(keeps, n, k)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(nth, fc.constantFrom("s1", "s2")).map(([n, k]) => startWithOldBookmark(n, k)),
  },
  { weight: 2, arbitrary: fc.tuple(by, nth, isDetailed).map(([keeps, n, all]) => get(keeps, n, all)) },
  { weight: 8, arbitrary: fc.tuple(by, page).map(([keeps, p]) => list(keeps, p)) },
  { weight: 3, arbitrary: fc.tuple(by, filters).map(([keeps, f]) => summarize(keeps, f)) },
  { weight: 2, arbitrary: fc.constant(count) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(nth, fc.constantFrom(0, 0, 1, 5), fc.constantFrom(1, 100))
      .map(([n, back, pages]) => follow(n, back, pages)),
  },
  { weight: 1, arbitrary: nth.map(resync) },
  { weight: 1, arbitrary: newRunBody.map(createDuringList) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("k3", "k4", "k5"), newRunBody)
      .map(([k, body]) => createThenRefused(k, body)),
  },
  { weight: 3, arbitrary: ms.map(pass) },
  { weight: 2, arbitrary: nth.map(ringAlarm) },
  { weight: 2, arbitrary: fc.tuple(nth, fc.boolean()).map(([n, after]) => evict(n, after)) },
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

it("answers random stories of creates, reports, cancels, retries, reads, followers, moves, time, alarms, evictions and outages as the model does", async () => {
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

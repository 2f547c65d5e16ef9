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
  callback,
  callbackAgain,
  cancel,
  create,
  createDuringList,
  createThenRefused,
  evict,
  fault,
  get,
  hold,
  list,
  newReal,
  pass,
  release,
  ringAlarm,
  settle,
  slow,
  start,
  startWithOldBookmark,
} from "./commands.ts";
import type { Filters } from "./lists.ts";
import { Model, type NewRunBody, type ReportBody } from "./model.ts";
import { HeldWrites } from "./platform.ts";

const SEED = 20260131;
const STORIES = 40;
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
  { actionName: "deploy", timeout: 1 },
  { actionName: "deploy", timeout: 60 },
  { actionName: "rollback", timeout: 600 },
);
const reportBody = fc.constantFrom<ReportBody>(
  { status: "succeeded" },
  { status: "succeeded", output: { url: "x" } },
  { status: "failed", error: "exit 1" },
);
const ms = fc.constantFrom(1, 1000, 1000, 4999, 20_000, 59_999, 60_000, 3_600_000, DAY_MS - 1);
const writes = fc.constantFrom<(Fault | null)[]>(null, null, "down", "committed_then_error");
const reads = fc.constantFrom<(Fault | null)[]>(null, null, null, null, "down", "hang");
const by = fc.constantFrom<Keeps[]>("none", "last", "last", "all", "all");
const rarely = fc.nat({ max: 3 }).map((n) => n === 0);
const filters = fc.constantFrom<Filters[]>(
  { limit: 200 },
  { limit: 200 },
  { limit: 1 },
  { limit: 2, status: ["pending", "running"] },
  { limit: 200, status: ["succeeded"] },
  { limit: 2, actionName: "deploy" },
  { limit: 200, actionName: "deploy", status: ["failed", "cancelled"] },
);

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(by, key, newRunBody, fc.boolean())
      .map(([who, k, body, same]) => create(who, k, body, same)),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(by, nth, reportBody, key, rarely)
      .map(([who, n, body, k, lost]) => callback(who, n, body, k, lost)),
  },
  { weight: 2, arbitrary: fc.tuple(by, nth).map(([who, n]) => callbackAgain(who, n)) },
  {
    weight: 2,
    arbitrary: fc.tuple(by, nth, key, rarely).map(([who, n, k, lost]) => cancel(who, n, k, lost)),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(by, nth, fc.constantFrom("s1", "s2")).map(([who, n, k]) => start(who, n, k)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(nth, fc.constantFrom("s1", "s2")).map(([n, k]) => startWithOldBookmark(n, k)),
  },
  { weight: 2, arbitrary: fc.tuple(by, nth).map(([who, n]) => get(who, n)) },
  { weight: 8, arbitrary: fc.tuple(by, filters).map(([who, f]) => list(who, f)) },
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
);
// Without bias: one that leans to the first of each choice tells forty times nearly the same story.
const story = fc.noBias(fc.array(step, { minLength: 15, maxLength: 30, size: "max" }));

it("answers random stories of creates, reports, cancels, starts, gets, lists, time, alarms, evictions and outages as the model does", async () => {
  const property = fc.asyncProperty(story, async (steps) => {
    held.releaseAll();
    resetFaults();
    const model = new Model(newRunsPath());
    const real = newReal(held);
    await fc.asyncModelRun(() => ({ model, real }), steps);
    await settle.run(model, real);
  });
  // A failure prints its seed and path; for the smallest story that fails, drop endOnFailure.
  await fc.assert(property, { seed: SEED, numRuns: STORIES, endOnFailure: true });
}, 60_000);

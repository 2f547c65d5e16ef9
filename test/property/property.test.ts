/**
 * Random stories of an environment's runs, each answer compared with a small model. Dates are faked and move only
 * when a story says so; they start a day ahead, so that no alarm rings unless a story rings it.
 */

import fc from "fast-check";
import { afterEach, beforeEach, it, vi } from "vitest";
import { type Fault, resetFaults } from "../support/faults.ts";
import { newRunsPath } from "../support/requests.ts";
import {
  callback,
  callbackAgain,
  cancel,
  create,
  evict,
  fault,
  list,
  pass,
  ringAlarm,
  settle,
  start,
} from "./commands.ts";
import { Model, type NewRunBody, type ReportBody } from "./model.ts";

const SEED = 20260131;
const STORIES = 40;
const DAY_MS = 86_400_000;

beforeEach(() => {
  const start = Date.now() + DAY_MS;
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(start);
});
afterEach(() => vi.useRealTimers());

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
const ms = fc.constantFrom(1, 1000, 1000, 20_000, 59_999, 60_000, 3_600_000, DAY_MS - 1);
const writes = fc.constantFrom<(Fault | null)[]>(null, "down", "committed_then_error");
const reads = fc.constantFrom<(Fault | null)[]>(null, null, "down");

const step = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(key, newRunBody).map(([k, body]) => create(k, body)) },
  { weight: 3, arbitrary: fc.tuple(nth, reportBody, key).map(([n, body, k]) => callback(n, body, k)) },
  { weight: 2, arbitrary: nth.map(callbackAgain) },
  { weight: 2, arbitrary: fc.tuple(nth, key).map(([n, k]) => cancel(n, k)) },
  { weight: 4, arbitrary: fc.tuple(nth, fc.constantFrom("s1", "s2")).map(([n, k]) => start(n, k)) },
  { weight: 3, arbitrary: ms.map(pass) },
  { weight: 2, arbitrary: nth.map(ringAlarm) },
  { weight: 2, arbitrary: nth.map(evict) },
  { weight: 2, arbitrary: fc.tuple(writes, reads).map(([w, r]) => fault(w, r)) },
  { weight: 1, arbitrary: fc.constant(list) },
  { weight: 1, arbitrary: fc.constant(settle) },
);
// Without bias: one that leans to the first of each choice tells forty times nearly the same story.
const story = fc.noBias(fc.array(step, { minLength: 15, maxLength: 30, size: "max" }));

it("answers random stories of creates, reports, cancels, starts, time, alarms, evictions and outages as the model does", async () => {
  const property = fc.asyncProperty(story, async (steps) => {
    resetFaults();
    const model = new Model(newRunsPath());
    await fc.asyncModelRun(() => ({ model, real: null }), steps);
    await settle.run(model, null);
  });
  // A failure prints its seed and path; for the smallest story that fails, drop endOnFailure.
  await fc.assert(property, { seed: SEED, numRuns: STORIES, endOnFailure: true });
}, 60_000);

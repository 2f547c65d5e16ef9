/**
 * Random stories of one coordinator's gates, against the real object. `GATE_STEPS=200000 npx vitest run
 * test/gates/model.test.ts` plays more steps than the suite does. A failure prints its seed and the last steps.
 */

import { expect, inject, it } from "vitest";
import { HANG_MS } from "../support/direct.ts";
import { Violation } from "./invariants/known.ts";
import { FAULTS, type FaultName } from "./planted-faults.ts";
import { Story } from "./story/story.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly gateSteps: number;
  }
}

const SEED = 20261128;
const STEPS_OF_STORY = 400;
const STEPS_OF_PLANS = 300;
/** A step took 1.5 ms alone and 4.7 ms beside a full machine. A slower machine must not end the story. */
const STEP_MAX_MS = 50;

const wanted = inject("gateSteps");

it("keeps limits, order, approvals and times in random stories of everything that can happen at gates", {
  timeout: HANG_MS + wanted * STEP_MAX_MS,
}, async () => {
  let played = 0;
  for (let seed = SEED; played < wanted; seed++) {
    played += await new Story(seed, { revokes: seed % 2 === 0 }).play(Math.min(STEPS_OF_STORY, wanted - played));
  }
  expect(played).toBe(wanted);
});

it("keeps them in stories in which pauses are planned and runs are let through", {
  timeout: HANG_MS + wanted * STEP_MAX_MS,
}, async () => {
  let played = 0;
  for (let seed = SEED; played < wanted / 2; seed++) {
    played += await new Story(seed, { revokes: seed % 3 === 0, plans: true }).play(STEPS_OF_PLANS);
  }
});

/**
 * The model finds each fault of a list within a few steps. Otherwise a green model would say little. For each, this is
 * a seed whose story meets the fault, and after how many steps it did.
 */
const FOUND: Readonly<Record<FaultName, readonly [seed: number, steps: number]>> = {
  "who is running is remembered, and not queried": [3, 22],
  "queued runs are in the order of a clock": [25, 87],
  "queued runs are forgotten when the object dies": [1, 46],
  "an ended run leaves its queue while its attempt is under way": [3, 24],
  "a job that was accepted has no time to stop": [39, 26],
  "a stop request is not planned": [50, 157],
  "the alarm of a version is set after the version": [22, 20],
  "an ended run never leaves its queue": [1, 57],
  "a pause is not looked at": [1, 24],
  "the end of a pause sets no alarm": [1, 42],
  "a planned pause does not begin": [8, 31],
  "a run that is let through is forgotten": [5, 34],
  "the limit of a stale version counts": [30, 133],
  "the limits of those that are running do not count": [24, 36],
  "a queued run is released although its time is up": [4, 69],
  "a queued run overtakes": [47, 76],
  "an attempt leaves before its run is released": [1, 42],
  "a time gate opens early": [1, 21],
  "nobody is released after an end": [3, 55],
  "approvals of revoked tokens count": [12, 67],
  "D1 is not asked before a release": [6, 112],
  "an answer of D1 counts for ever": [6, 112],
  "D1 is asked once, and never again": [3, 134],
};
/** Those that only a story meets in which tokens are revoked. */
const OF_REVOCATIONS: ReadonlySet<FaultName> = new Set<FaultName>([
  "approvals of revoked tokens count",
  "D1 is not asked before a release",
  "an answer of D1 counts for ever",
  "D1 is asked once, and never again",
]);
/** Those that only a story meets in which pauses are planned. */
const OF_PLANS: ReadonlySet<FaultName> = new Set<FaultName>([
  "a planned pause does not begin",
  "a run that is let through is forgotten",
]);
/** A step that asks D1 can take another course on a slower machine. */
const SLACK = 50;

it.each(Object.keys(FAULTS) as FaultName[])("the model finds that %s", async (name) => {
  const [seed, steps] = FOUND[name];
  FAULTS[name]();
  const story = new Story(seed, { revokes: OF_REVOCATIONS.has(name), plans: OF_PLANS.has(name) });
  await expect(story.play(steps + SLACK)).rejects.toThrow(Violation);
});

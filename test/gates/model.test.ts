/**
 * Random stories of one coordinator's gates, against the real object. `GATE_STEPS=200000 npx vitest run
 * test/gates/model.test.ts` plays more steps than the suite does. A failure prints its seed and the last steps.
 */

import { expect, inject, it } from "vitest";
import { HANG_MS } from "../support/direct.ts";
import { Story } from "./story/story.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly gateSteps: number;
  }
}

const SEED = 20261128;
const STEPS_OF_STORY = 400;
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

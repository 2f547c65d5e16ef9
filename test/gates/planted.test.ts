/** The model finds each fault of a list within a few steps. Otherwise a green model would say little. */

import { afterEach, expect, it, vi } from "vitest";
import { Violation } from "./invariants/violation.ts";
import { FAULTS, type FaultName } from "./planted-faults.ts";
import { Story } from "./story/story.ts";

/** A seed of each whose story meets the fault, and after how many steps it did. */
const FOUND: Readonly<Record<FaultName, readonly [seed: number, steps: number]>> = {
  "slots are remembered, and not queried": [1, 35],
  "waiters are in the order of a clock": [1, 69],
  "waiters are forgotten when the object dies": [7, 19],
  "an ended run holds no slot while its attempt is under way": [7, 25],
  "an ended run keeps its slot": [8, 12],
  "a pause is not looked at": [7, 14],
  "the end of a pause sets no alarm": [3, 66],
  "the limit of a stale version counts": [14, 101],
  "the limits of holders do not count": [7, 109],
  "a waiter is released although its time is up": [3, 28],
  "a waiter overtakes": [1, 69],
  "an attempt leaves before its run is released": [3, 8],
  "a time gate opens early": [7, 10],
  "nobody is released after an end": [6, 107],
};
/** A step that asks D1 can take another course on a slower machine. */
const SLACK = 50;

afterEach(() => vi.restoreAllMocks());

it.each(Object.keys(FAULTS) as FaultName[])("the model finds that %s", async (name) => {
  const [seed, steps] = FOUND[name];
  FAULTS[name]();
  await expect(new Story(seed).play(steps + SLACK)).rejects.toThrow(Violation);
});

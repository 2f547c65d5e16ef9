/**
 * Tells the coordinators of an environment that it has a webhook endpoint, before D1 has one. Otherwise a run could end
 * after the PUT and be told to nobody.
 */

import { askAll, type Environment } from "./coordinators.ts";

const NOT_STORED =
  "A part of the environment can't be reached, so nothing was stored. Try again in a few seconds.";

/** Throws `coordinator_unavailable` if one of them can't be reached. A repetition is harmless. */
export async function prepareTelling(environment: Environment): Promise<void> {
  await askAll(environment, (coordinator) => coordinator.notify(), NOT_STORED);
}

/** Asks a coordinator to settle: to land what D1 lacks. */

import { within } from "../../../base/time.ts";
import type { Settled } from "../../upkeep-calls.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";

/** A coordinator answers within 2 s. One that can't be reached may not answer at all. */
const SETTLE_CALL_MAX_MS = 2500;
const UNREACHABLE: Settled = {
  isBehind: true,
  lacksRefused: false,
  bookmark: null,
  home: null,
  alsoIn: null,
};

/** Asks the coordinator of the run `id`. Never throws, because a list must not fail when a coordinator does. */
export function settle(environment: RunEnvironment, id: string): Promise<Settled> {
  const settled = ask(environment, id, (coordinator) => coordinator.settle());
  return within(SETTLE_CALL_MAX_MS, settled).catch(() => UNREACHABLE);
}

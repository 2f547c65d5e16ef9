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

/** Never throws, because a list must not fail when the coordinator does. */
export function settle(environment: RunEnvironment): Promise<Settled> {
  const settled = ask(environment, (coordinator) => coordinator.upkeep.settle());
  return within(SETTLE_CALL_MAX_MS, settled).catch(() => UNREACHABLE);
}

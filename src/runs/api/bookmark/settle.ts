/** Has a coordinator land what D1 lacks. */

import { within } from "../../../base/time.ts";
import type { Settled } from "../../protocol.ts";
import { askAboutRun, type Place } from "../run-place.ts";

/** A coordinator answers within 2 s. One that can't be reached may not answer at all. */
const SETTLE_MAX_MS = 2500;
const UNREACHABLE: Settled = { isBehind: true, bookmark: null };

/** Asks the coordinator of the run `id`. Never throws, because a list must not fail when a coordinator does. */
export function settle(place: Place, id: string): Promise<Settled> {
  const settled = askAboutRun(place, id, (stub) => stub.settle());
  return within(SETTLE_MAX_MS, settled).catch(() => UNREACHABLE);
}

/** Waiting for open places to come to rest. */

import { setTimeout as delay } from "node:timers/promises";
import { nameOf, type Standing } from "./place.ts";

/** The repair's alarm, 5 s after a change, is the last thing that happens by itself. */
const QUIET_MS = 6000;

/** Waits until nothing happens any more, and tells of what the services logged as errors. */
export async function quiet(standings: readonly Standing[]): Promise<void> {
  await delay(QUIET_MS);
  for (const { errors, place } of standings) {
    if (errors.length > 0) throw new Error(`${nameOf(place)} logged: ${errors[0]}`);
  }
}

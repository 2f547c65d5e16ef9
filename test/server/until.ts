import { setTimeout as delay } from "node:timers/promises";

/** Only something that hangs takes so long, on a busy machine as well. It is less than the time limit of a test. */
export const HANGS_AFTER_MS = 240_000;
const PAUSE_MAX_MS = 50;

/** Waits until `holds` returns true. Throws with `what` if that never happens. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const givenUpAt = Date.now() + HANGS_AFTER_MS;
  for (let pause = 1; !(await holds()); pause = Math.min(pause * 2, PAUSE_MAX_MS)) {
    if (Date.now() > givenUpAt) throw new Error(`not within ${HANGS_AFTER_MS} ms: ${what}`);
    await delay(pause);
  }
}

import { setTimeout as delay } from "node:timers/promises";

/** Only something that hangs takes so long, on a busy machine as well. It is less than the time limit of a test. */
export const HANGS_AFTER_MS = 240_000;

/** Waits until `holds` returns true. Throws with `what` if that never happens. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const givenUpAt = Date.now() + HANGS_AFTER_MS;
  while (!(await holds())) {
    if (Date.now() > givenUpAt) throw new Error(`not within ${HANGS_AFTER_MS} ms: ${what}`);
    await delay(10);
  }
}

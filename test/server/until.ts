import { setTimeout as delay } from "node:timers/promises";

/** Waits until `holds` returns true. Throws with `what` after `ms`. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms: number,
): Promise<void> {
  const givenUpAt = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > givenUpAt) throw new Error(`not within ${ms} ms: ${what}`);
    await delay(10);
  }
}

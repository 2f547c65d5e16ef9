/** When the service disables an endpoint that fails. PURE. Never by a count of failures: a busy day would be enough. */

import { DAY_MS } from "../base/time.ts";
import type { EndpointHealth } from "../runs/telling.ts";

/** For so long, no delivery has succeeded. */
const FAILED_MS = 5 * DAY_MS;
/** On so many days, an attempt has failed. */
const FAILED_DAYS = 3;

/** Whether no delivery has succeeded for days to the version that this health is of. */
export function hasFailedForDays(health: EndpointHealth, now: number): boolean {
  const { failingSince, failedDays } = health;
  const latest = now - FAILED_MS;
  return (
    failedDays.length >= FAILED_DAYS && failingSince !== null && failingSince <= latest && succeededBy(health) <= latest
  );
}

/** The latest instant at which an attempt may have succeeded; -Infinity if none has. */
function succeededBy({ failingSince, succeededAt }: EndpointHealth): number {
  if (succeededAt === null) return Number.NEGATIVE_INFINITY;
  // While all succeed, a success is noted only once a day. The first failure came after the last success.
  return Math.min(succeededAt + DAY_MS, failingSince ?? Number.POSITIVE_INFINITY);
}

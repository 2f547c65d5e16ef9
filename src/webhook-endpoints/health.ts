/** When the service disables an endpoint that fails. PURE. Never by a count of failures: a busy day would be enough. */

import { DAY_MS } from "../base/time.ts";
import type { EndpointHealth } from "../runs/telling.ts";

/** For so long, no message has been delivered. */
const FAILED_MS = 5 * DAY_MS;
/** On so many days, an attempt has failed. */
const FAILED_DAYS = 3;

/**
 * Whether this version of the endpoint has failed for days in all coordinators. `healths`: what each knows; null for one
 * that has made no attempt.
 */
export function hasFailedForDays(
  healths: readonly (EndpointHealth | null)[],
  version: number,
  now: number,
): boolean {
  const known = healths.filter((health) => health?.version === version);
  const failed = known.filter((health) => health !== null && health.failingSince !== null);
  const days = new Set(failed.flatMap((health) => health?.failedDays ?? []));
  return failed.length > 0 && days.size >= FAILED_DAYS && known.every((health) => isLongAgo(health, now));
}

/** Whether no attempt has succeeded for FAILED_MS. */
function isLongAgo(health: EndpointHealth | null, now: number): boolean {
  if (health === null) return true;
  const { failingSince, succeededAt } = health;
  // The first failure came after the last success. While all succeed, a success is noted only once a day.
  const worked = failingSince ?? (succeededAt ?? 0) + DAY_MS;
  return worked <= now - FAILED_MS;
}

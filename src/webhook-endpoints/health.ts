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
  const known = healths.filter((health) => health?.version === version) as readonly EndpointHealth[];
  const failing = known.filter(({ failingSince }) => failingSince !== null);
  const days = new Set(failing.flatMap(({ failedDays }) => failedDays));
  const latest = now - FAILED_MS;
  return (
    days.size >= FAILED_DAYS &&
    failing.some(({ failingSince }) => (failingSince ?? now) <= latest) &&
    known.every((health) => succeededBy(health) <= latest)
  );
}

/** The latest instant at which an attempt may have succeeded; -Infinity if none has. */
function succeededBy({ failingSince, succeededAt }: EndpointHealth): number {
  if (succeededAt === null) return Number.NEGATIVE_INFINITY;
  // While all succeed, a success is noted only once a day. The first failure came after the last success.
  return Math.min(succeededAt + DAY_MS, failingSince ?? Number.POSITIVE_INFINITY);
}

/** A recovery as responses show it. PURE. */

import { rfc3339 } from "../base/time.ts";
import type { Recovery } from "../runs/telling.ts";

/** Null if there is none. */
export function shownRecovery(recovery: Recovery | null) {
  if (recovery === null) return null;
  const { since, until, include, deliveries, isOver } = recovery;
  return { since: rfc3339(since), until: rfc3339(until), include, messages: deliveries, isOver };
}

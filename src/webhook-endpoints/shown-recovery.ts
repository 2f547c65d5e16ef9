/** A recovery as responses show it. PURE. */

import { rfc3339 } from "../base/time.ts";
import type { Recovery } from "../runs/telling.ts";

/** What the coordinators say of a recovery, as one. Null if none of them knows one. */
export function shownRecovery(recoveries: readonly (Recovery | null)[]) {
  const known = recoveries.filter((recovery) => recovery !== null);
  const [one] = known;
  if (one === undefined) return null;
  return {
    since: rfc3339(one.since),
    until: rfc3339(one.until),
    include: one.include,
    messages: known.reduce((sum, { messages }) => sum + messages, 0),
    isOver: known.every(({ isOver }) => isOver),
  };
}

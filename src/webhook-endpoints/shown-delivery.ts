/** A delivery as `GET …/deliveries` shows it. */

import { rfc3339 } from "../base/time.ts";
import type { Delivery } from "../runs/message.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { openExcerpt } from "./message/excerpt.ts";

/** `excerpt`: null if there was no body, or if no key of the ring opens it. */
export interface ShownAttempt {
  readonly at: string;
  readonly status: number | null;
  readonly durationMs: number;
  readonly reason: string;
  readonly excerpt: string | null;
}

export interface ShownDelivery {
  readonly runId: string;
  readonly type: string;
  readonly state: string;
  readonly attempts: readonly ShownAttempt[];
  /** Null if there is none, or while the schedule stands still. */
  readonly nextAttemptAt: string | null;
}

/** `isHalfOpen`: the endpoint gets only trial requests, so the schedules of its deliveries stand still. */
export async function shownDelivery(
  { endpoint, runId, type, state, attempts, nextAt }: Delivery,
  { ring, scope, isHalfOpen }: { readonly ring: KeyRing; readonly scope: string; readonly isHalfOpen: boolean },
): Promise<ShownDelivery> {
  const shown = attempts.map(async ({ at, status, durationMs, reason, excerpt }) => ({
    at: rfc3339(at),
    status,
    durationMs,
    reason,
    excerpt: excerpt === null ? null : await openExcerpt(ring, excerpt, { scope, endpoint, runId }),
  }));
  const nextAttemptAt = isHalfOpen || state !== "waiting" ? null : rfc3339(nextAt);
  return { runId, type, state, attempts: await Promise.all(shown), nextAttemptAt };
}

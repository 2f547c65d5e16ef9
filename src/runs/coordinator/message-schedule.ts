/**
 * When a delivery is sent again, and what an attempt's result means for it. PURE: `now` and `random` are passed in. The
 * waits are those that Standard Webhooks recommends.
 */

import { HOUR_MS, MINUTE_MS } from "../../base/time.ts";
import { parseRetryAfter, RETRY_WAIT_MAX_MS } from "../../webhooks/backoff.ts";
import type { Delivery, MadeAttempt } from "../message.ts";
import type { DeliveryResult } from "../telling.ts";

/** How long to wait after each attempt that failed. The last attempt has no wait. */
const WAITS_MS = [5000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS] as const;
/** A wait is longer or shorter by this part of itself at most, so that deliveries that failed together stay apart. */
const JITTER = 0.2;
/** How long to wait after an attempt that could not be made. */
const NOT_MADE_WAIT_MS = 30_000;
/** How many attempts of a delivery are shown. */
export const ATTEMPTS_SHOWN = 10;

/** `isTrial`: the attempt was a trial request. `isHalfOpen`: the endpoint gets only trial requests from now on. */
export interface Circumstances {
  readonly now: number;
  readonly random: number;
  readonly isTrial: boolean;
  readonly isHalfOpen: boolean;
}

/**
 * The delivery after an attempt. Null: it is dropped, because its endpoint is gone. While an endpoint gets only trial
 * requests, its deliveries keep the number of their attempts, and are due whenever it is their turn.
 */
export function deliveryAfter(delivery: Delivery, result: DeliveryResult, at: Circumstances): Delivery | null {
  const { now, random, isTrial, isHalfOpen } = at;
  const { verdict } = result;
  if (verdict === "gone") return null;
  const over = { leaseUntil: null, nextAt: null };
  const jitter = 1 + JITTER * (2 * random - 1);
  if (verdict === "not_made") {
    const nextAt = now + Math.ceil(NOT_MADE_WAIT_MS * jitter);
    return { ...delivery, ...over, attempt: delivery.attempt - 1, nextAt };
  }
  const attempts = [...delivery.attempts, madeAttempt(result, now)].slice(-ATTEMPTS_SHOWN);
  const next = { ...delivery, ...over, attempts };
  if (verdict === "delivered") return { ...next, state: "delivered" };
  if (verdict === "refused") return { ...next, state: "failed" };
  if (isTrial) return { ...next, attempt: delivery.attempt - 1, nextAt: now };
  const wait = WAITS_MS[delivery.attempt - 1];
  if (wait === undefined) return { ...next, state: "failed" };
  if (isHalfOpen) return { ...next, nextAt: now };
  const asked = Math.min(parseRetryAfter(result.retryAfter, now) ?? 0, RETRY_WAIT_MAX_MS);
  return { ...next, nextAt: now + Math.max(Math.ceil(wait * jitter), asked) };
}

function madeAttempt({ status, durationMs, reason, excerpt }: DeliveryResult, now: number): MadeAttempt {
  return { at: Math.max(now - durationMs, 0), status, durationMs, reason, excerpt };
}

/**
 * When a delivery or a stop request is retried. PURE: `now` and `random` are passed in. That a retry is not later than
 * the end of the run's time, `outcomeOf` in delivery.ts checks.
 */

import { HOUR_MS } from "../base/time.ts";

/** `maxAttempts` includes the first attempt. `initialDelayMs` is the longest first wait that we choose. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly initialDelayMs: number;
}

/** The longest wait before a retry. */
export const RETRY_WAIT_MAX_MS = HOUR_MS;

/** The last instant that a Date can hold. */
const DATE_MAX_MS = 8.64e15;

/** Whether an attempt may be retried: after no response (null), 5xx, 408, 425 and 429. Every other status is final. */
export function isRetryable(status: number | null): boolean {
  if (status === null || status === 408 || status === 425 || status === 429) return true;
  return status >= 500 && status <= 599;
}

/**
 * Exponential backoff with full jitter: whole ms in [0, initialDelayMs * 2^(attempt-1)), at most an hour. `attempt`
 * counts from 1, `random` is in [0, 1). The hour is applied before the jitter, so that runs that failed together stay
 * apart.
 */
export function backoffMs(policy: RetryPolicy, attempt: number, random: number): number {
  return Math.floor(random * Math.min(policy.initialDelayMs * 2 ** (attempt - 1), RETRY_WAIT_MAX_MS));
}

/**
 * What a Retry-After header asks for (RFC 9110, 10.2.3), in ms from `now`: 0 for a date in the past, null if the header
 * is missing or invalid. Bounded only so that `now` plus the result is a date.
 */
export function parseRetryAfter(value: string | null, now: number): number | null {
  const text = value?.trim() ?? "";
  if (/^[0-9]+$/.test(text)) return Math.min(Number(text) * 1000, DATE_MAX_MS - now);
  const at = httpDate(text);
  return at === null ? null : Math.max(at - now, 0);
}

/**
 * How long to wait after `attempt` failed, in whole ms: our backoff, or what the receiver asks for if that is longer.
 * At most an hour.
 */
export function retryDelayMs(
  policy: RetryPolicy,
  attempt: number,
  retryAfter: string | null,
  now: number,
  random: number,
): number {
  const asked = Math.min(parseRetryAfter(retryAfter, now) ?? 0, RETRY_WAIT_MAX_MS);
  return Math.max(backoffMs(policy, attempt, random), asked);
}

/**
 * An HTTP date in ms: an IMF-fixdate, the one form that RFC 9110, 5.6.7, lets senders make. Null for any other text.
 */
function httpDate(text: string): number | null {
  const at = Date.parse(text);
  // Date.parse accepts far more, such as "foo 1". What it makes of an IMF-fixdate prints as the same text.
  return Number.isNaN(at) || new Date(at).toUTCString() !== text ? null : at;
}

/** When a dispatch or a stop request is retried. PURE: `now` and `random` are passed in. */

import { HOUR_MS, MINUTE_MS } from "../base/time.ts";

export interface RetryPolicy {
  /** Includes the first attempt. Null: only the request's time bounds the attempts. */
  readonly maxAttempts: number | null;
  /** The longest first wait that we choose. */
  readonly initialDelayMs: number;
}

/** The longest wait before a retry that a receiver can ask for, and that we choose if `maxAttempts` is set. */
export const RETRY_WAIT_MAX_MS = HOUR_MS;
/** The longest wait that we choose if only time bounds the attempts. A product that is back should not wait for us. */
const STEADY_WAIT_MAX_MS = MINUTE_MS;
/** For how long a dispatch is retried at most if only time bounds its attempts. */
const RETRIES_MAX_MS = HOUR_MS;
/** How long before the end of its time a request has its last attempt. Alarms can be late. */
const LAST_ATTEMPT_MS = 1000;

/** The last instant that a Date can hold. */
const DATE_MAX_MS = 8.64e15;

/** Whether an attempt may be retried: after no response (null), 5xx, 408, 425 and 429. Every other status is final. */
export function isRetryable(status: number | null): boolean {
  if (status === null || status === 408 || status === 425 || status === 429) return true;
  return status >= 500 && status <= 599;
}

/** These come from a server or a proxy that has not passed the request on. 521 to 530 are Cloudflare's. */
const NOT_BEGUN: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 521, 522, 523, 525, 526, 530]);

/** Whether a receiver that answered with this retryable status may have begun what the request asks for. */
export function mayHaveBegun(status: number): boolean {
  return !NOT_BEGUN.has(status);
}

/** The status speaks against the receiver's host, and not only against this request. */
const HOST_FAILS: ReadonlySet<number> = new Set([...NOT_BEGUN, 504, 520, 524]);

/** Whether a receiver's host works that answered with this status. A 500 can be the fault of one hook. */
export function isFromWorkingHost(status: number): boolean {
  return !HOST_FAILS.has(status);
}

/**
 * The instant from which on no attempt of a run's dispatch begins: the run's deadline. If only time bounds the
 * attempts: after half of the run's time, and after an hour at most, because somebody waits for the run.
 */
export function dispatchEndsAt(
  { createdAt, deadlineAt }: { readonly createdAt: number; readonly deadlineAt: number },
  { maxAttempts }: RetryPolicy,
): number {
  if (maxAttempts !== null) return deadlineAt;
  return createdAt + Math.min(Math.ceil((deadlineAt - createdAt) / 2), RETRIES_MAX_MS);
}

/**
 * Exponential backoff: whole ms, from half of the wait up to the wait, which is initialDelayMs * 2^(attempt-1). The wait
 * is at most an hour, or a minute if only time bounds the attempts; a longer initialDelayMs stays as it is. `attempt`
 * counts from 1, `random` is in [0, 1). The bound is applied before the jitter, so that runs that failed together stay
 * apart.
 */
export function backoffMs({ maxAttempts, initialDelayMs }: RetryPolicy, attempt: number, random: number): number {
  const longest = maxAttempts === null ? Math.max(STEADY_WAIT_MAX_MS, initialDelayMs) : RETRY_WAIT_MAX_MS;
  const wait = Math.min(initialDelayMs * 2 ** (attempt - 1), longest);
  return Math.ceil(wait / 2) + Math.floor((random * wait) / 2);
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

/** An IMF-fixdate in ms, the one form that RFC 9110, 5.6.7, lets senders make. Null for any other text. */
function httpDate(text: string): number | null {
  const at = Date.parse(text);
  // Date.parse accepts far more, such as "foo 1". What it makes of an IMF-fixdate prints as the same text.
  return Number.isNaN(at) || new Date(at).toUTCString() !== text ? null : at;
}

/**
 * When the attempt after `attempt`, which failed, begins: after our backoff, or after what the receiver asks for if that
 * is longer, an hour at most. Null if the receiver asks for more time than is left, or if none is left. If only time
 * bounds the attempts, our own wait does not lead past the end: there is a last attempt just before it.
 */
export function nextAttemptAt(
  policy: RetryPolicy,
  attempt: number,
  retryAfter: string | null,
  { now, endsAt, random }: { readonly now: number; readonly endsAt: number; readonly random: number },
): number | null {
  const askedMs = parseRetryAfter(retryAfter, now) ?? 0;
  const at = now + Math.max(backoffMs(policy, attempt, random), Math.min(askedMs, RETRY_WAIT_MAX_MS));
  if (at < endsAt) return at;
  const lastAt = endsAt - LAST_ATTEMPT_MS;
  const hasLastAttempt = policy.maxAttempts === null && lastAt >= now + Math.max(askedMs, LAST_ATTEMPT_MS);
  return hasLastAttempt ? lastAt : null;
}

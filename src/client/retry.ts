/** How long to wait before a retry. It knows nothing about requests. */

/** The longest backoff. */
const BACKOFF_MAX_MS = 10_000;
/** If Retry-After asks for more, the call fails at once, because its caller can plan for such a wait. */
export const RETRY_AFTER_HONOURED_MS = 60_000;

/**
 * Exponential backoff with full jitter: ms in [0, baseMs * 2^failed), at most 10 s. `failed` is 0 after the first
 * failure.
 */
export function retryPauseMs(baseMs: number, failed: number, random = Math.random()): number {
  return random * Math.min(baseMs * 2 ** failed, BACKOFF_MAX_MS);
}

/** A Retry-After header, seconds or an HTTP date, in ms: 0 for a date in the past; null if it is missing or invalid. */
export function retryAfterMsOf(value: string | null, now: number): number | null {
  const text = value?.trim() ?? "";
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  // Date.parse accepts far more than an HTTP date (RFC 9110, 5.6.7). What it makes of an HTTP date prints as the same
  // text.
  return Number.isNaN(at) || new Date(at).toUTCString() !== text ? null : Math.max(at - now, 0);
}

/** Resolves after `ms`. Rejects with the signal's reason when it aborts. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

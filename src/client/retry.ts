/** When a call is made again, and how long until then. It knows nothing of requests. */

/** The longest that a back-off grows to. */
const BACKOFF_MAX_MS = 10_000;
/** A call that is asked to come back later than this is given up at once: its caller can plan for that, it can't. */
export const RETRY_AFTER_MAX_MS = 60_000;

const HTTP_DATE = /^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/;

/** Exponential with full jitter: ms in [0, baseMs * 2^failed), never over 10 s. `failed` is 0 after the first failure. */
export function backoffMs(baseMs: number, failed: number, random = Math.random()): number {
  return random * Math.min(baseMs * 2 ** failed, BACKOFF_MAX_MS);
}

/** What a Retry-After header asks for in ms, 0 for a date in the past; null for no header or nonsense. */
export function parseRetryAfter(value: string | null, now: number): number | null {
  const text = value?.trim() ?? "";
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1000;
  const at = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(at - now, 0);
}

/** Resolves after `ms`; rejects with the signal's own reason once that is aborted. */
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

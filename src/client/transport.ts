/**
 * Sends one request: retries if that is safe and may help, with a timeout for each try. It knows HTTP, but nothing
 * about runs. It must not repeat a request that could take effect twice, or send a token to another host.
 */

import {
  type ActionRunsError,
  corsAdvice,
  parseJson,
  redirected,
  refusalOf,
  unexpectedResponse,
  unreachable,
} from "./errors.ts";
import { pause, RETRY_AFTER_HONOURED_MS, retryPauseMs } from "./retry.ts";

/** Settings for all calls of a client. */
export interface TransportSettings {
  readonly fetch: typeof globalThis.fetch;
  /** The number of retries after the first try. */
  readonly retries: number;
  /** The upper limit of the first backoff. */
  readonly retryDelayMs: number;
  /** The timeout of one try. */
  readonly timeoutMs: number;
}

/** Settings for one call. */
export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** For a call that takes longer than others, such as a wait. */
  readonly timeoutMs?: number;
  /** Whether the request can be sent twice without harm. Default: true. */
  readonly isRepeatable?: boolean;
  /** Returns a success as soon as its headers have arrived. The caller reads the body. */
  readonly isStream?: boolean;
  /** Called before each retry. */
  readonly onRetry?: () => void;
}

/** Resolves with a success, whose body is JSON unless it is a stream. Throws an ActionRunsError for everything else. */
export type Send = (request: Request, options?: SendOptions) => Promise<Response>;

/** The Fetch standard's redirects, without 304. */
const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308];

type Outcome = { readonly response: Response } | { readonly error: ActionRunsError; readonly isTransient: boolean };

export function createSend(settings: TransportSettings): Send {
  return async function send(request, options = {}) {
    const { signal, isRepeatable = true } = options;
    const body = request.method === "GET" ? "" : await request.text();
    for (let failed = 0; ; failed++) {
      const outcome = await attempt(request, body, settings, options);
      if ("response" in outcome) return outcome.response;
      const { error } = outcome;
      // After a 429 the request had no effect.
      const mayRepeat = isRepeatable || error.status === 429;
      const askedMs = error.retryAfterMs ?? 0;
      if (!outcome.isTransient || !mayRepeat || failed >= settings.retries || askedMs > RETRY_AFTER_HONOURED_MS) {
        throw error;
      }
      await pause(askedMs + retryPauseMs(settings.retryDelayMs, failed), signal);
      options.onRetry?.();
    }
  };
}

async function attempt(
  request: Request,
  body: string,
  settings: TransportSettings,
  { signal, timeoutMs = settings.timeoutMs, isStream = false }: SendOptions,
): Promise<Outcome> {
  signal?.throwIfAborted();
  const aborter = new AbortController();
  const stop = () => aborter.abort(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  const timer = setTimeout(() => aborter.abort(new Error(`no response within ${timeoutMs} ms`)), timeoutMs);
  let isHandedOver = false;
  // Called without `this`, because a browser's fetch refuses another `this` than its own.
  const { fetch } = settings;
  try {
    const response = await fetch(
      // Workers don't support "error", and "follow" would turn a POST into a GET.
      new Request(request, { redirect: "manual", ...(body === "" ? {} : { body }) }),
      // Pass the signal here, because Node loses an abort if only a garbage-collected Request holds the signal.
      { signal: aborter.signal },
    );
    isHandedOver = isStream && response.ok;
    return isHandedOver ? { response } : await read(response);
  } catch (cause) {
    signal?.throwIfAborted();
    const { host } = new URL(request.url);
    const error = unreachable(`No response came from ${host}`, cause, corsAdvice(request.url, cause));
    return { error, isTransient: true };
  } finally {
    clearTimeout(timer);
    // The caller's signal must still be able to stop a stream.
    if (!isHandedOver) signal?.removeEventListener("abort", stop);
  }
}

/** Reads a response to its end. Throws if it breaks off. */
async function read(response: Response): Promise<Outcome> {
  if (isRedirect(response)) return { error: await redirected(response), isTransient: false };
  const text = await response.text();
  if (!response.ok) {
    const error = refusalOf(response, text);
    return { error, isTransient: isTransient(error) };
  }
  const { status, headers } = response;
  if (status === 204 || (status === 202 && text === "")) {
    return { response: new Response(null, { status, headers }) };
  }
  if (parseJson(text) === undefined) {
    return { error: unexpectedResponse(response, "The response is not JSON"), isTransient: false };
  }
  return { response: new Response(text, { status, headers }) };
}

/**
 * Whether a response to a request with `redirect: "manual"` is a redirect. A browser hides the status of a redirect.
 */
export function isRedirect({ type, status }: Response): boolean {
  return type === "opaqueredirect" || REDIRECT_STATUSES.includes(status);
}

/** Whether a retry may help. A 5xx without the API's JSON comes from a proxy. */
export function isTransient({ status, code }: ActionRunsError): boolean {
  if (status === 429 || status === 503) return true;
  return status !== null && status >= 500 && status <= 599 && code === "unexpected_answer";
}

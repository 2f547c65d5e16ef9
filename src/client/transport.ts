/**
 * One request until it has an answer of the API: sent again where that is safe and may help, each try bounded in
 * time. Knows HTTP and nothing of runs. It must not repeat what may happen twice, nor take a token to another host.
 */

import {
  type ActionRunsError,
  corsAdvice,
  parseJson,
  redirected,
  refusalOf,
  unexpectedAnswer,
  unreachable,
} from "./errors.ts";
import { backoffMs, pause, RETRY_AFTER_MAX_MS } from "./retry.ts";

/** How calls are made, for all of a client's. */
export interface TransportSettings {
  readonly fetch: typeof globalThis.fetch;
  /** How often a call is made again after the first try. */
  readonly retries: number;
  /** The most that the first wait between two tries can be. */
  readonly retryDelayMs: number;
  /** How long one try may take. */
  readonly timeoutMs: number;
}

/** How one call is made. */
export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** For one that takes long by its nature. */
  readonly timeoutMs?: number;
  /** Whether making it twice is the same as once. true unless told. */
  readonly isRepeatable?: boolean;
  /** Hands a success over as soon as its headers are there, its body still to be read. */
  readonly isStream?: boolean;
  /** Called before each try but the first. */
  readonly onRetry?: () => void;
}

/** A success, its body read and known to be JSON unless it is a stream; anything else throws an ActionRunsError. */
export type Send = (request: Request, options?: SendOptions) => Promise<Response>;

/** As the Fetch standard has them: 304 is none. */
const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308];

type Outcome =
  | { readonly response: Response }
  | { readonly error: ActionRunsError; readonly isTransient: boolean };

export function createSend(settings: TransportSettings): Send {
  return async function send(request, options = {}) {
    const { signal, isRepeatable = true } = options;
    const body = request.method === "GET" ? "" : await request.text();
    for (let failed = 0; ; failed++) {
      const outcome = await attempt(request, body, settings, options);
      if ("response" in outcome) return outcome.response;
      const { error } = outcome;
      // 429 says that nothing was done.
      const mayRepeat = isRepeatable || error.status === 429;
      const askedMs = error.retryAfterMs ?? 0;
      if (!outcome.isTransient || !mayRepeat || failed >= settings.retries || askedMs > RETRY_AFTER_MAX_MS) {
        throw error;
      }
      await pause(askedMs + backoffMs(settings.retryDelayMs, failed), signal);
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
  const timer = setTimeout(() => aborter.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  let isHandedOver = false;
  // Called as a plain function: a browser's fetch refuses any `this` but its own.
  const { fetch } = settings;
  try {
    const response = await fetch(
      // Workers know no redirect: "error"; one that is followed would turn a POST into a GET.
      new Request(request, { redirect: "manual", ...(body === "" ? {} : { body }) }),
      // Here, for Node loses an abort by a signal that only a Request holds once that is garbage.
      { signal: aborter.signal },
    );
    isHandedOver = isStream && response.ok;
    return isHandedOver ? { response } : await read(response);
  } catch (cause) {
    signal?.throwIfAborted();
    const { host } = new URL(request.url);
    const error = unreachable(`No answer came from ${host}`, cause, corsAdvice(request.url, cause));
    return { error, isTransient: true };
  } finally {
    clearTimeout(timer);
    // What is handed over is still to be stopped by the caller's signal.
    if (!isHandedOver) signal?.removeEventListener("abort", stop);
  }
}

/** Reads an answer to its end; throws where that does not come. */
async function read(response: Response): Promise<Outcome> {
  if (isRedirect(response)) return { error: await redirected(response), isTransient: false };
  const text = await response.text();
  if (!response.ok) {
    const error = refusalOf(response, text);
    return { error, isTransient: isTransient(error) };
  }
  const { status, headers } = response;
  if (status === 204) return { response: new Response(null, { status, headers }) };
  if (parseJson(text) === undefined) {
    return { error: unexpectedAnswer(response, "An answer that is no JSON"), isTransient: false };
  }
  return { response: new Response(text, { status, headers }) };
}

/** Of a request with `redirect: "manual"`; a browser shows such an answer without its status. */
export function isRedirect({ type, status }: Response): boolean {
  return type === "opaqueredirect" || REDIRECT_STATUSES.includes(status);
}

/** What may pass by itself. A 5xx that is not in the API's own words is a proxy's. */
function isTransient({ status, code }: ActionRunsError): boolean {
  if (status === 429 || status === 503) return true;
  return status !== null && status >= 500 && status <= 599 && code === "unexpected_answer";
}

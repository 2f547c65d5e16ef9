/**
 * One request: its retries if they are safe and may help, a timeout for each try, and its errors. It knows HTTP, but
 * nothing about runs. It must not repeat a request that could take effect twice, or send a token to another host. No
 * error may contain a token, a header, or the body of a response that is not from the API.
 */

import { type CallSettings, type TransportSettings, transportSettings } from "./settings.ts";

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** For a call that takes longer than others, such as a wait. */
  readonly timeoutMs?: number;
  /** Whether the request can be sent twice without harm. Default: true. */
  readonly isRepeatable?: boolean;
  /** Returns a success as soon as its headers have arrived. The caller reads the body. */
  readonly isStream?: boolean;
  readonly onRetry?: () => void;
}

/** Resolves with a success, whose body is JSON unless it is a stream. Throws an ActionRunsError for everything else. */
export type Send = (request: Request, options?: SendOptions) => Promise<Response>;

/** The Fetch standard's redirects, without 304. */
const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308];

/** Throws a TypeError that names an invalid setting. */
export function createSend(callSettings: CallSettings): Send {
  const settings = transportSettings(callSettings);
  return async function send(request, options = {}) {
    const { signal, isRepeatable = true } = options;
    const body = request.method === "GET" ? "" : await request.text();
    for (let failed = 0; ; failed++) {
      try {
        return await attempt(request, body, settings, options);
      } catch (error) {
        if (!(error instanceof ActionRunsError) || !isTransient(error) || failed >= settings.retries) throw error;
        // After a 429 the request had no effect.
        const mayRepeat = isRepeatable || error.status === 429;
        const askedMs = error.retryAfterMs ?? 0;
        if (!mayRepeat || askedMs > RETRY_AFTER_HONOURED_MS) throw error;
        await pause(askedMs + retryPauseMs(settings.retryDelayMs, failed), signal);
        options.onRetry?.();
      }
    }
  };
}

async function attempt(
  request: Request,
  body: string,
  settings: TransportSettings,
  { signal, timeoutMs = settings.timeoutMs, isStream = false }: SendOptions,
): Promise<Response> {
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
    return isHandedOver ? response : await read(response);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof ActionRunsError) throw cause;
    const { host } = new URL(request.url);
    throw unreachable(`No response came from ${host}`, cause, corsAdvice(request.url, cause));
  } finally {
    clearTimeout(timer);
    // The caller's signal must still be able to stop a stream.
    if (!isHandedOver) signal?.removeEventListener("abort", stop);
  }
}

/** Reads a response to its end. Throws if it breaks off, and an ActionRunsError if it is no success. */
async function read(response: Response): Promise<Response> {
  if (isRedirect(response)) throw await redirected(response);
  const text = await response.text();
  if (!response.ok) throw refusalOf(response, text);
  const { status, headers } = response;
  const isEmpty = status === 204 || (status === 202 && text === "");
  if (!isEmpty && parseJson(text) === undefined) throw unexpectedResponse(response, "The response is not JSON");
  return new Response(isEmpty ? null : text, { status, headers });
}

/** A browser hides the status of a redirect that it did not follow. */
export function isRedirect({ type, status }: Response): boolean {
  return type === "opaqueredirect" || REDIRECT_STATUSES.includes(status);
}

/** Whether a retry may help. A 5xx without the API's JSON comes from a proxy. */
export function isTransient({ status, code }: ActionRunsError): boolean {
  if (code === "unreachable" || status === 429 || status === 503) return true;
  return status !== null && status >= 500 && status <= 599 && code === "unexpected_answer";
}

type ErrorDetails = Pick<ActionRunsError, "status" | "code"> &
  Partial<Pick<ActionRunsError, "pointer" | "requestId" | "retryAfterMs" | "cause">>;

/** Thrown by every call that fails. Only an aborted call throws something else: the signal's own reason. */
export class ActionRunsError extends Error {
  /** The HTTP status; null if there was no response. */
  readonly status: number | null;
  /** The API's error code, or one of this client's own codes: `unreachable`, `unexpected_answer`. */
  readonly code: string;
  /** A JSON pointer to the wrong member of the body, or `/` and the name of a query parameter. */
  readonly pointer: string | null;
  /** `X-Request-Id` of the response. Include it when you report a problem. */
  readonly requestId: string | null;
  /** `Retry-After` in ms; null if the response has none. */
  readonly retryAfterMs: number | null;

  constructor(sentence: string, details: ErrorDetails) {
    super(sentence, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "ActionRunsError";
    this.status = details.status;
    this.code = details.code;
    this.pointer = details.pointer ?? null;
    this.requestId = details.requestId ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }
}

/** No response, or one that broke off. `what`: the first sentence without its full stop. `advice`: a further one. */
export function unreachable(what: string, cause: unknown, advice = ""): ActionRunsError {
  return new ActionRunsError(`${what}. Check the address and the network, and try again.${advice}`, {
    status: null,
    code: "unreachable",
    cause,
  });
}

/** Names CORS as a possible reason, because a browser hides why it blocked a request. `cause`: fetch's error. */
function corsAdvice(url: string, cause: unknown): string {
  const origin = browserOrigin();
  if (origin === null || origin === new URL(url).origin || !(cause instanceof TypeError)) return "";
  return ` The browser blocks the response unless the service's CORS_ORIGINS includes ${origin}.`;
}

/** The origin of this page or worker; null outside a browser. Cloudflare Workers have a scope, but no location. */
function browserOrigin(): string | null {
  if (!("window" in globalThis || "WorkerGlobalScope" in globalThis)) return null;
  const { origin } = (globalThis as { readonly location?: { readonly origin: string } }).location ?? {};
  // A page from a file has the origin "null", which CORS_ORIGINS can't contain.
  return origin?.startsWith("http") ? origin : null;
}

/** A response that the API never sends, for example from a proxy. `what`: the first sentence without its full stop. */
export function unexpectedResponse(response: Response, what: string, cause?: unknown): ActionRunsError {
  return new ActionRunsError(`${what} (status ${response.status}). Check that the address is the API's.`, {
    ...detailsOf(response),
    code: "unexpected_answer",
    cause,
  });
}

/** A redirect. The client never follows one, because another origin would receive the token and the body. */
export async function redirected(response: Response): Promise<ActionRunsError> {
  await response.body?.cancel();
  return new ActionRunsError(
    "The response is a redirect, which this client does not follow. Check the address. If you trust the redirect, use the address that it leads to.",
    { ...detailsOf(response), code: "unexpected_answer" },
  );
}

export function refusalOf(response: Response, text: string): ActionRunsError {
  const { error, code, pointer } = (parseJson(text) ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof error !== "string" || typeof code !== "string") {
    return unexpectedResponse(response, "The response is not from the API");
  }
  return new ActionRunsError(error, {
    ...detailsOf(response),
    code,
    pointer: typeof pointer === "string" ? pointer : null,
  });
}

function detailsOf(response: Response) {
  return {
    // A browser reports 0 for a redirect that was not followed.
    status: response.status === 0 ? null : response.status,
    requestId: response.headers.get("X-Request-Id"),
    retryAfterMs: retryAfterMsOf(response.headers.get("Retry-After"), Date.now()),
  };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const BACKOFF_MAX_MS = 10_000;
/** If Retry-After asks for more, the call fails at once, because its caller can plan for such a wait. */
const RETRY_AFTER_HONOURED_MS = 60_000;

/** Exponential backoff with full jitter: ms in [0, baseMs * 2^failed), at most 10 s. */
export function retryPauseMs(baseMs: number, failed: number, random = Math.random()): number {
  return random * Math.min(baseMs * 2 ** failed, BACKOFF_MAX_MS);
}

/** A Retry-After header, seconds or an HTTP date, in ms: 0 for a date in the past; null if it is missing or invalid. */
export function retryAfterMsOf(value: string | null, now: number): number | null {
  const text = value?.trim() ?? "";
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  // Date.parse accepts more than RFC 9110, 5.6.7. What it makes of an HTTP date prints as the same text.
  return Number.isNaN(at) || new Date(at).toUTCString() !== text ? null : Math.max(at - now, 0);
}

/** Resolves after `ms`. Rejects with the signal's reason when it aborts. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = () => reject(signal?.reason);
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", stop, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  });
}

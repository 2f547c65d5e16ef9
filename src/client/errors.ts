/**
 * The one error class of this client, and how a response becomes an error. No message may contain a token, a header, or
 * the body of a response that is not from the API.
 */

import type { components } from "./openapi.ts";
import { retryAfterMsOf } from "./retry.ts";

type WireError = components["schemas"]["Error"];

/** The members of an error besides its message. */
export interface ErrorDetails {
  /** The HTTP status; null if there was no response. */
  readonly status: number | null;
  /** The API's error code, or one of this client's own codes: `unreachable`, `unexpected_answer`. */
  readonly code: string;
  /**
   * A JSON pointer to the member of the body that is wrong, or `/` and the name of a query parameter; null if there is
   * none.
   */
  readonly pointer?: string | null;
  /** `X-Request-Id` of the response. Include it when you report a problem. */
  readonly requestId?: string | null;
  /** `Retry-After` in ms; null if the response has none. */
  readonly retryAfterMs?: number | null;
  readonly cause?: unknown;
}

/** Thrown by every call that fails. Only an aborted call throws something else: the signal's own reason. */
export class ActionRunsError extends Error {
  readonly status: number | null;
  readonly code: string;
  readonly pointer: string | null;
  readonly requestId: string | null;
  readonly retryAfterMs: number | null;

  constructor(sentence: string, { status, code, pointer, requestId, retryAfterMs, cause }: ErrorDetails) {
    super(sentence, cause === undefined ? undefined : { cause });
    this.name = "ActionRunsError";
    this.status = status;
    this.code = code;
    this.pointer = pointer ?? null;
    this.requestId = requestId ?? null;
    this.retryAfterMs = retryAfterMs ?? null;
  }
}

/**
 * There was no response, or it broke off. `what`: the first sentence without its full stop. `advice`: a further one.
 */
export function unreachable(what: string, cause: unknown, advice = ""): ActionRunsError {
  return new ActionRunsError(`${what}. Check the address and the network, and try again.${advice}`, {
    status: null,
    code: "unreachable",
    cause,
  });
}

/** Names CORS as a possible reason, because a browser hides why it blocked a request. `cause`: fetch's error. */
export function corsAdvice(url: string, cause: unknown): string {
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

/** The error for a refusal. `text`: the response's body. */
export function refusalOf(response: Response, text: string): ActionRunsError {
  const body = parseJson(text);
  if (!isWireError(body)) return unexpectedResponse(response, "The response is not from the API");
  const pointer = typeof body.pointer === "string" ? body.pointer : null;
  return new ActionRunsError(body.error, { ...detailsOf(response), code: body.code, pointer });
}

function detailsOf(response: Response): Pick<ErrorDetails, "requestId" | "retryAfterMs"> & { status: number | null } {
  return {
    // A browser reports 0 for a redirect that was not followed.
    status: response.status === 0 ? null : response.status,
    requestId: response.headers.get("X-Request-Id"),
    retryAfterMs: retryAfterMsOf(response.headers.get("Retry-After"), Date.now()),
  };
}

function isWireError(body: unknown): body is WireError & Required<Pick<WireError, "error" | "code">> {
  if (typeof body !== "object" || body === null) return false;
  const { error, code } = body as Partial<Record<keyof WireError, unknown>>;
  return typeof error === "string" && typeof code === "string";
}

/** The value, or undefined if `text` is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * The one error of this client, and how it is read from an answer. A token, a header or the body of a strange answer
 * must never get into a message.
 */

import type { components } from "./openapi.ts";
import { parseRetryAfter } from "./retry.ts";

type WireError = components["schemas"]["Error"];

/** What an error says beside its sentence. */
export interface ErrorDetails {
  /** Of the answer; null where none came. */
  readonly status: number | null;
  /** What the API says happened, or one of this client's own: `unreachable`, `unexpected_answer`. */
  readonly code: string;
  /** `X-Request-Id` of the answer: give it when you report a fault. */
  readonly requestId?: string | null;
  /** What `Retry-After` asked for, in ms; null where it asked for nothing. */
  readonly retryAfterMs?: number | null;
  readonly cause?: unknown;
}

/** Thrown by every call that did not come to what was asked for, except by an abort: that throws its own reason. */
export class ActionRunsError extends Error {
  readonly status: number | null;
  readonly code: string;
  readonly requestId: string | null;
  readonly retryAfterMs: number | null;

  constructor(sentence: string, { status, code, requestId, retryAfterMs, cause }: ErrorDetails) {
    super(sentence, cause === undefined ? undefined : { cause });
    this.name = "ActionRunsError";
    this.status = status;
    this.code = code;
    this.requestId = requestId ?? null;
    this.retryAfterMs = retryAfterMs ?? null;
  }
}

/** No answer came, or it broke off. `what` begins the sentence: what was not there. `advice` ends it. */
export function unreachable(what: string, cause: unknown, advice = ""): ActionRunsError {
  return new ActionRunsError(`${what}: check the address and the network, and try again.${advice}`, {
    status: null,
    code: "unreachable",
    cause,
  });
}

/** A browser tells code nothing of a request that it blocked. `cause`: what fetch threw for a request to `url`. */
export function corsAdvice(url: string, cause: unknown): string {
  const origin = browserOrigin();
  if (origin === null || origin === new URL(url).origin || !(cause instanceof TypeError)) return "";
  return ` A browser blocks the answer unless the service's CORS_ORIGINS has ${origin}.`;
}

/** Of the page or worker that runs this, null outside a browser. Cloudflare's Workers have a scope, but no location. */
function browserOrigin(): string | null {
  if (!("window" in globalThis || "WorkerGlobalScope" in globalThis)) return null;
  const { origin } = (globalThis as { readonly location?: { readonly origin: string } }).location ?? {};
  // A page from a file has the origin "null", which no setting can name.
  return origin?.startsWith("http") ? origin : null;
}

/** An answer that the API does not give: from a proxy, or from something else altogether. */
export function unexpectedAnswer(response: Response, what: string, cause?: unknown): ActionRunsError {
  return new ActionRunsError(
    `${what} came with status ${response.status}: check that the address is that of the API.`,
    { ...detailsOf(response), code: "unexpected_answer", cause },
  );
}

/** A redirect, which is never followed: another origin would be given the token, and a body that may hold secrets. */
export async function redirected(response: Response): Promise<ActionRunsError> {
  await response.body?.cancel();
  return new ActionRunsError(
    "The answer is a redirect, and this client follows none: check the address, and give the one that it leads to if you trust that.",
    { ...detailsOf(response), code: "unexpected_answer" },
  );
}

/** The error that a refusal stands for; `text` is its body. */
export function refusalOf(response: Response, text: string): ActionRunsError {
  const body = parseJson(text);
  if (!isWireError(body)) return unexpectedAnswer(response, "An answer that is none of the API's");
  return new ActionRunsError(body.error, { ...detailsOf(response), code: body.code });
}

function detailsOf(
  response: Response,
): Pick<ErrorDetails, "requestId" | "retryAfterMs"> & { status: number | null } {
  return {
    // A browser shows a redirect that was not followed as 0.
    status: response.status === 0 ? null : response.status,
    requestId: response.headers.get("X-Request-Id"),
    retryAfterMs: parseRetryAfter(response.headers.get("Retry-After"), Date.now()),
  };
}

function isWireError(body: unknown): body is Required<WireError> {
  if (typeof body !== "object" || body === null) return false;
  const { error, code } = body as Partial<Record<keyof WireError, unknown>>;
  return typeof error === "string" && typeof code === "string";
}

/** The value, or undefined where `text` is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

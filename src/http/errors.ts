/**
 * The one error shape of the wire, `{ error, code }`, and the one table of codes.
 * A code names what happened and never changes; a sentence says what to do and may.
 */

import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** code → status. The source of every error status this service answers. */
export const ERROR_STATUS = {
  invalid_body: 400,
  invalid_query: 400,
  invalid_idempotency_key: 400,
  invalid_last_event_id: 400,
  unauthorized: 401,
  token_invalid: 401,
  token_expired: 401,
  forbidden: 403,
  not_found: 404,
  run_not_found: 404,
  token_not_found: 404,
  method_not_allowed: 405,
  run_running: 409,
  run_succeeded: 409,
  run_failed: 409,
  run_timed_out: 409,
  run_cancelled: 409,
  delivery_failed: 409,
  too_many_tokens: 409,
  idempotency_key_unverifiable: 409,
  body_too_large: 413,
  unsupported_media_type: 415,
  idempotency_key_reused: 422,
  too_many_requests: 429,
  internal_error: 500,
  loop_detected: 508,
  not_configured: 503,
  not_ready: 503,
  database_unavailable: 503,
  coordinator_unavailable: 503,
  coordinator_overloaded: 503,
  // Not 507: by RFC 4918 nobody may repeat such a request, and room comes free by itself.
  storage_full: 503,
  too_many_watchers: 503,
} as const satisfies Record<string, ContentfulStatusCode>;

export type ErrorCode = keyof typeof ERROR_STATUS;

declare global {
  interface ErrorConstructor {
    /** V8's own. */
    stackTraceLimit: number;
  }
}

/** A refusal on its way to the caller. `message` is sent; `cause` is only logged. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    sentence: string,
    headers: Readonly<Record<string, string>> = {},
    cause?: unknown,
  ) {
    // Where it was thrown is of no use to anybody, and finding it out costs more than all else that a refusal does.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(sentence, { cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = "ApiError";
    this.code = code;
    this.headers = headers;
  }
}

/** 401: whatever is wrong with an API token, the caller learns no more than that it does not open this. */
export function unauthorized(
  sentence: string,
  code: "unauthorized" | "token_invalid" | "token_expired",
): ApiError {
  return new ApiError(code, sentence, { "WWW-Authenticate": "Bearer" });
}

/** 503 with a time to come back, for what is out of reach just now. */
export function unavailable(
  code:
    | "database_unavailable"
    | "coordinator_unavailable"
    | "coordinator_overloaded"
    | "storage_full"
    | "too_many_watchers"
    | "not_ready",
  sentence: string,
  cause?: unknown,
  retryAfterSeconds = 5,
): ApiError {
  return new ApiError(code, sentence, { "Retry-After": String(retryAfterSeconds) }, cause);
}

/** How soon retention may have freed enough: clients that repeat by themselves give up before. */
export const FULL_RETRY_SECONDS = 600;

export function databaseFull(cause?: unknown): ApiError {
  return unavailable(
    "storage_full",
    "The database is full. Lower RETENTION_DAYS, or move some organisations to a second deployment.",
    cause,
    FULL_RETRY_SECONDS,
  );
}

/** The answer for anything thrown. Internals stay in the log, found by the request id. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  return new ApiError(
    "internal_error",
    "Something went wrong on our side: try again, and give the X-Request-Id when you report it.",
    {},
    thrown,
  );
}

export function errorResponse(c: Context, error: ApiError): Response {
  for (const [name, value] of Object.entries(error.headers)) c.header(name, value);
  return c.json({ error: error.message, code: error.code }, ERROR_STATUS[error.code]);
}

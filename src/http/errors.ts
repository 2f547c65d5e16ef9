/**
 * Every error response: `{ error, code }`, with one table of codes. A code is part of the contract and never changes.
 * A sentence says what is wrong, then what to do, and may change.
 */

import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";

interface ErrorKind {
  readonly status: ContentfulStatusCode;
  /** The default sentence, and the example in the OpenAPI document. */
  readonly sentence: string;
  /** What `Retry-After` says. */
  readonly retrySeconds?: number;
}

function kinds<Code extends string>(
  status: ContentfulStatusCode,
  sentences: Readonly<Record<Code, string>>,
  retry: Pick<ErrorKind, "retrySeconds"> = {},
): Readonly<Record<Code, ErrorKind>> {
  const entries = Object.entries<string>(sentences);
  const byCode = entries.map(([code, sentence]) => [code, { status, sentence, ...retry }]);
  return Object.fromEntries(byCode) as Record<Code, ErrorKind>;
}

export const ERRORS = {
  ...kinds(400, {
    invalid_body: "timeout: 0 was sent; send whole minutes from 1 to 43200.",
    invalid_query: "limit: 500 was sent; send a whole number from 1 to 200.",
    invalid_idempotency_key: "Idempotency-Key has 300 characters. Send 1 to 255 printable ASCII characters.",
    invalid_last_event_id:
      "Last-Event-ID is not an event of this run. Send the id of the last event you received, or omit it.",
  }),
  ...kinds(401, {
    unauthorized: "The request has no token. Send the header Authorization: Bearer <token>.",
    token_invalid: "This API token is unknown or was revoked. Ask for a new one.",
    token_expired: "This API token has expired. Ask for a new one.",
  }),
  ...kinds(403, { forbidden: "The role viewer lacks data:write. Use a token with a role that has it." }),
  ...kinds(404, {
    not_found: "No such endpoint. GET / lists the endpoints.",
    run_not_found: "No such action run. It may have been removed. Check its id and environment.",
    token_not_found:
      "No such token, or your token may not revoke it. GET /{o}/{p}/tokens lists those it may.",
  }),
  ...kinds(405, { method_not_allowed: "This endpoint accepts only GET, HEAD, POST." }),
  ...kinds(409, {
    run_running: "The run is already running. Only a pending run can be cancelled.",
    run_succeeded: "The run already succeeded. Its result can't change.",
    run_failed: "The run already failed. Its result can't change.",
    run_timed_out: "The run already failed because it timed out. Its result can't change.",
    run_cancelled: "The run was cancelled. Its result can't change.",
    delivery_failed: "The run already failed because its workflow could not be started. Create another run.",
    too_many_tokens: "This project has 10000 tokens, which is the limit. Revoke tokens that nobody uses.",
    idempotency_key_unverifiable:
      "The signing key under which this Idempotency-Key created a run is gone. Look for the run in the list, or send a new key.",
  }),
  ...kinds(413, { body_too_large: "The body has 2000000 bytes. Send at most 1048576." }),
  ...kinds(415, {
    unsupported_media_type: "The body is not JSON. Send JSON with the header Content-Type: application/json.",
  }),
  ...kinds(422, {
    idempotency_key_reused:
      "This Idempotency-Key was used with a different body. Send the same body, or a new key.",
  }),
  ...kinds(
    429,
    { too_many_requests: "Too many unknown tokens came from your address. Try again in a few seconds." },
    { retrySeconds: 10 },
  ),
  ...kinds(500, {
    internal_error: "The service failed. Try again, and give the X-Request-Id when you report this.",
  }),
  ...kinds(503, {
    not_configured: "CALLBACK_SIGNING_KEYS is not set. Make a key with `openssl rand -hex 32`.",
  }),
  ...kinds(
    503,
    {
      not_ready: "The database is not migrated. Run `npm run migrate`.",
      database_unavailable: "The database did not answer. Try again in a few seconds.",
      coordinator_unavailable: "The run can't be reached. Try again in a few seconds.",
      too_many_watchers:
        "Too many clients are already watching runs here. Try again in a few seconds, or read the run without waiting.",
    },
    { retrySeconds: 5 },
  ),
  ...kinds(
    503,
    { coordinator_overloaded: "The database can't keep up, so new runs are refused. Try again later." },
    { retrySeconds: 10 },
  ),
  // Not 507: RFC 4918 forbids to repeat such a request, but retention frees room by itself. The delay is long because
  // clients that retry by themselves should give up.
  ...kinds(
    503,
    {
      storage_full:
        "This environment's storage is full, so new runs are refused. Try again when older runs have been removed.",
    },
    { retrySeconds: 600 },
  ),
  ...kinds(508, { loop_detected: "A webhook must not call this service. Send it to what does the work." }),
};

export type ErrorCode = keyof typeof ERRORS;

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

  /** Without a sentence, the table's. 401 adds `WWW-Authenticate`, and a code with a retry delay adds `Retry-After`. */
  constructor(
    code: ErrorCode,
    sentence: string = ERRORS[code].sentence,
    headers: Readonly<Record<string, string>> = {},
    cause?: unknown,
  ) {
    // A stack is useless here, and capturing one costs more than all other work of a refusal.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(sentence, { cause });
    Error.stackTraceLimit = stackTraceLimit;
    const { status, retrySeconds } = ERRORS[code];
    this.name = "ApiError";
    this.code = code;
    this.headers = {
      ...(status === 401 && { "WWW-Authenticate": "Bearer" }),
      ...(retrySeconds !== undefined && { "Retry-After": String(retrySeconds) }),
      ...headers,
    };
  }
}

/** The response for anything thrown. Internals stay in the log, where the request id finds them. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof HTTPException && thrown.status === 400) {
    return new ApiError("invalid_body", "The body is not valid JSON. Send one JSON object.");
  }
  return new ApiError("internal_error", undefined, {}, thrown);
}

export function errorResponse(c: Context, { code, message, headers }: ApiError): Response {
  c.set("errorCode", code);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  return c.json({ error: message, code }, ERRORS[code].status);
}

export const FULL_RETRY_SECONDS = ERRORS.storage_full.retrySeconds;

export function unauthorized(sentence: string, code: ErrorCode): ApiError {
  return new ApiError(code, sentence);
}

export function unavailable(
  code: ErrorCode,
  sentence: string,
  cause?: unknown,
  _retryAfterSeconds?: number,
): ApiError {
  return new ApiError(code, sentence, {}, cause);
}

/** A sentence for each code, as the document's examples show it. The sentences themselves may change; codes never do. */

import type { ErrorCode } from "../http/errors.ts";

export const ERROR_EXAMPLES: Readonly<Record<ErrorCode, string>> = {
  invalid_body: "timeout: 0 was sent; send whole minutes from 1 to 43200.",
  invalid_query: "limit: 500 was sent; send a whole number from 1 to 200.",
  invalid_idempotency_key: "Idempotency-Key has 300 characters; send 1 to 255 printable ASCII characters.",
  invalid_last_event_id:
    "Last-Event-ID is not an event of this run. Send the id of the last event you got, or leave the header out.",
  unauthorized: "Send a token in the header Authorization: Bearer <token>.",
  token_invalid: "This API token is unknown or was revoked.",
  token_expired: "This callback token has expired because the run timed out.",
  forbidden: "The role viewer lacks data:write: use a token of a role that has it.",
  not_found: "There is nothing at this address: GET / says what there is.",
  run_not_found: "There is no such action run here, or it is no longer kept.",
  token_not_found: "There is no such token here that yours may revoke.",
  method_not_allowed: "This address takes GET, HEAD, POST.",
  run_running: "The run is already running. You can cancel only a pending run.",
  run_succeeded: "The run already succeeded. Its result can't change.",
  run_failed: "The run already failed. Its result can't change.",
  run_timed_out: "The run already failed because it timed out. Its result can't change.",
  run_cancelled: "The run was cancelled. Its result can't change.",
  delivery_failed: "The run already failed because its workflow could not be started.",
  too_many_tokens: "This project holds 10000 tokens, which is the limit. Revoke tokens that nobody uses.",
  idempotency_key_unverifiable:
    "This Idempotency-Key created a run under a signing key that was removed, so the bodies can't be compared. Look for the run in the list, or send a new key to create another.",
  body_too_large: "The body has 2000000 bytes; at most 1048576 are taken.",
  unsupported_media_type: "Send the body as JSON with the header Content-Type: application/json.",
  idempotency_key_reused:
    "This Idempotency-Key created a run from another body. Send a new key, or the same body.",
  too_many_requests: "Too many unknown tokens came from your address. Try again in a few seconds.",
  internal_error:
    "Something went wrong on our side: try again, and give the X-Request-Id when you report it.",
  loop_detected: "A webhook must not call this service itself: send it to what does the work.",
  not_configured: "CALLBACK_SIGNING_KEYS is not set. Make one with `openssl rand -hex 32`.",
  not_ready: "The database is not migrated: run `npm run migrate`.",
  database_unavailable: "The database does not answer just now: try again.",
  coordinator_unavailable: "The run can't be reached right now. Try again.",
  coordinator_overloaded:
    "The database is behind, so the service creates no new runs right now. Try again later.",
  storage_full:
    "The storage of this environment is full, so the service creates no new runs here. Try again when older runs have been removed.",
  too_many_watchers:
    "Too many clients are already watching runs here. Try again in a few seconds, or read the run without waiting.",
};

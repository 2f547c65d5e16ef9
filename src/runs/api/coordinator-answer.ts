/** Turns the answer of a coordinator into a response: a refusal into an error, a run into JSON. */

import type { Context } from "hono";
import { runNotFound } from "../../auth/bearer.ts";
import { ApiError, FULL_RETRY_SECONDS, unavailable } from "../../http/errors.ts";
import type { RunAnswer, RunRefusal } from "../protocol.ts";

const OVERLOADED_RETRY_SECONDS = 10;

export function refusalError(reason: RunRefusal["reason"]): ApiError {
  switch (reason) {
    case "run_not_found":
      return runNotFound();
    case "key_reused":
      return new ApiError(
        "idempotency_key_reused",
        "This Idempotency-Key created a run from another body. Send a new key, or the same body.",
      );
    case "key_unverifiable":
      return new ApiError(
        "idempotency_key_unverifiable",
        "This Idempotency-Key created a run under a signing key that was removed, so the bodies can't be compared. Look for the run in the list, or send a new key to create another.",
      );
    case "overloaded":
      return unavailable(
        "coordinator_overloaded",
        "The database is behind, so the service creates no new runs right now. Try again later.",
        undefined,
        OVERLOADED_RETRY_SECONDS,
      );
    case "storage_full":
      return unavailable(
        reason,
        "The storage of this environment is full, so the service creates no new runs here. Try again when older runs have been removed.",
        undefined,
        FULL_RETRY_SECONDS,
      );
    case "too_many_watchers":
      return unavailable(
        reason,
        "Too many clients are already watching runs here. Try again in a few seconds, or read the run without waiting.",
      );
    case "run_running":
      return new ApiError(reason, "The run is already running. You can cancel only a pending run.");
    case "run_succeeded":
      return new ApiError(reason, "The run already succeeded. Its result can't change.");
    case "run_failed":
      return new ApiError(reason, "The run already failed. Its result can't change.");
    case "run_timed_out":
      return new ApiError(reason, "The run already failed because it timed out. Its result can't change.");
    case "run_cancelled":
      return new ApiError(reason, "The run was cancelled. Its result can't change.");
    case "delivery_failed":
      return new ApiError(
        reason,
        "The run already failed because its workflow could not be started. Its result can't change.",
      );
    case "id_taken":
      throw new Error("two run ids in a row were taken");
  }
}

/** Sends JSON text. `bookmark` lets the caller read its own write. */
export function sendJson(
  c: Context,
  text: string,
  bookmark: string | null,
  status: 200 | 201 = 200,
): Response {
  if (bookmark !== null) c.header("x-d1-bookmark", bookmark);
  c.header("Content-Type", "application/json");
  return c.body(text, status);
}

/** Sends the run that a change left. `key`: the caller's, or null when the caller sent none. */
export function sendChanged(c: Context, answer: RunAnswer | RunRefusal, key: string | null): Response {
  if (!answer.ok) throw refusalError(answer.reason);
  if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
  return sendJson(c, answer.actionRun, answer.bookmark);
}

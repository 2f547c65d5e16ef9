/** Turns the answer of a coordinator into a response: a refusal into an error, a run into JSON. */

import type { Context } from "hono";
import { runNotFound } from "../../auth/bearer.ts";
import { ApiError, type ErrorCode, FULL_RETRY_SECONDS } from "../../http/errors.ts";
import type { RunAnswer, RunRefusal } from "../protocol.ts";

type Reason = RunRefusal["reason"];

/** The refusals that have another code on the wire. */
const CODES: Partial<Record<Reason, ErrorCode>> = {
  key_reused: "idempotency_key_reused",
  key_unverifiable: "idempotency_key_unverifiable",
  overloaded: "coordinator_overloaded",
};

const SENTENCES: Readonly<Record<Exclude<Reason, "run_not_found" | "id_taken">, string>> = {
  key_reused: "This Idempotency-Key created a run from another body. Send a new key, or the same body.",
  key_unverifiable:
    "This Idempotency-Key created a run under a signing key that was removed, so the bodies can't be compared. Look for the run in the list, or send a new key to create another.",
  overloaded: "The database is behind, so the service creates no new runs right now. Try again later.",
  storage_full:
    "The storage of this environment is full, so the service creates no new runs here. Try again when older runs have been removed.",
  too_many_watchers:
    "Too many clients are already watching runs here. Try again in a few seconds, or read the run without waiting.",
  run_running: "The run is already running. You can cancel only a pending run.",
  run_succeeded: "The run already succeeded. Its result can't change.",
  run_failed: "The run already failed. Its result can't change.",
  run_timed_out: "The run already failed because it timed out. Its result can't change.",
  run_cancelled: "The run was cancelled. Its result can't change.",
  delivery_failed: "The run already failed because its workflow could not be started.",
};

const RETRY_SECONDS: Partial<Record<Reason, number>> = {
  overloaded: 10,
  storage_full: FULL_RETRY_SECONDS,
  too_many_watchers: 5,
};

export function refusalError(reason: Reason): ApiError {
  if (reason === "run_not_found") return runNotFound();
  if (reason === "id_taken") throw new Error("two run ids in a row were taken");
  const retryAfter = RETRY_SECONDS[reason];
  const headers = retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) };
  return new ApiError(CODES[reason] ?? (reason as ErrorCode), SENTENCES[reason], headers);
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

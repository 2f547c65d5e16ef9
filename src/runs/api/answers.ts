/** From a coordinator's answer to the wire: one exhaustive switch from refusal to error, one way to send a run. */

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
        "This Idempotency-Key made a run from another body: send a new key, or the same body.",
      );
    case "key_unverifiable":
      return new ApiError(
        "idempotency_key_unverifiable",
        "This Idempotency-Key made a run under a signing key that is gone, so the bodies can't be compared: look for that run in the list, or send a new key to make another.",
      );
    case "overloaded":
      return unavailable(
        "coordinator_overloaded",
        "The database is behind and no new runs are taken just now: try again later.",
        undefined,
        OVERLOADED_RETRY_SECONDS,
      );
    case "storage_full":
      return unavailable(
        "storage_full",
        "This environment stores as much as it can, so it takes no new runs. Try again when older runs have been removed.",
        undefined,
        FULL_RETRY_SECONDS,
      );
    case "too_many_watchers":
      return unavailable(
        "too_many_watchers",
        "Too many clients are already watching runs here. Try again in a few seconds, or read the run without waiting.",
      );
    case "run_running":
      return new ApiError(reason, "The run is already running: only a pending run can be cancelled.");
    case "run_succeeded":
      return new ApiError(reason, "The run has already succeeded: its result stands.");
    case "run_failed":
      return new ApiError(reason, "The run has already failed: its result stands.");
    case "run_timed_out":
      return new ApiError(reason, "The run has already failed, for its time was up: its result stands.");
    case "run_cancelled":
      return new ApiError(reason, "The run was cancelled: its result stands.");
    case "delivery_failed":
      return new ApiError(reason, "The run has already failed, for its workflow could not be started.");
    case "id_taken":
      // The Worker mints another id; twice in a row is no accident.
      throw new Error("two run ids in a row were taken");
  }
}

/** Sends an ActionRun, JSON text already, with what a caller needs to read its own write. */
export function sendRun(
  c: Context,
  actionRun: string,
  bookmark: string | null,
  status: 200 | 201 = 200,
): Response {
  if (bookmark !== null) c.header("x-d1-bookmark", bookmark);
  c.header("Content-Type", "application/json");
  return c.body(actionRun, status);
}

export function sendChanged(c: Context, answer: RunAnswer, byCaller: boolean): Response {
  if (answer.replayed && byCaller) c.header("Idempotent-Replayed", "true");
  return sendRun(c, answer.actionRun, answer.bookmark);
}

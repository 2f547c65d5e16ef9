/** Turns the answer of a coordinator into a response: a refusal into an error, a run into JSON. */

import type { Context } from "hono";
import { ApiError, type ErrorCode } from "../../http/errors.ts";
import type { RunRefusal, RunReply } from "../protocol.ts";

type Reason = RunRefusal["reason"];

/** The refusals that have another code on the wire. */
const CODES: Partial<Record<Reason, ErrorCode>> = {
  key_reused: "idempotency_key_reused",
  key_unverifiable: "idempotency_key_unverifiable",
  overloaded: "coordinator_overloaded",
};

export function refusalError(reason: Reason): ApiError {
  if (reason === "id_taken") throw new Error("two run ids in a row were taken");
  return new ApiError(CODES[reason] ?? (reason as ErrorCode));
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
export function sendChanged(c: Context, answer: RunReply, key: string | null): Response {
  if (!answer.ok) throw refusalError(answer.reason);
  if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
  return sendJson(c, answer.actionRun, answer.bookmark);
}

/** Turns the answer of a coordinator into an HTTP response: a refusal into an error, a run into JSON. */

import type { Context } from "hono";
import { ApiError, type ErrorCode } from "../../http/errors.ts";
import type { AppEnv } from "../../http/request-context.ts";
import { withCallback, withDetails } from "../action-run.ts";
import type { RunAnswer, RunRefusal, RunReply } from "../run-calls.ts";

type Reason = RunRefusal["reason"];

/** The refusals that have another code in the response. */
const CODES: Partial<Record<Reason, ErrorCode>> = {
  key_reused: "idempotency_key_reused",
  key_unverifiable: "idempotency_key_unverifiable",
  overloaded: "coordinator_overloaded",
  write_required: "forbidden",
};

const SENTENCES: Partial<Record<Reason, string>> = {
  write_required:
    "Deleting a run that has or had a gate requires data:write, which your role lacks. Use a token with a role that has it.",
};

/** Thrown for a time of a schedule that is decided, and for an automatic retry that was dropped. No request asks for them. */
export class NotWanted extends Error {}

export function refusalError(reason: Reason): ApiError {
  if (reason === "time_decided" || reason === "retry_dropped") throw new NotWanted();
  if (reason === "id_taken") throw new Error("several run ids in a row were taken");
  return new ApiError(CODES[reason] ?? (reason as ErrorCode), SENTENCES[reason]);
}

/** Sends JSON text. */
export function sendJson(c: Context, text: string, status: 200 | 201 | 202 = 200): Response {
  c.header("Content-Type", "application/json");
  return c.body(text, status);
}

/** The JSON of a run, with its `details` if they were asked for. */
export function runJson({ actionRun, details }: Pick<RunAnswer, "actionRun" | "details">): string {
  return details === undefined ? actionRun : withDetails(actionRun, details);
}

interface Creating {
  /** The caller's Idempotency-Key. */
  readonly key: string | null;
  /** `…/action-runs` */
  readonly runsUrl: string;
}

/** Sends a run that was created, or that the same key created before. `token`: null if the caller may not know it. */
export function sendCreated(
  c: Context<AppEnv>,
  { key, runsUrl }: Creating,
  { answer, token }: { readonly answer: RunAnswer; readonly token: string | null },
): Response {
  if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
  c.set("runId", answer.id);
  const url = `${runsUrl}/${answer.id}`;
  const expiresAt = new Date(answer.tokenExpiresAt ?? answer.deadlineAt).toISOString();
  c.header("Location", url);
  const run = runJson(answer);
  const text = token === null ? run : withCallback(run, { url: `${url}/callback`, token, expiresAt });
  return sendJson(c, text, 201);
}

/** Sends the run as a change left it. `key`: the caller's Idempotency-Key, or null. */
export function sendChanged(
  c: Context<AppEnv>,
  answer: RunReply,
  key: string | null,
  status: 200 | 202 = 200,
): Response {
  if (!answer.ok) throw refusalError(answer.reason);
  if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
  return sendJson(c, runJson(answer), status);
}

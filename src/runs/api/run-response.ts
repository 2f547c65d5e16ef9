/** Turns the answer of a coordinator into an HTTP response: a refusal into an error, a run into JSON. */

import type { Context } from "hono";
import type { AppEnv } from "../../http/app-env.ts";
import { ApiError, type ErrorCode } from "../../http/errors.ts";
import { withCallback } from "../action-run.ts";
import { withDetails } from "../details.ts";
import type { RunAnswer, RunRefusal, RunReply } from "../run-answer.ts";
import { type Bookmark, bookmarkHeader, bookmarkOfRun, sentBookmark, union } from "./bookmark/bookmark.ts";
import { settle } from "./bookmark/settle.ts";
import { isGenuine, type RunEnvironment } from "./run-environment.ts";

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

export function refusalError(reason: Reason, headers: Readonly<Record<string, string>> = {}): ApiError {
  if (reason === "id_taken") throw new Error("several run ids in a row were taken");
  return new ApiError(CODES[reason] ?? (reason as ErrorCode), SENTENCES[reason], { headers });
}

/** Sends JSON text. `bookmark`: what the caller's next list must show. */
export function sendJson(
  c: Context,
  text: string,
  bookmark: Bookmark,
  status: 200 | 201 | 202 = 200,
): Response {
  for (const [name, value] of Object.entries(bookmarkHeader(bookmark))) c.header(name, value);
  c.header("Content-Type", "application/json");
  return c.body(text, status);
}

/** The JSON of a run, with its `details` if they were asked for. */
export function runJson({ actionRun, details }: Pick<RunAnswer, "actionRun" | "details">): string {
  return details === undefined ? actionRun : withDetails(actionRun, details);
}

interface Creating extends RunEnvironment {
  /** The caller's Idempotency-Key. */
  readonly key: string | null;
  /** `…/action-runs` */
  readonly runsUrl: string;
}

/** Sends a run that was created, or that the same key created before. `token`: null if the caller may not know it. */
export async function sendCreated(
  c: Context<AppEnv>,
  { key, runsUrl, ...environment }: Creating,
  { answer, token }: { readonly answer: RunAnswer; readonly token: string | null },
): Promise<Response> {
  if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
  const url = `${runsUrl}/${answer.id}`;
  const expiresAt = new Date(answer.tokenExpiresAt ?? answer.deadlineAt).toISOString();
  c.header("Location", url);
  const bookmark = await bookmarkAfter(c, environment, answer.id, answer);
  const run = runJson(answer);
  const text = token === null ? run : withCallback(run, { url: `${url}/callback`, token, expiresAt });
  return sendJson(c, text, bookmark, 201);
}

/** Sends the run as a change left it. `key`: the caller's Idempotency-Key, or null. */
export async function sendChanged(
  c: Context<AppEnv>,
  environment: RunEnvironment,
  id: string,
  answer: RunReply,
  key: string | null,
  status: 200 | 202 = 200,
): Promise<Response> {
  // This refusal says nothing of the run's status, so there is nothing that a list must show.
  if (!answer.ok && answer.bookmark === undefined) throw refusalError(answer.reason);
  const bookmark = await bookmarkAfter(c, environment, id, answer);
  if (!answer.ok) throw refusalError(answer.reason, bookmarkHeader(bookmark));
  if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
  return sendJson(c, runJson(answer), bookmark, status);
}

/** The bookmark of the answer about a run, together with the bookmark of the request. */
async function bookmarkAfter(
  c: Context<AppEnv>,
  environment: RunEnvironment,
  id: string,
  answer: { readonly bookmark?: string | null },
): Promise<Bookmark> {
  const sent = await sentBookmark(c, environment);
  if (answer.bookmark === undefined) return sent;
  if (answer.bookmark !== null || (await isGenuine(environment, id)))
    return union(sent, bookmarkOfRun(id, answer.bookmark));
  // The key of this id has left the ring, so no list could verify the id. The change must land before it is answered.
  const landed = await settle(environment);
  return union(sent, bookmarkOfRun(id, landed.isBehind ? null : landed.bookmark));
}

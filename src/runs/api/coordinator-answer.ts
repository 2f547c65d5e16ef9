/** Turns the answer of a coordinator into a response: a refusal into an error, a run into JSON. */

import type { Context } from "hono";
import type { AppEnv } from "../../app-env.ts";
import { ApiError, type ErrorCode } from "../../http/errors.ts";
import type { RunRefusal, RunReply } from "../protocol.ts";
import { type Bookmark, bookmarkHeader, bookmarkOfRun, sentBookmark, union } from "./bookmark.ts";
import { isGenuine, type Place } from "./run-place.ts";
import { settle } from "./settle.ts";

type Reason = RunRefusal["reason"];

/** The refusals that have another code on the wire. */
const CODES: Partial<Record<Reason, ErrorCode>> = {
  key_reused: "idempotency_key_reused",
  key_unverifiable: "idempotency_key_unverifiable",
  overloaded: "coordinator_overloaded",
};

export function refusalError(reason: Reason, headers: Readonly<Record<string, string>> = {}): ApiError {
  if (reason === "id_taken") throw new Error("several run ids in a row were taken");
  return new ApiError(CODES[reason] ?? (reason as ErrorCode), undefined, headers);
}

/** Sends JSON text. `bookmark`: what the caller's next list must show, the bookmark of its request included. */
export function sendJson(c: Context, text: string, bookmark: Bookmark, status: 200 | 201 = 200): Response {
  for (const [name, value] of Object.entries(bookmarkHeader(bookmark))) c.header(name, value);
  c.header("Content-Type", "application/json");
  return c.body(text, status);
}

/** Sends the run that a change left. `key`: the caller's, or null when the caller sent none. */
export async function sendChanged(
  c: Context<AppEnv>,
  place: Place,
  id: string,
  answer: RunReply,
  key: string | null,
): Promise<Response> {
  // This refusal does not depend on what the run is, so there is nothing that a list must show.
  if (!answer.ok && answer.bookmark === undefined) throw refusalError(answer.reason);
  const bookmark = await bookmarkAfter(c, place, id, answer);
  if (!answer.ok) throw refusalError(answer.reason, bookmarkHeader(bookmark));
  if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
  return sendJson(c, answer.actionRun, bookmark);
}

/** The bookmark of the answer about a run, together with that of the request. */
export async function bookmarkAfter(
  c: Context<AppEnv>,
  place: Place,
  id: string,
  answer: { readonly bookmark?: string | null },
): Promise<Bookmark> {
  const sent = await sentBookmark(c, place);
  if (answer.bookmark === undefined) return sent;
  if (answer.bookmark !== null || (await isGenuine(place, id)))
    return union(sent, bookmarkOfRun(id, answer.bookmark));
  // The key of this id has left the ring, so no list could verify the id. The change must land before it is answered.
  const landed = await settle(place, id);
  return union(sent, bookmarkOfRun(id, landed.isBehind ? null : landed.bookmark));
}

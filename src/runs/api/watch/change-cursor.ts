/**
 * The cursor of the feed of changes: `{epoch}.{number}`, the position up to which the changes were read, or `0` before
 * every change. It is in clear and grants nothing, because the token decides what a request may read.
 */

import { CHANGE_CURSOR } from "../../../base/limits.ts";
import { ApiError } from "../../../http/errors.ts";
import type { FeedPosition } from "../../watch-calls.ts";

const WHOLE = new RegExp(CHANGE_CURSOR);

/** Null for a text that is no cursor. */
export function readChangeCursor(text: string): FeedPosition | null {
  if (!WHOLE.test(text)) return null;
  const [epoch, seq = 0] = text.split(".").map(Number);
  return { epoch: epoch ?? 0, seq };
}

export function changeCursorOf({ epoch, seq }: FeedPosition): string {
  return seq === 0 ? "0" : `${epoch}.${seq}`;
}

/** The cursor of a request: `Last-Event-ID` wins over `after`. Null if there is neither. Throws `invalid_cursor`. */
export function sentCursor(after: string | undefined, lastEventId: string | undefined): FeedPosition | null {
  const text = lastEventId ?? after;
  if (text === undefined) return null;
  const position = readChangeCursor(text);
  if (position !== null) return position;
  const what = lastEventId === undefined ? "after" : "Last-Event-ID";
  const pointer = lastEventId === undefined ? { pointer: "/after" } : {};
  throw new ApiError(
    "invalid_cursor",
    `${what} is not a cursor of this feed. Send the cursor of an earlier response, 0 for all changes, or omit it.`,
    pointer,
  );
}

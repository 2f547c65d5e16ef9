/**
 * The cursor of the feed of changes: the number up to which the changes were read. It is in clear and grants nothing,
 * because the token decides what a request may read.
 */

import { parseSeq } from "../../../http/cursor.ts";
import { ApiError } from "../../../http/errors.ts";

/** As a pattern, for the document. */
export const CHANGE_CURSOR = "^(0|[1-9][0-9]{0,14})$";

/** Null for a text that is no cursor. 0 is before every change. */
export function readChangeCursor(text: string): number | null {
  return parseSeq(text);
}

export function changeCursorOf(seq: number): string {
  return String(seq);
}

/** The cursor of a request: `Last-Event-ID` wins over `after`. Null if there is neither. Throws `invalid_cursor`. */
export function sentCursor(after: string | undefined, lastEventId: string | undefined): number | null {
  const text = lastEventId ?? after;
  if (text === undefined) return null;
  const seq = readChangeCursor(text);
  if (seq !== null) return seq;
  const what = lastEventId === undefined ? "after" : "Last-Event-ID";
  const pointer = lastEventId === undefined ? { pointer: "/after" } : {};
  throw new ApiError(
    "invalid_cursor",
    `${what} is not a cursor of this feed. Send the cursor of an earlier response, 0 for all changes, or omit it.`,
    pointer,
  );
}

/**
 * The cursor of the feed of changes: for each coordinator the number up to which its changes were read, with dots
 * between them. It is in clear and grants nothing, because the token decides what a request may read.
 */

import { parseSeq } from "../../../http/cursor.ts";
import { ApiError } from "../../../http/errors.ts";
import { COORDINATORS } from "../../run-id.ts";

/** The cursor before every change. */
export const FROM_BEGINNING = "0";
const SEQ = "(0|[1-9][0-9]{0,14})";
/** As a pattern, for the document. */
export const CHANGE_CURSOR = `^${SEQ}(\\.${SEQ}){${COORDINATORS - 1}}$|^${FROM_BEGINNING}$`;

/** The numbers in the order of the coordinators; null for a text that is no cursor. */
export function readChangeCursor(text: string): readonly number[] | null {
  if (text === FROM_BEGINNING) return Array.from({ length: COORDINATORS }, () => 0);
  const seqs = text.split(".").map(parseSeq);
  return seqs.length === COORDINATORS && seqs.every((seq) => seq !== null) ? seqs : null;
}

export function changeCursorOf(seqs: readonly number[]): string {
  return seqs.join(".");
}

/** The cursor of a request: `Last-Event-ID` wins over `after`. Null if there is neither. Throws `invalid_cursor`. */
export function sentCursor(
  after: string | undefined,
  lastEventId: string | undefined,
): readonly number[] | null {
  const text = lastEventId ?? after;
  if (text === undefined) return null;
  const seqs = readChangeCursor(text);
  if (seqs !== null) return seqs;
  const what = lastEventId === undefined ? "after" : "Last-Event-ID";
  const pointer = lastEventId === undefined ? { pointer: "/after" } : {};
  throw new ApiError(
    "invalid_cursor",
    `${what} is not a cursor of this feed. Send the cursor of an earlier response, 0 for all changes, or omit it.`,
    pointer,
  );
}

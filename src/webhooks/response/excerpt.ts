/**
 * The start of a receiver's response, for a person who wants to know why a dispatch failed. PURE. A response can
 * contain every secret of the request, because receivers echo. No code searches it for secrets. A permission decides
 * who may see it (`toWireEvent` in src/runs/timeline.ts).
 */

import { visibleText } from "../../base/visible-text.ts";

/** How much of a response is shown. */
export const EXCERPT_MAX_BYTES = 1024;

/**
 * The first 1 KiB as text, with "…" if there was more. `bytes`: the response as far as it was read. `isCut`: there was
 * more. Lines end with a line feed. Every other character that could move a cursor, or hide or reorder text, is escaped.
 * So the text has at most 6145 characters.
 */
export function excerptOf(bytes: Uint8Array, isCut: boolean): string {
  const isLonger = isCut || bytes.byteLength > EXCERPT_MAX_BYTES;
  const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
  // `stream` leaves out a character that was cut in two.
  const text = decoder.decode(bytes.subarray(0, EXCERPT_MAX_BYTES), { stream: isLonger });
  return visibleText(text.replaceAll("\r\n", "\n"), "\n") + (isLonger ? "…" : "");
}

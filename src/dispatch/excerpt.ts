/**
 * The start of a receiver's answer, for a person who wants to know why a delivery failed. PURE. Receivers echo, so an answer
 * can contain every secret of the request. Nothing searches it: who may see it is a question of permission
 * (`toWireEvent` in src/runs/timeline.ts).
 */

/** How much of an answer is shown. */
export const EXCERPT_MAX_BYTES = 1024;

/** Control, format and private characters, line separators, and what fonts show as nothing. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** The pictures of the characters 0 to 31 begin here, and 127 has one as well. */
const PICTURES = 0x2400;
const DELETE = 0x7f;
const PICTURE_OF_DELETE = "\u2421";

/**
 * The first 1 KiB as text, with "…" if there was more. `bytes`: the answer as far as it was read. `isCut`: there was more.
 * Every character that could move a cursor, break a line, or hide or reorder text is shown by its picture or its number:
 * `␊`, `<U+202E>`. So the text has at most 4097 characters.
 */
export function excerptOf(bytes: Uint8Array, isCut: boolean): string {
  const isLonger = isCut || bytes.byteLength > EXCERPT_MAX_BYTES;
  const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
  // `stream` leaves out a character that was cut in two.
  const text = decoder.decode(bytes.subarray(0, EXCERPT_MAX_BYTES), { stream: isLonger });
  return text.replace(UNSEEN, pictureOf) + (isLonger ? "…" : "");
}

function pictureOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(PICTURES + code);
  if (code === DELETE) return PICTURE_OF_DELETE;
  return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}

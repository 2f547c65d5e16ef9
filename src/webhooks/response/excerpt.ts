/**
 * The start of a receiver's response, for a person who wants to know why a delivery failed. PURE. A response can
 * contain every secret of the request, because receivers echo. No code searches it for secrets. A permission decides
 * who may see it (`toWireEvent` in src/runs/timeline.ts).
 */

/** How much of a response is shown. */
export const EXCERPT_MAX_BYTES = 1024;

/** Control, format and private characters but line feeds, other line separators, and what fonts show as nothing. */
const UNSEEN = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const SHORT: Readonly<Record<string, string>> = { "\r": "\\r", "\t": "\\t" };

/**
 * The first 1 KiB as text, with "…" if there was more. `bytes`: the response as far as it was read. `isCut`: there was
 * more. Lines end with a line feed. Every other character that could move a cursor, or hide or reorder text, is escaped:
 * `\t`, `\u{202e}`. So the text has at most 6145 characters.
 */
export function excerptOf(bytes: Uint8Array, isCut: boolean): string {
  const isLonger = isCut || bytes.byteLength > EXCERPT_MAX_BYTES;
  const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
  // `stream` leaves out a character that was cut in two.
  const text = decoder.decode(bytes.subarray(0, EXCERPT_MAX_BYTES), { stream: isLonger });
  return text.replaceAll("\r\n", "\n").replace(UNSEEN, escaped) + (isLonger ? "…" : "");
}

function escaped(character: string): string {
  return SHORT[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

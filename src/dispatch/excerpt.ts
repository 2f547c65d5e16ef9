/**
 * A short, harmless piece of a receiver's answer, for a person who wants to know why a delivery failed. PURE.
 * Receivers echo: an error page can contain our headers or our body, in any encoding. So there is one decision. If any reading
 * of the answer contains a secret of the request, or 8 consecutive characters of one, the whole excerpt is dropped. Too
 * little is fine, too much is not. This is against accidents: a receiver that means to leak can invent an encoding.
 */

import { readingsOf, secretForms } from "./answer-readings.ts";
import type { Secrets } from "./request-secrets.ts";

export const ANSWER_READ_MAX_BYTES = 4096;
export const EXCERPT_MAX_CHARACTERS = 500;

/** So many consecutive characters give a secret away. A shorter secret counts as a whole. */
const WINDOW = 8;
const SECRET_MIN_CHARACTERS = 3;
const FORM_MIN_CHARACTERS = 2;
const WHOLE_MIN_CHARACTERS = 4;

/**
 * At most 500 characters in one line, with "…" if there were more; null if the answer may contain a secret. `bytes`: the
 * answer as far as it was read. `isCut`: there was more. `known`: texts that are not secret, even as a part of one.
 */
export function excerptOf(
  bytes: Uint8Array,
  isCut: boolean,
  secrets: Secrets,
  known: readonly string[] = [],
): string | null {
  const read = bytes.subarray(0, ANSWER_READ_MAX_BYTES);
  if (mayHoldSecret(read, secrets, known)) return null;
  const isLonger = isCut || bytes.byteLength > ANSWER_READ_MAX_BYTES;
  // `stream` leaves out a character that was cut in two.
  const characters = [...printable(new TextDecoder().decode(read, { stream: isLonger }))];
  if (!isLonger && characters.length <= EXCERPT_MAX_CHARACTERS) return characters.join("");
  return `${characters.slice(0, EXCERPT_MAX_CHARACTERS - 1).join("")}…`;
}

/** One line, without characters that hide or reorder text. */
function printable(text: string): string {
  const seen = text.replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}]+/gu, "");
  return seen.replace(/[\s\p{Z}\p{C}]+/gu, " ").trim();
}

/**
 * Whether any reading of a part of an answer gives a secret away. The answer is indexed and the request is walked once, so
 * that the work does not grow with the number of secrets.
 */
export function mayHoldSecret(
  bytes: Uint8Array,
  { texts, wholes }: Secrets,
  known: readonly string[],
): boolean {
  const readings = readingsOf(bytes);
  if (readings === null) return true;
  const windows = piecesOf(readings, WINDOW);
  for (const window of piecesOf(known.flatMap(secretForms), WINDOW)) windows.delete(window);
  const piecesByLength = new Map([[WINDOW, windows]]);

  const isShown = (form: string): boolean => {
    const length = Math.min(form.length, WINDOW);
    const pieces = piecesByLength.get(length) ?? piecesOf(readings, length);
    piecesByLength.set(length, pieces);
    for (let at = 0; at + length <= form.length; at++) {
      if (pieces.has(form.slice(at, at + length))) return true;
    }
    return false;
  };
  const isShownWhole = (form: string) =>
    form.length >= WHOLE_MIN_CHARACTERS && readings.some((reading) => reading.includes(form));

  const isGivenAway = (text: string) =>
    text.length >= SECRET_MIN_CHARACTERS &&
    secretForms(text).some((form) => form.length >= FORM_MIN_CHARACTERS && isShown(form));
  return texts.some(isGivenAway) || wholes.some((text) => secretForms(text).some(isShownWhole));
}

/** Every piece of `length` characters. */
function piecesOf(texts: readonly string[], length: number): Set<string> {
  const pieces = new Set<string>();
  for (const text of texts) {
    for (let at = 0; at + length <= text.length; at++) pieces.add(text.slice(at, at + length));
  }
  return pieces;
}

/**
 * A short, harmless piece of what a receiver answered, for a person who looks why a delivery failed. PURE.
 *
 * Receivers echo: an error page may hold our headers or our body, in any encoding. So an answer that can be read as
 * holding a secret of the request, or 8 consecutive characters of one, is not shown at all. Showing too little is fine,
 * showing too much is not. A receiver that means to give a secret away can always invent an encoding: this is against
 * accidents.
 */

import { readingsOf, secretForms, WINDOW } from "./readings.ts";
import type { Secrets } from "./secrets.ts";

export const ANSWER_READ_MAX_BYTES = 4096;
export const EXCERPT_MAX_CHARACTERS = 500;

const SECRET_MIN_CHARACTERS = 3;
const WHOLE_MIN_CHARACTERS = 4;

/**
 * At most 500 characters in one line, with "…" where more came; null if the answer may hold one of `secrets`.
 * `bytes` is the answer as read, of any kind; `isCut`: more came than was read. What `known` texts have in common with a
 * secret gives nothing away.
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
  // As a stream it leaves out a character that was cut in two.
  const characters = [...printable(new TextDecoder().decode(read, { stream: isLonger }))];
  if (!isLonger && characters.length <= EXCERPT_MAX_CHARACTERS) return characters.join("");
  return `${characters.slice(0, EXCERPT_MAX_CHARACTERS - 1).join("")}…`;
}

/** One line without anything that hides or reorders text. */
function printable(text: string): string {
  const seen = text.replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}]+/gu, "");
  return seen.replace(/[\s\p{Z}\p{C}]+/gu, " ").trim();
}

/**
 * The answer is indexed and the request is walked once: the work grows with the bytes of both, however many secrets there are.
 */
function mayHoldSecret(bytes: Uint8Array, secrets: Secrets, known: readonly string[]): boolean {
  const readings = readingsOf(bytes);
  if (readings === null) return true;
  const windows = windowsOf(readings, WINDOW);
  for (const window of windowsOf(known.flatMap(secretForms), WINDOW)) windows.delete(window);
  /** By length, of those that are asked for. */
  const short = new Map<number, Set<string>>();
  const isShown = (form: string): boolean => {
    if (form.length >= WINDOW) {
      for (let at = 0; at + WINDOW <= form.length; at++) {
        if (windows.has(form.slice(at, at + WINDOW))) return true;
      }
      return false;
    }
    let ofThisLength = short.get(form.length);
    if (ofThisLength === undefined) {
      ofThisLength = windowsOf(readings, form.length);
      short.set(form.length, ofThisLength);
    }
    return ofThisLength.has(form);
  };
  for (const text of secrets.texts) {
    if (text.length < SECRET_MIN_CHARACTERS) continue;
    for (const form of secretForms(text)) if (form.length > 1 && isShown(form)) return true;
  }
  return secrets.wholes.some((text) =>
    secretForms(text).some(
      (form) => form.length >= WHOLE_MIN_CHARACTERS && readings.some((reading) => reading.includes(form)),
    ),
  );
}

/** Every piece of `length` characters. */
function windowsOf(texts: readonly string[], length: number): Set<string> {
  const windows = new Set<string>();
  for (const text of texts) {
    for (let at = 0; at + length <= text.length; at++) windows.add(text.slice(at, at + length));
  }
  return windows;
}

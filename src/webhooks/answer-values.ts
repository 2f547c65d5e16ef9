/**
 * What a trigger may use of the receiver's answer: single texts, numbers and booleans. PURE. The answer is hostile until
 * proven harmless, so it is bounded, and only own members count. Nothing here knows the request: if what becomes of a value
 * depended on the secrets, the person who chooses the answer could find them out.
 */

import { harmlessLink, LINK_MAX_CHARACTERS } from "../base/harmless-link.ts";
import { type AnswerValue, fillIn, keysOf, type LaterText } from "./later-text.ts";
import { memberAt } from "./placeholder.ts";

/** How much of an answer is read for its values. */
export const ANSWER_VALUES_MAX_BYTES = 64 * 1024;
/** Characters of a value in a stop request. A value in a link may have as many as the link. */
export const VALUE_MAX_CHARACTERS = 256;

/** Entries and not an object, because a key can be `__proto__`. */
export type AnswerValues = readonly (readonly [key: string, value: AnswerValue])[];

/** The values under the wanted keys. `bytes`: the start of the answer, which is parsed once. */
export function answerValues(
  bytes: Uint8Array,
  location: string | null,
  wanted: readonly string[],
): AnswerValues {
  const json = parsedJson(bytes);
  return wanted.flatMap((key): AnswerValues => {
    const value = key === "headers.location" ? location : memberAt(json, key.split("."));
    return isUsable(value) ? [[key, value]] : [];
  });
}

/** Null if the bytes are not JSON, for example because the answer was too long and only its start was read. */
function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return null;
  }
}

/** An integer that JavaScript rounds would name another job. An empty text would cut a segment out of a path. */
function isUsable(value: unknown): value is AnswerValue {
  if (typeof value === "boolean") return true;
  if (typeof value === "number") {
    return Number.isFinite(value) && (Number.isSafeInteger(value) || !Number.isInteger(value));
  }
  return typeof value === "string" && value !== "" && value.length <= LINK_MAX_CHARACTERS;
}

/** The link with its values put in, in the spelling of the URL parser. Null if a value is missing or the link is no harmless URL. */
export function linkOf(link: LaterText, values: AnswerValues): string | null {
  const known = new Map(values);
  if (keysOf(link).some((key) => !known.has(key))) return null;
  return harmlessLink(fillIn(link, (key) => known.get(key) ?? ""));
}

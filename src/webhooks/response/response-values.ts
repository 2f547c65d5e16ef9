/**
 * What a trigger may use of the receiver's response: single texts, numbers and booleans. PURE. The response may be
 * hostile, so it is bounded, and only own members count. Nothing here knows the request. If the treatment of a value
 * depended on a secret of the request, the person who chooses the response could find the secret out.
 */

import { harmlessLink, LINK_MAX_CHARACTERS } from "../../base/harmless-link.ts";
import { fillIn, keysOf, type LaterText, type ResponseValue } from "../template/later-text.ts";
import { memberAt } from "../template/placeholder.ts";

/** How much of a response is read for its values. */
export const RESPONSE_READ_MAX_BYTES = 64 * 1024;
/** Characters of a value in a stop request. A value in a link may have as many as the link. */
export const VALUE_MAX_CHARACTERS = 256;

/** Entries and not an object, because a key can be `__proto__`. */
export type ResponseValues = readonly (readonly [key: string, value: ResponseValue])[];

/** The values under the wanted keys. `json`: the response. */
export function responseValues(json: unknown, location: string | null, wanted: readonly string[]): ResponseValues {
  return wanted.flatMap((key): ResponseValues => {
    const value = key === "headers.location" ? location : memberAt(json, key.split("."));
    return isUsable(value) ? [[key, value]] : [];
  });
}

/** Null if the bytes are not JSON, for example because the response was too long and only its start was read. */
export function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return null;
  }
}

/**
 * No integer that JavaScript rounds, because it would name another job. No empty text, because it would empty a path
 * segment.
 */
function isUsable(value: unknown): value is ResponseValue {
  if (typeof value === "boolean") return true;
  if (typeof value === "number") {
    return Number.isFinite(value) && (Number.isSafeInteger(value) || !Number.isInteger(value));
  }
  return typeof value === "string" && value !== "" && value.length <= LINK_MAX_CHARACTERS;
}

/**
 * The link with its values put in, in the spelling of the URL parser. Null if a value is missing or the link is no
 * harmless URL.
 */
export function linkOf(link: LaterText, values: ResponseValues): string | null {
  const known = new Map(values);
  if (keysOf(link).some((key) => !known.has(key))) return null;
  return harmlessLink(fillIn(link, (key) => known.get(key) ?? ""));
}

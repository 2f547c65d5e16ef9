/**
 * What a trigger may use of the receiver's answer: single texts, numbers and booleans. PURE. The answer is hostile until
 * proven harmless, so it is bounded, only own members count, and what might be a secret of the request is not kept.
 */

import { harmlessLink, LINK_MAX_CHARACTERS } from "../harmless-link.ts";
import { mayHoldSecret } from "./excerpt.ts";
import { type AnswerValue, fillIn, keysOf, type LaterText } from "./later-text.ts";
import { memberAt } from "./placeholder.ts";
import type { Secrets } from "./request-secrets.ts";

/** How much of an answer is read for its values. */
export const ANSWER_VALUES_MAX_BYTES = 64 * 1024;
/** Characters of a value in a stop request. A value in a link may have as many as the link. */
export const VALUE_MAX_CHARACTERS = 256;

/** Entries and not an object, because a key can be `__proto__`. */
export interface AnswerValues {
  readonly values: readonly (readonly [key: string, value: AnswerValue])[];
  /** The keys of values that were not kept, because they may contain a secret of the request. */
  readonly secret: readonly string[];
}

/** Why there is no link: the answer lacks a value, a value may contain a secret, or the link is not a harmless URL. */
export type LinkFault = "missing" | "secret" | "invalid";

/** The values under the wanted keys. `bytes`: the start of the answer. */
export function answerValues(
  bytes: Uint8Array,
  location: string | null,
  wanted: readonly string[],
  secrets: Secrets,
  known: readonly string[],
): AnswerValues {
  const json = parsedJson(bytes);
  const found = wanted.flatMap((key): (readonly [string, AnswerValue])[] => {
    const value = key === "headers.location" ? location : memberAt(json, key.split("."));
    return isUsable(value) ? [[key, value]] : [];
  });
  if (found.length === 0) return { values: [], secret: [] };
  const isSecret = (value: string) => mayHoldSecret(new TextEncoder().encode(value), secrets, known);
  // Nearly always nothing is secret, and then one search is enough.
  if (!isSecret(found.map(([, value]) => value).join("\n"))) return { values: found, secret: [] };
  const secret = found.filter(([, value]) => isSecret(String(value))).map(([key]) => key);
  return { values: found.filter(([key]) => !secret.includes(key)), secret };
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

/** The link with its values put in, in the spelling of the URL parser, or why there is none. */
export function linkOf(
  link: LaterText,
  { values, secret }: AnswerValues,
): string | { readonly fault: LinkFault } {
  const keys = keysOf(link);
  if (keys.some((key) => secret.includes(key))) return { fault: "secret" };
  const known = new Map(values);
  if (keys.some((key) => !known.has(key))) return { fault: "missing" };
  const text = fillIn(link, (key) => known.get(key) ?? "");
  return harmlessLink(text) ?? { fault: "invalid" };
}

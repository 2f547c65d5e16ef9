/**
 * What a receiver's response or an event must have, and what is kept of a response. PURE. Both can be hostile, so only
 * own members count, and what is kept is bounded. The request is never read here, so no text made here has its secrets.
 */
import * as z from "zod/mini";
import { asciiJson } from "../base/json.ts";
import { CONDITION_MAX_CHARACTERS, CONDITIONS_MAX } from "../base/limits.ts";
import { harmlessLink, LINK_MAX_CHARACTERS, visibleText } from "../base/visible-text.ts";
import { bounded, inDocument, listOf, textUpTo } from "../http/schemas.ts";
import { IN_CONDITION, LaterValue, memberAt, parse, type Roots } from "./placeholder.ts";
import { encodeForUrl } from "./template.ts";

/** How much of a response is read for its values and conditions. */
export const RESPONSE_READ_MAX_BYTES = 64 * 1024;
/** Characters of a value in a stop request. A value in a link may have as many as the link. */
export const VALUE_MAX_CHARACTERS = 256;
/** How much of a response is shown to people. */
export const EXCERPT_MAX_BYTES = 1024;

/** What conditions are on. `examples`: a path that must have a value, and one that can be true. */
interface Subject {
  readonly path: RegExp;
  readonly roots: Roots;
  readonly what: string;
  readonly examples: readonly [exists: string, equals: string];
  readonly member: string;
}

const wantedValue = z
  .union([z.string(), z.number(), z.boolean()], { error: "send a text, a number, true or false." })
  .check(
    z.refine((value) => typeof value !== "string" || value.length <= CONDITION_MAX_CHARACTERS, {
      error: `is too long; send at most ${CONDITION_MAX_CHARACTERS} characters.`,
    }),
    z.refine((value) => typeof value !== "string" || !value.includes("{{"), {
      error: "has a placeholder; send the text itself, because conditions have no placeholders.",
    }),
  );
inDocument(wantedValue, { wire: { type: ["string", "number", "boolean"], maxLength: CONDITION_MAX_CHARACTERS } });

/** A list of conditions. They have no placeholders, because no caller's value may decide what holds. */
export function conditionsOn({ path: pattern, roots, what, examples: [exists, equal], member }: Subject) {
  const path = textUpTo(
    CONDITION_MAX_CHARACTERS,
    `send a path as text, as in "${exists}".`,
    z.refine((text) => pattern.test(text) && parse(`{{ ${text} }}`, roots).ok, {
      error: `is not a path in ${what}; send one without braces, as in ${exists}.`,
    }),
  );
  inDocument(path, { wire: { type: "string", pattern: pattern.source, maxLength: CONDITION_MAX_CHARACTERS } });
  const equals = z.record(path, wantedValue);
  inDocument(equals, { maxProperties: CONDITIONS_MAX });
  const condition = z
    .strictObject(
      { exists: z.optional(path), equals: z.optional(bounded(CONDITIONS_MAX, "conditions", equals)) },
      {
        error: ({ code }) =>
          code === "invalid_type" ? `send { "exists": "${exists}" } or { "equals": { "${equal}": true } }.` : undefined,
      },
    )
    .check(z.refine((members) => countOf(members) > 0, { error: "has no condition; send exists or equals." }));
  return listOf(
    CONDITIONS_MAX,
    "conditions",
    condition,
    "send a list of conditions.",
    z.minLength(1, { error: `is empty; send a condition, or leave ${member} out.` }),
    z.refine((conditions) => conditions.reduce((sum, one) => sum + countOf(one), 0) <= CONDITIONS_MAX, {
      error: `has too many conditions; send at most ${CONDITIONS_MAX}.`,
    }),
  );
}

/** All must hold. */
export type Conditions = readonly {
  readonly exists?: string | undefined;
  readonly equals?: Readonly<Record<string, string | number | boolean>> | undefined;
}[];

function countOf({ exists, equals = {} }: Conditions[number]): number {
  return (exists === undefined ? 0 : 1) + Object.keys(equals).length;
}

export function pathsIn(conditions: Conditions): readonly string[] {
  return conditions.flatMap(({ exists, equals = {} }) => [
    ...(exists === undefined ? [] : [exists]),
    ...Object.keys(equals),
  ]);
}

/** The first path whose value is not as it must be, and whether there is a value. Null if all conditions hold. */
export function firstUnmet(conditions: Conditions, at: (path: string) => unknown) {
  for (const { exists, equals = {} } of conditions) {
    if (exists !== undefined && at(exists) === null) return { path: exists, isThere: false };
    for (const [path, wanted] of Object.entries(equals)) {
      const found = at(path);
      if (found !== wanted) return { path, isThere: found !== null };
    }
  }
  return null;
}

/** The conditions of a trigger, for products that answer 200 with an error inside. */
export const accepted = conditionsOn({
  path: /^response\.[^\s{}]+$/,
  roots: IN_CONDITION,
  what: "the response",
  examples: ["response.result.id", "response.ok"],
  member: "accepted",
});
inDocument(accepted, {
  description:
    "Conditions on a 2xx response, for products that answer 200 with an error inside. " +
    '`{ "exists": "response.result.id" }` holds if the value is there and not null. ' +
    '`{ "equals": { "response.ok": true } }` holds if value and type are the same. ' +
    `All must hold, and there are at most ${CONDITIONS_MAX}. Otherwise the run fails, and the webhook is not sent ` +
    "again, because the job may have begun. The response must be JSON of up to 64 KiB. Conditions don't apply to the " +
    "stop request.",
});

/** `json`: null if it is too long or not JSON. No value is named, because everybody who may read the run sees it. */
export function unmetCondition(conditions: Conditions, json: unknown, location: string | null): string | null {
  if (json === null) return `the response is not JSON of up to ${RESPONSE_READ_MAX_BYTES / 1024} KiB`;
  const unmet = firstUnmet(conditions, (path) => valueAt(json, location, path.slice("response.".length)));
  if (unmet === null) return null;
  const { path, isThere } = unmet;
  return isThere ? `${path} of the response is not the value in accepted` : `the response has no ${path}`;
}

/** Null if the bytes are not JSON, for example because the response was too long and only its start was read. */
export function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return null;
  }
}

export type ResponseValue = string | number | boolean;
/** Keys are paths joined by dots. Entries and not an object, because a key can be `__proto__`. */
export type ResponseValues = readonly (readonly [key: string, value: ResponseValue])[];

export function responseValues(json: unknown, location: string | null, wanted: readonly string[]): ResponseValues {
  return wanted.flatMap((key): ResponseValues => {
    const value = valueAt(json, location, key);
    return isUsable(value) ? [[key, value]] : [];
  });
}

function valueAt(json: unknown, location: string | null, key: string): unknown {
  return key === "headers.location" ? location : memberAt(json, key.split("."));
}

/** No integer that JavaScript rounds: it would name another job. No empty text: it would empty a path segment. */
function isUsable(value: unknown): value is ResponseValue {
  if (typeof value === "boolean") return true;
  if (typeof value === "number") {
    return Number.isFinite(value) && (Number.isSafeInteger(value) || !Number.isInteger(value));
  }
  return typeof value === "string" && value !== "" && value.length <= LINK_MAX_CHARACTERS;
}

/** How a value is written. `json`: as JSON of its own type. `json_text`: inside a JSON string. */
type Encoding = "text" | "url" | "form" | "json" | "json_text";

type LaterPiece = readonly [key: string, encoding: Encoding, isJson?: true];

/** Pieces of text, and between them values of the response, which the sender puts in when it knows them. */
export type LaterText = readonly (string | LaterPiece)[];

/**
 * While a template is rendered, a marker stands for each value of the response, and then the text is cut at its
 * markers. They contain a random text that is made after the caller's values came. So no value can contain one.
 */
export class ResponseMarkers {
  readonly #nonce: string;
  readonly #keys: string[] = [];

  /** `nonce`: hex digits that nobody could know when the values were sent. */
  constructor(nonce: string) {
    this.#nonce = nonce;
  }

  /** The stand-in for a value. `path`: without `response`. */
  readonly stand = (path: readonly string[]): LaterValue => {
    const key = path.join(".");
    const known = this.#keys.indexOf(key);
    const n = known < 0 ? this.#keys.push(key) - 1 : known;
    const marker = (kind: string) => `${this.#nonce}${kind}${n}e`;
    return new LaterValue(marker("t"), marker("j"), marker("a"));
  };

  /** Cuts a rendered text at its markers. A marker that stands alone in JSON takes its quotes along. */
  cut(text: string, encoding: Encoding): LaterText {
    const markers = new RegExp(`"${this.#nonce}a([0-9]+)e"|${this.#nonce}([tj])([0-9]+)e`, "g");
    const cut: (string | LaterPiece)[] = [];
    let from = 0;
    for (const { index, 0: marker, 1: alone, 2: kind, 3: inText } of text.matchAll(markers)) {
      if (index > from) cut.push(text.slice(from, index));
      const key = this.#keys[Number(alone ?? inText)] ?? "";
      if (alone !== undefined) cut.push([key, "json"]);
      else cut.push(kind === "j" ? [key, encoding, true] : [key, encoding]);
      from = index + marker.length;
    }
    if (from < text.length) cut.push(text.slice(from));
    return cut;
  }
}

export function keysOf(...texts: readonly LaterText[]): readonly string[] {
  return [...new Set(texts.flat().flatMap((piece) => (typeof piece === "string" ? [] : [piece[0]])))];
}

/** The whole text. `known` must know every key. A value is never read as a template. */
export function fillIn(text: LaterText, known: (key: string) => ResponseValue): string {
  const pieces = text.map((piece) => {
    if (typeof piece === "string") return piece;
    const [key, encoding, isJson] = piece;
    const value = known(key);
    if (!isJson) return encode(value, encoding);
    const json = JSON.stringify(value);
    // Headers are plain text.
    return encode(encoding === "text" ? asciiJson(json) : json, encoding);
  });
  return pieces.join("");
}

function encode(value: ResponseValue, encoding: Encoding): string {
  switch (encoding) {
    case "text":
      return String(value);
    case "url":
      return encodeForUrl(String(value));
    case "form":
      return new URLSearchParams([["", String(value)]]).toString().slice(1);
    case "json":
      return JSON.stringify(value);
    case "json_text":
      return JSON.stringify(String(value)).slice(1, -1);
  }
}

/** The text with its values put in. Null if a value is missing. */
function filled(text: LaterText, values: ResponseValues): string | null {
  const known = new Map(values);
  return keysOf(text).every((key) => known.has(key)) ? fillIn(text, (key) => known.get(key) ?? "") : null;
}

/** The link in the spelling of the URL parser. Null if a value is missing or the link is no harmless URL. */
export function linkOf(link: LaterText, values: ResponseValues): string | null {
  return harmlessLink(filled(link, values) ?? "");
}

/** Null if a value is missing, or if the text is empty or too long to name an execution. */
export function executionOf(execution: LaterText, values: ResponseValues): string | null {
  const text = filled(execution, values) ?? "";
  return text === "" || text.length > VALUE_MAX_CHARACTERS ? null : text;
}

/**
 * The first 1 KiB as text. It can contain every secret of the request, because receivers echo. A permission decides who
 * may see it (`toWireEvent` in src/runs/timeline.ts). `isCut`: `bytes` is not all of it.
 */
export function excerptOf(bytes: Uint8Array, isCut: boolean): string {
  const isLonger = isCut || bytes.byteLength > EXCERPT_MAX_BYTES;
  const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
  // `stream` leaves out a character that was cut in two.
  const text = decoder.decode(bytes.subarray(0, EXCERPT_MAX_BYTES), { stream: isLonger });
  return visibleText(text.replaceAll("\r\n", "\n"), "\n") + (isLonger ? "…" : "");
}

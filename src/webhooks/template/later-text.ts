/**
 * Texts that lack values of the receiver's response. A create renders everything else, and the sender puts the values
 * in when it knows them. PURE. A value is encoded for where it stands, and never read as a template.
 *
 * While a template is rendered, a marker stands for each value. A marker contains a random text, which is made after
 * the caller's values came. So no value can contain a marker. Afterwards, the text is cut at its markers.
 */

import { asciiJson } from "../../base/json.ts";
import { LaterValue } from "./placeholder.ts";
import { encodeForUrl } from "./template.ts";

/** How a value is written. `json`: as JSON of its own type. `json_text`: inside a JSON string. */
export type Encoding = "text" | "url" | "form" | "json" | "json_text";

/**
 * A value: its key, which is a path joined by dots, and its encoding. `isJson`: what is encoded is the JSON text of the
 * value, as `{{ json response.id }}` asks.
 */
type LaterPiece = readonly [key: string, encoding: Encoding, isJson?: true];

/** Pieces of text, and between them the values. */
export type LaterText = readonly (string | LaterPiece)[];

export type ResponseValue = string | number | boolean;

/** The markers of one rendering. */
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

/** The keys that a text needs, without repeats. */
export function keysOf(...texts: readonly LaterText[]): readonly string[] {
  return [...new Set(texts.flat().flatMap((piece) => (typeof piece === "string" ? [] : [piece[0]])))];
}

/** The whole text. `valueAt` must know every key. */
export function fillIn(text: LaterText, valueAt: (key: string) => ResponseValue): string {
  return text
    .map((piece) => {
      if (typeof piece === "string") return piece;
      const [key, encoding, isJson] = piece;
      return encode(isJson ? jsonText(valueAt(key), encoding) : valueAt(key), encoding);
    })
    .join("");
}

function jsonText(value: ResponseValue, encoding: Encoding): string {
  const json = JSON.stringify(value);
  // Headers are plain text.
  return encoding === "text" ? asciiJson(json) : json;
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

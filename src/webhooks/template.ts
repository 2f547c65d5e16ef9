/**
 * The templates of a trigger. PURE. They are checked when they come in, and rendering an unchecked one throws. The caller
 * checks header values and the URL that come out. JSON_MAX_DEPTH bounds recursion.
 *
 * Size is the threat: 64 KiB of template can name a value of 256 KiB thousands of times. Each value is charged to a budget,
 * and rendering stops when the budget is overdrawn.
 */
import { asciiJson, isJsonObject } from "../base/json.ts";
import { URL_MAX_CHARACTERS, utf8Bytes } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { MemberFault } from "../http/errors.ts";
import { ANYWHERE, type FullContext, fill, IN_URL, type InboundEvent, lookUp, parse, parsed } from "./placeholder.ts";

/** The first fault of a JSON template, or of a single string such as a header value; null if there is none. */
export function checkTemplate(template: unknown, roots = IN_URL): MemberFault | null {
  if (typeof template === "string") {
    const parts = parse(template, roots);
    return parts.ok ? null : { path: [], message: parts.error };
  }
  if (typeof template !== "object" || template === null) return null;
  for (const [key, member] of Object.entries(template)) {
    const step = Array.isArray(template) ? Number(key) : key;
    if (key.includes("{{")) return { path: [step], message: "A key can't have placeholders. Put them into values." };
    const fault = checkTemplate(member, roots);
    if (fault !== null) return { path: [step, ...fault.path], message: fault.message };
  }
  return null;
}

/** Every path in a template, with repeats. A text with a fault has none, because its own check refuses it. */
export function pathsOf(template: unknown): readonly (readonly string[])[] {
  if (typeof template === "string") {
    const parts = parse(template, ANYWHERE);
    return parts.ok ? parts.value.flatMap((part) => (typeof part === "string" ? [] : [part.path])) : [];
  }
  if (typeof template !== "object" || template === null) return [];
  return Object.values(template).flatMap(pathsOf);
}

/**
 * A string that is only one placeholder becomes the value itself, of any type, or null if it is missing. A placeholder
 * with `json` always becomes text. `too_large` if the result has more than `maxBytes` of JSON.
 */
export function renderJson(
  template: unknown,
  context: FullContext | InboundEvent,
  maxBytes: number,
): Result<unknown, "too_large"> {
  const budget = { left: maxBytes };
  const rendered = renderNode(template, context, budget);
  return budget.left < 0 ? err("too_large") : ok(rendered);
}

/** Returns null once the budget is overdrawn, because the result is then thrown away. */
function renderNode(template: unknown, context: FullContext | InboundEvent, budget: { left: number }): unknown {
  if (budget.left < 0) return null;
  if (typeof template === "string") return renderString(template, context, budget);
  if (Array.isArray(template)) {
    budget.left -= 2 + Math.max(0, template.length - 1);
    return template.map((member) => renderNode(member, context, budget));
  }
  if (isJsonObject(template)) {
    const entries = Object.entries(template);
    budget.left -= 2 + Math.max(0, entries.length - 1);
    for (const [key] of entries) budget.left -= jsonBytes(key) + 1;
    // Don't assign members, because a key `__proto__` would set the prototype.
    return Object.fromEntries(entries.map(([key, member]) => [key, renderNode(member, context, budget)]));
  }
  budget.left -= jsonBytes(template);
  return template;
}

function renderString(template: string, context: FullContext | InboundEvent, budget: { left: number }): unknown {
  const parts = parsed(template);
  const [only] = parts;
  const isAlone = parts.length === 1 && typeof only === "object" && !only.isJson;
  const value = isAlone ? lookUp(context, only.path) : fill(parts, context, budget.left, String);
  // fill() returns null if the text gets too long.
  budget.left = value === null && !isAlone ? -1 : budget.left - jsonBytes(value);
  return value;
}

function jsonBytes(value: unknown): number {
  return utf8Bytes(JSON.stringify(value));
}

/** How many characters of a template are not in placeholders. */
export function literalLength(template: string): number {
  return parsed(template).reduce((length, part) => length + (typeof part === "string" ? part.length : 0), 0);
}

/** For a header or a link; null if it has more than `maxCharacters`. Only JSON can name every character in ASCII. */
export function renderText(template: string, context: FullContext, maxCharacters: number): string | null {
  return fill(parsed(template), context, maxCharacters, (text, isJson) => (isJson ? asciiJson(text) : text));
}

const BLANK_OR_CONTROL = /[\s\p{Cc}]/u;
/** Exactly two slashes, because URL parsers also read `https:/x` and `https:///x` as the host x. */
const COMPLETE_AUTHORITY = /^https?:\/\/[^/?#\\]+[/?#\\]/i;
const CUT_ESCAPE = /%[0-9a-f]?$/i;

/** A sentence about the first fault of a URL's template, or null. `guardUrl` checks which URLs may be called. */
export function checkUrlTemplate(template: string, roots = IN_URL): string | null {
  const parts = parse(template, roots);
  if (!parts.ok) return parts.error;
  let before = "";
  let authority = false;
  let fragment = false;
  for (const part of parts.value) {
    if (typeof part === "string") {
      // URL parsers drop some of these characters, which could join two dots to a `..` that no check saw.
      if (BLANK_OR_CONTROL.test(part)) return "A URL can't have blanks or control characters. Percent-encode them.";
      authority ||= COMPLETE_AUTHORITY.test(part);
      fragment ||= part.includes("#");
      before = part;
      continue;
    }
    if (!authority) {
      return "Placeholders are only allowed in the path and query of a URL. Write out scheme, host and port, and the next /.";
    }
    if (fragment) return "The service does not send what follows #. Put placeholders into path or query.";
    // Otherwise the value would choose the character: `%2{{ x }}` with "F" is a slash.
    if (CUT_ESCAPE.test(before.slice(-2))) return "A placeholder can't continue a % escape. Write % as %25.";
  }
  const plain = plainUrl(template);
  if (pathFault(plain, plain) === null) return null;
  return "The path has a part . or .., or a control character, also behind an escape. Write the path without it.";
}

/** The URL with every value percent-encoded, so that a value stays within its path segment or query value. */
export function renderUrl(
  template: string,
  context: FullContext,
  roots = IN_URL,
): Result<string, "too_large" | PathFault> {
  if (checkUrlTemplate(template, roots) !== null) throw new Error("rendering a URL template that was never checked");
  const url = fill(parsed(template), context, URL_MAX_CHARACTERS, encodeForUrl);
  if (url === null || utf8Bytes(url) > URL_MAX_CHARACTERS) return err("too_large");
  const fault = pathFault(url, plainUrl(template));
  return fault === null ? ok(url) : err(fault);
}

/** The URL with a harmless text for every value. */
export function plainUrl(template: string): string {
  return parsed(template)
    .map((part) => (typeof part === "string" ? part : "x"))
    .join("");
}

export function encodeForUrl(text: string): string {
  // encodeURIComponent throws at half a surrogate pair.
  return encodeURIComponent(text.toWellFormed());
}

export type PathFault = "dot_segment" | "control_character" | "empty_segment";

const ASCII_ESCAPE = /%([0-7][0-9a-f])/gi;
/** Servlet containers read `..;x` as `..`, and proxies that decode first drop what follows a `?` or `#`. */
const BETWEEN_PARTS = /[/\\;?#]/;
/** ASCII as lenient decoders accept it: overlong UTF-8, which RFC 3629, section 3, forbids, and `%u002e`. */
const DISGUISED = /%(?:c[01]%[89ab]|e0%[89]|f0%8|u00[0-7])/i;
/** U+0080 to U+009F stay escaped here. */
const CONTROL = /\p{Cc}|%c2%[89]/iu;
/** `https:`, nothing, and the host come before. */
const PATH_STARTS_AT = 3;
const EMPTY = /^[/\\]*(?:;|$)/;

/**
 * What could lead a receiver to another path than the author wrote; null if nothing could. `plain`: the same URL with
 * harmless values, which tells the author's own empty segments from those that a value emptied.
 *
 * The threat: a receiver, or a proxy before it, decodes a path before it splits the path, and some decode twice. So a
 * percent-encoded value can still become slashes and dots, and lead the request and its secrets elsewhere.
 */
export function pathFault(url: string, plain: string): PathFault | null {
  const wanted = decodedSegments(plain);
  const segments = decodedSegments(url);
  if (segments.some(hasDotPart)) return "dot_segment";
  if (segments.some((segment) => CONTROL.test(segment))) return "control_character";
  const isEmptied = (segment: string, n: number) => EMPTY.test(segment) && !EMPTY.test(wanted[n] ?? "");
  // Decoded, the path would begin with two slashes, and what follows them could be read as a host.
  const [first = "", wantedFirst = ""] = [segments[PATH_STARTS_AT], wanted[PATH_STARTS_AT]];
  if (/^[/\\]/.test(first) && !/^[/\\]/.test(wantedFirst)) return "empty_segment";
  // Behind the last slash, an empty value changes no other segment.
  return segments.slice(0, -1).some(isEmptied) ? "empty_segment" : null;
}

function decodedSegments(url: string): readonly string[] {
  const [path = ""] = url.split(/[?#]/, 1);
  return path.split(/[/\\]/).map(decoded);
}

function hasDotPart(segment: string): boolean {
  return DISGUISED.test(segment) || segment.split(BETWEEN_PARTS).some((part) => part === "." || part === "..");
}

/** Every escape of an ASCII character decoded, until there are none: nobody knows how often a receiver decodes. */
function decoded(segment: string): string {
  for (let text = segment; ; ) {
    const next = text.replace(ASCII_ESCAPE, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === text) return text;
    text = next;
  }
}

/**
 * Placeholders: `{{ parameters.branch }}` in a trigger's payload, header values and URL. PURE.
 * One grammar for all three: `{{`, a path of names joined by dots, `}}`; there is no way to write a literal `{{`.
 *
 * Must not judge what comes out: whether a header value can be sent or a URL may be called is for whoever sends
 * it to ask, after rendering. Templates are checked when they come in; rendering one that was not is a bug and
 * throws. Recursion goes as deep as the template, which the front door bounds (JSON_MAX_DEPTH).
 *
 * Size is the threat: 64 KiB of template can name a 256 KiB value thousands of times. Every value is paid for in
 * bytes when it is put in and the first unpaid one ends the work, so that this is at most maxBytes and one value.
 */

import { isJsonObject, type JsonObject } from "../http/json.ts";
import { utf8Bytes } from "../http/limits.ts";
import { err, ok, type Result } from "../result.ts";

/** Everything that placeholders can reach; also the default payload. Instants are RFC 3339 text. */
export interface TemplateContext {
  readonly run: {
    readonly id: string;
    readonly actionName: string;
    readonly triggeredBy: string;
    readonly createdAt: string;
    readonly callbackUrl: string;
    readonly callbackToken: string;
    readonly expiresAt: string;
  };
  readonly parameters: JsonObject;
  readonly recommendations: JsonObject;
  readonly entity: { readonly id: string | null };
}

/** What is wrong with a template, in a sentence that says what to do; `path` is where, inside the template. */
export interface TemplateFault {
  readonly path: readonly (string | number)[];
  readonly sentence: string;
}

/** Text, or the path of a placeholder. Text is never empty: a string that is just a placeholder is one part. */
type Part = string | readonly string[];

/** The roots, and what those have whose members are fixed. */
const MEMBERS: { readonly [R in keyof TemplateContext]: Record<keyof TemplateContext[R], true> | null } = {
  run: {
    id: true,
    actionName: true,
    triggeredBy: true,
    createdAt: true,
    callbackUrl: true,
    callbackToken: true,
    expiresAt: true,
  },
  parameters: null,
  recommendations: null,
  entity: { id: true },
};
const ROOTS = Object.keys(MEMBERS).join(", ");

const SHOWN_CHARACTERS = 80;
const DIGITS = /^[0-9]+$/;
const BLANK_OR_CONTROL = /[\s\p{Cc}]/u;
/** Exactly two slashes and a host, because URL parsers read `https:/x` and `https:///x` as host x too. */
const COMPLETE_AUTHORITY = /^https?:\/\/[^/?#\\]+[/?#\\]/i;
const CUT_ESCAPE = /%[0-9a-f]?$/i;
const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i;

/** The first fault of a template of JSON (or of one string: a header value), or null. No values are needed. */
export function checkTemplate(template: unknown): TemplateFault | null {
  if (typeof template === "string") {
    const parts = parse(template);
    return parts.ok ? null : { path: [], sentence: parts.error };
  }
  if (typeof template !== "object" || template === null) return null;
  const list = Array.isArray(template);
  for (const [key, member] of Object.entries(template)) {
    const place = list ? Number(key) : key;
    if (key.includes("{{")) return { path: [place], sentence: "Put placeholders into values, not keys." };
    const fault = checkTemplate(member);
    if (fault !== null) return { path: [place, ...fault.path], sentence: fault.sentence };
  }
  return null;
}

/**
 * The template with every placeholder put in. A string that is exactly one placeholder becomes the value, of
 * whatever type, null where there is none; inside text, values are text and what is missing is empty. A value is
 * the context's own object, not a copy, and is never looked at for placeholders. `too_large` if the result would
 * have more than `maxBytes` of JSON.
 */
export function renderJson(
  template: unknown,
  context: TemplateContext,
  maxBytes: number,
): Result<unknown, "too_large"> {
  const budget = { left: maxBytes };
  const rendered = renderNode(template, context, budget);
  return budget.left < 0 ? err("too_large") : ok(rendered);
}

/** One string, always text, with line breaks if a value has some. `too_large` above `maxBytes` of UTF-8. */
export function renderText(
  template: string,
  context: TemplateContext,
  maxBytes: number,
): Result<string, "too_large"> {
  const text = fill(parsed(template), context, maxBytes, String);
  return text === null || utf8Bytes(text) > maxBytes ? err("too_large") : ok(text);
}

/** What is wrong with the placeholders of a URL, in a sentence, or null. Which URLs may be called is not asked. */
export function checkUrlTemplate(template: string): string | null {
  const parts = parse(template);
  if (!parts.ok) return parts.error;
  let before = "";
  let authority = false;
  let fragment = false;
  for (const part of parts.value) {
    if (typeof part === "string") {
      // Parsers drop some of these, and what then stands together could be a `..` that nobody saw.
      if (BLANK_OR_CONTROL.test(part)) return "A URL has no blanks or controls: percent-encode them.";
      authority ||= COMPLETE_AUTHORITY.test(part);
      fragment ||= part.includes("#");
      before = part;
      continue;
    }
    if (!authority) {
      return "Write scheme, host and port of the URL out, up to the next /: placeholders go into path and query.";
    }
    if (fragment) return "What follows # is never sent: put placeholders into path or query.";
    // Or the value would choose the character: `%2{{ x }}` with "F" is a slash.
    if (CUT_ESCAPE.test(before.slice(-2))) return "A placeholder can't continue a % escape: write % as %25.";
  }
  return null;
}

/**
 * The URL with every value percent-encoded, so that a value stays within its path segment or query value.
 * `dot_segment` if the path then has a segment `.` or `..` in any spelling: a value must not climb out of its
 * path. `too_large` above `maxBytes` of UTF-8.
 */
export function renderUrl(
  template: string,
  context: TemplateContext,
  maxBytes: number,
): Result<string, "too_large" | "dot_segment"> {
  if (checkUrlTemplate(template) !== null) throw new Error("rendering a URL template that was never checked");
  const url = fill(parsed(template), context, maxBytes, percentEncoded);
  if (url === null || utf8Bytes(url) > maxBytes) return err("too_large");
  const [path = ""] = url.split(/[?#]/, 1);
  return path.split(/[/\\]/).some((segment) => DOT_SEGMENT.test(segment)) ? err("dot_segment") : ok(url);
}

/** The parts of a string, or the sentence of its first fault. Linear: each character is looked at a few times. */
function parse(template: string): Result<readonly Part[], string> {
  const parts: Part[] = [];
  let from = 0;
  while (from < template.length) {
    const open = template.indexOf("{{", from);
    if (open !== from) parts.push(template.slice(from, open < 0 ? undefined : open));
    if (open < 0) break;
    const close = template.indexOf("}}", open + 2);
    const inside = template.slice(open + 2, close);
    // Not shown, unlike other faults: in a header, what follows can be a secret.
    if (close < 0 || inside.includes("{{")) return err("A {{ is never closed: end the placeholder with }}.");
    const path = inside.trim().split(".");
    const fault = faultOf(path);
    if (fault !== null) return err(`${shown(template.slice(open, close + 2))} ${fault}`);
    parts.push(path);
    from = close + 2;
  }
  return ok(parts);
}

function parsed(template: string): readonly Part[] {
  const parts = parse(template);
  // Without the reason, which quotes the template: this is for the log, and the template can hold secrets.
  if (!parts.ok) throw new Error("rendering a template that was never checked");
  return parts.value;
}

/** What is wrong with a path, to be said after the placeholder's name. */
function faultOf(path: readonly string[]): string | null {
  if (path.includes("")) return "lacks a name: join names with single dots, as in {{ parameters.branch }}.";
  if (path.some((segment) => /[\s{}]/.test(segment))) return "has blanks or braces in a name: rename it.";
  const [root = "", member] = path;
  if (!Object.hasOwn(MEMBERS, root)) return `is unknown: begin with one of ${ROOTS}.`;
  const members = MEMBERS[root as keyof TemplateContext];
  if (members === null || member === undefined) return null;
  if (path.length === 2 && Object.hasOwn(members, member)) return null;
  return `is unknown: ${root} has ${Object.keys(members).join(", ")} and nothing inside them.`;
}

function shown(placeholder: string): string {
  if (placeholder.length <= SHOWN_CHARACTERS) return placeholder;
  return `${placeholder.slice(0, SHOWN_CHARACTERS - 1).toWellFormed()}…`;
}

/** Once the budget is overdrawn nothing is built any more; what comes back then means nothing. */
function renderNode(template: unknown, context: TemplateContext, budget: { left: number }): unknown {
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
    // fromEntries, because assigning to `__proto__` would set the prototype.
    return Object.fromEntries(entries.map(([key, member]) => [key, renderNode(member, context, budget)]));
  }
  budget.left -= jsonBytes(template);
  return template;
}

function renderString(template: string, context: TemplateContext, budget: { left: number }): unknown {
  const parts = parsed(template);
  const [only] = parts;
  const alone = parts.length === 1 && typeof only === "object";
  const value = alone ? lookUp(context, only) : fill(parts, context, budget.left, String);
  // fill() answers null where the text got too long.
  budget.left = value === null && !alone ? -1 : budget.left - jsonBytes(value);
  return value;
}

/** The text of all parts, or null once it is longer than any text of `maxBytes`: a UTF-16 unit is a byte or more. */
function fill(
  parts: readonly Part[],
  context: TemplateContext,
  maxBytes: number,
  encode: (text: string) => string,
): string | null {
  let text = "";
  for (const part of parts) {
    text += typeof part === "string" ? part : encode(textOf(lookUp(context, part)));
    if (text.length > maxBytes) return null;
  }
  return text;
}

/** The value at a path, null where there is none: own members of objects, items of arrays, nothing else. */
function lookUp(context: TemplateContext, path: readonly string[]): unknown {
  let value: unknown = context;
  for (const segment of path) {
    if (Array.isArray(value) ? !DIGITS.test(segment) : !isJsonObject(value)) return null;
    const holder = value as JsonObject;
    if (!Object.hasOwn(holder, segment)) return null;
    value = holder[segment];
  }
  return value;
}

function textOf(value: unknown): string {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** encodeURIComponent throws at half a surrogate pair. */
function percentEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function jsonBytes(value: unknown): number {
  return utf8Bytes(JSON.stringify(value));
}

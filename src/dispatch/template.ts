/**
 * What of a trigger is a template: payload, header values, URL. PURE.
 *
 * Must not judge what comes out: whether a header value can be sent or a URL may be called is for whoever sends
 * it to ask, after rendering. Templates are checked when they come in; rendering one that was not is a bug and
 * throws. Recursion goes as deep as the template, which the front door bounds (JSON_MAX_DEPTH).
 *
 * Size is the threat: 64 KiB of template can name a 256 KiB value thousands of times. Every value is paid for in
 * bytes when it is put in and the first unpaid one ends the work, so that this is at most maxBytes and one value.
 */

import { isJsonObject } from "../http/json.ts";
import { utf8Bytes } from "../http/limits.ts";
import { err, ok, type Result } from "../result.ts";
import { fill, lookUp, parse, parsed, type TemplateContext } from "./placeholder.ts";

/** What is wrong with a template, in a sentence that says what to do; `path` is where, inside the template. */
export interface TemplateFault {
  readonly path: readonly (string | number)[];
  readonly sentence: string;
}

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

/** encodeURIComponent throws at half a surrogate pair. */
function percentEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function jsonBytes(value: unknown): number {
  return utf8Bytes(JSON.stringify(value));
}

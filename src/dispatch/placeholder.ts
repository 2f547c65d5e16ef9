/**
 * Placeholders: `{{ parameters.branch }}`, one grammar for payload, header values and URL: `{{`, a path of names joined
 * by dots, `}}`; there is no way to write a literal `{{`. PURE. A path finds own members alone, and what it finds is
 * never looked at again.
 */

import { isJsonObject, type JsonObject } from "../http/json.ts";
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

/** Text, or the path of a placeholder. Text is never empty: a string that is just a placeholder is one part. */
export type Part = string | readonly string[];

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

/** The parts of a string, or the sentence of its first fault. Linear: each character is looked at a few times. */
export function parse(template: string): Result<readonly Part[], string> {
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

export function parsed(template: string): readonly Part[] {
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

/** The text of all parts, or null once it is longer than any text of `maxBytes`: a UTF-16 unit is a byte or more. */
export function fill(
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
export function lookUp(context: TemplateContext, path: readonly string[]): unknown {
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

/**
 * Placeholders such as `{{ parameters.branch }}`, with one grammar for payload, header values and URL: `{{`, names joined by
 * dots, `}}`. There is no way to write a literal `{{`. PURE. A path finds only own members, and a value that was put in
 * is never read as a template again.
 */

import { isJsonObject, type JsonObject } from "../http/json.ts";
import { err, ok, type Result } from "../result.ts";

const RUN_MEMBERS = [
  ...(["id", "actionName", "triggeredBy", "createdAt"] as const),
  ...(["callbackUrl", "callbackToken", "expiresAt"] as const),
];

/** Everything that placeholders can reach, and the default payload. Instants are RFC 3339 text. */
export interface TemplateContext {
  readonly run: Readonly<Record<(typeof RUN_MEMBERS)[number], string>>;
  readonly parameters: JsonObject;
  readonly recommendations: JsonObject;
  readonly entity: { readonly id: string | null };
}

/** Text, which is never empty, or the path of a placeholder. */
export type Part = string | readonly string[];

/** The first names of paths. Null: the members are the caller's. */
const MEMBERS: Readonly<Record<keyof TemplateContext, readonly string[] | null>> = {
  run: RUN_MEMBERS,
  parameters: null,
  recommendations: null,
  entity: ["id"],
};

const SHOWN_CHARACTERS = 80;
const DIGITS = /^[0-9]+$/;

/** The parts of a string, or a sentence about its first fault. Takes linear time. */
export function parse(template: string): Result<readonly Part[], string> {
  const parts: Part[] = [];
  let from = 0;
  while (from < template.length) {
    const open = template.indexOf("{{", from);
    if (open !== from) parts.push(template.slice(from, open < 0 ? undefined : open));
    if (open < 0) break;
    const close = template.indexOf("}}", open + 2);
    const inside = template.slice(open + 2, close);
    // This sentence quotes nothing, because in a header a secret can follow the {{.
    if (close < 0 || inside.includes("{{")) return err("A {{ is not closed. End the placeholder with }}.");
    const path = inside.trim().split(".");
    const fault = faultOf(path);
    if (fault !== null) return err(`${shown(template.slice(open, close + 2))} ${fault}`);
    parts.push(path);
    from = close + 2;
  }
  return ok(parts);
}

/** The parts of a template that was checked before. */
export function parsed(template: string): readonly Part[] {
  const parts = parse(template);
  // Without the fault's sentence, because it quotes the template and this goes to the log.
  if (!parts.ok) throw new Error("rendering a template that was never checked");
  return parts.value;
}

/** What is wrong with a path, to be read after the placeholder. */
function faultOf(path: readonly string[]): string | null {
  if (path.includes(""))
    return "has an empty name. Join names with single dots, as in {{ parameters.branch }}.";
  if (path.some((name) => /[\s{}]/.test(name))) return "has a blank or a brace in a name. Rename it.";
  const [root = "", member] = path;
  if (!Object.hasOwn(MEMBERS, root)) {
    return `is unknown. Begin with one of ${Object.keys(MEMBERS).join(", ")}.`;
  }
  const members = MEMBERS[root as keyof TemplateContext];
  if (members === null || member === undefined) return null;
  if (path.length === 2 && members.includes(member)) return null;
  return `is unknown. ${root} has only ${members.join(", ")}.`;
}

function shown(placeholder: string): string {
  if (placeholder.length <= SHOWN_CHARACTERS) return placeholder;
  return `${placeholder.slice(0, SHOWN_CHARACTERS - 1).toWellFormed()}…`;
}

/** The text of all parts. Null once it has more than `maxBytes` UTF-16 units, each of which is a byte or more. */
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

/** The value at a path, null if there is none. Finds only own members of objects and items of arrays. */
export function lookUp(context: TemplateContext, path: readonly string[]): unknown {
  let value: unknown = context;
  for (const name of path) {
    if (Array.isArray(value) ? !DIGITS.test(name) : !isJsonObject(value)) return null;
    const holder = value as JsonObject;
    if (!Object.hasOwn(holder, name)) return null;
    value = holder[name];
  }
  return value;
}

function textOf(value: unknown): string {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

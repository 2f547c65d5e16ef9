/**
 * Placeholders such as `{{ parameters.branch }}` and `{{ json parameters }}`, with one grammar for payload, header
 * values and URL: `{{`, perhaps `json` and a blank, names joined by dots, `}}`. There is no way to write a literal `{{`.
 * PURE. A path finds only own members. A value that was put in is never read as a template.
 */

import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { err, ok, type Result } from "../../base/result.ts";

const RUN_TEXTS = [
  ...(["id", "actionName", "triggeredBy", "createdAt"] as const),
  ...(["callbackUrl", "callbackToken", "expiresAt"] as const),
];

/** What placeholders can reach, without secrets. It is also the default payload. Instants are RFC 3339 text. */
export interface TemplateContext {
  readonly run: Readonly<Record<(typeof RUN_TEXTS)[number], string>> & {
    readonly traceparent: string | null;
  };
  readonly parameters: JsonObject;
  readonly recommendations: JsonObject;
  readonly entity: { readonly id: string | null };
}

/** Everything that the templates of one trigger can reach. */
export interface FullContext extends TemplateContext {
  readonly secrets?: Readonly<Record<string, string>>;
  /** Stands in for a value of the receiver's response. `path`: without `response`. */
  readonly response?: (path: readonly string[]) => LaterValue;
}

/** A value that is known only when the receiver has responded. */
export class LaterValue {
  /** The stand-in inside other text. */
  readonly inText: string;
  /** The stand-in for the value's JSON text. */
  readonly jsonText: string;
  /** The stand-in for a whole JSON value, so that the value keeps its type. */
  readonly #alone: string;

  constructor(inText: string, jsonText: string, alone: string) {
    this.inText = inText;
    this.jsonText = jsonText;
    this.#alone = alone;
  }

  toJSON(): string {
    return this.#alone;
  }
}

export interface Placeholder {
  readonly path: readonly string[];
  /** Whether the JSON text of the value is put in, as `{{ json parameters }}` asks. */
  readonly isJson: boolean;
}

/** Text, which is never empty, or a placeholder. */
export type TemplatePart = string | Placeholder;

/** The members of each first name. Null: callers choose the members. */
const MEMBERS: Readonly<Record<keyof FullContext, readonly string[] | null>> = {
  run: [...RUN_TEXTS, "traceparent"],
  parameters: null,
  recommendations: null,
  entity: ["id"],
  secrets: null,
  response: null,
};

/** Which first names a template may use. URLs, requests and stop requests differ. */
export type Roots = readonly (keyof FullContext)[];
export const IN_URL: Roots = ["run", "parameters", "recommendations", "entity"];
export const IN_REQUEST: Roots = [...IN_URL, "secrets"];
export const IN_STOP_URL: Roots = [...IN_URL, "response"];
export const IN_STOP_REQUEST: Roots = [...IN_REQUEST, "response"];
/** For a template that was checked before, or that another check refuses. */
export const ANYWHERE = IN_STOP_REQUEST;

const SHOWN_CHARACTERS = 80;
const DIGITS = /^[0-9]+$/;
/** A name can't have a blank, so no path begins like this. */
const JSON_OF = /^json\s+/;

/** The parts of a string, or a sentence about its first fault. Takes linear time. */
export function parse(template: string, roots: Roots): Result<readonly TemplatePart[], string> {
  const parts: TemplatePart[] = [];
  let from = 0;
  while (from < template.length) {
    const open = template.indexOf("{{", from);
    if (open !== from) parts.push(template.slice(from, open < 0 ? undefined : open));
    if (open < 0) break;
    const close = template.indexOf("}}", open + 2);
    const inside = template.slice(open + 2, close);
    // This sentence quotes nothing, because in a header a secret can follow the {{.
    if (close < 0 || inside.includes("{{")) return err("A {{ is not closed. End the placeholder with }}.");
    const written = inside.trim();
    const path = written.replace(JSON_OF, "").split(".");
    const fault = faultOf(path, roots);
    if (fault !== null) return err(`${shortened(template.slice(open, close + 2))} ${fault}`);
    parts.push({ path, isJson: JSON_OF.test(written) });
    from = close + 2;
  }
  return ok(parts);
}

/** The parts of a template that was checked before. */
export function parsed(template: string): readonly TemplatePart[] {
  const parts = parse(template, ANYWHERE);
  // The error leaves out the fault's sentence, because the sentence quotes the template and this goes to the log.
  if (!parts.ok) throw new Error("rendering a template that was never checked");
  return parts.value;
}

/** What is wrong with a path, to be read after the placeholder. */
function faultOf(path: readonly string[], roots: Roots): string | null {
  if (path.includes(""))
    return "has an empty name. Join names with single dots, as in {{ parameters.branch }}.";
  if (path.some((name) => /[\s{}]/.test(name))) return "has a blank or a brace in a name. Rename it.";
  const [root = "", member] = path;
  if (!roots.some((known) => known === root)) {
    if (root === "secrets") return "is a secret. Use secrets only in headers and payload.";
    if (root === "response") return "is not known yet. Use the receiver's response only in cancel and link.";
    return `is unknown. Begin with one of ${roots.join(", ")}.`;
  }
  if (root === "secrets") return path.length === 2 ? null : "is unknown. Write {{ secrets.NAME }}.";
  if (root === "response") return responseFault(path);
  const members = MEMBERS[root as keyof FullContext];
  if (members === null || member === undefined) return null;
  if (path.length === 2 && members.includes(member)) return null;
  return `is unknown. ${root} has only ${members.join(", ")}.`;
}

/** Only one header can be read, because the others can carry cookies and the like. */
function responseFault([, member, header, ...more]: readonly string[]): string | null {
  if (member === undefined) return "is the whole response. Name a member, as in {{ response.id }}.";
  if (member !== "headers") return null;
  return header === "location" && more.length === 0
    ? null
    : "is unknown. response.headers has only location.";
}

function shortened(placeholder: string): string {
  if (placeholder.length <= SHOWN_CHARACTERS) return placeholder;
  return `${placeholder.slice(0, SHOWN_CHARACTERS - 1).toWellFormed()}…`;
}

/**
 * The text of all parts. Null if it has more than `maxBytes` UTF-16 units. Each unit is at least one byte. `encode` gets
 * the text of each value, and whether this is JSON text.
 */
export function fill(
  parts: readonly TemplatePart[],
  context: FullContext,
  maxBytes: number,
  encode: (text: string, isJson: boolean) => string,
): string | null {
  let text = "";
  for (const part of parts) {
    text +=
      typeof part === "string" ? part : encode(textOf(lookUp(context, part.path), part.isJson), part.isJson);
    if (text.length > maxBytes) return null;
  }
  return text;
}

/** The value at a path, null if there is none. */
export function lookUp({ response, ...context }: FullContext, path: readonly string[]): unknown {
  if (path[0] === "response") return response?.(path.slice(1)) ?? null;
  return memberAt(context, path);
}

/** The member at a path, null if there is none. Finds only own members of objects and items of arrays. */
export function memberAt(holding: unknown, path: readonly string[]): unknown {
  let value: unknown = holding;
  for (const name of path) {
    if (Array.isArray(value) ? !DIGITS.test(name) : !isJsonObject(value)) return null;
    const holder = value as JsonObject;
    if (!Object.hasOwn(holder, name)) return null;
    value = holder[name];
  }
  return value;
}

function textOf(value: unknown, isJson: boolean): string {
  if (value instanceof LaterValue) return isJson ? value.jsonText : value.inText;
  if (!isJson && value === null) return "";
  return !isJson && typeof value === "string" ? value : JSON.stringify(value);
}

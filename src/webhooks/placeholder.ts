/**
 * Placeholders such as `{{ parameters.branch }}` and `{{ json parameters }}`, with one grammar for payload, header
 * values and URL: `{{`, perhaps `json` and a blank, names joined by dots, `}}`. There is no way to write a literal `{{`.
 * PURE. A path finds only own members. A value that was put in is never read as a template.
 */
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { err, ok, type Result } from "../base/result.ts";
import { shortened } from "../base/visible-text.ts";

const CREATED = ["id", "actionName", "triggeredBy", "createdAt"] as const;
const RUN_TEXTS = [...CREATED, "callbackUrl", "callbackToken", "expiresAt"] as const;

interface Inputs {
  readonly parameters: JsonObject;
  readonly recommendations: JsonObject;
  readonly entity: { readonly id: string | null };
}

/** What a trigger's placeholders reach, without secrets. It is also the default payload. Instants are RFC 3339 text. */
export interface TemplateContext extends Inputs {
  readonly run: Readonly<Record<Exclude<(typeof RUN_TEXTS)[number], "callbackToken">, string>> & {
    /** Null in a preview for people. */
    readonly callbackToken: string | null;
    /** How long the job may run. The time until `expiresAt` can be far longer, because a run can wait first. */
    readonly timeoutSeconds: number;
    readonly traceparent: string | null;
  };
}

/** What a webhook endpoint's placeholders reach, without secrets: a run that has ended, and the event. */
export interface EventContext extends Inputs {
  readonly run: Readonly<Record<(typeof CREATED)[number] | "status" | "url" | "consoleUrl", string>> &
    Readonly<Record<"traceparent" | "startedAt" | "completedAt" | "error" | "title" | "subject", string | null>> & {
      readonly output: JsonObject | null;
    };
  readonly event: {
    readonly type: string;
    readonly previousStatus: string | null;
    readonly summary: string;
    readonly retry: { readonly runId: string | null; readonly at: string; readonly attempt: number } | null;
  };
}

/** What an action's `inbound` reaches: the body of an event, and those of its headers that the action names. */
export interface InboundEvent {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly response?: undefined;
}

export type FullContext = (TemplateContext | EventContext) & {
  readonly secrets?: Readonly<Record<string, string>>;
  /** Stands in for a value of the receiver's response. `path`: without `response`. */
  readonly response?: (path: readonly string[]) => LaterValue;
};

/** A value that is known only when the receiver has responded. */
export class LaterValue {
  /** The stand-in inside other text. */
  readonly inText: string;
  /** The stand-in for the value's JSON text. */
  readonly jsonText: string;
  /** The stand-in for a whole JSON value, so that the value keeps its type. */
  readonly toJSON: () => string;

  constructor(inText: string, jsonText: string, alone: string) {
    this.inText = inText;
    this.jsonText = jsonText;
    this.toJSON = () => alone;
  }
}

export interface Placeholder {
  readonly path: readonly string[];
  /** Whether the JSON text of the value is put in, as `{{ json parameters }}` asks. */
  readonly isJson: boolean;
}

/** Text, which is never empty, or a placeholder. */
type TemplatePart = string | Placeholder;

/** What a template may use. URLs, requests, stop requests and webhook endpoints differ. */
export interface Roots {
  /** By first name, its members. `name.*`: callers choose the members of this member. Null: callers choose all. */
  readonly members: Readonly<Record<string, readonly string[] | null>>;
  /** Said of a path that other templates know, behind the placeholder. `name.*`: of all that begin with the name. */
  readonly missing: Readonly<Record<string, string>>;
}

const INPUTS = { parameters: null, recommendations: null, entity: ["id"] };
const NO_SECRETS = { "secrets.*": "is a secret. Use secrets only in headers and payload." };
const NO_RESPONSE = { "response.*": "is not known yet. Use the receiver's response only in cancel and link." };
const IN_TRIGGER = { run: [...RUN_TEXTS, "timeoutSeconds", "traceparent"], ...INPUTS };

export const IN_URL: Roots = { members: IN_TRIGGER, missing: { ...NO_SECRETS, ...NO_RESPONSE } };
export const IN_REQUEST: Roots = { members: { ...IN_TRIGGER, secrets: null }, missing: NO_RESPONSE };
export const IN_STOP_URL: Roots = { members: { ...IN_TRIGGER, response: null }, missing: NO_SECRETS };
export const IN_STOP_REQUEST: Roots = { members: { ...IN_TRIGGER, secrets: null, response: null }, missing: {} };
/** A key of a concurrency group. It is part of answers, so nothing secret may stand in it. */
export const IN_KEY: Roots = {
  members: { parameters: null, entity: ["id"] },
  missing: { entity: "is a whole object. Write {{ entity.id }}." },
};
/** A title or a subject. Lists show them, so nothing secret may stand in them. */
export const IN_FACE: Roots = { members: { ...IN_KEY.members, labels: null }, missing: IN_KEY.missing };
export const IN_CONDITION: Roots = { members: { response: null }, missing: {} };
/** A condition on an event. Another check knows which headers the action names. */
export const IN_EVENT: Roots = { members: { body: null, headers: null }, missing: {} };
/** The parameters of a run that an event starts. `headers`: those that the action names. */
export const inEventWith = (headers: readonly string[]): Roots =>
  headers.length > 0
    ? { members: { ...IN_EVENT.members, headers }, missing: {} }
    : { members: { body: null }, missing: { "headers.*": "is unknown. Name the header in inbound.headers." } };

const OF_EVENT = ["title", "subject", "startedAt", "completedAt", "traceparent", "status", "output.*"];
const ENDED_RUN = [...CREATED, ...OF_EVENT, "url", "consoleUrl"];
const EVENT = ["type", "previousStatus", "summary", "retry.*"];
const NO_CALLBACKS = "is for callbacks, and a run that has ended takes none. Leave it out.";
const ENDED = {
  "run.callbackUrl": NO_CALLBACKS,
  "run.callbackToken": NO_CALLBACKS,
  "run.expiresAt": NO_CALLBACKS,
  "response.*": "is unknown here. The receiver's response is only for a trigger's cancel and link.",
};

/** A job chooses the error's text, which can contain anything, and proxies log URLs. So the error stays out. */
export const IN_ENDPOINT_URL: Roots = {
  members: { run: ENDED_RUN, ...INPUTS, event: EVENT },
  missing: {
    ...ENDED,
    "secrets.*": "can't stand in a URL. The whole URL is a secret, so write the value itself into it.",
    run: "can't stand in a URL, because it contains the run's error. Name a member, as in {{ run.id }}.",
    "run.error": "can't stand in a URL, because proxies log URLs and an error can contain secrets. Use it in payload.",
  },
};
export const IN_ENDPOINT: Roots = {
  members: { run: [...ENDED_RUN, "error"], ...INPUTS, event: EVENT, secrets: null },
  missing: ENDED,
};

/** For a template that was checked before, or that another check refuses. */
export const ANYWHERE: Roots = {
  members: {
    ...IN_STOP_REQUEST.members,
    ...IN_EVENT.members,
    labels: null,
    event: EVENT,
    run: [...IN_TRIGGER.run, ...ENDED_RUN, "error"],
  },
  missing: {},
};

const SHOWN_CHARACTERS = 80;
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
    if (fault !== null) return err(`${shortened(template.slice(open, close + 2), SHOWN_CHARACTERS)} ${fault}`);
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
  if (path.includes("")) return "has an empty name. Join names with single dots, as in {{ parameters.branch }}.";
  if (path.some((name) => /[\s{}]/.test(name))) return "has a blank or a brace in a name. Rename it.";
  const [root = "", member] = path;
  const { members, missing } = roots;
  const known = [`${root}.*`, path.slice(0, 2).join(".")].find((name) => Object.hasOwn(missing, name));
  if (known !== undefined) return missing[known] ?? null;
  if (!Object.hasOwn(members, root)) {
    return `is unknown. Begin with one of ${Object.keys(members).join(", ")}.`;
  }
  if (root === "secrets") return path.length === 2 ? null : "is unknown. Write {{ secrets.NAME }}.";
  if (root === "response") return responseFault(path);
  const those = members[root] ?? null;
  if (those === null || member === undefined) return null;
  if (those.includes(`${member}.*`) || (path.length === 2 && those.includes(member))) return null;
  return `is unknown. ${root} has only ${those.join(", ")}.`;
}

/** Only one header can be read, because the others can carry cookies and the like. */
function responseFault([, member, header, ...more]: readonly string[]): string | null {
  if (member === undefined) return "is the whole response. Name a member, as in {{ response.id }}.";
  if (member !== "headers") return null;
  return header === "location" && more.length === 0 ? null : "is unknown. response.headers has only location.";
}

/** Null if the text has more than `maxBytes` UTF-16 units. `encode`: of each value, or of its JSON text. */
export function fill(
  parts: readonly TemplatePart[],
  context: FullContext | InboundEvent,
  maxBytes: number,
  encode: (text: string, isJson: boolean) => string,
): string | null {
  let text = "";
  for (const part of parts) {
    text += typeof part === "string" ? part : encode(textOf(lookUp(context, part.path), part.isJson), part.isJson);
    if (text.length > maxBytes) return null;
  }
  return text;
}

/** The value at a path, null if there is none. */
export function lookUp({ response, ...context }: FullContext | InboundEvent, path: readonly string[]): unknown {
  if (path[0] === "response") return response?.(path.slice(1)) ?? null;
  return memberAt(context, path);
}

/** The member at a path, null if there is none. Finds only own members of objects and items of arrays. */
export function memberAt(holding: unknown, path: readonly string[]): unknown {
  let value: unknown = holding;
  for (const name of path) {
    if (Array.isArray(value) ? !/^[0-9]+$/.test(name) : !isJsonObject(value)) return null;
    const holder = value as JsonObject;
    if (!Object.hasOwn(holder, name)) return null;
    value = holder[name];
  }
  return value;
}

/** What stands in the place of a placeholder inside other text. A missing value is empty. */
export function textOf(value: unknown, isJson: boolean): string {
  if (value instanceof LaterValue) return isJson ? value.jsonText : value.inText;
  if (!isJson && value === null) return "";
  return !isJson && typeof value === "string" ? value : JSON.stringify(value);
}

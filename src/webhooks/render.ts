/** Renders a request within bounds, and checks its path, not its host. Shows an approver what will be sent. PURE. */
import { isJsonObject } from "../base/json.ts";
import { RENDERED_HEADERS_MAX_BYTES, RENDERED_MAX_BYTES, URL_MAX_CHARACTERS, utf8Bytes } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { MemberFault } from "../http/errors.ts";
import { type FullContext, LaterValue, type Roots, type TemplateContext } from "./placeholder.ts";
import { HEADER_VALUE } from "./request-schemas.ts";
import { literalLength, pathsOf, renderJson, renderText, renderUrl } from "./template.ts";
import type { WebhookRequest } from "./webhook-request.ts";

/** Each is the rest of a sentence that begins with the URL's member. */
export const URL_FAULTS = {
  too_large: `has more than ${URL_MAX_CHARACTERS} characters with its placeholders put in; send shorter values.`,
  dot_segment:
    "has a part . or .. in its path, also behind an escape, which leads out of the path; send values without it.",
  control_character: "has a control character in its path, also behind an escape; send values without it.",
  empty_segment: "has nothing between two slashes, because a value is empty or missing; send the value.",
} as const;

const BODY_FAULTS = {
  too_large: `has more than ${RENDERED_MAX_BYTES} bytes with its placeholders put in; send less.`,
  no_form: "is not a form; send one flat JSON object of strings, numbers and booleans.",
};

export type Rendered = Pick<WebhookRequest, "url" | "method" | "headers" | "body">;

export interface RequestTemplates extends Pick<WebhookRequest, "url" | "method" | "headers"> {
  readonly payload?: unknown;
  /** What is sent without a payload. Never read as a template. Default: the context without secrets. */
  readonly body?: string;
}

/** The request with all placeholders put in, or what can't be sent. `path`: where its members are in the caller's body. */
export function renderRequest(
  request: RequestTemplates,
  context: FullContext,
  path: readonly string[],
  urlRoots: Roots,
): Result<Rendered, MemberFault> {
  const url = renderUrl(request.url, context, urlRoots);
  if (!url.ok) return err({ path: [...path, "url"], message: URL_FAULTS[url.error] });
  const headers: [string, string][] = [];
  let headerBytes = 0;
  for (const [name, template] of Object.entries(request.headers)) {
    // The template's own text has a bound when it is stored.
    const value = renderText(template, context, RENDERED_HEADERS_MAX_BYTES + literalLength(template));
    headerBytes += name.length + (value ?? "").length - literalLength(template);
    if (value === null || headerBytes > RENDERED_HEADERS_MAX_BYTES) {
      const message = `their names and the values put in have more than ${RENDERED_HEADERS_MAX_BYTES} bytes; send less.`;
      return err({ path: [...path, "headers"], message });
    }
    if (!HEADER_VALUE.test(value)) {
      const message = "a value that was put in has characters that no header can carry; send printable ASCII.";
      return err({ path: [...path, "headers", name], message });
    }
    headers.push([name, value]);
  }
  const body = bodyOf(request, context);
  if (!body.ok) return err({ path: [...path, "payload"], message: BODY_FAULTS[body.error] });
  return ok({ url: url.value, method: request.method, headers: Object.fromEntries(headers), body: body.value });
}

/** Decided without the secrets, or an admin could learn whether a secret ends in `-urlencoded`. */
export function sendsForm({ headers }: Pick<RequestTemplates, "headers">, context: FullContext): boolean {
  const [, template = ""] = Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type") ?? [];
  return isForm(renderText(template, { ...context, secrets: {} }, RENDERED_HEADERS_MAX_BYTES) ?? "");
}

export function isForm(contentType: string): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(contentType);
}

function bodyOf(request: RequestTemplates, context: FullContext): Result<string, keyof typeof BODY_FAULTS> {
  const asForm = sendsForm(request, context);
  if (request.payload === undefined && request.body !== undefined) return asForm ? err("no_form") : ok(request.body);
  const payload = payloadOf(request.payload, context, RENDERED_MAX_BYTES);
  if (!payload.ok) return payload;
  const body = asForm ? toForm(payload.value) : JSON.stringify(payload.value);
  if (body === null) return err("no_form");
  // A form can have three times the bytes of the JSON.
  return utf8Bytes(body) > RENDERED_MAX_BYTES ? err("too_large") : ok(body);
}

/** Without a payload, it is the context without secrets, never read as a template: its values are the callers'. */
function payloadOf(template: unknown, context: FullContext, maxBytes: number) {
  const { run, parameters, recommendations, entity } = context;
  return template === undefined
    ? ok({ run, parameters, recommendations, entity })
    : renderJson(template, context, maxBytes);
}

function toForm(payload: unknown): string | null {
  if (!isJsonObject(payload)) return null;
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(payload)) {
    if (value instanceof LaterValue) form.append(name, value.inText);
    else if (typeof value === "object" && value !== null) return null;
    else form.append(name, value === null ? "" : String(value));
  }
  return form.toString();
}

/** A stored trigger without its secrets. The value of a header is null if it is one. */
export interface ShownRequest extends Pick<WebhookRequest, "url" | "method"> {
  readonly headers: Readonly<Record<string, string | null>>;
  readonly payload?: unknown;
}

/**
 * What an approver sees of a webhook before it is sent: the JSON of `{ method, url, headers, payload }`. A text whose
 * template names a secret or the callback token is null as a whole. `{{ run }}` and the default payload keep their
 * members, and only `callbackToken` is null there. The payload of a form is the object that it is made of.
 *
 * The threat is that everybody who may read the run learns a secret. So this code never gets one. It never looks for a
 * secret in a text, because an encoded secret, or a part of one, would not be found.
 */
export function previewOf({ method, url, headers, payload }: ShownRequest, whole: TemplateContext): string {
  const context = { ...whole, run: { ...whole.run, callbackToken: null } };
  const shownHeaders = Object.entries(headers).map(([name, template]) => {
    const isHidden = template === null || namesSecret(template);
    return [name, isHidden ? null : renderText(template, context, RENDERED_HEADERS_MAX_BYTES)] as const;
  });
  const shownUrl = namesSecret(url) ? null : renderUrl(url, context);
  // No limit, because the request itself was rendered within one, and null is hardly longer than a value.
  const shownPayload = payloadOf(hidingSecrets(payload), context, Number.POSITIVE_INFINITY);
  return JSON.stringify({
    method,
    // Null, too, for a URL that can't be called. Then nothing is sent.
    url: shownUrl?.ok ? (URL.parse(shownUrl.value)?.href ?? null) : null,
    headers: Object.fromEntries(shownHeaders),
    payload: shownPayload.ok ? shownPayload.value : null,
  });
}

/** The payload's template with null instead of each text that names a secret. */
function hidingSecrets(template: unknown): unknown {
  if (typeof template === "string") return namesSecret(template) ? null : template;
  if (Array.isArray(template)) return template.map(hidingSecrets);
  if (!isJsonObject(template)) return template;
  // Don't assign members, because a key `__proto__` would set the prototype.
  return Object.fromEntries(Object.entries(template).map(([key, member]) => [key, hidingSecrets(member)]));
}

function namesSecret(template: string): boolean {
  return pathsOf(template).some(
    ([root, member]) => root === "secrets" || (root === "run" && member === "callbackToken"),
  );
}

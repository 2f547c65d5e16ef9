/**
 * Renders a request: puts the values into its URL, headers and body, within bounds that count no secret. PURE. It checks
 * what the values did to the URL's path. The caller checks whether the URL may be called.
 */
import { isJsonObject } from "../base/json.ts";
import {
  RENDERED_HEADERS_MAX_BYTES,
  RENDERED_MAX_BYTES,
  SECRET_MAX_CHARACTERS,
  URL_MAX_CHARACTERS,
  utf8Bytes,
} from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { NewRequest } from "./dispatch.ts";
import { type FullContext, LaterValue, type Roots, type TemplateContext } from "./placeholder.ts";
import { HEADER_VALUE } from "./request-schemas.ts";
import { pathsOf, renderHeader, renderJson, renderUrl } from "./template.ts";
import type { WebhookRequest } from "./webhook-request.ts";

/** Each is the rest of a sentence that begins with the URL's member. */
const URL_FAULTS = {
  too_large: `has more than ${URL_MAX_CHARACTERS} characters with its placeholders put in; send shorter values.`,
  dot_segment:
    "has a part . or .. in its path, also behind an escape, which leads out of the path; send values without it.",
  control_character: "has a control character in its path, also behind an escape; send values without it.",
  empty_segment: "has nothing between two slashes, because a value is empty or missing; send the value.",
} as const;

const FORM = /^application\/x-www-form-urlencoded\b/i;

/** What is wrong with a member of the request. `path`: where the member is in the body of the caller's request. */
export interface RequestFault {
  readonly path: readonly string[];
  readonly message: string;
}

export type Weighed = Pick<NewRequest, "weight">;
export type Rendered = Pick<WebhookRequest, "url" | "method" | "headers" | "body"> & Weighed;

export interface RequestTemplates {
  readonly url: string;
  readonly method: WebhookRequest["method"];
  readonly headers: Readonly<Record<string, string>>;
  readonly payload?: unknown;
  /** What is sent without a payload. Never read as a template. Default: the context without secrets. */
  readonly body?: string;
}

/** The request with all placeholders put in, or what can't be sent. `path`: where its members are. */
export function renderRequest(
  request: RequestTemplates,
  context: FullContext,
  path: readonly string[],
  urlRoots: Roots,
): Result<Rendered, RequestFault> {
  const url = renderUrl(request.url, context, URL_MAX_CHARACTERS, urlRoots);
  if (!url.ok) return err(urlFault([...path, "url"], url.error));
  const headers: [string, string][] = [];
  let headerBytes = 0;
  for (const [name, template] of Object.entries(request.headers)) {
    const header = renderHeader(template, context, RENDERED_HEADERS_MAX_BYTES);
    if (header.ok) headerBytes += name.length + header.value.putIn;
    if (!header.ok || headerBytes > RENDERED_HEADERS_MAX_BYTES) {
      const message = `their names and the values put in have more than ${RENDERED_HEADERS_MAX_BYTES} bytes; send less.`;
      return err({ path: [...path, "headers"], message });
    }
    const { value } = header.value;
    if (!HEADER_VALUE.test(value)) {
      const message = "a value that was put in has characters that no header can carry; send printable ASCII.";
      return err({ path: [...path, "headers", name], message });
    }
    headers.push([name, value]);
  }
  const body = bodyOf(request, context, sendsForm(request, context));
  if (!body.ok) return err({ path: [...path, "payload"], message: BODY_FAULTS[body.error] });
  const { whole, openBytes } = body.value;
  // The value of a header is a secret of a stored action.
  const secrets = headers.length + pathsOf([request.headers, request.payload]).filter(isSecret).length;
  const weight = url.value.length + headerBytes + openBytes + secrets * SECRET_MAX_CHARACTERS;
  return ok({ url: url.value, method: request.method, headers: Object.fromEntries(headers), body: whole, weight });
}

export function urlFault(path: readonly string[], fault: keyof typeof URL_FAULTS): RequestFault {
  return { path, message: URL_FAULTS[fault] };
}

/**
 * Whether the body is a form. Decided without the secrets, or an admin could learn whether a secret ends in
 * `-urlencoded`.
 */
export function sendsForm({ headers }: Pick<RequestTemplates, "headers">, context: FullContext): boolean {
  const [, template = ""] = Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type") ?? [];
  const type = renderHeader(template, { ...context, secrets: {} }, RENDERED_HEADERS_MAX_BYTES);
  return type.ok && isForm(type.value.value);
}

export function isForm(contentType: string): boolean {
  return FORM.test(contentType);
}

const BODY_FAULTS = {
  too_large: `has more than ${RENDERED_MAX_BYTES} bytes with its placeholders put in; send less.`,
  no_form: "is not a form; send one flat JSON object of strings, numbers and booleans.",
};

function isSecret([root]: readonly string[]): boolean {
  return root === "secrets";
}

/**
 * The whole body, and the bytes that it has without the secrets. The limit counts only these bytes. Otherwise, a
 * parameter that grows until it is refused would tell how long the secrets are.
 */
function bodyOf(
  request: RequestTemplates,
  { secrets = {}, ...context }: FullContext,
  asForm: boolean,
): Result<{ readonly whole: string; readonly openBytes: number }, keyof typeof BODY_FAULTS> {
  const { payload, body } = request;
  if (payload === undefined && body !== undefined) {
    return asForm ? err("no_form") : ok({ whole: body, openBytes: utf8Bytes(body) });
  }
  const written = (whole: FullContext, maxBytes: number): Result<string, keyof typeof BODY_FAULTS> => {
    const payload = payloadOf(request, whole, maxBytes);
    if (!payload.ok) return payload;
    const body = asForm ? toForm(payload.value) : JSON.stringify(payload.value);
    if (body === null) return err("no_form");
    // A form can have three times the bytes of the JSON.
    return body.length > maxBytes ? err("too_large") : ok(body);
  };
  const open = written(context, RENDERED_MAX_BYTES);
  if (!open.ok) return open;
  const openBytes = utf8Bytes(open.value);
  if (Object.keys(secrets).length === 0) return ok({ whole: open.value, openBytes });
  const whole = written({ ...context, secrets }, Number.POSITIVE_INFINITY);
  return whole.ok ? ok({ whole: whole.value, openBytes }) : whole;
}

/**
 * The payload with its placeholders put in. Without a payload, it is the context without secrets. The context is never
 * read as a template, because its values are the callers'.
 */
function payloadOf(
  { payload }: RequestTemplates,
  context: FullContext,
  maxBytes: number,
): Result<unknown, "too_large"> {
  if (payload !== undefined) return renderJson(payload, context, maxBytes);
  const { run, parameters, recommendations, entity } = context;
  const whole = { run, parameters, recommendations, entity };
  return utf8Bytes(JSON.stringify(whole)) > maxBytes ? err("too_large") : ok(whole);
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

/* SECTION:
 * What an approver sees of a webhook before it is sent. PURE.
 *
 * The threat is that an approver, or everybody who may read the run, learns a secret. So this code never gets one: it
 * takes the trigger as a GET of the action shows it, with null instead of each secret, and a context without the
 * callback token. It decides by the templates and never looks for a secret in a text, because an encoded secret, or a
 * part of one, would not be found.
 */

/** A stored trigger without its secrets. The value of a header is null if it is one. */
export interface ShownRequest {
  readonly url: string;
  readonly method: WebhookRequest["method"];
  readonly headers: Readonly<Record<string, string | null>>;
  readonly payload?: unknown;
}

/**
 * The JSON of `{ method, url, headers, payload }`. A text whose template names a secret or the callback token is null
 * as a whole. `{{ run }}` and the default payload keep their members, and only `callbackToken` is null there. The
 * payload of a form is the object that the form is made of. The headers that the service adds itself are not there:
 * `traceparent`, the run's id, and the signature with its timestamp.
 */
export function previewOf({ method, url, headers, payload }: ShownRequest, whole: TemplateContext): string {
  const context = { ...whole, run: { ...whole.run, callbackToken: null } };
  const shown = Object.entries(headers).map(([name, text]) => [name, shownHeader(text, context)] as const);
  const { run, parameters, recommendations, entity } = context;
  return JSON.stringify({
    method,
    url: shownUrl(url, context),
    headers: Object.fromEntries(shown),
    payload: payload === undefined ? { run, parameters, recommendations, entity } : shownPayload(payload, context),
  });
}

/** Null, too, for a URL that can't be called. Then nothing is sent. */
function shownUrl(template: string, context: TemplateContext): string | null {
  if (namesSecret(template)) return null;
  const url = renderUrl(template, context, URL_MAX_CHARACTERS);
  return url.ok ? (URL.parse(url.value)?.href ?? null) : null;
}

function shownHeader(template: string | null, context: TemplateContext): string | null {
  if (template === null || namesSecret(template)) return null;
  const header = renderHeader(template, context, RENDERED_HEADERS_MAX_BYTES);
  return header.ok ? header.value.value : null;
}

/** No limit, because the request itself was rendered within one, and null is hardly longer than a value. */
function shownPayload(template: unknown, context: TemplateContext): unknown {
  const payload = renderJson(withoutSecrets(template), context, Number.POSITIVE_INFINITY);
  return payload.ok ? payload.value : null;
}

/** The payload's template with null instead of each text that names a secret. */
function withoutSecrets(template: unknown): unknown {
  if (typeof template === "string") return namesSecret(template) ? null : template;
  if (Array.isArray(template)) return template.map(withoutSecrets);
  if (!isJsonObject(template)) return template;
  // Don't assign members, because a key `__proto__` would set the prototype.
  return Object.fromEntries(Object.entries(template).map(([key, member]) => [key, withoutSecrets(member)]));
}

function namesSecret(template: string): boolean {
  return pathsOf(template).some(
    ([root, member]) => root === "secrets" || (root === "run" && member === "callbackToken"),
  );
}

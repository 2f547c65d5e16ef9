/**
 * What an approver sees of a webhook before it is sent. PURE.
 *
 * The threat is that an approver, or everybody who may read the run, learns a secret. So this code never gets one: it
 * takes the trigger as a GET of the action shows it, with null instead of each secret, and a context without the
 * callback token. It decides by the templates and never looks for a secret in a text, because an encoded secret, or a
 * part of one, would not be found.
 */

import { isJsonObject } from "../../base/json.ts";
import { RENDERED_HEADERS_MAX_BYTES, URL_MAX_CHARACTERS } from "../../base/limits.ts";
import type { TemplateContext } from "../template/placeholder.ts";
import { pathsOf, renderHeader, renderJson, renderUrl } from "../template/template.ts";
import type { WebhookRequest } from "./sealed-request.ts";

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

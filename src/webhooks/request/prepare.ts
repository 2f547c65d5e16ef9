/** Turns a trigger into a delivery: renders the request, checks its URL, and seals it before it leaves the Worker. */

import { isJsonObject } from "../../base/json.ts";
import {
  RENDERED_HEADERS_MAX_BYTES,
  RENDERED_MAX_BYTES,
  RETRY_DELAY_DEFAULT_MS,
  SECRET_MAX_CHARACTERS,
  URL_MAX_CHARACTERS,
  utf8Bytes,
} from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Env } from "../../settings/env.ts";
import type { KeyRing } from "../../settings/key-ring.ts";
import { guardUrl } from "../../settings/url-guard.ts";
import { webhookPolicy } from "../../settings/webhook-policy.ts";
import type { NewDelivery, NewRequest } from "../delivery.ts";
import { fillIn, type LaterText, ResponseMarks } from "../template/later-text.ts";
import {
  type FullContext,
  IN_STOP_URL,
  IN_URL,
  LaterValue,
  type Roots,
  type TemplateContext,
} from "../template/placeholder.ts";
import { pathsOf, renderHeader, renderJson, renderText, renderUrl } from "../template/template.ts";
import { HEADER_VALUE, isWholeResponse } from "./request-templates.ts";
import { type SealedKind, sealedFor, type WebhookRequest } from "./sealed-request.ts";
import { type StopTemplate, stopRequestKeys } from "./stop-request.ts";
import type { Trigger } from "./trigger.ts";

/** Each is the rest of a sentence that begins with the URL's member. */
const URL_FAULTS = {
  too_large: `has more than ${URL_MAX_CHARACTERS} characters with its placeholders put in; send shorter values.`,
  dot_segment:
    "has a part . or .. in its path, also behind an escape, which leads out of the path; send values without it.",
  control_character: "has a control character in its path, also behind an escape; send values without it.",
  empty_segment: "has nothing between two slashes, because a value is empty or missing; send the value.",
} as const;

const FORM = /^application\/x-www-form-urlencoded\b/i;

/** The request that creates the run. */
export interface Origin {
  readonly env: Env;
  readonly ring: KeyRing;
  readonly origin: string;
  readonly scope: string;
}

/** What is wrong with a member of the trigger. `path`: where the member is in the body that holds the trigger. */
export interface TriggerFault {
  readonly path: readonly string[];
  readonly message: string;
}

/** Why there is no delivery: a setting can't be used (then `path` is empty), or the trigger has a fault. */
export interface PrepareFault extends TriggerFault {
  readonly code: "not_configured" | "invalid_body";
}

export async function prepareDelivery(
  trigger: Trigger,
  context: TemplateContext,
  { env, ring, origin, scope }: Origin,
): Promise<Result<NewDelivery, PrepareFault>> {
  const policy = webhookPolicy(env, origin);
  if (!policy.ok) return err({ code: "not_configured", path: [], message: policy.error });
  const { secrets = {}, signingSecret = null, retry = {}, startOn, accepted } = trigger;
  const rendered = renderTrigger(trigger, { ...context, secrets });
  if (!rendered.ok) return err({ code: "invalid_body", ...rendered.error });
  const url = guardUrl(rendered.value.url, policy.value);
  if (!url.ok) return err({ code: "invalid_body", path: ["trigger", "url"], message: url.error });
  const later = renderLater(trigger, { ...context, secrets });
  if (!later.ok) return err({ code: "invalid_body", ...later.error });
  const { stopRequest, link } = later.value;
  // The values of the response are not known yet. Whatever they are, they change only the path and the query.
  const stopUrl =
    stopRequest &&
    guardUrl(
      fillIn(stopRequest.url, () => "x"),
      policy.value,
    );
  if (stopUrl?.ok === false) {
    return err({ code: "invalid_body", path: ["trigger", "cancel", "url"], message: stopUrl.error });
  }

  const both = { signingSecret, origin };
  const stopKeys = stopRequest === null ? [] : stopRequestKeys(stopRequest);
  const { weight, ...sent } = rendered.value;
  const request: WebhookRequest = {
    ...sent,
    ...both,
    url: url.value.href,
    ...((link !== null || stopKeys.length > 0) && { wanted: { stopKeys, link } }),
    ...(accepted !== undefined && { accepted }),
  };
  const seal = (sealed: WebhookRequest | StopTemplate, kind: SealedKind) =>
    ring.seal(JSON.stringify(sealed), sealedFor(scope, context.run.id, kind));
  const { maxAttempts = null, initialDelayMs = RETRY_DELAY_DEFAULT_MS } = retry;
  const delivery = {
    host: url.value.host,
    startOn,
    maxAttempts,
    initialDelayMs,
    weight,
    sealed: await seal(request, "delivery"),
  };
  if (stopRequest === null || !stopUrl?.ok) return ok(delivery);
  const { weight: stopWeight, ...stopped } = stopRequest;
  const sealed = await seal({ ...stopped, ...both }, "stop");
  const { host } = stopUrl.value;
  return ok({ ...delivery, stopRequest: { host, maxAttempts, initialDelayMs, weight: stopWeight, sealed } });
}

/** What lacks values of the receiver's response. */
interface Later {
  readonly stopRequest: (Pick<StopTemplate, "method" | "url" | "headers" | "body"> & Weighed) | null;
  readonly link: LaterText | null;
}

/** The stop request and the link without the values of the response, or what is wrong. PURE. */
export function renderLater(
  { cancel, link }: Pick<Trigger, "cancel" | "link">,
  context: FullContext,
  nonce: string = crypto.randomUUID().replaceAll("-", ""),
): Result<Later, TriggerFault> {
  const marks = new ResponseMarks(nonce);
  const marked = { ...context, response: marks.stand };
  let linkText: LaterText | null = null;
  if (link !== undefined) {
    const isWhole = isWholeResponse(link);
    const rendered = isWhole
      ? renderText(link, marked, URL_MAX_CHARACTERS)
      : renderUrl(link, marked, URL_MAX_CHARACTERS, IN_STOP_URL);
    if (!rendered.ok) return err(urlFault(["trigger", "link"], rendered.error));
    linkText = marks.cut(rendered.value, isWhole ? "text" : "url");
  }
  if (cancel === undefined) return ok({ stopRequest: null, link: linkText });
  // Nothing is sent by default. The payload may be null, which is JSON as well.
  const request = { ...cancel, payload: cancel.payload === undefined ? {} : cancel.payload };
  const rendered = renderRequest(request, marked, ["trigger", "cancel"], IN_STOP_URL);
  if (!rendered.ok) return rendered;
  const { method, url, headers, body, weight } = rendered.value;
  const stopRequest = {
    weight,
    method,
    url: marks.cut(url, "url"),
    headers: Object.entries(headers).map(([name, value]) => [name, marks.cut(value, "text")] as const),
    body: marks.cut(body, sendsForm(cancel, marked) ? "form" : "json_text"),
  };
  return ok({ stopRequest, link: linkText });
}

type Weighed = Pick<NewRequest, "weight">;
type Rendered = Pick<WebhookRequest, "url" | "method" | "headers" | "body"> & Weighed;

/** The request with all placeholders put in, or what can't be sent. PURE. */
export function renderTrigger(
  trigger: Pick<Trigger, "url" | "method" | "headers" | "payload">,
  context: FullContext,
): Result<Rendered, TriggerFault> {
  return renderRequest(trigger, context, ["trigger"], IN_URL);
}

interface RequestTemplates {
  readonly url: string;
  readonly method: WebhookRequest["method"];
  readonly headers: Readonly<Record<string, string>>;
  readonly payload?: unknown;
}

function renderRequest(
  request: RequestTemplates,
  context: FullContext,
  path: readonly string[],
  urlRoots: Roots,
): Result<Rendered, TriggerFault> {
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
      const message =
        "a value that was put in has characters that no header can carry; send printable ASCII.";
      return err({ path: [...path, "headers", name], message });
    }
    headers.push([name, value]);
  }
  const { traceparent } = context.run;
  // First, because the sender sets headers in this order, whatever their case. So the trigger's own one wins.
  const added = traceparent === null ? {} : { traceparent };
  const body = bodyOf(request, context, sendsForm(request, context));
  if (!body.ok) return err({ path: [...path, "payload"], message: BODY_FAULTS[body.error] });
  const { whole, openBytes } = body.value;
  // The value of a header is a secret of a stored action.
  const secrets = headers.length + pathsOf([request.headers, request.payload]).filter(isSecret).length;
  const weight = url.value.length + headerBytes + openBytes + secrets * SECRET_MAX_CHARACTERS;
  return ok({
    url: url.value,
    method: request.method,
    headers: { ...added, ...Object.fromEntries(headers) },
    body: whole,
    weight,
  });
}

function urlFault(path: readonly string[], fault: keyof typeof URL_FAULTS): TriggerFault {
  return { path, message: URL_FAULTS[fault] };
}

/**
 * Whether the body is a form. Decided without the secrets, or an admin could learn whether a secret ends in
 * `-urlencoded`.
 */
function sendsForm({ headers }: Pick<RequestTemplates, "headers">, context: FullContext): boolean {
  const [, template = ""] =
    Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type") ?? [];
  const type = renderHeader(template, { ...context, secrets: {} }, RENDERED_HEADERS_MAX_BYTES);
  return type.ok && FORM.test(type.value.value);
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

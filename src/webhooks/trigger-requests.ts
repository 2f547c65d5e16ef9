/** Makes a dispatch of a trigger: renders its requests, checks their URLs, and seals them. */
import { RETRY_DELAY_DEFAULT_MS, URL_MAX_CHARACTERS } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { MemberFault } from "../http/errors.ts";
import { webhookPolicy } from "../settings/config.ts";
import type { Env } from "../settings/env.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { guardUrl } from "../settings/url-guard.ts";
import type { NewDispatch } from "./dispatch.ts";
import { type FullContext, IN_STOP_URL, IN_URL, type Roots, type TemplateContext } from "./placeholder.ts";
import { type Rendered, type RequestTemplates, renderRequest, sendsForm, URL_FAULTS } from "./render.ts";
import { HEADER_VALUE, isWholeResponse } from "./request-schemas.ts";
import {
  fillIn,
  keysOf,
  type LaterText,
  ResponseMarkers,
  type ResponseValues,
  VALUE_MAX_CHARACTERS,
} from "./response.ts";
import { type PathFault, pathFault, renderText, renderUrl } from "./template.ts";
import type { Trigger } from "./trigger.ts";
import { type SealedKind, sealedFor, type WebhookRequest } from "./webhook-request.ts";

export interface Origin {
  readonly env: Env;
  readonly ring: KeyRing;
  readonly origin: string;
  readonly scope: string;
}

/** A setting can't be used (then `path` is empty), or the trigger has a fault. */
export interface PrepareFault extends MemberFault {
  readonly code: "not_configured" | "invalid_body";
}

export async function prepareDispatch(
  trigger: Trigger,
  context: TemplateContext,
  { env, ring, origin, scope }: Origin,
  execution?: string,
): Promise<Result<NewDispatch, PrepareFault>> {
  const policy = webhookPolicy(env, origin);
  if (!policy.ok) return err({ code: "not_configured", path: [], message: policy.error });
  const { secrets = {}, signingSecret = null, retry = {}, startOn, accepted } = trigger;
  const rendered = renderTrigger(trigger, { ...context, secrets });
  if (!rendered.ok) return err({ code: "invalid_body", ...rendered.error });
  const url = guardUrl(rendered.value.url, policy.value);
  if (!url.ok) return err({ code: "invalid_body", path: ["trigger", "url"], message: url.error });
  const later = renderLater({ ...trigger, execution }, { ...context, secrets });
  if (!later.ok) return err({ code: "invalid_body", ...later.error });
  const { stopRequest, link, execution: named } = later.value;
  const stopUrl = stopRequest && guardUrl(plainText(stopRequest.url), policy.value);
  if (stopUrl?.ok === false) {
    return err({ code: "invalid_body", path: ["trigger", "cancel", "url"], message: stopUrl.error });
  }

  const both = { signingSecret, origin };
  const stopKeys = stopRequest === null ? [] : stopRequestKeys(stopRequest);
  const request: WebhookRequest = {
    ...rendered.value,
    ...both,
    url: url.value.href,
    ...((link !== null || named !== null || stopKeys.length > 0) && {
      wanted: { stopKeys, link, ...(named !== null && { execution: named }) },
    }),
    ...(accepted !== undefined && { accepted }),
  };
  const seal = (sealed: WebhookRequest | StopTemplate, kind: SealedKind) =>
    ring.seal(JSON.stringify(sealed), sealedFor(scope, context.run.id, kind));
  const { maxAttempts = null, initialDelayMs = RETRY_DELAY_DEFAULT_MS } = retry;
  const retries = { maxAttempts, initialDelayMs };
  const dispatch = { host: url.value.host, startOn, ...retries, sealed: await seal(request, "dispatch") };
  if (stopRequest === null || !stopUrl?.ok) return ok(dispatch);
  const sealed = await seal({ ...stopRequest, ...both }, "stop");
  return ok({ ...dispatch, stopRequest: { host: stopUrl.value.host, ...retries, sealed } });
}

/** The request with all placeholders put in, or what can't be sent. PURE. */
export function renderTrigger(
  trigger: Pick<Trigger, "url" | "method" | "headers" | "payload">,
  context: FullContext,
): Result<Rendered, MemberFault> {
  return renderTraced(trigger, context, ["trigger"], IN_URL);
}

/** With the position in the trace of the run's caller, unless the request has a `traceparent` itself. */
function renderTraced(
  request: RequestTemplates,
  context: FullContext,
  path: readonly string[],
  urlRoots: Roots,
): Result<Rendered, MemberFault> {
  const rendered = renderRequest(request, context, path, urlRoots);
  const { traceparent } = context.run;
  if (!rendered.ok || traceparent === null) return rendered;
  // First, because the sender sets headers in this order, whatever their case. So the trigger's own one wins.
  return ok({ ...rendered.value, headers: { traceparent, ...rendered.value.headers } });
}

/** The texts of a stop request that lack the values of the response. */
interface StopTexts {
  readonly url: LaterText;
  readonly headers: readonly (readonly [name: string, value: LaterText])[];
  readonly body: LaterText;
}

export interface StopTemplate extends StopTexts, Pick<WebhookRequest, "method" | "signingSecret" | "origin"> {}

/** The stop request, the link and the execution without the values of the response, or what is wrong. PURE. */
export function renderLater(
  { cancel, link, execution }: Pick<Trigger, "cancel" | "link"> & { readonly execution?: string | undefined },
  context: FullContext,
  nonce: string = crypto.randomUUID().replaceAll("-", ""),
) {
  const markers = new ResponseMarkers(nonce);
  const withMarkers = { ...context, response: markers.stand };
  const linkText = link === undefined ? ok(null) : renderLink(link, withMarkers, markers);
  if (!linkText.ok) return linkText;
  const named =
    execution === undefined ? null : markers.cut(renderText(execution, withMarkers, URL_MAX_CHARACTERS) ?? "", "text");
  const both = { link: linkText.value, execution: named };
  if (cancel === undefined) return ok({ stopRequest: null, ...both });
  // Nothing is sent by default. The payload may be null, which is JSON as well.
  const request = { ...cancel, payload: cancel.payload === undefined ? {} : cancel.payload };
  const rendered = renderTraced(request, withMarkers, ["trigger", "cancel"], IN_STOP_URL);
  if (!rendered.ok) return rendered;
  const { method, url, headers, body } = rendered.value;
  const stopRequest = {
    method,
    url: markers.cut(url, "url"),
    headers: Object.entries(headers).map(([name, value]) => [name, markers.cut(value, "text")] as const),
    body: markers.cut(body, sendsForm(cancel, withMarkers) ? "form" : "json_text"),
  };
  return ok({ stopRequest, ...both });
}

function renderLink(link: string, context: FullContext, markers: ResponseMarkers): Result<LaterText, MemberFault> {
  if (isWholeResponse(link)) return ok(markers.cut(renderText(link, context, URL_MAX_CHARACTERS) ?? "", "text"));
  const rendered = renderUrl(link, context, IN_STOP_URL);
  return rendered.ok
    ? ok(markers.cut(rendered.value, "url"))
    : err({ path: ["trigger", "link"], message: URL_FAULTS[rendered.error] });
}

function stopRequestKeys({ url, headers, body }: StopTexts): readonly string[] {
  return keysOf(url, body, ...headers.map(([, text]) => text));
}

/** The text with a harmless value for each that is not known. Whatever the values of a URL are, they leave its host. */
function plainText(text: LaterText): string {
  return fillIn(text, () => "x");
}

/** The id of the stop request, for `webhook-id` and `Idempotency-Key`. */
export function stopRequestId(runId: string): string {
  return `${runId}-cancel`;
}

/** Each is the rest of a sentence that begins with "a value of the response". */
const PATH_FAULTS: Readonly<Record<PathFault, string>> = {
  dot_segment: "would leave the URL's path",
  control_character: "has a control character, which the URL's path can't have",
  empty_segment: "leaves nothing between two slashes of the URL's path",
};

/** The stop request with all values, or the rest of "was not called: ". PURE. A create bounds all but the values. */
export function filledStopRequest(
  template: StopTemplate,
  response: ResponseValues | null,
): Result<WebhookRequest, string> {
  const { url, headers, body, ...rest } = template;
  const known = new Map(response);
  for (const key of stopRequestKeys(template)) {
    const name = `{{ response.${key.slice(0, 80).toWellFormed()} }}`;
    const value = known.get(key);
    if (value === undefined) {
      return err(response === null ? `no response is known that has ${name}` : `the response has no usable ${name}`);
    }
    if (String(value).length > VALUE_MAX_CHARACTERS) {
      return err(`${name} has more than ${VALUE_MAX_CHARACTERS} characters`);
    }
  }
  const filled = (text: LaterText) => fillIn(text, (key) => known.get(key) ?? "");
  const filledHeaders = headers.map(([name, value]) => [name, filled(value)] as const);
  if (!filledHeaders.every(([, value]) => HEADER_VALUE.test(value))) {
    return err("a value of the response has characters that no header can carry");
  }
  const request = { ...rest, url: filled(url), headers: Object.fromEntries(filledHeaders), body: filled(body) };
  const fault = pathFault(request.url, plainText(url));
  return fault === null ? ok(request) : err(`a value of the response ${PATH_FAULTS[fault]}`);
}

/** Turns a trigger into a delivery: renders the request, judges its URL, and seals it before it leaves the Worker. */

import type { Env } from "../env.ts";
import { isJsonObject } from "../http/json.ts";
import {
  RENDERED_HEADERS_MAX_BYTES,
  RENDERED_MAX_BYTES,
  URL_MAX_CHARACTERS,
  utf8Bytes,
} from "../http/limits.ts";
import type { KeyRing } from "../key-ring.ts";
import { err, ok, type Result } from "../result.ts";
import type { NewDelivery } from "./delivery.ts";
import type { TemplateContext } from "./placeholder.ts";
import { sealedFor, type WebhookRequest } from "./sealed-request.ts";
import { renderJson, renderText, renderUrl } from "./template.ts";
import { HEADER_VALUE, type Trigger } from "./trigger.ts";
import { guardUrl } from "./url-guard.ts";
import { webhookPolicy } from "./webhook-policy.ts";

const FORM = /^application\/x-www-form-urlencoded\b/i;

/** The request that creates the run. */
export interface Origin {
  readonly env: Env;
  readonly ring: KeyRing;
  readonly origin: string;
  readonly scope: string;
}

/** Why there is no delivery: a setting can't be used, or the trigger has a fault, whose place the sentence names. */
export interface PrepareFault {
  readonly code: "not_configured" | "invalid_body";
  readonly sentence: string;
}

export async function prepareDelivery(
  trigger: Trigger,
  context: TemplateContext,
  { env, ring, origin, scope }: Origin,
): Promise<Result<NewDelivery, PrepareFault>> {
  const policy = webhookPolicy(env, origin);
  if (!policy.ok) return err({ code: "not_configured", sentence: policy.error });
  const rendered = renderTrigger(trigger, context);
  if (!rendered.ok) return err({ code: "invalid_body", sentence: rendered.error });
  const url = guardUrl(rendered.value.url, policy.value);
  if (!url.ok) return err({ code: "invalid_body", sentence: `trigger.url: ${url.error}` });
  const request: WebhookRequest = {
    ...rendered.value,
    url: url.value.href,
    signingSecret: trigger.signingSecret ?? null,
    callbackToken: context.run.callbackToken,
    origin,
  };
  return ok({
    host: url.value.host,
    startOn: trigger.startOn,
    maxAttempts: trigger.retry.maxAttempts,
    initialDelayMs: trigger.retry.initialDelayMs,
    sealed: await ring.seal(JSON.stringify(request), sealedFor(scope, context.run.id)),
  });
}

/** The request with all placeholders put in, or a sentence that names the place of what can't be sent. PURE. */
export function renderTrigger(
  trigger: Trigger,
  context: TemplateContext,
): Result<Pick<WebhookRequest, "url" | "method" | "headers" | "body">, string> {
  const url = renderUrl(trigger.url, context, URL_MAX_CHARACTERS);
  if (!url.ok) {
    return url.error === "too_large"
      ? err(`trigger.url: has more than ${URL_MAX_CHARACTERS} characters with its placeholders put in.`)
      : err("trigger.url: has a segment . or .. that would leave the path; leave it out.");
  }
  const headers: [string, string][] = [];
  let headerBytes = 0;
  for (const [name, template] of Object.entries(trigger.headers)) {
    const value = renderText(template, context, RENDERED_HEADERS_MAX_BYTES);
    if (value.ok) headerBytes += name.length + value.value.length;
    if (!value.ok || headerBytes > RENDERED_HEADERS_MAX_BYTES) {
      return err(
        `trigger.headers: have more than ${RENDERED_HEADERS_MAX_BYTES} bytes with their placeholders put in; send less.`,
      );
    }
    if (!HEADER_VALUE.test(value.value)) {
      return err(
        `trigger.headers.${name.slice(0, 100)}: a value that was put in has characters that no header can carry; send printable ASCII.`,
      );
    }
    headers.push([name, value.value]);
  }
  const payload = payloadOf(trigger, context);
  if (!payload.ok) {
    return err(
      `trigger.payload: has more than ${RENDERED_MAX_BYTES} bytes with its placeholders put in; send less.`,
    );
  }
  const isForm = headers.some(([name, value]) => name.toLowerCase() === "content-type" && FORM.test(value));
  const body = isForm ? toForm(payload.value) : JSON.stringify(payload.value);
  if (body === null) {
    return err("trigger.payload: is not a form; send one flat JSON object of strings, numbers and booleans.");
  }
  return ok({ url: url.value, method: trigger.method, headers: Object.fromEntries(headers), body });
}

/** Without a payload the context itself is sent. It is never read as a template, because its values are the callers'. */
function payloadOf({ payload }: Trigger, context: TemplateContext): Result<unknown, "too_large"> {
  if (payload !== undefined) return renderJson(payload, context, RENDERED_MAX_BYTES);
  return utf8Bytes(JSON.stringify(context)) > RENDERED_MAX_BYTES ? err("too_large") : ok(context);
}

function toForm(payload: unknown): string | null {
  if (!isJsonObject(payload)) return null;
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(payload)) {
    if (typeof value === "object" && value !== null) return null;
    form.append(name, value === null ? "" : String(value));
  }
  return form.toString();
}

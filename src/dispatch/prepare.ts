/** From a trigger to a delivery that can be kept: rendered, judged, and sealed before it leaves the Worker. */

import type { KeyRing } from "../key-ring.ts";
import { err, ok, type Result } from "../result.ts";
import type { NewDelivery } from "./delivery.ts";
import type { TemplateContext } from "./placeholder.ts";
import { sealedFor, type WebhookRequest } from "./sealed-request.ts";
import { renderTrigger, type Trigger } from "./trigger.ts";
import { guardUrl, type UrlPolicy } from "./url-guard.ts";

export interface Circumstances {
  readonly ring: KeyRing;
  readonly policy: UrlPolicy;
  /** Of the request that makes the run. */
  readonly origin: string;
  readonly scope: string;
  readonly context: TemplateContext;
}

/** The delivery, or a sentence on what can't be sent. */
export async function prepareDelivery(
  trigger: Trigger,
  { ring, policy, origin, scope, context }: Circumstances,
): Promise<Result<NewDelivery, string>> {
  const rendered = renderTrigger(trigger, context);
  if (!rendered.ok) return rendered;
  const url = guardUrl(rendered.value.url, policy);
  if (!url.ok) return err(`trigger.url: ${url.error}`);
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

/**
 * Makes one attempt of a delivery: renders it, checks its URL, signs it with all secrets that still sign, sends it, and
 * says what the answer means. It knows neither D1 nor coordinators.
 */

import type { DeliveryAttempt, DeliveryResult } from "../../runs/telling.ts";
import type { Env } from "../../settings/env.ts";
import type { KeyRing } from "../../settings/key-ring.ts";
import { baseUrl } from "../../settings/public-url.ts";
import { guardUrl } from "../../settings/url-guard.ts";
import { webhookPolicy } from "../../settings/webhook-policy.ts";
import { UNANSWERED } from "../../webhooks/delivery.ts";
import { exchange } from "../../webhooks/exchange.ts";
import type { RequestFault } from "../../webhooks/request/render.ts";
import { requestHeaders } from "../../webhooks/request/request-headers.ts";
import { pathsOf } from "../../webhooks/template/template.ts";
import type { WholeEndpoint } from "../whole-endpoint.ts";
import { sealExcerpt } from "./excerpt.ts";
import { messageId, renderDelivery } from "./message.ts";
import { type Judged, judge } from "./verdict.ts";

interface Settings {
  readonly env: Env;
  readonly ring: KeyRing;
}

export type SentDelivery = Omit<DeliveryResult, "verdict"> & Judged;

/** Never throws because of what the endpoint, the run or the receiver has. Nothing in the result is secret. */
export async function sendDelivery(
  { definition, version, origin, signingSecrets }: WholeEndpoint,
  attempt: DeliveryAttempt,
  { env, ring }: Settings,
): Promise<SentDelivery> {
  const { status: noStatus, durationMs, excerpt: noExcerpt, retryAfter } = UNANSWERED;
  const unsent = (judged: Judged, why: string): SentDelivery => ({
    ...judged,
    version,
    status: noStatus,
    durationMs,
    excerpt: noExcerpt,
    retryAfter,
    reason: `was not called: ${why.replace(/\.$/, "")}`,
  });

  const policy = webhookPolicy(env, origin);
  if (!policy.ok) {
    const judged = { verdict: "not_made", isAlive: null } as const;
    return unsent(judged, "the service's webhook settings can't be used");
  }
  const rendered = renderDelivery(definition, attempt, baseUrl(env, origin));
  if (!rendered.ok) return unsent({ verdict: "refused", isAlive: null }, sentenceOf(rendered.error));
  // Values change only path and query, so this is a fault of the endpoint, or of the settings that changed.
  const url = guardUrl(rendered.value.url, policy.value);
  if (!url.ok) return unsent({ verdict: "failed", isAlive: null }, url.error);

  const { scope, endpoint, runId } = attempt;
  const headers = await requestHeaders(rendered.value, { runId, id: messageId(attempt), signingSecrets });
  const { status, excerpt, ...result } = await exchange(url.value, rendered.value, headers, true);
  return {
    ...judge(status, pathsOf(definition.url).length === 0),
    version,
    status,
    durationMs: result.durationMs,
    reason: result.reason,
    retryAfter: result.retryAfter,
    excerpt: excerpt === null ? null : await sealExcerpt(ring, excerpt, { scope, endpoint, runId }),
  };
}

function sentenceOf({ path, message }: RequestFault): string {
  return `${path.join(".")} ${message}`;
}

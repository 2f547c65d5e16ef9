/** Makes one attempt of a delivery, and says what the answer means. It knows neither D1 nor coordinators. */

import type { DeliveryAttempt, DeliveryResult, EndpointKey } from "../runs/endpoint-deliveries.ts";
import { baseUrl, webhookPolicy } from "../settings/config.ts";
import type { Env } from "../settings/env.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { guardUrl } from "../settings/url-guard.ts";
import { UNANSWERED } from "../webhooks/dispatch.ts";
import { exchange } from "../webhooks/send.ts";
import { pathsOf } from "../webhooks/template.ts";
import { requestHeaders } from "../webhooks/webhook-request.ts";
import type { WholeEndpoint } from "./definition.ts";
import { messageId, renderDelivery } from "./delivery-content.ts";

export type SentDelivery = Omit<DeliveryResult, "verdict"> & Judged;

/** Never throws because of what the endpoint, the run or the receiver has. Nothing in the result is secret. */
export async function sendDelivery(
  { definition, version, origin, signingSecrets }: WholeEndpoint,
  attempt: DeliveryAttempt,
  { env, ring }: { readonly env: Env; readonly ring: KeyRing },
): Promise<SentDelivery> {
  const policy = webhookPolicy(env, origin);
  if (!policy.ok) return unsent("not_made", version, "the service's webhook settings can't be used");
  const rendered = renderDelivery(definition, attempt, baseUrl(env, origin));
  if (!rendered.ok) {
    const { path, message } = rendered.error;
    return unsent("refused", version, `${path.join(".")} ${message}`);
  }
  // Values change only path and query, so this is a fault of the endpoint, or of the settings that changed.
  const url = guardUrl(rendered.value.url, policy.value);
  if (!url.ok) return unsent("failed", version, url.error);

  const { scope, endpoint, runId } = attempt;
  const headers = await requestHeaders(rendered.value, { runId, id: messageId(attempt), signingSecrets });
  const { status, durationMs, reason, retryAfter, excerpt } = await exchange(url.value, rendered.value, headers, true);
  const judged = judge(status, pathsOf(definition.url).length === 0);
  const sealed = excerpt === null ? null : await sealExcerpt(ring, excerpt, { scope, endpoint, runId });
  return { ...judged, version, status, durationMs, reason, retryAfter, excerpt: sealed };
}

/** The result of an attempt that was not made. `version`: of the endpoint; 0 if none was loaded. */
export function unsent<Verdict>(verdict: Verdict, version: number, why: string) {
  const { isFinal: _, ...unanswered } = UNANSWERED;
  return { ...unanswered, verdict, isAlive: null, version, reason: `was not called: ${why.replace(/\.$/, "")}` };
}

/**
 * `unwanted`: the receiver answered 410 at a URL without values. Whoever asked disables the endpoint, and says `gone`.
 */
interface Judged extends Pick<DeliveryResult, "isAlive"> {
  readonly verdict: Exclude<DeliveryResult["verdict"], "gone"> | "unwanted";
}

/** The receiver refuses this delivery, and would refuse it again. Others may pass. */
const REFUSED: ReadonlySet<number> = new Set([400, 413, 414, 415, 422]);
/** The receiver has no time now. */
const BUSY: ReadonlySet<number> = new Set([408, 425, 429]);

/** `status`: null without an answer. `isSameUrl`: no value chose the URL. Otherwise a 410 can be about one run. */
export function judge(status: number | null, isSameUrl: boolean): Judged {
  if (status === null || status >= 500 || BUSY.has(status)) return { verdict: "failed", isAlive: false };
  if (status >= 200 && status <= 299) return { verdict: "delivered", isAlive: true };
  if (status === 410) return { verdict: isSameUrl ? "unwanted" : "refused", isAlive: true };
  return { verdict: REFUSED.has(status) ? "refused" : "failed", isAlive: true };
}

interface ExcerptOwner {
  readonly scope: string;
  readonly endpoint: EndpointKey;
  readonly runId: string;
}

/** In base64. A response can repeat every secret of the request, so it never leaves the Worker invocation unsealed. */
async function sealExcerpt(ring: KeyRing, text: string, owner: ExcerptOwner): Promise<string> {
  return (await ring.seal(text, about(owner))).toBase64();
}

/** Null if no key of the ring opens it. */
export function openExcerpt(ring: KeyRing, sealed: string, owner: ExcerptOwner): Promise<string | null> {
  return ring.openBase64(sealed, about(owner));
}

function about({ scope, endpoint, runId }: ExcerptOwner): string {
  return `action-runs delivery-excerpt v1\n${scope}\n${endpoint}\n${runId}`;
}

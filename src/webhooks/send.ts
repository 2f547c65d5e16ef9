/**
 * Makes one attempt of a dispatch or of a stop request, or tests a dispatch. It opens the sealed request,
 * puts in the values of the receiver's earlier response, checks the URL again, signs and sends the request, and reports
 * the result. It decides nothing about the run, and it returns nothing secret.
 */

import { err, ok, type Result } from "../base/result.ts";
import { webhookPolicy } from "../settings/config.ts";
import type { Env } from "../settings/env.ts";
import { type KeyRing, keyRing } from "../settings/key-ring.ts";
import { guardUrl } from "../settings/url-guard.ts";
import { type AttemptResult, UNANSWERED } from "./dispatch.ts";
import { exchange } from "./exchange.ts";
import type { ResponseValues } from "./response.ts";
import { filledStopRequest, type StopTemplate, stopRequestId } from "./trigger-requests.ts";
import { type Attempt, requestHeaders, type SealedKind, sealedFor, type WebhookRequest } from "./webhook-request.ts";

/**
 * Never throws because of what a receiver does. `canConnect`: whether a connection can be made. It costs a connection,
 * so it is asked only when an attempt has failed before.
 */
export async function sendAttempt(
  env: Env,
  attempt: Attempt,
  canConnect: (url: URL) => Promise<boolean>,
): Promise<AttemptResult> {
  const { scope, runId, stopRequest, isUnsure, isTest } = attempt;
  const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
  if (!ring.ok) return unready("CALLBACK_SIGNING_KEYS can't be used", false);
  const opened = await openRequest(ring.value, attempt);
  if (!opened.ok) return opened.error;
  const request = opened.value;
  const policy = webhookPolicy(env, request.origin);
  if (!policy.ok) return unready("the service's webhook settings can't be used", false);
  // The URL of a stop request is checked with the values of the response put in.
  const url = guardUrl(request.url, policy.value);
  if (!url.ok) return unready(url.error.replace(/\.$/, ""), true);
  const { signingSecret } = request;
  const headers = await requestHeaders(request, {
    runId,
    id: stopRequest === undefined ? runId : stopRequestId(runId),
    signingSecrets: signingSecret === null ? [] : [signingSecret],
    isTest,
  });
  const isReachable = !isUnsure || (await canConnect(url.value));
  const { values, excerpt, ...result } = await exchange(url.value, request, headers, isReachable);
  const seal = (text: string, kind: SealedKind) => ring.value.seal(text, sealedFor(scope, runId, kind));
  return {
    ...result,
    excerpt: excerpt === null ? null : (await seal(excerpt, "excerpt")).toBase64(),
    ...(values !== undefined && { values: await seal(JSON.stringify(values), "response") }),
  };
}

/** The request of an attempt, or the result that says why it can't be sent. */
async function openRequest(
  ring: KeyRing,
  { scope, runId, sealed, stopRequest }: Attempt,
): Promise<Result<WebhookRequest, AttemptResult>> {
  const open = (text: Uint8Array<ArrayBuffer>, kind: SealedKind) => ring.open(text, sealedFor(scope, runId, kind));
  const text = await open(sealed, stopRequest === undefined ? "dispatch" : "stop");
  if (text === null) {
    return err(unready("the key that sealed the request is not in CALLBACK_SIGNING_KEYS", true));
  }
  if (stopRequest === undefined) return ok(JSON.parse(text) as WebhookRequest);
  const response = stopRequest.response && (await open(stopRequest.response, "response"));
  if (stopRequest.response !== null && response === null) {
    return err(unready("the key that sealed the receiver's response is not in CALLBACK_SIGNING_KEYS", true));
  }
  const filled = filledStopRequest(
    JSON.parse(text) as StopTemplate,
    response === null ? null : (JSON.parse(response) as ResponseValues),
  );
  return filled.ok ? filled : err({ ...UNANSWERED, reason: `was not called: ${filled.error}`, isFinal: true });
}

/** `isFinal`: once no deploy is rolling out, no isolate can send the request. */
function unready(reason: string, isFinal: boolean): AttemptResult {
  return { ...UNANSWERED, reason: `was not called: ${reason}`, isFinal, isUnready: true };
}

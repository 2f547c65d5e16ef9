/**
 * Makes one attempt of a delivery, in a Worker invocation of its own: opens the sealed request, judges its URL again, signs
 * it, sends it, and reports the answer. It decides nothing about the run, and it returns nothing secret.
 */

import { WorkerEntrypoint } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { DELIVERY_HEADER } from "../http/loop-guard.ts";
import { keyRing } from "../key-ring.ts";
import { ATTEMPT_MAX_MS, type AttemptAnswer, UNANSWERED } from "./delivery.ts";
import { ANSWER_READ_MAX_BYTES, excerptOf } from "./excerpt.ts";
import { secretsOf } from "./request-secrets.ts";
import { type Attempt, sealedFor, type WebhookRequest } from "./sealed-request.ts";
import { signingKey, webhookSignature } from "./signature.ts";
import { guardUrl } from "./url-guard.ts";
import { webhookPolicy } from "./webhook-policy.ts";

/** How long to wait for the next piece of the body. It is short, because only the status counts. */
const BODY_WAIT_MS = 1000;

export class WebhookSender extends WorkerEntrypoint<Env> {
  /** Never throws because of what a receiver does. */
  async send({ scope, runId, sealed }: Attempt): Promise<AttemptAnswer> {
    const ring = keyRing(this.env.CALLBACK_SIGNING_KEYS);
    if (!ring.ok) return unready("CALLBACK_SIGNING_KEYS can't be used", false);
    const text = await ring.value.open(sealed, sealedFor(scope, runId));
    if (text === null)
      return unready("the key that sealed the request is not in CALLBACK_SIGNING_KEYS", true);
    const request = JSON.parse(text) as WebhookRequest;
    const policy = webhookPolicy(this.env, request.origin);
    if (!policy.ok) return unready("the service's webhook settings can't be used", false);
    const url = guardUrl(request.url, policy.value);
    if (!url.ok) return unready(url.error.replace(/\.$/, ""), true);
    const known = knownTexts(url.value, request, scope, runId);
    return exchange(url.value, request, await headersOf(request, runId), known);
  }
}

/** `isFinal`: another isolate could not send the request either, once no deploy is rolling out. */
function unready(reason: string, isFinal: boolean): AttemptAnswer {
  return { ...UNANSWERED, reason: `was not called: ${reason}`, isFinal, isUnready: true };
}

async function headersOf(request: WebhookRequest, runId: string): Promise<Headers> {
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = new Headers({ "User-Agent": "action-runs", "Content-Type": "application/json" });
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, value);
  headers.set("Accept-Encoding", "identity");
  headers.set(DELIVERY_HEADER, runId);
  headers.set("Idempotency-Key", runId);
  headers.set("webhook-id", runId);
  headers.set("webhook-timestamp", String(timestamp));
  const key = request.signingSecret === null ? null : signingKey(request.signingSecret);
  if (key !== null) {
    headers.set("webhook-signature", await webhookSignature(key, runId, timestamp, request.body));
  }
  return headers;
}

/** Texts of the request that every reader of the timeline may know. */
function knownTexts(url: URL, { origin }: WebhookRequest, scope: string, runId: string): readonly string[] {
  const [o, p, envName] = scope.split("/");
  const callbackPath = `/${o}/${p}/envs/${envName}/action-runs/${runId}/callback`;
  return ["https://", "http://", url.host, origin + callbackPath];
}

async function exchange(
  url: URL,
  request: WebhookRequest,
  headers: Headers,
  known: readonly string[],
): Promise<AttemptAnswer> {
  const startedAt = Date.now();
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ATTEMPT_MAX_MS);
  const { method, body } = request;
  try {
    const response = await fetch(url, { method, headers, body, redirect: "manual", signal: abort.signal });
    const { status } = response;
    const { bytes, isCut } = await readStart(response.body);
    const secrets = () => secretsOf(request, headers.get("webhook-signature") ?? "");
    // Most answers are empty, and the search for secrets is expensive.
    const excerpt = bytes.byteLength === 0 ? "" : excerptOf(bytes, isCut, secrets(), known);
    const isRedirect = status >= 300 && status <= 399;
    return {
      status,
      durationMs: Date.now() - startedAt,
      reason: `answered ${status}${isRedirect ? ", and redirects are not followed" : ""}`,
      isFinal: false,
      excerpt: excerpt === "" ? null : excerpt,
      ...(excerpt === null && { excerptOmitted: "secret" as const }),
      retryAfter: response.headers.get("Retry-After"),
    };
  } catch (error) {
    const reason = abort.signal.aborted
      ? `did not answer within ${ATTEMPT_MAX_MS / 1000} seconds`
      : faultOf(String(error));
    return { ...UNANSWERED, reason, durationMs: Date.now() - startedAt };
  } finally {
    clearTimeout(timer);
    // Frees the connection: the rest of the answer is not needed.
    abort.abort();
  }
}

/** In our own words, because the runtime's words name addresses. */
function faultOf(error: string): string {
  if (/certificate|TLS|SSL/i.test(error)) return "could not be reached: its TLS certificate was not accepted";
  if (/DNS/i.test(error)) return "could not be reached: its name was not found";
  return "could not be reached, or broke the connection off";
}

/** As much of a body as an excerpt needs. `isCut`: there was more, or it did not come in time. */
async function readStart(body: ReadableStream | null): Promise<{ bytes: Uint8Array; isCut: boolean }> {
  const bytes = new Uint8Array(ANSWER_READ_MAX_BYTES);
  let length = 0;
  const upTo = (isCut: boolean) => ({ bytes: bytes.subarray(0, length), isCut });
  if (body === null) return upTo(false);
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const timeUp = scheduler.wait(BODY_WAIT_MS).then(() => null);
  try {
    while (length < bytes.byteLength) {
      const piece = await Promise.race([reader.read(), timeUp]);
      if (piece === null) return upTo(true);
      if (piece.done) return upTo(false);
      const fits = piece.value.subarray(0, bytes.byteLength - length);
      bytes.set(fits, length);
      length += fits.byteLength;
    }
  } catch {
    // The body broke off, or is not what its headers say. The status counts all the same.
  } finally {
    void reader.cancel().catch(() => {});
  }
  return upTo(true);
}

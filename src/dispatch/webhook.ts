/**
 * Makes one attempt of a delivery, in a Worker invocation of its own: opens the sealed request, looks at its URL again,
 * signs it, sends it, and says what came of it. It decides nothing about the run, and nothing secret leaves it.
 */

import { WorkerEntrypoint } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { DELIVERY_HEADER } from "../http/loop-guard.ts";
import { keyRing } from "../key-ring.ts";
import { ATTEMPT_MAX_MS, type AttemptAnswer } from "./delivery.ts";
import { ANSWER_READ_MAX_BYTES, excerptOf } from "./excerpt.ts";
import { secretsOf } from "./request-secrets.ts";
import { type Attempt, sealedFor, type WebhookRequest } from "./sealed-request.ts";
import { signingKey, webhookSignature } from "./signature.ts";
import { guardUrl } from "./url-guard.ts";
import { webhookPolicy } from "./webhook-policy.ts";

/** How long a piece of the body is waited for, once there is a status: it is the status that counts. */
const BODY_WAIT_MS = 1000;

export class WebhookSender extends WorkerEntrypoint<Env> {
  /** Never throws for what a receiver does. */
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
    const known = knownTexts(url.value, request.origin, scope, runId);
    return exchange(url.value, request, await headersOf(request, runId), known);
  }
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

/** What anybody may know who can read the timeline, however much of it is in the request. */
function knownTexts(url: URL, origin: string, scope: string, runId: string): readonly string[] {
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
    const { bytes, isCut } = await readStart(response.body);
    // Looking for secrets is dear, and most answers are empty.
    const signature = headers.get("webhook-signature") ?? "";
    const excerpt =
      bytes.byteLength === 0 ? "" : excerptOf(bytes, isCut, secretsOf(request, signature), known);
    return {
      status: response.status,
      durationMs: Date.now() - startedAt,
      reason: reasonOf(response.status),
      isFinal: false,
      excerpt: excerpt === "" ? null : excerpt,
      ...(excerpt === null && { excerptOmitted: "secret" as const }),
      retryAfter: response.headers.get("Retry-After"),
    };
  } catch (error) {
    const durationMs = Date.now() - startedAt;
    const reason = abort.signal.aborted
      ? `did not answer within ${ATTEMPT_MAX_MS / 1000} seconds`
      : faultOf(String(error));
    return { ...unsent(reason, false), durationMs };
  } finally {
    clearTimeout(timer);
    // Whatever else would come is not wanted: it frees the connection.
    abort.abort();
  }
}

function reasonOf(status: number): string {
  if (status >= 300 && status <= 399) return `answered ${status}, and redirects are not followed`;
  return `answered ${status}`;
}

/** The runtime's own words name addresses; these do not. */
function faultOf(error: string): string {
  if (/certificate|TLS|SSL/i.test(error)) return "could not be reached: its TLS certificate was not accepted";
  if (/DNS/i.test(error)) return "could not be reached: its name was not found";
  return "could not be reached, or broke the connection off";
}

/** `isFinal`: it would still be so when no deploy is under way any more. */
function unready(reason: string, isFinal: boolean): AttemptAnswer {
  return { ...unsent(`was not called: ${reason}`, isFinal), isUnready: true };
}

function unsent(reason: string, isFinal: boolean): AttemptAnswer {
  return { status: null, durationMs: 0, reason, isFinal, excerpt: null, retryAfter: null };
}

/** The start of a body, as much as an excerpt needs: never all of it, and never waited for long. */
async function readStart(body: ReadableStream | null): Promise<{ bytes: Uint8Array; isCut: boolean }> {
  const bytes = new Uint8Array(ANSWER_READ_MAX_BYTES);
  let length = 0;
  const reader = (body as ReadableStream<Uint8Array> | null)?.getReader();
  const timeUp = scheduler.wait(BODY_WAIT_MS).then(() => null);
  try {
    while (reader !== undefined && length < bytes.byteLength) {
      const piece = await Promise.race([reader.read(), timeUp]);
      if (piece === null) return { bytes: bytes.subarray(0, length), isCut: true };
      if (piece.done) return { bytes: bytes.subarray(0, length), isCut: false };
      const fits = piece.value.subarray(0, bytes.byteLength - length);
      bytes.set(fits, length);
      length += fits.byteLength;
    }
    return { bytes: bytes.subarray(0, length), isCut: reader !== undefined };
  } catch {
    // Cut off, or not what its headers say. The status was heard all the same.
    return { bytes: bytes.subarray(0, length), isCut: true };
  } finally {
    void reader?.cancel().catch(() => {});
  }
}

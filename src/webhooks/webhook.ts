/**
 * Makes one attempt of a delivery or of a stop request, in a Worker invocation of its own: opens the sealed request, puts the
 * receiver's earlier answer into it, judges its URL again, signs it, sends it, and reports the answer. It decides nothing
 * about the run, and it returns nothing secret.
 */

import { WorkerEntrypoint } from "cloudflare:workers";
import { err, ok, type Result } from "../base/result.ts";
import { DELIVERY_HEADER } from "../http/loop-guard.ts";
import type { Env } from "../settings/env.ts";
import { type KeyRing, keyRing } from "../settings/key-ring.ts";
import { guardUrl } from "../settings/url-guard.ts";
import { webhookPolicy } from "../settings/webhook-policy.ts";
import { ANSWER_VALUES_MAX_BYTES, type AnswerValues, answerValues, linkOf } from "./answer-values.ts";
import { ATTEMPT_MAX_MS, type AttemptAnswer, UNANSWERED } from "./delivery.ts";
import { EXCERPT_MAX_BYTES, excerptOf } from "./excerpt.ts";
import { keysOf } from "./later-text.ts";
import {
  type Attempt,
  type Sealed,
  sealedFor,
  type WantedAnswer,
  type WebhookRequest,
} from "./sealed-request.ts";
import { signingKey, webhookSignature } from "./signature.ts";
import { filledStop, type StopRequest, stopId } from "./stop-request.ts";

/** How long to wait for the next piece of the body. It is short, because only the status counts. */
const BODY_WAIT_MS = 1000;
/** The same for a body whose values are wanted. */
const VALUES_WAIT_MS = 5000;

export class WebhookSender extends WorkerEntrypoint<Env> {
  /** Never throws because of what a receiver does. */
  async send(attempt: Attempt): Promise<AttemptAnswer> {
    const { scope, runId, stop } = attempt;
    const ring = keyRing(this.env.CALLBACK_SIGNING_KEYS);
    if (!ring.ok) return unready("CALLBACK_SIGNING_KEYS can't be used", false);
    const opened = await openRequest(ring.value, attempt);
    if (!opened.ok) return opened.error;
    const request = opened.value;
    const policy = webhookPolicy(this.env, request.origin);
    if (!policy.ok) return unready("the service's webhook settings can't be used", false);
    // A stop request is judged with the values of the answer put in.
    const url = guardUrl(request.url, policy.value);
    if (!url.ok) return unready(url.error.replace(/\.$/, ""), true);
    const headers = await headersOf(request, runId, stop === undefined ? runId : stopId(runId));
    const { values, excerpt, ...answer } = await exchange(url.value, request, headers);
    const seal = (text: string, what: Sealed) => ring.value.seal(text, sealedFor(scope, runId, what));
    return {
      ...answer,
      excerpt: excerpt === null ? null : (await seal(excerpt, "excerpt")).toBase64(),
      ...(values !== undefined && { values: await seal(JSON.stringify(values), "answer") }),
    };
  }
}

/** The request of an attempt, or the answer that says why it can't be sent. */
async function openRequest(
  ring: KeyRing,
  { scope, runId, sealed, stop }: Attempt,
): Promise<Result<WebhookRequest, AttemptAnswer>> {
  const open = (text: Uint8Array<ArrayBuffer>, what: Sealed) =>
    ring.open(text, sealedFor(scope, runId, what));
  const text = await open(sealed, stop === undefined ? "delivery" : "stop");
  if (text === null) {
    return err(unready("the key that sealed the request is not in CALLBACK_SIGNING_KEYS", true));
  }
  if (stop === undefined) return ok(JSON.parse(text) as WebhookRequest);
  const answer = stop.answer && (await open(stop.answer, "answer"));
  if (stop.answer !== null && answer === null) {
    return err(unready("the key that sealed the receiver's answer is not in CALLBACK_SIGNING_KEYS", true));
  }
  const filled = filledStop(
    JSON.parse(text) as StopRequest,
    answer === null ? null : (JSON.parse(answer) as AnswerValues),
  );
  return filled.ok
    ? filled
    : err({ ...UNANSWERED, reason: `was not called: ${filled.error}`, isFinal: true });
}

/** `isFinal`: another isolate could not send the request either, once no deploy is rolling out. */
function unready(reason: string, isFinal: boolean): AttemptAnswer {
  return { ...UNANSWERED, reason: `was not called: ${reason}`, isFinal, isUnready: true };
}

/** `id`: the same for every attempt of this request, so that the receiver can tell a repeated one. */
async function headersOf(request: WebhookRequest, runId: string, id: string): Promise<Headers> {
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = new Headers({ "User-Agent": "action-runs", "Content-Type": "application/json" });
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, value);
  headers.set("Accept-Encoding", "identity");
  headers.set(DELIVERY_HEADER, runId);
  headers.set("Idempotency-Key", id);
  headers.set("webhook-id", id);
  headers.set("webhook-timestamp", String(timestamp));
  const key = request.signingSecret === null ? null : signingKey(request.signingSecret);
  if (key !== null) {
    headers.set("webhook-signature", await webhookSignature(key, id, timestamp, request.body));
  }
  return headers;
}

/** An answer whose texts are not sealed yet. */
type Exchanged = Omit<AttemptAnswer, "values"> & { readonly values?: AnswerValues };

async function exchange(url: URL, request: WebhookRequest, headers: Headers): Promise<Exchanged> {
  const startedAt = Date.now();
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ATTEMPT_MAX_MS);
  const { method, body } = request;
  try {
    const response = await fetch(url, { method, headers, body, redirect: "manual", signal: abort.signal });
    const { status } = response;
    const wanted = response.ok ? request.answer : undefined;
    const { bytes, isCut } = await readStart(response.body, wanted !== undefined);
    const isRedirect = status >= 300 && status <= 399;
    return {
      status,
      durationMs: Date.now() - startedAt,
      reason: `answered ${status}${isRedirect ? ", and redirects are not followed" : ""}`,
      isFinal: false,
      excerpt: bytes.byteLength === 0 ? null : excerptOf(bytes, isCut),
      retryAfter: response.headers.get("Retry-After"),
      ...(wanted && used(wanted, bytes, response.headers)),
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

/** What the trigger's templates use of an answer. */
function used(
  { stopKeys, link }: WantedAnswer,
  bytes: Uint8Array,
  headers: Headers,
): Pick<Exchanged, "values" | "link"> {
  const wanted = [...new Set([...stopKeys, ...keysOf(link ?? [])])];
  const found = answerValues(bytes, headers.get("Location"), wanted);
  const made = link === null ? null : linkOf(link, found);
  return {
    ...(stopKeys.length > 0 && { values: found.filter(([key]) => stopKeys.includes(key)) }),
    ...(made !== null && { link: made }),
  };
}

/** In our own words, because the runtime's words name addresses. */
function faultOf(error: string): string {
  if (/certificate|TLS|SSL/i.test(error)) return "could not be reached: its TLS certificate was not accepted";
  if (/DNS/i.test(error)) return "could not be reached: its name was not found";
  return "could not be reached, or broke the connection off";
}

/** As much of a body as an excerpt or the values need. `isCut`: there was more, or it did not come in time. */
async function readStart(
  body: ReadableStream | null,
  forValues: boolean,
): Promise<{ bytes: Uint8Array; isCut: boolean }> {
  const bytes = new Uint8Array(forValues ? ANSWER_VALUES_MAX_BYTES : EXCERPT_MAX_BYTES + 1);
  let length = 0;
  const upTo = (isCut: boolean) => ({ bytes: bytes.subarray(0, length), isCut });
  if (body === null) return upTo(false);
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const timeUp = scheduler.wait(forValues ? VALUES_WAIT_MS : BODY_WAIT_MS).then(() => null);
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

/**
 * Makes one attempt of a dispatch or of a stop request, and returns nothing secret. The receiver may be hostile: an exchange
 * ends in time, reads little, follows no redirect, and repeats no word of the runtime.
 */

import { err, ok, type Result } from "../base/result.ts";
import { webhookPolicy } from "../settings/config.ts";
import type { Env } from "../settings/env.ts";
import { type KeyRing, keyRing } from "../settings/key-ring.ts";
import { guardUrl } from "../settings/url-guard.ts";
import { ATTEMPT_MAX_MS, type AttemptResult, CONNECT_MAX_MS, UNANSWERED } from "./dispatch.ts";
import {
  EXCERPT_MAX_BYTES,
  excerptOf,
  executionOf,
  keysOf,
  linkOf,
  parsedJson,
  RESPONSE_READ_MAX_BYTES,
  type ResponseValues,
  responseValues,
  unmetCondition,
} from "./response.ts";
import { filledStopRequest, type StopTemplate, stopRequestId } from "./trigger-requests.ts";
import {
  type Attempt,
  requestHeaders,
  type SealedKind,
  sealedFor,
  type WantedValues,
  type WebhookRequest,
} from "./webhook-request.ts";

/** Never throws because of a receiver. `canConnect` costs a connection, so it is asked only after a failed attempt. */
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

/** How long to read a body of which only an excerpt is kept. It is short, because only the status counts. */
const BODY_WAIT_MS = 1000;
/** How long to read a body whose values are used. */
const VALUES_WAIT_MS = 5000;
const LATE = `the response did not end within ${VALUES_WAIT_MS / 1000} seconds`;

/** A result whose texts are not sealed yet. */
type Exchanged = Omit<AttemptResult, "values"> & { readonly values?: ResponseValues };

/** Reads the start of the response. `isReachable`: a connection could be made just before. Never throws. */
export async function exchange(
  url: URL,
  request: Pick<WebhookRequest, "method" | "body" | "wanted" | "accepted">,
  headers: Headers,
  isReachable: boolean,
): Promise<Exchanged> {
  const startedAt = Date.now();
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ATTEMPT_MAX_MS);
  const { method, body } = request;
  try {
    const response = await fetch(url, { method, headers, body, redirect: "manual", signal: abort.signal });
    const { status } = response;
    const { wanted, accepted } = response.ok ? request : {};
    const forValues = wanted !== undefined || accepted !== undefined;
    const { bytes, isCut, isLate } = await readStart(response.body, forValues);
    const isRedirect = status >= 300 && status <= 399;
    const answered = {
      status,
      durationMs: Date.now() - startedAt,
      reason: `answered ${status}${isRedirect ? ", and redirects are not followed" : ""}`,
      isFinal: false,
      excerpt: bytes.byteLength === 0 ? null : excerptOf(bytes, isCut),
      retryAfter: response.headers.get("Retry-After"),
    };
    if (!forValues) return answered;
    const json = bytes.byteLength > RESPONSE_READ_MAX_BYTES ? null : parsedJson(bytes);
    const location = response.headers.get("Location");
    const unmet = accepted === undefined ? null : unmetCondition(accepted, json, location);
    if (unmet !== null) {
      return { ...answered, isFinal: true, reason: `${answered.reason}, but ${isLate ? LATE : unmet}` };
    }
    return { ...answered, ...(wanted && used(wanted, json, location)) };
  } catch (error) {
    const reason = abort.signal.aborted
      ? `did not answer within ${ATTEMPT_MAX_MS / 1000} seconds`
      : faultOf(String(error), isReachable);
    const durationMs = Date.now() - startedAt;
    // A failure that took longer was no refusal, whatever the connection before said.
    const isUnreached = !isReachable && !abort.signal.aborted && durationMs < CONNECT_MAX_MS;
    return { ...UNANSWERED, reason, durationMs, isUnreached };
  } finally {
    clearTimeout(timer);
    // Frees the connection, because the rest of the response is not needed.
    abort.abort();
  }
}

/** What the trigger's templates use of a response. */
function used(
  { stopKeys, link, execution = [] }: WantedValues,
  json: unknown,
  location: string | null,
): Pick<Exchanged, "values" | "link" | "execution"> {
  const wanted = [...new Set([...stopKeys, ...keysOf(link ?? [], execution)])];
  const found = responseValues(json, location, wanted);
  const made = link === null ? null : linkOf(link, found);
  const named = executionOf(execution, found);
  return {
    ...(stopKeys.length > 0 && { values: found.filter(([key]) => stopKeys.includes(key)) }),
    ...(made !== null && { link: made }),
    ...(named !== null && { execution: named }),
  };
}

/** Why there was no response, in our own words, because the runtime's words name addresses. */
function faultOf(error: string, isReachable: boolean): string {
  if (/certificate|TLS|SSL/i.test(error)) return "could not be reached: its TLS certificate was not accepted";
  if (/DNS/i.test(error)) return "could not be reached: its name was not found";
  return isReachable ? "could not be reached, or broke the connection off" : "could not be reached";
}

/** As much of a body as is needed. `isCut`: there was more, or the rest came too late, which is `isLate`. */
async function readStart(
  body: ReadableStream | null,
  forValues: boolean,
): Promise<{ bytes: Uint8Array; isCut: boolean; isLate: boolean }> {
  // One byte more than is used says that there is more.
  const bytes = new Uint8Array((forValues ? RESPONSE_READ_MAX_BYTES : EXCERPT_MAX_BYTES) + 1);
  let length = 0;
  const upTo = (isCut: boolean, isLate = false) => ({ bytes: bytes.subarray(0, length), isCut, isLate });
  if (body === null) return upTo(false);
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const timeUp = scheduler.wait(forValues ? VALUES_WAIT_MS : BODY_WAIT_MS).then(() => null);
  try {
    while (length < bytes.byteLength) {
      const piece = await Promise.race([reader.read(), timeUp]);
      if (piece === null) return upTo(true, true);
      if (piece.done) return upTo(false);
      const fits = piece.value.subarray(0, bytes.byteLength - length);
      bytes.set(fits, length);
      length += fits.byteLength;
    }
  } catch {
    // The body broke off, or is not what its headers say. The status still counts.
  } finally {
    void reader.cancel().catch(() => {});
  }
  return upTo(true);
}

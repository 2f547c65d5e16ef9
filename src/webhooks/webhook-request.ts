/** A rendered request, sealed at create and opened only to be sent, and its headers and signatures. */

import { DELIVERY_HEADER, TEST_HEADER } from "../http/headers.ts";
import type { Conditions, LaterText } from "./response.ts";

/** `headers`: only the caller's. `body`: JSON or a form. `origin`: of the request that created the run. */
export interface WebhookRequest {
  readonly url: string;
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signingSecret: string | null;
  readonly origin: string;
  /** Which values of the response are used; left out if none are. */
  readonly wanted?: WantedValues;
  /** What a 2xx response must have; left out if any counts. */
  readonly accepted?: Conditions;
}

/** What the templates of a trigger use of the receiver's response. */
export interface WantedValues {
  /** The keys of the values that the stop request uses. */
  readonly stopKeys: readonly string[];
  readonly link: LaterText | null;
  /** What names the job. Left out if nothing does. */
  readonly execution?: LaterText;
}

/** What the sender needs to make one attempt. `scope` and `runId`: what the request was sealed for. */
export interface Attempt {
  readonly scope: string;
  readonly runId: string;
  readonly attempt: number;
  readonly sealed: Uint8Array<ArrayBuffer>;
  /** Whether an earlier attempt may have arrived although its response did not. */
  readonly isUnsure: boolean;
  /** Only for a stop request. `response`: the sealed values of the receiver's response; null if none is known. */
  readonly stopRequest?: { readonly response: Uint8Array<ArrayBuffer> | null };
  /** Whether somebody only tests the webhook, and there is no such run. */
  readonly isTest?: boolean;
}

/** What is sealed for a run: both requests, values of the response, and its start. */
export type SealedKind = "dispatch" | "stop" | "response" | "excerpt";

/** What a sealed text is bound to, so that it can't be opened for another run or as another kind. */
export function sealedFor(scope: string, runId: string, kind: SealedKind = "dispatch"): string {
  return `action-runs ${kind} v1\n${scope}\n${runId}`;
}

interface Sent {
  readonly runId: string;
  /** The same for every attempt of this request, so that the receiver can tell a repeated one. */
  readonly id: string;
  /** All that sign. Without one, there is no signature. */
  readonly signingSecrets: readonly string[];
  readonly isTest?: boolean | undefined;
}

/** The headers of every request that leaves, with the signatures of Standard Webhooks, version 1. `timestamp` is in whole seconds since the epoch. */
export async function requestHeaders(
  request: Pick<WebhookRequest, "headers" | "body">,
  { runId, id, signingSecrets, isTest = false }: Sent,
): Promise<Headers> {
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = new Headers({ "User-Agent": "action-runs", "Content-Type": "application/json" });
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, value);
  headers.set("Accept-Encoding", "identity");
  headers.set(DELIVERY_HEADER, runId);
  if (isTest) headers.set(TEST_HEADER, "true");
  headers.set("Idempotency-Key", id);
  headers.set("webhook-id", id);
  headers.set("webhook-timestamp", String(timestamp));
  const keys = signingSecrets.map(signingKey).filter((key) => key !== null);
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${request.body}`);
  const signatures = await Promise.all(keys.map(async (key) => `v1,${(await hmacSha256(key, signed)).toBase64()}`));
  if (signatures.length > 0) headers.set("webhook-signature", signatures.join(" "));
  return headers;
}

const PREFIX = "whsec_";

/** The key in `whsec_` and base64, or null if it does not have 24 to 64 bytes. */
export function signingKey(secret: string): Uint8Array<ArrayBuffer> | null {
  if (!secret.startsWith(PREFIX)) return null;
  try {
    const key = Uint8Array.fromBase64(secret.slice(PREFIX.length), { lastChunkHandling: "strict" });
    return key.byteLength >= 24 && key.byteLength <= 64 ? key : null;
  } catch {
    return null;
  }
}

export async function hmacSha256(key: Uint8Array, signed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, signed));
}

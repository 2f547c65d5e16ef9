/** The headers of every request that leaves: the caller's, ours, and the signatures. */

import { DELIVERY_HEADER } from "../../http/loop-guard.ts";
import type { WebhookRequest } from "./sealed-request.ts";
import { signingKey, webhookSignature } from "./signature.ts";

interface Sent {
  readonly runId: string;
  /** The same for every attempt of this request, so that the receiver can tell a repeated one. */
  readonly id: string;
  /** All that sign. Without one, there is no signature. */
  readonly signingSecrets: readonly string[];
}

export async function requestHeaders(
  request: Pick<WebhookRequest, "headers" | "body">,
  { runId, id, signingSecrets }: Sent,
): Promise<Headers> {
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = new Headers({ "User-Agent": "action-runs", "Content-Type": "application/json" });
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, value);
  headers.set("Accept-Encoding", "identity");
  headers.set(DELIVERY_HEADER, runId);
  headers.set("Idempotency-Key", id);
  headers.set("webhook-id", id);
  headers.set("webhook-timestamp", String(timestamp));
  const keys = signingSecrets.map(signingKey).filter((key) => key !== null);
  const signatures = keys.map((key) => webhookSignature(key, id, timestamp, request.body));
  if (signatures.length > 0) headers.set("webhook-signature", (await Promise.all(signatures)).join(" "));
  return headers;
}

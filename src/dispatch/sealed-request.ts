/** The request of a delivery. The Worker renders and seals it, and opens it only to send it. */

import type { SentRequest } from "./request-secrets.ts";

/** `origin`: of the request that created the run. */
export interface WebhookRequest extends SentRequest {
  readonly method: "POST" | "PUT" | "PATCH";
  readonly origin: string;
}

/** `scope` and `runId`: what the request was sealed for. */
export interface Attempt {
  readonly scope: string;
  readonly runId: string;
  readonly attempt: number;
  readonly sealed: Uint8Array<ArrayBuffer>;
}

/** What a sealed request is bound to, so that it can't be opened for another run. */
export function sealedFor(scope: string, runId: string): string {
  return `action-runs delivery v1\n${scope}\n${runId}`;
}

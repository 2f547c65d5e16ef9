/** The request of a delivery as it travels: rendered in the Worker, sealed there, and opened only to be sent. */

import type { SentRequest } from "./request-secrets.ts";

/** A rendered request, and the origin through which its run was made. */
export interface WebhookRequest extends SentRequest {
  readonly method: "POST" | "PUT" | "PATCH";
  readonly origin: string;
}

/** One attempt. `scope` and `runId` are what the request was sealed for. */
export interface Attempt {
  readonly scope: string;
  readonly runId: string;
  readonly attempt: number;
  readonly sealed: Uint8Array<ArrayBuffer>;
}

/** What a sealed request belongs to: one run's can't be opened as another's. */
export function sealedFor(scope: string, runId: string): string {
  return `action-runs delivery v1\n${scope}\n${runId}`;
}

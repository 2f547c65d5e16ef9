/** The request of a delivery. The Worker renders and seals it, and opens it only to send it. */

import type { LaterText } from "./later-text.ts";

/** `headers`: only the caller's. `body`: JSON or a form. `origin`: of the request that created the run. */
export interface WebhookRequest {
  readonly url: string;
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signingSecret: string | null;
  readonly origin: string;
  /** What is wanted of the answer; left out if nothing is. */
  readonly answer?: WantedAnswer;
}

/** What the templates of a trigger use of the receiver's answer. */
export interface WantedAnswer {
  /** The keys of the values that the stop request uses. */
  readonly stopKeys: readonly string[];
  readonly link: LaterText | null;
}

/** `scope` and `runId`: what the request was sealed for. */
export interface Attempt {
  readonly scope: string;
  readonly runId: string;
  readonly attempt: number;
  readonly sealed: Uint8Array<ArrayBuffer>;
  /** Left out for a delivery. `answer`: the sealed values of the receiver's answer; null if it is not known. */
  readonly stop?: { readonly answer: Uint8Array<ArrayBuffer> | null };
}

/**
 * What is sealed for a run: the request that starts its job, the one that stops it, the values of the answer, and the start of
 * an answer.
 */
export type Sealed = "delivery" | "stop" | "answer" | "excerpt";

/** What a sealed text is bound to, so that it can't be opened for another run or in another role. */
export function sealedFor(scope: string, runId: string, what: Sealed = "delivery"): string {
  return `action-runs ${what} v1\n${scope}\n${runId}`;
}

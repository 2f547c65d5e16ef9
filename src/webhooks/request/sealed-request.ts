/**
 * A rendered request, and what is sealed for a run. The Worker seals a request at create, and opens it only to send it.
 */

import type { LaterText } from "../template/later-text.ts";
import type { Conditions } from "./accepted.ts";

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
}

/** What the sender needs to make one attempt. `scope` and `runId`: what the request was sealed for. */
export interface Attempt {
  readonly scope: string;
  readonly runId: string;
  readonly attempt: number;
  readonly sealed: Uint8Array<ArrayBuffer>;
  /** Whether an earlier attempt may have arrived although its response did not. */
  readonly isUnsure: boolean;
  /**
   * Only for a stop request. `response`: the sealed values of the receiver's response; null if no response is known.
   */
  readonly stopRequest?: { readonly response: Uint8Array<ArrayBuffer> | null };
}

/**
 * What is sealed for a run: the request that starts its job, the one that stops it, values of the response, and the
 * start of a response.
 */
export type SealedKind = "dispatch" | "stop" | "response" | "excerpt";

/** What a sealed text is bound to, so that it can't be opened for another run or as another kind. */
export function sealedFor(scope: string, runId: string, kind: SealedKind = "dispatch"): string {
  return `action-runs ${kind} v1\n${scope}\n${runId}`;
}

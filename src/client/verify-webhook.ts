/** Checks that a delivery of a webhook endpoint is genuine. The library of the Standard Webhooks specification does it. */

import { WebhookVerificationError as VerificationError, Webhook } from "standardwebhooks";
import type { Schemas } from "./api.ts";

export interface WebhookVerificationError extends Error {}

/** With a type of our own, because the library's declarations compile only with those of Node. */
export const WebhookVerificationError: new (message: string) => WebhookVerificationError = VerificationError;

/** The body of a message whose endpoint has no `payload`. */
export interface WebhookMessage {
  readonly type:
    | "action_run.succeeded"
    | "action_run.failed"
    | "action_run.cancelled"
    | "action_run.approval_requested";
  /** When the run ended, or when it was created if it waits for approval. In RFC 3339. */
  readonly timestamp: string;
  readonly data: {
    /** Members that `omitted` names are null. */
    readonly run: Schemas["DetailedActionRun"];
    /** How the previous run of the same action, entity and subject ended; null if the service does not know. */
    readonly previousStatus: "succeeded" | "failed" | null;
    /** The run in the API. */
    readonly url: string;
    /** The run's page in the console. */
    readonly consoleUrl: string;
    /** What was left out because the body would have more than 256 KiB. */
    readonly omitted?: readonly ("output" | "parameters" | "recommendations")[];
    /** True if somebody tried the endpoint out, and the run is made up. */
    readonly test?: true;
  };
}

/** The headers of a request: of `fetch`, or of Node's `http`. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The message, if its signature is genuine and at most 5 minutes old. `body`: as it arrived, because other spacing has
 * another signature. `secret`: the endpoint's `signingSecret`. `T`: the body's type if the endpoint has a `payload`.
 * Throws WebhookVerificationError, SyntaxError if the message is not JSON, and TypeError for a wrong argument.
 */
export function verifyWebhook<T = WebhookMessage>(
  body: string | Uint8Array,
  headers: WebhookHeaders,
  secret: string,
): T {
  const text = textOf(body);
  if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret)) {
    throw new TypeError(
      "The secret is not a signing secret. Pass the signingSecret of the endpoint, which begins with whsec_.",
    );
  }
  new Webhook(secret).verify(text, plain(headers), { jsonParse: false });
  return JSON.parse(text) as T;
}

function textOf(body: unknown): string {
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
  throw new TypeError(
    "The body is neither text nor bytes. Pass the request's body as it arrived, before anything parses it.",
  );
}

function plain(headers: WebhookHeaders): Record<string, string> {
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers);
  return Object.fromEntries(entries.flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])));
}

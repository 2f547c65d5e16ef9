/** A message: one webhook endpoint hears of one event of a run. Its row in the journal says how far it got. */

import type { AttemptState } from "../webhooks/delivery.ts";
import type { EndpointKey, EventType, MessageKind } from "./telling.ts";

export const MESSAGE_STATES = ["waiting", "delivered", "failed"] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

/** An attempt that was made. `at` in ms. `excerpt`: the start of the response, sealed; null if there was no body. */
export interface MadeAttempt {
  readonly at: number;
  readonly status: number | null;
  readonly durationMs: number;
  readonly reason: string;
  readonly excerpt: string | null;
}

/** Which message. */
export interface MessageRef {
  readonly endpoint: EndpointKey;
  readonly runId: string;
  readonly kind: MessageKind;
}

export interface Message extends MessageRef, AttemptState {
  readonly type: EventType;
  readonly state: MessageState;
  /** Whether somebody asked for it again. Then its attempts say nothing of the endpoint's health. */
  readonly isResend: boolean;
  /** About how many bytes its body has. */
  readonly weight: number;
  /** When the row is removed, in ms. */
  readonly expiresAt: number;
  /** The last ATTEMPTS_SHOWN, oldest first. */
  readonly attempts: readonly MadeAttempt[];
}

/** Where a page begins: behind this message, in the order of a page. */
export type MessagePosition = Pick<MessageRef, "runId" | "kind">;

/** Which messages of an endpoint a page has: at most `limit`. */
export interface MessageFilter {
  readonly state?: MessageState | undefined;
  readonly before?: MessagePosition | undefined;
  readonly limit: number;
}

/** `nextBefore`: where the next page begins; null if there is none. A page can be short, or empty, and still have one. */
export interface MessagePage {
  readonly messages: readonly Message[];
  readonly nextBefore: MessagePosition | null;
}

/** The id that queues use. */
export function messageId({ endpoint, runId, kind }: MessageRef): string {
  return `${endpoint} ${runId} ${kind}`;
}

export function readMessageId(id: string): MessageRef {
  const [endpoint = "", runId = "", kind = ""] = id.split(" ");
  return { endpoint, runId, kind: kind as MessageKind };
}

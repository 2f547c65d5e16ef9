/** A delivery: one webhook endpoint hears of one event of a run. Its row in the journal says how far it got. */

import type { AttemptState } from "../webhooks/delivery.ts";
import type { DeliveryKind, EndpointKey, EventType } from "./telling.ts";

export const DELIVERY_STATES = ["waiting", "delivered", "failed"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** An attempt that was made. `at` in ms. `excerpt`: the start of the response, sealed; null if there was no body. */
export interface MadeAttempt {
  readonly at: number;
  readonly status: number | null;
  readonly durationMs: number;
  readonly reason: string;
  readonly excerpt: string | null;
}

/** Which delivery. */
export interface DeliveryRef {
  readonly endpoint: EndpointKey;
  readonly runId: string;
  readonly kind: DeliveryKind;
}

export interface Delivery extends DeliveryRef, AttemptState {
  readonly type: EventType;
  readonly state: DeliveryState;
  /** Whether somebody asked for it again. Then its attempts say nothing of the endpoint's health. */
  readonly isResend: boolean;
  /** About how many bytes its body has. */
  readonly weight: number;
  /** When the row is removed, in ms. */
  readonly expiresAt: number;
  /** The last ATTEMPTS_SHOWN, oldest first. */
  readonly attempts: readonly MadeAttempt[];
}

/** Where a page begins: behind this delivery, in the order of a page. */
export type DeliveryPosition = Pick<DeliveryRef, "runId" | "kind">;

/** Which deliveries of an endpoint a page has: at most `limit`. */
export interface DeliveryFilter {
  readonly state?: DeliveryState | undefined;
  readonly before?: DeliveryPosition | undefined;
  readonly limit: number;
}

/** `nextBefore`: where the next page begins; null if there is none. A page can be short, or empty, and still have one. */
export interface DeliveryPage {
  readonly deliveries: readonly Delivery[];
  readonly nextBefore: DeliveryPosition | null;
}

/** The id that queues use. */
export function deliveryId({ endpoint, runId, kind }: DeliveryRef): string {
  return `${endpoint} ${runId} ${kind}`;
}

export function readDeliveryId(id: string): DeliveryRef {
  const [endpoint = "", runId = "", kind = ""] = id.split(" ");
  return { endpoint, runId, kind: kind as DeliveryKind };
}

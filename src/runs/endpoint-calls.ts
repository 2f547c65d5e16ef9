/** The calls about webhook endpoints and their deliveries. */

import type { Delivery, DeliveryFilter, DeliveryPage } from "./message.ts";
import type { DeliveryAttempt, EndpointHealth, EndpointKey, EventType, Recovery, RecoveryOrder } from "./telling.ts";

/** What a coordinator knows of a webhook endpoint. `newest`: the delivery of the newest run. */
export interface EndpointReport {
  readonly health: EndpointHealth | null;
  readonly isHalfOpen: boolean;
  readonly recovery: Recovery | null;
  readonly newest: Delivery | null;
}

/** `isHalfOpen`: the endpoint fails and gets only trial requests. The schedules of its deliveries stand still. */
export interface DeliveriesReply extends DeliveryPage {
  readonly isHalfOpen: boolean;
}

/** What a delivery says of a run's event. */
export type EventContent = Pick<
  DeliveryAttempt,
  "runId" | "kind" | "type" | "at" | "actionRun" | "details" | "previousStatus"
>;

export type ResendReply = "accepted" | "run_not_found" | "no_such_event";

export interface EndpointCalls {
  /**
   * Call this before a change of an endpoint is written: each event from now on goes to the endpoints that D1 has
   * then. `created`: the key of an endpoint that is new.
   */
  note(created: EndpointKey | null): Promise<void>;
  /** Call this when the change is written. Reads the endpoints. Rejects while D1 does not answer. */
  changed(): Promise<void>;
  report(key: EndpointKey): Promise<EndpointReport>;
  /** Forgets how an endpoint has answered, and notes what `note` notes, because the endpoint is about to be enabled. */
  forgetHealth(key: EndpointKey): Promise<void>;
  /** A page of the deliveries of an endpoint. */
  page(key: EndpointKey, filter: DeliveryFilter): Promise<DeliveriesReply>;
  /** Sends the delivery of a run's event again, or for the first time. `type`: null for the run's newest event. */
  resend(key: EndpointKey, runId: string, type: EventType | null): Promise<ResendReply>;
  /** Begins or goes on to bring deliveries back. Null if a recovery with another order is under way. */
  recover(key: EndpointKey, order: RecoveryOrder): Promise<Recovery | null>;
  /** The end of a run as a delivery shows it, for a test. */
  lastEvent(runId: string): Promise<EventContent | Exclude<ResendReply, "accepted">>;
  /** Counts a test of an endpoint of this environment: 0, or in how many ms the next one is allowed. */
  admitTest(): Promise<number>;
}

/** The calls about webhook endpoints and their messages. */

import type { Message, MessageFilter, MessagePage } from "./message.ts";
import type { EndpointHealth, EndpointKey, EventType, MessageAttempt, Recovery, RecoveryOrder } from "./telling.ts";

/** What a coordinator knows of a webhook endpoint. `newest`: the message of the newest run. */
export interface EndpointReport {
  readonly health: EndpointHealth | null;
  readonly isHalfOpen: boolean;
  readonly recovery: Recovery | null;
  readonly newest: Message | null;
}

/** `isHalfOpen`: the endpoint fails and gets only trial requests. The schedules of its messages stand still. */
export interface MessagesReply extends MessagePage {
  readonly isHalfOpen: boolean;
}

/** What a message says of a run's event. */
export type RunEventToTell = Pick<
  MessageAttempt,
  "runId" | "kind" | "type" | "at" | "actionRun" | "details" | "previousStatus"
>;

export type ResendReply = "accepted" | "run_not_found" | "no_such_event";

export interface EndpointCalls {
  /**
   * Call this before a change of an endpoint is written: each event from now on is told to the endpoints that D1 has
   * then. `created`: the key of an endpoint that is new.
   */
  note(created: EndpointKey | null): Promise<void>;
  /** Call this when the change is written. Reads the endpoints. Rejects while D1 does not answer. */
  changed(): Promise<void>;
  report(key: EndpointKey): Promise<EndpointReport>;
  /** Forgets how an endpoint has answered, and notes what `note` notes, because the endpoint is about to be enabled. */
  forgetHealth(key: EndpointKey): Promise<void>;
  /** A page of the messages of an endpoint. */
  page(key: EndpointKey, filter: MessageFilter): Promise<MessagesReply>;
  /** Sends the message of a run's event again, or for the first time. `type`: null for the run's newest event. */
  resend(key: EndpointKey, runId: string, type: EventType | null): Promise<ResendReply>;
  /** Begins or goes on to bring messages back. Null if a recovery with another order is under way. */
  recover(key: EndpointKey, order: RecoveryOrder): Promise<Recovery | null>;
  /** The end of a run as a message tells it, for a test. */
  lastEvent(runId: string): Promise<RunEventToTell | Exclude<ResendReply, "accepted">>;
  /** Counts a test of an endpoint of this environment: 0, or in how many ms the next one is allowed. */
  admitTest(): Promise<number>;
}

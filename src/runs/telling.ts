/**
 * What a coordinator and the Worker say to each other to tell webhook endpoints of a run. The coordinator knows which
 * runs have ended and how far each message got. The Worker knows the endpoints.
 */

import type { AttemptResult } from "../webhooks/delivery.ts";
import type { RunSource } from "./run.ts";

/** The events of a run that an endpoint can ask for. */
export const EVENT_TYPES = ["action_run.succeeded", "action_run.failed", "action_run.cancelled"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** What a message is about. A run has at most one message of each kind for an endpoint. */
export type MessageKind = "ended";

/** The outcome of an earlier run of the same action and entity. */
export type PreviousStatus = "succeeded" | "failed" | null;

/** What decides which endpoints hear of an ended run. `labels` is JSON text. `completedAt` in ms. */
export interface EndedRun {
  readonly id: string;
  readonly type: EventType;
  readonly source: RunSource;
  readonly actionName: string;
  readonly entityId: string | null;
  readonly labels: string;
  readonly completedAt: number;
}

/**
 * Names an endpoint for ever: `{name}@{the version at which it was created}`. An endpoint that comes back under a deleted
 * name has another key, so it never gets the messages of the first one.
 */
export type EndpointKey = string;

/** A message that an endpoint gets. */
export interface Match {
  readonly runId: string;
  readonly endpoint: EndpointKey;
  readonly previousStatus: PreviousStatus;
}

/** `hasEndpoints`: whether the environment has any endpoint, as D1's primary had it. */
export interface Matching {
  readonly hasEndpoints: boolean;
  readonly matches: readonly Match[];
}

/** Finds the endpoints of ended runs, in a Worker invocation of its own. Rejects while D1 does not answer. */
export interface Matcher {
  match(scope: string, runs: readonly EndedRun[]): Promise<Matching>;
}

/** What one attempt of a message sends. `actionRun` and `details` are the JSON of the run as it is. */
export interface MessageAttempt {
  readonly scope: string;
  readonly endpoint: EndpointKey;
  readonly runId: string;
  readonly kind: MessageKind;
  readonly type: EventType;
  /** When the event happened, in ms. */
  readonly at: number;
  readonly actionRun: string;
  readonly details: string;
  readonly previousStatus: PreviousStatus;
  /** Whether the run is made up, because somebody tries the endpoint out. */
  readonly isTest?: boolean;
}

/**
 * How an attempt of a message ended. `verdict`: what it means. `delivered`: a 2xx. `failed`: counts as an attempt and
 * against the endpoint's health. `refused`: ends this message, and never counts for health. `not_made`: no attempt was
 * possible, because D1 is down or a key is on its way. `gone`: the endpoint is deleted or disabled, so none
 * of its messages will be sent.
 */
export interface MessageResult
  extends Pick<AttemptResult, "status" | "durationMs" | "reason" | "excerpt" | "retryAfter"> {
  readonly verdict: "delivered" | "failed" | "refused" | "not_made" | "gone";
  /**
   * Whether the receiver works: any answer below 500 but 408, 425 and 429 says so. Null if nothing was sent. A redirect,
   * 401, 403 or 404 fails this attempt, and still the endpoint needs no probing. It counts for disabling as every failure
   * does.
   */
  readonly isAlive: boolean | null;
  /** The version of the endpoint that was used; 0 if none was loaded. Health is counted per version. */
  readonly version: number;
}

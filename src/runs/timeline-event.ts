/** The events of a run's timeline. `timeline.ts` says which change makes which. PURE. */

/**
 * Each type, and its members besides `seq`, `type` and `at`:
 * - `created`: `by`, the name of the caller's API token
 * - `attempt_started`: `attempt`, `host`
 * - `attempt_answered`: `attempt`, `outcome` (accepted, retry, given_up, overtaken), `status`, `durationMs`, `reason`,
 *   `excerpt` (the start of the response, sealed, which only some callers may see), `nextAttemptAt`
 * - `stop_started`, `stop_answered`: the same for the stop request. After the end they go to the log
 * - `started`: `cause` (delivery, heartbeat, callback)
 * - `heartbeat`: `message`, `progress`, `externalUrl`, `externalUrlRefused`, why the URL is not the run's link
 * - `heartbeats_thinned`: `count`, how many earlier heartbeats are no longer stored
 * - `external_url`: `url`, the job's page as the receiver's response names it
 * - `cancel_requested`: `by`, the name of the token that asked, `reason`, `until`, when the run ends at the latest
 * - `waiting`: `for` (time, approval, concurrency, pause), `until`, when the run ends if it still waits, `notBefore`,
 *   `group`, `key`, the `reason` of a pause, and `by`, who opened its time gate
 * - `approved`, `rejected`: `by`, `via`, the token that acted for a person, `reason`
 * - `approval_withdrawn`: `by`, `via`: the token that gave this approval was revoked
 * - `released`: every gate is open; `by`, who opened its time gate; `approversUnchecked`, true if D1 could not say
 *   whether the tokens of its approvers were revoked
 * - `ended`: `status`, `cause` (callback, cancel, delivery, deadline, silence, gate, rejected, replaced), `by`, who
 *   cancelled or rejected, the `reason` if there is one, `replacedBy`, the id of the newer run
 */
export type TimelineEventType =
  | "created"
  | "attempt_started"
  | "attempt_answered"
  | "stop_started"
  | "stop_answered"
  | "started"
  | "heartbeat"
  | "heartbeats_thinned"
  | "external_url"
  | "cancel_requested"
  | "waiting"
  | "approved"
  | "approval_withdrawn"
  | "rejected"
  | "released"
  | "ended";

/** `at` in ms. `data`: the other members, as JSON. */
export interface TimelineEvent {
  readonly type: TimelineEventType;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event as the journal stores it. `seq` counts from 1 within the run. `data` is JSON text. */
export interface StoredEvent {
  readonly seq: number;
  readonly type: string;
  readonly at: number;
  readonly data: string;
}

/**
 * A run's timeline: what a person looks at when something went wrong, and what a watcher follows. PURE. Kept beside
 * the state, forgotten with it. It ends with `ended`, and nothing comes after that.
 */

import type { Heartbeat } from "./protocol.ts";
import type { Run, RunEvent } from "./run.ts";

/**
 * The types there are, and the members each has beside `seq`, `type` and `at`:
 * - `created`: `by`, the name of the API token that asked
 * - `attempt_started`: `attempt`, `host`
 * - `attempt_answered`: `attempt`, `outcome` (accepted, retry, given_up), `status`, `durationMs`, `reason`, `excerpt`,
 *   `excerptOmitted` (secret; only where it was), `nextAttemptAt`
 * - `started`: `cause` (delivery, heartbeat, callback)
 * - `heartbeat`: `message`, `progress`, `externalUrl`
 * - `heartbeats_thinned`: `count`, the heartbeats up to here that are no longer kept
 * - `ended`: `status`, `cause` (callback, cancel, delivery, deadline, silence), `by`, the name of the token that cancelled
 */
export type TimelineEventType =
  | "created"
  | "attempt_started"
  | "attempt_answered"
  | "started"
  | "heartbeat"
  | "heartbeats_thinned"
  | "ended";

/** One entry. `at` in ms; `data`: what else there is to say, as JSON. */
export interface TimelineEvent {
  readonly type: TimelineEventType;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An entry as it is kept: `seq` counts up from 1 within the run, `data` is JSON text. */
export interface StoredEvent {
  readonly seq: number;
  readonly type: string;
  readonly at: number;
  readonly data: string;
}

/** The timeline's entries for a change: what began, and what ended. */
export function eventsBetween(before: Run, after: Run, event: RunEvent): TimelineEvent[] {
  const events: TimelineEvent[] = [];
  if (before.startedAt === null && after.startedAt !== null) {
    events.push({ type: "started", at: after.startedAt, data: { cause: causeOfStart(event) } });
  }
  if (before.completedAt === null && after.completedAt !== null) {
    const by = event.type === "cancelled" && event.by !== undefined ? { by: event.by } : {};
    const data = { status: after.status, cause: after.endCause, ...by };
    events.push({ type: "ended", at: after.completedAt, data });
  }
  return events;
}

function causeOfStart(event: RunEvent): "delivery" | "heartbeat" | "callback" {
  if (event.type === "started") return "delivery";
  return event.type === "heartbeat" ? "heartbeat" : "callback";
}

/** An entry for a heartbeat that says what the last did not; none for a mere sign of life, unless it is the first. */
export function heartbeatNews(
  last: StoredEvent | null,
  { message, progress, externalUrl }: Heartbeat,
  at: number,
): TimelineEvent[] {
  const data = JSON.parse(JSON.stringify({ message, progress, externalUrl })) as TimelineEvent["data"];
  const text = JSON.stringify(data);
  const isNews = last === null || (text !== "{}" && text !== last.data);
  return isNews ? [{ type: "heartbeat", at, data }] : [];
}

/** The entry as JSON for the wire: `{ seq, type, at, … }`. */
export function toWireEvent({ seq, type, at, data }: StoredEvent): string {
  const rest = data === "{}" ? "}" : `,${data.slice(1)}`;
  return `{"seq":${seq},"type":"${type}","at":"${new Date(at).toISOString()}"${rest}`;
}

/** Whether nothing can come after this entry. */
export function isLast(event: Pick<StoredEvent, "type">): boolean {
  return event.type === "ended";
}

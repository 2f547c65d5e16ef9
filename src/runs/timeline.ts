/** A run's timeline. The journal keeps it beside the run. `ended` is its last event. PURE. */
import { rfc3339 } from "../base/time.ts";
import { type Actor, nameOf, type Run, viaOf } from "./run.ts";
import type { Heartbeat, RunAnswer } from "./run-calls.ts";
import { isGateEvent, type RunEvent } from "./transition.ts";

/** `api/responses/timeline.ts` describes each type. After the end of a run, its stop request is in the log alone. */
type TimelineEventType =
  | "created"
  | "attempt_started"
  | "attempt_answered"
  | "stop_started"
  | "stop_answered"
  | "started"
  | "heartbeat"
  | "heartbeats_thinned"
  | "external_url"
  | "token_issued"
  | "token_refused"
  | "cancel_requested"
  | "waiting"
  | "approved"
  | "approval_withdrawn"
  | "let_through"
  | "rejected"
  | "released"
  | "ended";

export interface TimelineEvent {
  readonly type: TimelineEventType;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** `seq` counts from 1 within the run. `data` is JSON text. */
export interface StoredEvent {
  readonly seq: number;
  readonly type: string;
  readonly at: number;
  readonly data: string;
}

export function eventsBetween(before: Run, after: Run, event: RunEvent, now: number): TimelineEvent[] {
  const events = gateEvents(before, after, event, now);
  if (before.startedAt === null && after.startedAt !== null) {
    events.push({ type: "started", at: after.startedAt, data: { cause: causeOfStart(event) } });
  }
  if (event.type === "external_url" && after.externalUrl !== before.externalUrl) {
    events.push({ type: "external_url", at: now, data: { url: after.externalUrl } });
  }
  const { completedAt, cancelRequestedAt, cancelUntil } = after;
  if (event.type === "cancel_requested" && completedAt === null && cancelUntil !== before.cancelUntil) {
    const { by, reason } = event;
    const until = rfc3339(cancelUntil);
    events.push({ type: "cancel_requested", at: cancelRequestedAt ?? now, data: { by, reason, until } });
  }
  if (before.completedAt === null && completedAt !== null) {
    const data = { status: after.status, cause: after.endCause, ...canceller(event), ...retryOf(after) };
    events.push({ type: "ended", at: completedAt, data });
  }
  return events;
}

function retryOf({ nextRetry }: Run): Readonly<Record<string, string>> {
  return nextRetry === null ? {} : { retryAt: rfc3339(nextRetry.at) };
}

function canceller(event: RunEvent): Readonly<Record<string, string>> {
  if (event.type === "cancelled") return event.by === undefined ? {} : { by: event.by };
  if (event.type === "rejected") return said(event.by, event.reason);
  if (event.type === "replaced") return { by: event.triggeredBy, replacedBy: event.by };
  if (event.type !== "cancel_requested") return {};
  return event.reason === null ? { by: event.by } : { by: event.by, reason: event.reason };
}

function causeOfStart(event: RunEvent): string {
  if (event.type === "started") return "delivery";
  return event.type === "heartbeat" ? "heartbeat" : "callback";
}

/** An event for a heartbeat that differs from the last one. Without data, only the first heartbeat makes an event. */
export function heartbeatNews(
  last: StoredEvent | null,
  { message, progress, externalUrl, externalUrlRefused }: Heartbeat & Pick<RunAnswer, "externalUrlRefused">,
  at: number,
): TimelineEvent[] {
  const told = { message, progress, externalUrl, externalUrlRefused };
  const data = JSON.parse(JSON.stringify(told)) as TimelineEvent["data"];
  const text = JSON.stringify(data);
  const isNews = last === null || (text !== "{}" && text !== last.data);
  return isNews ? [{ type: "heartbeat", at, data }] : [];
}

export type TimelineSource = Pick<
  Run,
  | ("id" | "source" | "version" | "status" | "endCause" | "erasedAt")
  | ("createdAt" | "triggeredBy" | "startedAt" | "completedAt")
>;

/** The event that every timeline begins with. It is not stored, because the run has the same facts. */
function created({ createdAt, triggeredBy }: TimelineSource): StoredEvent {
  return { seq: 1, type: "created", at: createdAt, data: JSON.stringify({ by: triggeredBy }) };
}

/** If so, no event is stored. After a cancel it is not, because the run does not say who cancelled. */
export function isTimelineDerived({ source, version, endCause, erasedAt }: TimelineSource): boolean {
  const isFirstChange = version === (erasedAt ? 3 : 2);
  return source === "none" && isFirstChange && endCause !== null && endCause !== "cancel";
}

/** The end of a run whose whole timeline is derived. The number between `created` and `ended` is that of the start. */
function endOf({ createdAt, startedAt, completedAt, status, endCause }: TimelineSource): StoredEvent {
  const at = Math.max(createdAt, completedAt ?? 0);
  const seq = startedAt === null ? 2 : 3;
  return { seq, type: "ended", at, data: JSON.stringify({ status, cause: endCause }) };
}

export function newest(run: TimelineSource, stored: StoredEvent | null): StoredEvent {
  return stored ?? (isTimelineDerived(run) ? endOf(run) : created(run));
}

/** `ended` implies the start, so it is not stored. */
export function isImpliedByEnd({ type, data }: TimelineEvent, next: TimelineEvent | undefined): boolean {
  return type === "started" && data.cause === "callback" && next?.type === "ended";
}

/** One missing number before `ended` stands for `started`: one report did both. */
export function withDerived(run: TimelineSource, kept: readonly StoredEvent[], after: number): StoredEvent[] {
  const stored = isTimelineDerived(run) ? [endOf(run)].filter(({ seq }) => seq > after) : kept;
  const events = after < 1 ? [created(run), ...stored] : [...stored];
  const end = events.at(-1);
  const startSeq = end !== undefined && isLast(end) ? end.seq - 1 : 0;
  if (end !== undefined && startSeq > Math.max(after, events.at(-2)?.seq ?? 1)) {
    const started = { seq: startSeq, type: "started", at: end.at, data: JSON.stringify({ cause: "callback" }) };
    events.splice(-1, 0, started);
  }
  return events;
}

/** As JSON. Only some callers may see excerpts, because a receiver can repeat secrets of its request. */
export function toWireEvent({ seq, type, at, data }: StoredEvent, { withExcerpt = false } = {}): string {
  const shown = withExcerpt || !HAS_EXCERPT.has(type) ? data : withoutExcerpt(data);
  const rest = shown.startsWith("{}") ? "}" : `,${shown.slice(1)}`;
  return `{"seq":${seq},"type":"${type}","at":"${rfc3339(at)}"${rest}`;
}

const HAS_EXCERPT: ReadonlySet<string> = new Set<TimelineEventType>(["attempt_answered", "stop_answered"]);

function withoutExcerpt(data: string): string {
  const { excerpt: _, ...shown } = JSON.parse(data) as TimelineEvent["data"];
  return JSON.stringify(shown);
}

/** Who did what and when, and none of the texts of the run. */
const KEPT_OF_ERASED: ReadonlySet<string> = new Set(
  (
    "attempt,outcome,status,durationMs,nextAttemptAt,cause,count,progress,for,until,notBefore,group,by,via,replacedBy," +
    "approversUnchecked,execution"
  ).split(","),
);

export function erasedData(data: string): string {
  const members = Object.entries(JSON.parse(data) as TimelineEvent["data"]);
  return JSON.stringify(Object.fromEntries(members.filter(([name]) => KEPT_OF_ERASED.has(name))));
}

export function isLast(event: Pick<StoredEvent, "type">): boolean {
  return event.type === "ended";
}

export function gateEventsOfNew(run: Run): TimelineEvent[] {
  if (run.gates === null) return [];
  return run.waitingFor === null ? [released(run, {})] : [waiting(run, {})];
}

function gateEvents(before: Run, after: Run, event: RunEvent, now: number): TimelineEvent[] {
  const events: TimelineEvent[] = [];
  if (event.type === "approved") {
    const { by, reason } = event.approval;
    events.push({ type: "approved", at: event.approval.at, data: said(by, reason) });
  }
  if (event.type === "approvals_withdrawn") {
    for (const { by } of event.approvals) {
      events.push({ type: "approval_withdrawn", at: now, data: said(by, null) });
    }
  }
  if (event.type === "let_through") events.push({ type: "let_through", at: now, data: said(event.by, event.reason) });
  if (event.type === "rejected") events.push({ type: "rejected", at: now, data: said(event.by, event.reason) });
  const opener = event.type === "time_opened" && event.by !== undefined ? said(event.by, null) : {};
  const isUnchecked = isGateEvent(event) && event.approversUnchecked === true;
  if (after.releasedAt !== before.releasedAt) {
    events.push(released(after, isUnchecked ? { ...opener, approversUnchecked: true } : opener));
  } else if (
    after.waitingFor !== null &&
    (after.waitingFor !== before.waitingFor || after.waitingReason !== before.waitingReason)
  ) {
    // The run waits for pauses since the first one, and another one can hold it back now.
    events.push({ ...waiting(after, opener), at: Math.max(now, after.waitingSince ?? 0) });
  }
  return events;
}

function waiting({ waitingFor, waitingSince, waitingReason, createdAt, gates }: Run, opener: object): TimelineEvent {
  const { waitUntil = 0, notBefore = null, concurrency = null } = gates ?? {};
  const data = {
    for: waitingFor,
    until: rfc3339(waitUntil),
    ...(waitingFor === "time" && { notBefore: rfc3339(notBefore) }),
    ...(concurrency !== null && { group: concurrency.group, ...(concurrency.key !== "" && { key: concurrency.key }) }),
    ...(waitingReason !== null && { reason: waitingReason }),
    ...opener,
  };
  return { type: "waiting", at: waitingSince ?? createdAt, data };
}

function released({ releasedAt, createdAt }: Run, opener: object): TimelineEvent {
  return { type: "released", at: releasedAt ?? createdAt, data: { ...opener } };
}

function said(by: Actor, reason: string | null): Readonly<Record<string, string>> {
  const via = viaOf(by);
  return { by: nameOf(by), ...(via !== null && { via }), ...(reason !== null && { reason }) };
}

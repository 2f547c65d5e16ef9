/** What a timeline tells of a run's gates. PURE. */

import { rfc3339 } from "../base/time.ts";
import { type Actor, nameOf, viaOf } from "./actor.ts";
import { isGateEvent } from "./gate-transition.ts";
import type { Run } from "./run.ts";
import type { TimelineEvent } from "./timeline-event.ts";
import type { RunEvent } from "./transition.ts";

/** What a new run's gates are, after `created`. */
export function gateEventsOfNew(run: Run): TimelineEvent[] {
  if (run.gates === null) return [];
  return run.waitingFor === null ? [released(run, {})] : [waiting(run, {})];
}

/** The events of a change at a gate, before those of an end. */
export function gateEventsBetween(before: Run, after: Run, event: RunEvent, now: number): TimelineEvent[] {
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
  if (event.type === "rejected") events.push({ type: "rejected", at: now, data: said(event.by, event.reason) });
  const opener = event.type === "time_opened" && event.by !== undefined ? said(event.by, null) : {};
  const isUnchecked = isGateEvent(event) && event.approversUnchecked === true;
  if (after.releasedAt !== before.releasedAt) {
    events.push(released(after, isUnchecked ? { ...opener, approversUnchecked: true } : opener));
  } else if (after.waitingFor !== null && waitsForAnother(before, after)) {
    // The run waits for pauses since the first one, and another one can hold it back now.
    events.push({ ...waiting(after, opener), at: Math.max(now, after.waitingSince ?? 0) });
  }
  return events;
}

function waitsForAnother(before: Run, after: Run): boolean {
  return after.waitingFor !== before.waitingFor || after.waitingReason !== before.waitingReason;
}

/** Whom an end names that came at a gate. */
export function enderOf(event: RunEvent): Readonly<Record<string, string>> {
  if (event.type === "rejected") return said(event.by, event.reason);
  if (event.type === "replaced") return { by: event.triggeredBy, replacedBy: event.by };
  return {};
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

/** A run's timeline: what a person looks at when something went wrong. PURE. Kept beside the state, forgotten with it. */

import type { Run } from "./run.ts";

/** One entry. `at` in ms. */
export interface TimelineEvent {
  readonly type: "created" | "started" | "ended";
  readonly at: number;
  readonly data: Readonly<Record<string, string>>;
}

/** The timeline's entries for a change: what began, and what ended. */
export function eventsBetween(before: Run, after: Run): TimelineEvent[] {
  const events: TimelineEvent[] = [];
  if (before.startedAt === null && after.startedAt !== null) {
    events.push({ type: "started", at: after.startedAt, data: {} });
  }
  if (after.completedAt !== null) {
    events.push({ type: "ended", at: after.completedAt, data: { status: after.status } });
  }
  return events;
}

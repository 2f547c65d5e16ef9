/**
 * The stages of a run for the bar: waiting for its start, then working. Or one, if its start is not known, or if the
 * run never came past its gates. PURE.
 */

import type { DetailedActionRun, TimelineEvent } from "../../client/index.ts";
import { ranOf, type Span, tookOf, waitedOf } from "../ui/durations.ts";
import { isOpen } from "../ui/statuses.ts";

/** `at`: null if it has not happened yet. */
export interface Milestone {
  readonly name: "Created" | "Starts" | "Started" | "Ended";
  readonly at: string | null;
}

export interface Stage {
  readonly name: "Waiting" | "Waited" | "Running" | "Ran" | "Took" | "Next";
  /** The milestone that it begins with. */
  readonly from: Milestone;
  /** null: it goes on. */
  readonly to: string | null;
  /** Its part of the bar's length, 0 to 1. The parts add up to 1. */
  readonly share: number;
}

export interface Lifecycle {
  readonly stages: readonly Stage[];
  readonly last: Milestone;
}

/** The least part of the bar that a stage gets. */
const SHARE_MIN = 0.15;

/** `now`, in ms, is the end of an open stage. */
export function lifecycleOf(run: DetailedActionRun, events: readonly TimelineEvent[], now: number): Lifecycle {
  const { createdAt, startedAt, completedAt, status, details } = run;
  const created: Milestone = { name: "Created", at: createdAt };
  const started: Milestone = { name: "Started", at: startedAt };
  const last: Milestone = { name: "Ended", at: completedAt };
  const waited = waitedOf(run);
  const ran = ranOf(run);
  if (waited !== null && ran !== null) {
    const waitedMs = lengthOf(waited, now);
    const share = clamped(waitedMs / Math.max(waitedMs + lengthOf(ran, now), 1));
    const stages: Stage[] = [
      { name: "Waited", from: created, to: waited.to, share },
      { name: isOpen(status) ? "Running" : "Ran", from: started, to: ran.to, share: 1 - share },
    ];
    return { stages, last };
  }
  if (isOpen(status)) {
    const isTimed = details?.waiting?.for === "time";
    const next: Milestone = isTimed ? { name: "Starts", at: details?.waiting?.notBefore ?? null } : started;
    const stages: Stage[] = [
      { name: "Waiting", from: created, to: null, share: 1 - SHARE_MIN },
      { name: "Next", from: next, to: null, share: SHARE_MIN },
    ];
    return { stages, last };
  }
  const name = wasHeldBack(events) ? "Waited" : "Took";
  return { stages: [{ name, from: created, to: tookOf(run).to, share: 1 }], last };
}

/** Whether a gate was still closed at the run's end. */
function wasHeldBack(events: readonly TimelineEvent[]): boolean {
  return events.findLast(({ type }) => type === "waiting" || type === "released")?.type === "waiting";
}

function lengthOf({ from, to }: Span, now: number): number {
  return (to === null ? now : Date.parse(to)) - Date.parse(from);
}

function clamped(share: number): number {
  return Math.min(Math.max(share, SHARE_MIN), 1 - SHARE_MIN);
}

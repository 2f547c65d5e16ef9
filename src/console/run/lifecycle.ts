/** The stages of a run for the bar: waiting for its start, then working. PURE. */

import type { ActionRun } from "../../client/index.ts";
import { isOpen } from "../ui/statuses.ts";

/** `at`: null if it has not happened yet. */
export interface Milestone {
  readonly name: "Created" | "Started" | "Ended";
  readonly at: string | null;
}

export interface Stage {
  readonly name: "Waiting" | "Waited" | "Running" | "Ran" | "Next";
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
export function lifecycleOf(run: ActionRun, now: number): Lifecycle {
  const { createdAt, startedAt, completedAt, status } = run;
  const created: Milestone = { name: "Created", at: createdAt };
  const started: Milestone = { name: "Started", at: startedAt };
  const last: Milestone = { name: "Ended", at: completedAt };
  if (startedAt === null && completedAt !== null) {
    return { stages: [{ name: "Waited", from: created, to: completedAt, share: 1 }], last };
  }
  if (startedAt === null) {
    const stages: Stage[] = [
      { name: "Waiting", from: created, to: null, share: 1 - SHARE_MIN },
      { name: "Next", from: started, to: null, share: SHARE_MIN },
    ];
    return { stages, last };
  }
  const waitedMs = Date.parse(startedAt) - Date.parse(createdAt);
  const ranMs = (completedAt === null ? now : Date.parse(completedAt)) - Date.parse(startedAt);
  const share = clamped(waitedMs / Math.max(waitedMs + ranMs, 1));
  const stages: Stage[] = [
    { name: "Waited", from: created, to: startedAt, share },
    { name: isOpen(status) ? "Running" : "Ran", from: started, to: completedAt, share: 1 - share },
  ];
  return { stages, last };
}

function clamped(share: number): number {
  return Math.min(Math.max(share, SHARE_MIN), 1 - SHARE_MIN);
}

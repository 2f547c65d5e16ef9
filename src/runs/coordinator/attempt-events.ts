/** What a run's timeline says of the attempts to deliver its webhook. PURE. */

import type { AttemptAnswer, Delivery, Verdict } from "../../dispatch/delivery.ts";
import type { TimelineEvent } from "../timeline.ts";

export function attemptStarted({ attempt, host }: Delivery, at: number): TimelineEvent {
  return { type: "attempt_started", at, data: { attempt, host } };
}

export function attemptAnswered(
  attempt: number,
  answer: AttemptAnswer,
  verdict: Verdict,
  at: number,
): TimelineEvent {
  const { status, durationMs, reason, excerpt, excerptOmitted } = answer;
  const nextAttemptAt = verdict.outcome === "retry" ? new Date(verdict.delivery.nextAt).toISOString() : null;
  const outcome = { attempt, outcome: verdict.outcome, status, durationMs, reason, excerpt };
  // Left out by JSON where it is undefined.
  const data = { ...outcome, excerptOmitted, nextAttemptAt };
  return { type: "attempt_answered", at, data };
}

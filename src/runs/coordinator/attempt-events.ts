/** The timeline events of the attempts to deliver a run's webhook. PURE. */

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
  const { outcome } = verdict;
  // JSON leaves out `excerptOmitted` if it is undefined.
  const data = { attempt, outcome, status, durationMs, reason, excerpt, excerptOmitted, nextAttemptAt };
  return { type: "attempt_answered", at, data };
}

/** The timeline events of the attempts to start a run's job and to stop it. PURE. */

import type { AttemptAnswer, Tried, Verdict } from "../../dispatch/delivery.ts";
import type { TimelineEvent } from "../timeline.ts";

/** Which request an attempt belongs to. It is the start of the events' names. */
type Of = "attempt" | "stop";

export function attemptStarted({ attempt, host }: Tried, at: number, of: Of = "attempt"): TimelineEvent {
  return { type: `${of}_started`, at, data: { attempt, host } };
}

export function attemptAnswered(
  attempt: number,
  answer: AttemptAnswer,
  verdict: Verdict<Tried>,
  at: number,
  of: Of = "attempt",
): TimelineEvent {
  const { status, durationMs, reason, excerpt } = answer;
  const nextAttemptAt = verdict.outcome === "retry" ? new Date(verdict.delivery.nextAt).toISOString() : null;
  const { outcome } = verdict;
  const data = { attempt, outcome, status, durationMs, reason, excerpt, nextAttemptAt };
  return { type: `${of}_answered`, at, data };
}

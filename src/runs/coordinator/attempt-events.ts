/** What timelines and the log tell of the attempts to start a run's job and to stop it. */

import { log } from "../../base/log.ts";
import type { AttemptAnswer, Tried, Verdict } from "../../webhooks/delivery.ts";
import type { Owner } from "../run-id.ts";
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

/** Every request that is given up is in the log. */
export function logGivenUp(of: Of, { name }: Owner, run: string, attempt: number, reason: string): void {
  log("info", `${of}_given_up`, { coordinator: name, run, attempt, reason });
}

/** The sentence about a request whose time was up before its next attempt was due, or before a slot was free. */
export function neverCalled({ host, attempt }: Pick<Tried, "host" | "attempt">): string {
  return `${host} was not called ${attempt === 0 ? "" : "again "}in time.`;
}

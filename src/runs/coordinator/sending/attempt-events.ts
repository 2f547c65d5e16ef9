import { log } from "../../../base/log.ts";
import type { AttemptResult, Outcome, Tried } from "../../../webhooks/dispatch.ts";
import type { FailedAttempt } from "../../run.ts";
import type { TimelineEvent } from "../../timeline.ts";

/** A dispatch, or a stop request. The names of its events begin so. */
type Of = "attempt" | "stop";

/** A heartbeat or a report came before the attempt's result, so the result changes nothing. */
export const OVERTAKEN = { type: "overtaken" } as const;

export function attemptStarted({ attempt, host }: Tried, at: number, of: Of = "attempt"): TimelineEvent {
  return { type: `${of}_started`, at, data: { attempt, host } };
}

export function attemptAnswered(
  attempt: number,
  result: AttemptResult,
  outcome: Outcome | typeof OVERTAKEN,
  at: number,
  of: Of = "attempt",
): TimelineEvent {
  const { status, durationMs, reason, excerpt } = result;
  const nextAttemptAt = outcome.type === "retry" ? new Date(outcome.request.nextAt).toISOString() : null;
  const data = { attempt, outcome: outcome.type, status, durationMs, reason, excerpt, nextAttemptAt };
  return { type: `${of}_answered`, at, data };
}

/** The log line of an attempt whose result no timeline tells, because its run has ended. */
export function logAnswered(
  of: Of,
  scope: string,
  run: string,
  attempt: number,
  { status, durationMs, reason }: AttemptResult,
  outcome: string,
): void {
  log("info", `${of}_answered`, { coordinator: scope, run, attempt, outcome, status, durationMs, reason });
}

export function logGivenUp(of: Of, scope: string, run: string, attempt: number, reason: string): void {
  log("info", `${of}_given_up`, { coordinator: scope, run, attempt, reason });
}

/** A request whose time was up before its next attempt was due, or before a permit was free. */
export function neverCalled(
  { host, attempt }: Pick<Tried, "host" | "attempt">,
  last: FailedAttempt | null,
  isHalfOpen = false,
): string {
  const why = isHalfOpen ? ", because a host that fails gets one attempt every 10 seconds" : "";
  if (attempt > 0 && last !== null)
    return `${last.reason}, at attempt ${attempt}, and the time was up before the next attempt could begin${why}.`;
  return `${host} was not called ${attempt === 0 ? "" : "again "}in time${why}.`;
}

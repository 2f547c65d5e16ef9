/**
 * Runs that no request asks for, and those of agents. Their keys have all that makes a run the same one, so there is
 * one run, whatever is repeated. No caller's key is like these, because behind `t:` comes a token's id. PURE.
 */
import type { CronTimes } from "../base/cron.ts";
import type { RETRIED_ENDS } from "../base/limits.ts";
import { MINUTE_MS } from "../base/time.ts";
import type { Actor, NextRetry, Run } from "./run.ts";

/** What created a run, by its key. `at`: the instant of the schedule's time, in ms. `of`: the run that is repeated. */
export type Start =
  | { readonly by: "bulk"; readonly id: string }
  | { readonly by: "schedule"; readonly name: string; readonly at: number }
  | { readonly by: "inbound"; readonly action: string }
  | { readonly by: "retry"; readonly of: string }
  | { readonly by: "agent"; readonly ordinal: number; readonly client: string };

/** A retry of an operation. The operation uses the same key for a cancel. */
export function bulkKey(bulkId: string, runId: string): string {
  return `t:bulk:${bulkId}:${runId}`;
}

/** A time of a schedule is an instant, so a change of the schedule makes no second run of it. */
export function scheduleKey(name: string, at: number): string {
  return `t:schedule:${name}:${at}`;
}

/** `event`: what tells an event from others of the action. */
export function inboundKey(action: string, event: string): string {
  return `t:inbound:${action}:${event}`;
}

export function retryKey(runId: string): string {
  return `t:auto:${runId}`;
}

/** Longer than agents try again by themselves, and shorter than it takes people to ask for the same once more. */
export const SAME_CALL_WITHIN_MS = 10 * MINUTE_MS;

/** `caller`: a hash. `ordinal`: how many runs the caller has made. `client`: what the agent's program calls itself. */
export function agentKey(caller: string, ordinal: number, client: string): string {
  return `${agentKeys(caller)}${String(ordinal).padStart(12, "0")}:${client}`;
}

/** With what the keys of a caller begin. They sort by their number. */
export function agentKeys(caller: string): string {
  return `t:agent:${caller}:`;
}

const KEY = /^t:(bulk|schedule|inbound|auto|agent):([^:]*):?(.*)$/s;

export function startOf(createKey: string): Start | null {
  const [, by, first = "", second = ""] = KEY.exec(createKey) ?? [];
  switch (by) {
    case "bulk":
      return { by, id: first };
    case "schedule":
      return { by, name: first, at: Number(second) };
    case "inbound":
      return { by, action: first };
    case "auto":
      return { by: "retry", of: first };
    case "agent":
      return { by, ordinal: Number(second.slice(0, 12)), client: second.slice(13) };
    default:
      return null;
  }
}

/** What `details` say of it. A bulk operation and an agent act for their asker, so such a run shows the asker's token. */
export function shownStart(createKey: string, via: string | null) {
  const start = startOf(createKey);
  return {
    bulkOperationId: start?.by === "bulk" ? start.id : null,
    via: start === null || start.by === "bulk" || start.by === "agent" ? via : start.by,
    agent: start?.by === "agent" ? start.client : null,
    schedule: start?.by === "schedule" ? start.name : null,
  };
}

const ENDS: Partial<Record<NonNullable<Run["endCause"]>, (typeof RETRIED_ENDS)[number]>> = {
  callback: "failed",
  delivery: "delivery",
  deadline: "timeout",
  silence: "timeout",
};

/** `mayHaveJob`: an attempt may have begun the job, so a webhook that nobody took counts as a timeout. */
export function nextRetryOf(run: Run, mayHaveJob = false): NextRetry | null {
  const { retryRule, status, endCause, completedAt, cancelRequestedAt } = run;
  if (retryRule === null || status !== "failed" || cancelRequestedAt !== null) return null;
  const named = endCause === null ? undefined : ENDS[endCause];
  const end = mayHaveJob && named === "delivery" ? "timeout" : named;
  const delayMs = retryRule.delaysMs[retryRule.attempt];
  if (end === undefined || delayMs === undefined || !retryRule.on.includes(end)) return null;
  return { attempt: retryRule.attempt + 1, at: (completedAt ?? 0) + delayMs, runId: null, dropped: null };
}

export interface RetryToMake extends Pick<NextRetry, "attempt" | "at"> {
  readonly runId: string;
  readonly actionName: string;
  readonly creator: Actor;
  readonly origin: string;
}

/** `dropped`: why there will be none, as a sentence. Null: nobody knows, so it must be tried again. */
export type MadeRetry = { readonly dropped: string | null } | null;

export interface Retrier {
  make(scope: string, retries: readonly RetryToMake[]): Promise<readonly MadeRetry[]>;
}

export function scheduleLabel(name: string): string {
  return `schedule:${name}`;
}

/** `origin`: of the request that stored it. */
export interface ScheduleFilter extends CronTimes {
  readonly disabled: boolean;
  readonly origin: string;
}

/** `filter`: a `ScheduleFilter` as JSON. `isDisabled`: whether the service has disabled it. */
export interface ReadSchedule {
  readonly name: string;
  readonly version: number;
  readonly isDisabled: boolean;
  readonly filter: string;
}

/** `version`: of the schedule that the coordinator knows. */
export interface ScheduledTime {
  readonly name: string;
  readonly at: number;
  readonly version: number;
  readonly origin: string;
}

/** How long after its time a run may start. A job that runs much later than planned can do more harm than none. */
export const START_WITHIN_MS = 15 * MINUTE_MS;

/** `skipped`: the run before was still open, or nothing could start in time. `failed`: the run ended before it started. */
export const TIME_OUTCOMES = ["started", "failed", "skipped"] as const;
export type TimeOutcome = (typeof TIME_OUTCOMES)[number];

/** `runId`: null if it was skipped. */
export interface LastTime {
  readonly at: number;
  readonly outcome: TimeOutcome;
  readonly runId: string | null;
}

export interface ScheduleCalls {
  lastTime(name: string): Promise<LastTime | null>;
}

export interface ScheduleRunner {
  /** A time that is not decided afterwards must be tried again. */
  start(scope: string, times: readonly ScheduledTime[]): Promise<void>;
}

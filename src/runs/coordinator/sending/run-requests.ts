/** Requests that a host gets, and of whose attempts the run's timeline tells. */

import {
  type AttemptResult,
  isHostWorking,
  LOST,
  mayHaveJob,
  type Outcome,
  outcomeOf,
  type Tried,
} from "../../../webhooks/dispatch.ts";
import type { Attempt } from "../../../webhooks/webhook-request.ts";
import type { JournaledRun } from "../../journal/run-rows.ts";
import { beganAt, type FailedAttempt, isOpen } from "../../run.ts";
import type { TimelineEvent } from "../../timeline.ts";
import { Part } from "../context.ts";
import { attemptAnswered, attemptStarted, logAnswered, logGivenUp, neverCalled } from "./attempt-events.ts";
import type { Outgoing, RequestKind } from "./outbox.ts";
import type { PermitPolicy, Queued, Room } from "./receiver-queues.ts";

export interface OfRun<T extends Tried> extends Outgoing<T> {
  readonly run: JournaledRun;
}

export type Ending = Extract<Outcome, { readonly type: "accepted" | "given_up" }> & { readonly mayHaveJob: boolean };

/** What a host may hold whose last attempt failed. Small, because many hosts can fail at a time. */
const FAILING_HOST: Room = { attempts: 100, bytes: 2_000_000 };
/** Of what the other hosts leave. A host that hangs fails only after 15 s, and until then others need some permits. */
const PART_OF_ONE_HOST = 0.8;

export function sharedByHosts(max: Room): PermitPolicy {
  return {
    max,
    roomOf: (failures, { attempts, bytes }) =>
      failures > 0 ? FAILING_HOST : { attempts: attempts * PART_OF_ONE_HOST, bytes: bytes * PART_OF_ONE_HOST },
    halfOpenAfter: 5,
    trialEveryMs: 10_000,
  };
}

export abstract class RunRequests<T extends Tried> extends Part implements RequestKind<T, AttemptResult, OfRun<T>> {
  protected abstract readonly eventPrefix: "attempt" | "stop";
  /** How many attempts may fail although they may have begun what the request asks for. Null: any number. */
  protected abstract readonly unsureMax: number | null;
  /** Statuses besides 2xx which say that there is nothing left to do. */
  protected abstract readonly done: ReadonlySet<number>;
  abstract readonly permits: PermitPolicy;
  abstract readonly batchMax: number;
  readonly lost = LOST;

  abstract find(runId: string, now: number): OfRun<T> | null;
  abstract idle(runId: string, now: number): void;
  protected abstract attemptOf(runId: string, request: T): Attempt;
  /** `failure`: if an attempt has failed. */
  protected abstract note(
    outgoing: OfRun<T>,
    events: readonly TimelineEvent[],
    now: number,
    failure?: FailedAttempt,
  ): void;
  protected abstract end(outgoing: OfRun<T>, ending: Ending, events: readonly TimelineEvent[], now: number): void;

  get lostEvent(): string {
    return `${this.eventPrefix}_lost`;
  }

  queued({ host, sealed, attempt }: T): Queued {
    return { receiver: host, weight: sealed.byteLength, attempt };
  }

  /** A request that was tried before and is due again says that its host has failed. */
  failuresBefore({ attempt }: Queued): number {
    return attempt > 0 ? 1 : 0;
  }

  isWorking(result: AttemptResult): boolean | null {
    return isHostWorking(result);
  }

  attempt(runId: string, request: T): Promise<AttemptResult> {
    return this.context.entrypoints.WebhookSender.send(this.attemptOf(runId, request));
  }

  started(request: T, now: number): TimelineEvent[] {
    return request.leaseUntil === null ? [] : [attemptStarted(request, now, this.eventPrefix)];
  }

  write(outgoing: OfRun<T>, now: number): void {
    const { run, request } = outgoing;
    this.note(outgoing, timelineEventsOf(run, this.started(request, now)), now);
  }

  answered(outgoing: OfRun<T>, attempt: number, result: AttemptResult, now: number): void {
    const { run, request, endsAt } = outgoing;
    const createdAt = beganAt(run);
    const { unsureMax, done } = this;
    const circumstances = { now, createdAt, endsAt, random: Math.random(), unsureMax, done };
    const outcome = outcomeOf(request, attempt, result, circumstances);
    if (outcome.type === "ignored") return;
    const events = timelineEventsOf(run, [attemptAnswered(attempt, result, outcome, now, this.eventPrefix)]);
    if (outcome.type === "retry") {
      const { nextAt } = outcome.request;
      const failure = { attempt, at: now, reason: `${request.host} ${result.reason}`, nextAt };
      this.note({ ...outgoing, request: outcome.request }, events, now, failure);
    } else this.end(outgoing, { ...outcome, mayHaveJob: mayHaveJob(request, result) }, events, now);
    // The log tells what no timeline can, and every request that is given up.
    if (outcome.type === "given_up") {
      logGivenUp(this.eventPrefix, this.journal.scope, run.id, attempt, outcome.reason);
    } else if (events.length === 0) {
      logAnswered(this.eventPrefix, this.journal.scope, run.id, attempt, result, outcome.type);
    }
  }

  giveUp(outgoing: OfRun<T>, now: number, isHalfOpen: boolean): void {
    const { run, request } = outgoing;
    // A stop request never changes the run, so its failures are not in the run.
    const reason = neverCalled(request, this.eventPrefix === "attempt" ? run.failedAttempt : null, isHalfOpen);
    this.end(outgoing, { type: "given_up", reason, mayHaveJob: request.isUnsure }, [], now);
    logGivenUp(this.eventPrefix, this.journal.scope, run.id, request.attempt, reason);
  }
}

/** None after the end, because `ended` is the last event of a timeline. */
function timelineEventsOf(run: JournaledRun, events: TimelineEvent[]): readonly TimelineEvent[] {
  return isOpen(run) ? events : [];
}

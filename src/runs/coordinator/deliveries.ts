/**
 * The dispatches of an environment's runs: the webhooks that start their jobs. The receiver's response starts the run,
 * ends it, or names the job.
 */

import {
  type AttemptResult,
  type Dispatch,
  mayHaveJob,
  type NewDispatch,
  newDispatch,
  UNSURE_ATTEMPTS_MAX,
} from "../../webhooks/delivery.ts";
import type { Attempt } from "../../webhooks/request/sealed-request.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { beganAt, type FailedAttempt, isOpen, type NewRun, type Run } from "../run.ts";
import type { TimelineEvent } from "../timeline-event.ts";
import { type RunEvent, transition } from "../transition.ts";
import type { DueQueue } from "./alarm/due-queue.ts";
import { attemptAnswered, logAnswered, OVERTAKEN } from "./attempt-events.ts";
import type { Ledger, UpdateDetails } from "./ledger.ts";
import { Outbox } from "./outbox.ts";
import { type Ending, type OfRun, RunRequests, type Sending, sharedByHosts } from "./run-requests.ts";
import type { StopRequests } from "./stop-requests.ts";

export class Dispatches extends RunRequests<Dispatch> {
  /** An isolate has 128 MB and may hold several coordinators. No request weighs as much as this, so each fits. */
  readonly permits = sharedByHosts({ attempts: 2000, bytes: 32_000_000 });
  readonly batchMax = 200;
  protected readonly eventPrefix = "attempt";
  protected readonly unsureMax = UNSURE_ATTEMPTS_MAX;
  protected readonly done: ReadonlySet<number> = new Set();
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #stopRequests: StopRequests;
  readonly #outbox: Outbox<Dispatch, AttemptResult, OfRun<Dispatch>>;

  constructor(journal: Journal, queue: DueQueue, ledger: Ledger, stopRequests: StopRequests, sending: Sending) {
    super(sending);
    this.#journal = journal;
    this.#ledger = ledger;
    this.#stopRequests = stopRequests;
    this.#outbox = new Outbox(this, queue, sending);
  }

  /** A new run's dispatch, with its first attempt under way if a permit is free. Journal it, then launch it. */
  begin(run: Run, trigger: NewDispatch, now: number): { dispatch: Dispatch; events: TimelineEvent[] } {
    const { deadlineAt } = run;
    const planned = newDispatch(trigger, { createdAt: beganAt(run), deadlineAt }, now);
    const dispatch = this.#outbox.begin(planned, planned.endsAt, now);
    return { dispatch, events: this.started(dispatch, now) };
  }

  /** A new run's dispatch that waits until the run is released. */
  hold(run: NewRun, trigger: NewDispatch, now: number): Dispatch {
    return { ...newDispatch(trigger, run, now), nextAt: null };
  }

  /** Writes the version that releases a run, and sends what was held. `run`: the run as this version has it. */
  release(before: JournaledRun, run: Run, event: RunEvent, now: number, details: UpdateDetails = {}) {
    const held = this.#journal.dispatches.of(run.id);
    if (held === null) throw new Error("a waiting run without a dispatch");
    const { dispatch, events } = this.begin(run, held, now);
    const released = this.#ledger.update(before, run, event, now, { ...details, dispatch, last: events });
    this.launch(run.id, dispatch);
    return released;
  }

  launch(runId: string, dispatch: Dispatch): void {
    this.#outbox.launch(runId, dispatch);
  }

  /** Processes due open runs, also those without a dispatch: their deadline may have passed. */
  takeBatch(now: number): number {
    return this.#outbox.takeBatch(now);
  }

  /** The dispatch of an open run; null if the run has none any more. Ends the run if its time is up. */
  find(runId: string, now: number): OfRun<Dispatch> | null {
    const run = this.#ledger.current(runId, now);
    if (run === null || !isOpen(run)) return null;
    const dispatch = this.#journal.dispatches.of(runId);
    return dispatch && { run, request: dispatch, endsAt: dispatch.endsAt };
  }

  /**
   * A heartbeat moved the instant at which this run has been silent for too long, so `due_at` is stale. Update it, or
   * the alarm would select the run again at once.
   */
  idle(runId: string, now: number): void {
    const run = this.#journal.runs.byId(runId);
    if (run === null || !isOpen(run)) return;
    const dispatch = this.#journal.dispatches.of(runId);
    if (!this.#journal.due.set(run, dispatch, now)) this.#journal.due.defer(runId, now);
  }

  protected attemptOf(runId: string, { attempt, sealed, isUnsure }: Dispatch): Attempt {
    return { scope: this.#journal.scope, runId, attempt, sealed, isUnsure };
  }

  protected override lastFailure({ failedAttempt }: JournaledRun): FailedAttempt | null {
    return failedAttempt;
  }

  protected note({ run, request }: OfRun<Dispatch>, events: readonly TimelineEvent[], now: number): void {
    this.#ledger.noteAttempt(run, request, events, now);
  }

  /** A run that does not start should say why to those who list it. */
  protected override noteFailure(
    outgoing: OfRun<Dispatch>,
    failure: FailedAttempt,
    events: readonly TimelineEvent[],
    now: number,
  ): void {
    const { run, request } = outgoing;
    const event: RunEvent = { type: "attempt_failed", failure };
    const next = transition(run, event, now);
    if (!next.ok || next.value.version === run.version) this.note(outgoing, events, now);
    else this.#ledger.update(run, next.value, event, now, { first: events, dispatch: request });
  }

  protected end(
    { run, request }: OfRun<Dispatch>,
    ending: Ending,
    events: readonly TimelineEvent[],
    now: number,
  ): void {
    const event: RunEvent =
      ending.type === "given_up"
        ? { type: "dispatch_failed", reason: ending.reason, isOfGate: isOfGate(run, ending) }
        : { type: request.startOn === "accepted" ? "started" : "dispatched" };
    const next = transition(run, event, now);
    if (!next.ok) throw new Error(`a dispatch under way for a run that refuses: ${next.error}`);
    if (next.value.version > run.version) {
      this.#ledger.update(run, next.value, event, now, { first: events });
    } else {
      this.#ledger.noteAttempt({ ...run, ...next.value }, null, events, now);
    }
  }

  /** The response can name the job, even if a heartbeat has started the run before. */
  useResult(
    runId: string,
    request: Dispatch,
    result: AttemptResult,
    { isOvertaken, now }: { readonly isOvertaken: boolean; readonly now: number },
  ): void {
    const { attempt } = request;
    const run = this.#journal.runs.byId(runId);
    if (run === null) return;
    // The answer of an attempt that counted as lost can come while a later one is under way.
    const isLast = run.occupiedUntil !== null && attempt >= this.#journal.timeline.lastAttempt(runId);
    if (isLast) this.#ledger.consequences.lastAttemptEnded(run, mayHaveJob(request, result), now);
    if (isOvertaken) this.#noteOvertaken(run, attempt, result, now);
    this.#stopRequests.dispatchAttemptEnded(run, attempt, result.values, now);
    // A heartbeat knows the job's page better.
    if (result.link === undefined || !isOpen(run) || run.externalUrl !== null) return;
    const event: RunEvent = { type: "external_url", url: result.link };
    const next = transition(run, event, now);
    if (next.ok && next.value.version > run.version) this.#ledger.update(run, next.value, event, now);
  }

  /** Each attempt has one answer at most. An attempt that was lost before has one already. */
  #noteOvertaken(run: JournaledRun, attempt: number, result: AttemptResult, now: number): void {
    if (!isOpen(run)) {
      logAnswered("attempt", this.#journal.scope, run.id, attempt, result, OVERTAKEN.type);
    } else if (this.#journal.timeline.isAttemptOpen(run.id, attempt)) {
      this.#ledger.noteEvents(run, [attemptAnswered(attempt, result, OVERTAKEN, now)]);
    }
  }
}

/** Whether our own keys or settings could not send a request that had waited at a gate. */
function isOfGate({ gates }: JournaledRun, ending: Ending): boolean {
  return gates !== null && ending.type === "given_up" && ending.isUnready === true;
}

import {
  type AttemptResult,
  type Dispatch,
  isAttemptDue,
  mayHaveJob,
  type NewDispatch,
  newDispatch,
  UNSURE_ATTEMPTS_MAX,
} from "../../../webhooks/dispatch.ts";
import type { Attempt } from "../../../webhooks/webhook-request.ts";
import type { StopRequest } from "../../journal/dispatch-rows.ts";
import { stopRequestEndsAt } from "../../journal/journal.ts";
import type { JournaledRun } from "../../journal/run-rows.ts";
import { beganAt, type FailedAttempt, isOpen, type NewRun, type Run } from "../../run.ts";
import type { TimelineEvent } from "../../timeline.ts";
import { type RunEvent, transition } from "../../transition.ts";
import type { Context } from "../context.ts";
import type { UpdateDetails } from "../ledger.ts";
import { attemptAnswered, logAnswered, OVERTAKEN } from "./attempt-events.ts";
import { Outbox } from "./outbox.ts";
import { type Ending, type OfRun, RunRequests, sharedByHosts } from "./run-requests.ts";

export class Dispatches extends RunRequests<Dispatch> {
  /** An isolate has 128 MB and may hold several coordinators. No request weighs as much as this, so each fits. */
  readonly permits = sharedByHosts({ attempts: 2000, bytes: 32_000_000 });
  readonly batchMax = 200;
  protected readonly eventPrefix = "attempt";
  protected readonly unsureMax = UNSURE_ATTEMPTS_MAX;
  protected readonly done: ReadonlySet<number> = new Set();
  readonly #stopRequests: StopRequests;
  /** Also of open runs without a dispatch: their deadline may have passed. */
  readonly outbox: Outbox<Dispatch, AttemptResult, OfRun<Dispatch>> = new Outbox(this, this.journal.due, this.context);

  constructor(context: Context, stopRequests: StopRequests) {
    super(context);
    this.#stopRequests = stopRequests;
  }

  /** A new run's dispatch, with its first attempt under way if a permit is free. Journal it, then launch it. */
  begin(run: Run, trigger: NewDispatch, now: number): { dispatch: Dispatch; events: TimelineEvent[] } {
    const { deadlineAt } = run;
    const planned = newDispatch(trigger, { createdAt: beganAt(run), deadlineAt }, now);
    const dispatch = this.outbox.begin(planned, planned.endsAt, now);
    return { dispatch, events: this.started(dispatch, now) };
  }

  hold(run: NewRun, trigger: NewDispatch, now: number): Dispatch {
    return { ...newDispatch(trigger, run, now), nextAt: null };
  }

  release(before: JournaledRun, run: Run, event: RunEvent, now: number, details: UpdateDetails = {}) {
    const held = this.journal.dispatches.of(run.id);
    if (held === null) throw new Error("a waiting run without a dispatch");
    const { dispatch, events } = this.begin(run, held, now);
    const released = this.ledger.update(before, run, event, now, { ...details, dispatch, last: events });
    this.outbox.launch(run.id, dispatch);
    return released;
  }

  find(runId: string, now: number): OfRun<Dispatch> | null {
    const run = this.ledger.current(runId, now);
    if (run === null || !isOpen(run)) return null;
    const dispatch = this.journal.dispatches.of(runId);
    return dispatch && { run, request: dispatch, endsAt: dispatch.endsAt };
  }

  /** A heartbeat moved this run's instant. Update `due_at`, or the alarm would select the run again at once. */
  idle(runId: string, now: number): void {
    const run = this.journal.runs.byId(runId);
    if (run === null || !isOpen(run)) return;
    const dispatch = this.journal.dispatches.of(runId);
    if (!this.journal.due.set(run, dispatch, now)) this.journal.due.defer(runId, now);
  }

  protected attemptOf(runId: string, { attempt, sealed, isUnsure }: Dispatch): Attempt {
    return { scope: this.journal.scope, runId, attempt, sealed, isUnsure };
  }

  protected note(
    { run, request }: OfRun<Dispatch>,
    events: readonly TimelineEvent[],
    now: number,
    failure?: FailedAttempt,
  ): void {
    // A run that does not start should say why to those who list it.
    const event: RunEvent | null = failure === undefined ? null : { type: "attempt_failed", failure };
    const next = event && transition(run, event, now);
    if (event !== null && next?.ok && next.value.version > run.version) {
      this.ledger.update(run, next.value, event, now, { first: events, dispatch: request });
    } else this.ledger.noteAttempt(run, request, events, now);
  }

  protected end(
    { run, request }: OfRun<Dispatch>,
    ending: Ending,
    events: readonly TimelineEvent[],
    now: number,
  ): void {
    const event: RunEvent =
      ending.type === "given_up"
        ? {
            type: "dispatch_failed",
            reason: ending.reason,
            isOfGate: run.gates !== null && ending.isUnready === true,
            mayHaveJob: ending.mayHaveJob,
          }
        : { type: request.startOn === "accepted" ? "started" : "dispatched" };
    const next = transition(run, event, now);
    if (!next.ok) throw new Error(`a dispatch under way for a run that refuses: ${next.error}`);
    if (next.value.version > run.version) {
      this.ledger.update(run, next.value, event, now, { first: events });
    } else {
      this.ledger.noteAttempt({ ...run, ...next.value }, null, events, now);
    }
  }

  /** The response can name the job, even if a heartbeat has started the run before. */
  useResult(runId: string, request: Dispatch, result: AttemptResult, isOvertaken: boolean, now: number): void {
    const { attempt } = request;
    const run = this.journal.runs.byId(runId);
    if (run === null) return;
    // The answer of an attempt that counted as lost can come while a later one is under way.
    const isLast = run.occupiedUntil !== null && attempt >= this.journal.timeline.lastAttempt(runId);
    if (isLast) this.ledger.consequences.scheduler?.attemptEnded(run, mayHaveJob(request, result), now);
    if (isOvertaken) this.#noteOvertaken(run, attempt, result, now);
    this.#stopRequests.dispatchAttemptEnded(run, attempt, result.values, now);
    if (!isOpen(run)) return;
    const { execution, link } = result;
    const isNamed = execution !== undefined && run.execution === null;
    const named = isNamed ? this.journal.runs.setExecution(run, execution) : run;
    // A heartbeat knows the job's page better.
    if (link === undefined || named.externalUrl !== null) return;
    const event: RunEvent = { type: "external_url", url: link };
    const next = transition(named, event, now);
    if (next.ok && next.value.version > named.version) this.ledger.update(named, next.value, event, now);
  }

  /** Each attempt has one answer at most. An attempt that was lost before has one already. */
  #noteOvertaken(run: JournaledRun, attempt: number, result: AttemptResult, now: number): void {
    if (!isOpen(run)) {
      logAnswered("attempt", this.journal.scope, run.id, attempt, result, OVERTAKEN.type);
    } else if (this.journal.timeline.isAttemptOpen(run.id, attempt)) {
      this.ledger.noteEvents(run, [attemptAnswered(attempt, result, OVERTAKEN, now)]);
    }
  }
}

/** They have a table of their own, because one can outlive its run's end. A stop request never changes a run. */
export class StopRequests extends RunRequests<StopRequest> {
  readonly permits = sharedByHosts({ attempts: 200, bytes: 8_000_000 });
  readonly batchMax = 50;
  protected readonly eventPrefix = "stop";
  /** A job that is asked to stop again stops once. */
  protected readonly unsureMax = null;
  /** There is no job any more, or it is stopping already. */
  protected readonly done: ReadonlySet<number> = new Set([404, 409, 410]);
  readonly outbox: Outbox<StopRequest, AttemptResult, OfRun<StopRequest>> = new Outbox(
    this,
    this.journal.stopRequests,
    this.context,
  );

  start(run: JournaledRun, now: number): void {
    const stopRequest = this.journal.stopRequests.of(run.id);
    if (stopRequest !== null && isAttemptDue(stopRequest, now)) {
      this.outbox.submit(run.id, outgoing(run, stopRequest), now);
    }
  }

  /** A stop request that waited for the response leaves now. If a newer attempt may bring one, it keeps waiting. */
  dispatchAttemptEnded(
    run: JournaledRun,
    attempt: number,
    values: Uint8Array<ArrayBuffer> | undefined,
    now: number,
  ): void {
    const stopRequest = this.journal.stopRequests.of(run.id);
    if (stopRequest === null) return;
    if (values !== undefined) this.journal.stopRequests.putResponse(run.id, values);
    if (values === undefined && attempt < stopRequest.dispatchAttempt) return;
    this.journal.stopRequests.dispatchAttemptEnded(run.id);
    const hasWaited = stopRequest.attempt === 0 && stopRequest.nextAt !== null;
    if (hasWaited && !isAttemptDue(stopRequest, now)) {
      this.outbox.submit(run.id, outgoing(run, { ...stopRequest, nextAt: now }), now);
    }
  }

  find(runId: string, now: number): OfRun<StopRequest> | null {
    // The run first: if its time is up, it ends here, and that changes its stop request.
    const run = this.ledger.current(runId, now);
    const stopRequest = this.journal.stopRequests.of(runId);
    return run === null || stopRequest === null ? null : outgoing(run, stopRequest);
  }

  idle(runId: string, now: number): void {
    const found = this.find(runId, now);
    if (found === null || now >= found.endsAt) this.journal.stopRequests.erase(runId);
    else this.ledger.noteStopRequest(found.run, found.request, [], now);
  }

  protected attemptOf(runId: string, { attempt, sealed, isUnsure }: StopRequest): Attempt {
    const { scope, stopRequests } = this.journal;
    return { scope, runId, attempt, sealed, isUnsure, stopRequest: { response: stopRequests.responseOf(runId) } };
  }

  protected note({ run, request }: OfRun<StopRequest>, events: readonly TimelineEvent[], now: number): void {
    this.ledger.noteStopRequest(run, request, events, now);
  }

  protected end({ run }: OfRun<StopRequest>, _ending: Ending, events: readonly TimelineEvent[], now: number): void {
    this.ledger.noteStopRequest(run, null, events, now);
  }
}

function outgoing(run: JournaledRun, request: StopRequest): OfRun<StopRequest> {
  return { run, request, endsAt: stopRequestEndsAt(run) };
}

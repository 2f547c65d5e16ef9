/**
 * The stop requests of an environment's runs. They have a table of their own, because a stop request can outlive its
 * run's end. A stop request never changes a run.
 */

import { type AttemptResult, isAttemptDue } from "../../webhooks/delivery.ts";
import type { Attempt } from "../../webhooks/request/sealed-request.ts";
import { type Journal, stopRequestEndsAt } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { StopRequest } from "../journal/stop-request-rows.ts";
import type { TimelineEvent } from "../timeline-event.ts";
import type { DueQueue } from "./alarm/due-queue.ts";
import type { Ledger } from "./ledger.ts";
import { Outbox } from "./outbox.ts";
import { type Ending, type OfRun, RunRequests, type Sending, sharedByHosts } from "./run-requests.ts";

export class StopRequests extends RunRequests<StopRequest> {
  /** Stop requests have permits of their own, so that no dispatch delays one. */
  readonly permits = sharedByHosts({ attempts: 200, bytes: 8_000_000 });
  readonly batchMax = 50;
  protected readonly eventPrefix = "stop";
  /** A job that is asked to stop again stops once. */
  protected readonly unsureMax = null;
  /** There is no job any more, or it is stopping already. */
  protected readonly done: ReadonlySet<number> = new Set([404, 409, 410]);
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #outbox: Outbox<StopRequest, AttemptResult, OfRun<StopRequest>>;

  constructor(journal: Journal, queue: DueQueue, ledger: Ledger, sending: Sending) {
    super(sending);
    this.#journal = journal;
    this.#ledger = ledger;
    this.#outbox = new Outbox(this, queue, sending);
  }

  /**
   * Sends the stop request that the journal has planned, if it is due and a permit is free. If not, the alarm sends it.
   */
  start(run: JournaledRun, now: number): void {
    const stopRequest = this.#journal.stopRequests.of(run.id);
    if (stopRequest !== null && isAttemptDue(stopRequest, now)) {
      this.#outbox.submit(run.id, outgoing(run, stopRequest), now);
    }
  }

  /**
   * An attempt of the run's dispatch has ended. `values`: those of its response. A stop request that waited for them
   * leaves now. If this attempt is not the newest and brought no values, the stop request keeps waiting for the newest
   * one.
   */
  dispatchAttemptEnded(
    run: JournaledRun,
    attempt: number,
    values: Uint8Array<ArrayBuffer> | undefined,
    now: number,
  ): void {
    const stopRequest = this.#journal.stopRequests.of(run.id);
    if (stopRequest === null) return;
    if (values !== undefined) this.#journal.stopRequests.putResponse(run.id, values);
    if (values === undefined && attempt < stopRequest.dispatchAttempt) return;
    this.#journal.stopRequests.dispatchAttemptEnded(run.id);
    const hasWaited = stopRequest.attempt === 0 && stopRequest.nextAt !== null;
    if (hasWaited && !isAttemptDue(stopRequest, now)) {
      this.#outbox.submit(run.id, outgoing(run, { ...stopRequest, nextAt: now }), now);
    }
  }

  takeBatch(now: number): number {
    return this.#outbox.takeBatch(now);
  }

  find(runId: string, now: number): OfRun<StopRequest> | null {
    // The run first: if its time is up, it ends here, and that changes its stop request.
    const run = this.#ledger.current(runId, now);
    const stopRequest = this.#journal.stopRequests.of(runId);
    return run === null || stopRequest === null ? null : outgoing(run, stopRequest);
  }

  /** The time of the stop request is up, or the due instant of its row was stale. */
  idle(runId: string, now: number): void {
    const found = this.find(runId, now);
    if (found === null || now >= found.endsAt) this.#journal.stopRequests.erase(runId);
    else this.#ledger.noteStopRequest(found.run, found.request, [], now);
  }

  protected attemptOf(runId: string, { attempt, sealed, isUnsure }: StopRequest): Attempt {
    const { scope } = this.#journal;
    return {
      scope,
      runId,
      attempt,
      sealed,
      isUnsure,
      stopRequest: { response: this.#journal.stopRequests.responseOf(runId) },
    };
  }

  protected note({ run, request }: OfRun<StopRequest>, events: readonly TimelineEvent[], now: number): void {
    this.#ledger.noteStopRequest(run, request, events, now);
  }

  protected end({ run }: OfRun<StopRequest>, _ending: Ending, events: readonly TimelineEvent[], now: number): void {
    this.#ledger.noteStopRequest(run, null, events, now);
  }

  useResult(): void {
    // Only the status counts.
  }
}

function outgoing(run: JournaledRun, request: StopRequest): OfRun<StopRequest> {
  return { run, request, endsAt: stopRequestEndsAt(run) };
}

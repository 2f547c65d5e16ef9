/**
 * The coordinator's own SQLite, which decides what is true: runs, their timelines, their deliveries and stop requests, and a
 * few marks. Every method is synchronous, so nothing can come between a decision and its record.
 */

import { MINUTE_MS } from "../../base/time.ts";
import type { Delivery } from "../../webhooks/delivery.ts";
import type { Owner } from "../run-id.ts";
import type { TimelineEvent } from "../timeline.ts";
import { AnswerRows } from "./answer-rows.ts";
import { type AcceptedCancel, CancelRows } from "./cancel-rows.ts";
import { DeliveryRows } from "./delivery-rows.ts";
import { DueRuns, dueOf } from "./due-runs.ts";
import { LandingRows, type Unlanded } from "./landing-rows.ts";
import { Marks } from "./marks.ts";
import { BOUND_KEY, KEYS_AND_IDS, keyHalves, keysJson } from "./run-key.ts";
import { type JournaledRun, type RowDetails, RunRows } from "./run-rows.ts";
import { migrate } from "./steps.ts";
import { type ErasedDelivery, type Stop, StopRows } from "./stop-rows.ts";
import { TimelineRows } from "./timeline-rows.ts";

/** A stop request is not tried again later than this after its run's end. */
const STOP_AFTER_END_MS = 15 * MINUTE_MS;

/** The tables with rows that belong to a run. */
const TABLES_OF_RUNS = [
  "events",
  "deliveries",
  "refused_runs",
  "stop_requests",
  "receiver_answers",
  "cancels",
];

/** From this instant on, no attempt of the run's stop request begins. */
export function stopEndsAt({ completedAt, deadlineAt }: JournaledRun): number {
  return (completedAt ?? deadlineAt) + STOP_AFTER_END_MS;
}

/** What a write has made: a version that D1 lacks, and when its run needs something next. */
export interface Written {
  readonly unlanded: Unlanded;
  readonly dueAt: number;
  /** The delivery that the write erased; left out if there was none. */
  readonly erased?: ErasedDelivery;
}

export class Journal {
  readonly #storage: DurableObjectStorage;
  readonly owner: Owner;
  readonly runs: RunRows;
  readonly due: DueRuns;
  readonly landing: LandingRows;
  readonly timeline: TimelineRows;
  readonly deliveries: DeliveryRows;
  readonly stops: StopRows;
  readonly answers: AnswerRows;
  readonly cancels: CancelRows;
  readonly marks: Marks;

  constructor(storage: DurableObjectStorage, owner: Owner) {
    migrate(storage);
    this.#storage = storage;
    this.owner = owner;
    this.runs = new RunRows(storage.sql);
    this.due = new DueRuns(storage.sql);
    this.timeline = new TimelineRows(storage.sql);
    this.deliveries = new DeliveryRows(storage.sql);
    this.stops = new StopRows(storage.sql);
    this.answers = new AnswerRows(storage.sql);
    this.cancels = new CancelRows(storage.sql);
    this.marks = new Marks(storage.sql);
    this.landing = new LandingRows(storage.sql, this.marks);
  }

  /**
   * Writes a new run with its delivery and the events after `created`, in one transaction. Null, and nothing is written, if
   * the run's key or its id is taken.
   */
  insert(run: JournaledRun, delivery: Delivery | null, events: readonly TimelineEvent[], now: number) {
    return this.#storage.transactionSync((): Written | null => {
      const written = this.#written(run, delivery, now);
      if (!this.runs.insert(run, rowDetails(written))) return null;
      if (delivery !== null) this.deliveries.put(run.id, delivery);
      if (delivery?.stop !== undefined) this.stops.insert(run.id, delivery.stop, stopEndsAt(run));
      this.timeline.append(run, events);
      return written;
    });
  }

  /**
   * Writes a run's new version and the events behind it, and erases its delivery, in one transaction. `cancel`: the cancel that
   * made the version; null for another change.
   */
  update(
    run: JournaledRun,
    events: readonly TimelineEvent[],
    now: number,
    cancel: AcceptedCancel | null = null,
  ): Written {
    return this.#storage.transactionSync(() => {
      const written = this.#written(run, null, now);
      this.runs.update(run, rowDetails(written));
      if (cancel !== null) this.cancels.insert(run.id, cancel);
      const erased = this.#eraseDelivery(run.id);
      this.#boundStop(run);
      this.timeline.append(run, events);
      return erased === null ? written : { ...written, erased };
    });
  }

  /**
   * Notes a heartbeat that makes no new version. It does not move `due_at`, so that a heartbeat touches no index: the alarm
   * corrects the row later.
   */
  noteHeartbeat(run: JournaledRun, events: readonly TimelineEvent[]): void {
    this.#storage.transactionSync(() => {
      const heard = `UPDATE runs SET silent_since = ? WHERE run_key = ${BOUND_KEY} AND id = ?`;
      this.#storage.sql.exec(heard, run.silentSince, ...keyHalves(run.id), run.id);
      this.timeline.append(run, events);
    });
  }

  /** Notes a delivery's progress while the run keeps its version, and when the run needs something next. */
  noteAttempt(run: JournaledRun, delivery: Delivery | null, events: readonly TimelineEvent[]): void {
    this.#storage.transactionSync(() => {
      this.#storage.sql.exec(
        `UPDATE runs SET silent_since = ?, due_at = ?, due_failures = 0 WHERE run_key = ${BOUND_KEY} AND id = ?`,
        run.silentSince,
        dueOf(run, delivery),
        ...keyHalves(run.id),
        run.id,
      );
      if (delivery === null) this.#eraseDelivery(run.id);
      else this.deliveries.put(run.id, delivery);
      this.timeline.append(run, events);
    });
  }

  /** Notes the progress of a run's stop request. Null erases the request and the receiver's answer. */
  noteStop(run: JournaledRun, stop: Stop | null, events: readonly TimelineEvent[]): void {
    this.#storage.transactionSync(() => {
      if (stop === null) this.eraseStop(run.id);
      else this.stops.update(run.id, stop, stopEndsAt(run));
      this.timeline.append(run, events);
    });
  }

  /** An answer is kept only for a stop request. */
  eraseStop(runId: string): void {
    if (this.stops.erase(runId)) this.answers.erase(runId);
  }

  /** Removes runs with everything that belongs to them. */
  forget(ids: readonly string[]): void {
    const { sql } = this.#storage;
    const those = "WHERE run_id IN (SELECT value FROM json_each(?))";
    this.#storage.transactionSync(() => {
      for (const table of TABLES_OF_RUNS) sql.exec(`DELETE FROM ${table} ${those}`, JSON.stringify(ids));
      this.stops.forget();
      sql.exec(`DELETE FROM runs WHERE (run_key, id) IN ${KEYS_AND_IDS}`, keysJson(ids));
    });
  }

  #eraseDelivery(runId: string): ErasedDelivery | null {
    const erased = this.deliveries.erase(runId);
    if (erased !== null) this.stops.deliveryErased(runId, erased);
    return erased;
  }

  /**
   * Once a run was cancelled, its stop request has little time left. After any other end there is nothing to stop: a stop
   * request could end the rest of a pipeline that has reported its success.
   */
  #boundStop(run: JournaledRun): void {
    // Only a trigger has a stop request.
    if (run.completedAt === null || run.source === "none") return;
    if (run.status === "cancelled") this.stops.endBy(run.id, stopEndsAt(run));
    else this.eraseStop(run.id);
  }

  #written(run: JournaledRun, delivery: Delivery | null, now: number): Written {
    const { id, version } = run;
    const bytes = run.parameters.length + run.recommendations.length + (run.output?.length ?? 0) + 1024;
    const unlanded = { id, version, seq: this.landing.nextSeq(), bytes, changedAt: now, run };
    return { unlanded, dueAt: dueOf(run, delivery) };
  }
}

function rowDetails({ unlanded: { seq, bytes, changedAt }, dueAt }: Written): RowDetails {
  return { dueAt, seq, changedAt, bytes };
}

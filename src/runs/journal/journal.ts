/** Decides what is true. Every method is synchronous, so no other call runs between a decision and its record. */

import { EMPTY_FILLER, FILL_FREED_PAGES } from "../../base/freed-pages.ts";
import { MINUTE_MS } from "../../base/time.ts";
import type { Dispatch } from "../../webhooks/dispatch.ts";
import { isWaiting } from "../run.ts";
import { isTimelineDerived, type TimelineEvent } from "../timeline.ts";
import { BulkItemRows, BulkRows } from "./bulk-rows.ts";
import { ConcurrencyQueueRows, PauseRows } from "./concurrency-rows.ts";
import { DeliveryRows } from "./delivery-rows.ts";
import { DispatchRows, type ErasedDispatch, PreviewRows, type StopRequest, StopRequestRows } from "./dispatch-rows.ts";
import { ArchiveRows, DueRuns, dueOf } from "./due-rows.ts";
import { EndpointHealthRows, EndpointRows, OutcomeRows, RecoveryRows } from "./endpoint-rows.ts";
import { FanOutCursors, Metadata, Sequence } from "./metadata.ts";
import { type PendingVersion, ReplicaRows } from "./replica-rows.ts";
import { Rows } from "./rows.ts";
import { type JournaledRun, type RowDetails, RunRows } from "./run-rows.ts";
import { ChangedRuns, EndedRunCounts, RunsWithEvents } from "./run-walks.ts";
import { PlannedRetryRows, ScheduleRows } from "./schedule-rows.ts";
import { JournalSql } from "./schema.ts";
import { type AcceptedChange, AcceptedChanges, TimelineRows } from "./timeline-rows.ts";

const STOP_AFTER_END_MS = 15 * MINUTE_MS;

/** The tables besides `runs` that have rows of a run. A planned retry can wait for longer. */
const TABLES_OF_RUNS = [
  "events",
  "dispatches",
  "quarantined_runs",
  "stop_requests",
  "receiver_responses",
  "accepted_changes",
  "previews",
];

export function stopRequestEndsAt({ completedAt, deadlineAt }: JournaledRun): number {
  return (completedAt ?? deadlineAt) + STOP_AFTER_END_MS;
}

export interface NewRunDetails {
  readonly dispatch: Dispatch | null;
  readonly events: readonly TimelineEvent[];
  readonly preview?: string | null | undefined;
  readonly alongside?: (() => void) | undefined;
}

interface VersionDetails {
  readonly events: readonly TimelineEvent[];
  readonly accepted?: AcceptedChange | null;
  readonly dispatch?: Dispatch | null;
  readonly isAskedAgain?: boolean;
  readonly alongside?: (() => void) | undefined;
}

export interface Written {
  readonly pendingVersion: PendingVersion;
  readonly dueAt: number;
  /** When the alarm must ring for the run, at the latest. An ended run can leave its queue before it is due. */
  readonly ringsAt: number;
  readonly erased?: ErasedDispatch;
  readonly after?: readonly (() => void)[];
}

/** What must be on record with a version, so that what follows from it happens even if this object dies. */
export interface FollowUp {
  /** Whether it is on record already, as it nearly always is. */
  isOnRecord(written: Written, now: number): boolean;
  /** Called in the version's transaction, behind all else. Returns what to do after the transaction, if anything. */
  record(written: Written, now: number): (() => void) | null;
}

class JournalTables extends Rows {
  readonly runs = new RunRows(this.sql);
  readonly due = new DueRuns(this.sql);
  readonly changedRuns = new ChangedRuns(this.sql);
  readonly runsWithEvents = new RunsWithEvents(this.sql);
  readonly endedCounts = new EndedRunCounts(this.sql);
  readonly timeline = new TimelineRows(this.sql);
  readonly accepted = new AcceptedChanges(this.sql, "accepted_changes");
  readonly dispatches = new DispatchRows(this.sql, "dispatches");
  readonly stopRequests = new StopRequestRows(this.sql, "stop_requests");
  readonly plannedRetries = new PlannedRetryRows(this.sql, "planned_retries");
  readonly previews = new PreviewRows(this.sql);
  readonly queues = new ConcurrencyQueueRows(this.sql);
  readonly pauses = new PauseRows(this.sql, "pauses");
  readonly endpoints = new EndpointRows(this.sql, "endpoints");
  readonly endpointHealth = new EndpointHealthRows(this.sql, "endpoint_health", ["failedDays"]);
  readonly recoveries = new RecoveryRows(this.sql, "recoveries");
  readonly outcomes = new OutcomeRows(this.sql);
  readonly deliveries = new DeliveryRows(this.sql, "deliveries", ["attempts"]);
  readonly schedules = new ScheduleRows(this.sql, "schedules");
  readonly bulk = new BulkRows(this.sql, "bulk_operations", ["bulkOrder", "stoppedBy", "ended"]);
  readonly bulkItems = new BulkItemRows(this.sql);
  readonly metadata = new Metadata(this.sql);
  readonly fanOut = new FanOutCursors(this.metadata);
  readonly archive = new ArchiveRows(this.sql, this.metadata);
  readonly sequence = new Sequence(this.sql, this.metadata);
}

export class Journal extends JournalTables {
  readonly #storage: DurableObjectStorage;
  readonly #sql: JournalSql;
  readonly scope: string;
  /** Called after a rollback. Set once. */
  takenBack: () => void = () => {};

  constructor(storage: DurableObjectStorage, scope: string) {
    const sql = new JournalSql(storage, scope);
    super(sql);
    this.#storage = storage;
    this.#sql = sql;
    this.scope = scope;
  }

  get isWritten(): boolean {
    return this.#sql.isWritten;
  }

  get replicas(): readonly ReplicaRows[] {
    return this.metadata.replicas.map((database) => this.replicaIn(database));
  }

  replicaIn(database: number): ReplicaRows {
    return new ReplicaRows(this.sql, this.metadata, database);
  }

  transaction<T>(write: () => T): T {
    try {
      return this.#storage.transactionSync(write);
    } catch (error) {
      // What only forgets comes first, because a read can fail too.
      const { runs, bulk, stopRequests, deliveries, endpoints, queues, plannedRetries, schedules } = this;
      const memories = [runs, bulk, stopRequests, deliveries, endpoints, queues, plannedRetries, schedules];
      for (const rows of memories) rows.forget();
      this.takenBack();
      this.#sql.look();
      this.metadata.read();
      throw error;
    }
  }

  durable(): Promise<void> {
    return this.#storage.sync();
  }

  /** Null, and nothing is written, if the run's key or its id is taken. */
  insert(
    run: JournaledRun,
    { dispatch, events, preview = null, alongside }: NewRunDetails,
    now: number,
    followUps: readonly FollowUp[] = [],
  ): Written | null {
    const written = this.#version(run, dispatch, now);
    const isOneStatement = dispatch === null && events.length === 0 && alongside === undefined;
    return this.#numbered(written, isOneStatement, followUps, (): Written | null => {
      if (run.gates !== null) this.queues.runChanges();
      const waitingBytes = dispatch === null ? 0 : sealedBytes(dispatch) + (preview?.length ?? 0);
      if (!this.runs.insert(run, { ...rowDetails(written), waitingBytes })) return null;
      if (preview !== null) this.previews.insert(run.id, preview);
      if (dispatch !== null) this.dispatches.put(run.id, dispatch);
      if (dispatch?.stopRequest !== undefined) {
        this.stopRequests.insert(run.id, dispatch.stopRequest, stopRequestEndsAt(run));
      }
      this.timeline.append(run, events);
      alongside?.();
      return written;
    });
  }

  update(
    run: JournaledRun,
    { events, accepted = null, dispatch = null, isAskedAgain = false, alongside }: VersionDetails,
    now: number,
    followUps: readonly FollowUp[] = [],
  ): Written {
    const written = this.#version(run, dispatch, now);
    const isOneStatement = isTimelineDerived(run) && accepted === null && alongside === undefined;
    return this.#numbered(written, isOneStatement, followUps, (): Written => {
      if (run.gates !== null) this.queues.runChanges();
      if (run.occupiedUntil !== null) this.queues.forget();
      this.runs.update(run, rowDetails(written));
      if (accepted !== null) this.accepted.insert(run.id, accepted);
      if (dispatch !== null) this.dispatches.put(run.id, dispatch);
      const isDispatchOver = run.source !== "none" && dispatch === null && !isWaiting(run);
      const erased = isDispatchOver ? this.#eraseDispatch(run.id) : null;
      this.#orderStopRequest(run, now);
      if (run.gates?.approval && run.completedAt !== null) this.previews.erase(run.id);
      if (isAskedAgain) this.deliveries.eraseOf([run.id]);
      this.timeline.append(run, events);
      alongside?.();
      return erased === null ? written : { ...written, erased };
    });
  }

  noteHeartbeat(run: JournaledRun, events: readonly TimelineEvent[]): void {
    this.transaction(() => {
      this.runs.heard(run);
      this.timeline.append(run, events);
    });
  }

  /** The run keeps its version. Null erases the dispatch. Call it in the transaction that sets the alarm. */
  noteAttempt(run: JournaledRun, dispatch: Dispatch | null, events: readonly TimelineEvent[]): void {
    this.runs.heard(run, dueOf(run, dispatch));
    if (dispatch === null) this.#eraseDispatch(run.id);
    else this.dispatches.put(run.id, dispatch);
    this.timeline.append(run, events);
  }

  noteStopRequest(run: JournaledRun, stopRequest: StopRequest | null, events: readonly TimelineEvent[]): void {
    if (stopRequest === null) this.stopRequests.erase(run.id);
    else this.stopRequests.update(run.id, stopRequest, stopRequestEndsAt(run));
    this.timeline.append(run, events);
  }

  /** In all tables but `runs`. A stop request stays until it is sent or given up, because a job may have to stop. */
  eraseTexts(run: JournaledRun): void {
    this.timeline.erase(run.id, true);
    this.accepted.erase(run.id);
    this.previews.erase(run.id);
    this.deliveries.eraseExcerpts(run.id);
  }

  /** Makes them durable before they are erased, so that no file keeps the bytes. */
  overwriteTexts(run: JournaledRun, erased: JournaledRun): Promise<void> {
    this.transaction(() => {
      // It finds them by the run's entity and subject.
      this.outcomes.eraseOf([run.id]);
      this.runs.overwrite(run, erased);
      this.timeline.erase(run.id, false);
    });
    return this.durable();
  }

  /** Writes over the pages that were freed last. Earlier versions of a run can be there. */
  async fillFreedPages(): Promise<void> {
    this.sql.exec(FILL_FREED_PAGES);
    await this.durable();
    this.sql.exec(EMPTY_FILLER);
  }

  forget(ids: readonly string[]): void {
    const those = "WHERE run_id IN (SELECT value FROM json_each(?))";
    this.transaction(() => {
      for (const table of TABLES_OF_RUNS) {
        // Most tables are empty. A deletion looks for each run even in an empty table.
        if (!this.#isEmpty(table)) this.sql.exec(`DELETE FROM ${table} ${those}`, JSON.stringify(ids));
      }
      this.stopRequests.forget();
      this.deliveries.eraseOf(ids);
      if (!this.#isEmpty("outcomes")) this.outcomes.eraseOf(ids);
      this.runs.remove(ids);
      this.sequence.removedRuns();
    });
  }

  #isEmpty(table: string): boolean {
    return !this.hasRow(`SELECT 1 FROM ${table} LIMIT 1`);
  }

  #eraseDispatch(runId: string): ErasedDispatch | null {
    const erased = this.dispatches.erase(runId);
    if (erased !== null) this.stopRequests.dispatchErased(runId, erased);
    return erased;
  }

  /**
   * In the transaction of the version, so that nobody accepts a cancel and forgets it. After any other end it is
   * erased, because it could stop the rest of a pipeline that has reported its success.
   */
  #orderStopRequest(run: JournaledRun, now: number): void {
    const isOver = run.completedAt !== null;
    if (run.source === "none" || (!isOver && run.cancelUntil === null)) return;
    // Nothing was sent of a run that has ended at its gate.
    const wasSent = run.gates === null || run.releasedAt !== null;
    if (isOver && !(mustStop(run) && wasSent)) this.stopRequests.erase(run.id);
    else this.stopRequests.plan(run.id, stopRequestEndsAt(run), now);
  }

  /** The version's sequence number counts once it is written. Several statements need a transaction. */
  #numbered<W extends Written | null>(
    version: Written,
    isOneStatement: boolean,
    followUps: readonly FollowUp[],
    write: () => W,
  ): W {
    const { seq, changedAt } = version.pendingVersion;
    const unrecorded = followUps.filter((followUp) => !followUp.isOnRecord(version, changedAt));
    const writeAll = (): W => {
      const written = write();
      if (written === null) return written;
      const after = unrecorded.flatMap((followUp) => followUp.record(version, changedAt) ?? []);
      return after.length === 0 ? written : { ...written, after };
    };
    const isOneWrite = isOneStatement && unrecorded.length === 0;
    const written = isOneWrite ? write() : this.transaction(writeAll);
    if (written !== null) this.sequence.wrote(seq);
    return written;
  }

  #version(run: JournaledRun, dispatch: Dispatch | null, now: number): Written {
    const { id, version } = run;
    const bytes = bytesOf(run);
    const pendingVersion = { id, version, seq: this.sequence.next, bytes, changedAt: now, run };
    const dueAt = dueOf(run, dispatch);
    return { pendingVersion, dueAt, ringsAt: Math.min(dueAt, run.occupiedUntil ?? Number.POSITIVE_INFINITY) };
  }
}

/** Also after a silent end of a run of a concurrency queue, because the next one starts. */
export function mustStop({ status, endCause, gates }: JournaledRun): boolean {
  if (status === "cancelled") return true;
  return gates?.concurrency != null && (endCause === "deadline" || endCause === "silence");
}

export function bytesOf({ parameters, recommendations, output }: JournaledRun): number {
  return parameters.length + recommendations.length + (output?.length ?? 0) + 1024;
}

function sealedBytes({ sealed, stopRequest }: Dispatch): number {
  return sealed.byteLength + (stopRequest?.sealed.byteLength ?? 0);
}

function rowDetails({ pendingVersion: { seq, bytes, changedAt }, dueAt }: Written): RowDetails {
  return { dueAt, seq, changedAt, bytes };
}

/**
 * Replicates changed runs to one database, one batch at a time (two if the first one hangs). A batch is one write. It
 * has the runs that changed since the last one started, up to GROUP_MAX_BYTES. The first change after an interval is
 * written at once, and later ones gather. Nobody waits for a batch. The journal is durable before a batch starts. A
 * batch that is lost, late or repeated is harmless, because D1 takes only newer versions.
 */

import { logFailure } from "../../base/log.ts";
import { msSinceOrLongAgo } from "../../base/time.ts";
import { isDatabaseFull } from "../../database/d1-errors.ts";
import { GROUP_MAX_BYTES, isRefusedForContent, type RowStore } from "../d1/store.ts";
import type { Journal } from "../journal/journal.ts";
import type { PendingVersion, ReplicaRows } from "../journal/landing-rows.ts";
import { type BatchRow, chooseBatch } from "./boarding.ts";
import { BatchWrites } from "./flights.ts";
import { LackingIds } from "./lacking-ids.ts";
import type { ReplicationAlarm } from "./repair-alarm.ts";
import { QuarantinedRuns } from "./runs-aside.ts";
import { PendingRuns } from "./unlanded-runs.ts";

/** From the start of one batch to the next. A run that ends within it is replicated once. */
export const INTERVAL_MS = 1000;
/** The same for a batch that is full, or that has an urgent change. */
export const INTERVAL_MIN_MS = 50;
/** The intervals of many coordinators differ by this part, so that their batches don't keep reaching D1 at once. */
const JITTER = 0.2;
const RETRY_FIRST_MS = 1000;
/** With BATCH_MAX_MS for a batch that hangs, a batch starts within 15 s after D1 is back. */
const RETRY_LAST_MS = 4000;
/** Runs that are replicated again are in one batch in this time, because a resync must leave D1 to others. */
const AGAIN_INTERVAL_MS = 500;

/** One database, and what is known of it. */
export interface ReplicationTarget {
  /** Its number. */
  readonly database: number;
  readonly store: RowStore;
  readonly rows: ReplicaRows;
  /** Called when runs are replicated, and when a walk over all runs is done. */
  readonly onReplicated?: () => void;
  /** Called in the critical section that notes that such a walk is done. */
  readonly onWalked?: () => void;
}

export class GroupCommit {
  readonly #journal: Journal;
  readonly #target: ReplicationTarget;
  readonly #alarm: ReplicationAlarm;
  readonly #batches: BatchWrites;
  readonly pending: PendingRuns;
  readonly quarantined: QuarantinedRuns;
  /** Of the runs that the database lacks in their newest version: they wait, are in a batch, or are quarantined. */
  readonly lackingIds: LackingIds;
  #nextWrite = Promise.withResolvers<void>();
  #isWriting = false;
  /** How many batches failed since the last one that was written. */
  #failures = 0;
  /** The timer of the next batch; null if none is set. */
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** When the last batch started; null if none has. */
  #startedAt: number | null = null;
  /** Whether a change that waits is urgent. */
  #isUrgent = false;
  /** When a batch last had runs that are replicated again; null if none did. */
  #againAt: number | null = null;
  #isStopped = false;

  constructor(journal: Journal, target: ReplicationTarget, alarm: ReplicationAlarm) {
    this.#journal = journal;
    this.#target = target;
    this.#alarm = alarm;
    this.pending = new PendingRuns(target.rows.pending());
    this.quarantined = new QuarantinedRuns(target.rows);
    this.lackingIds = new LackingIds(
      (id) => this.pending.isChanged(id) || this.quarantined.has(id),
      () => this.pending.size + this.quarantined.size,
    );
    for (const { id } of this.pending.waiting()) this.lackingIds.add(id);
    this.#batches = new BatchWrites(target.store);
  }

  /** No further batch starts, and nothing is noted any more. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Resolves when the next batch is written. */
  nextWrite(): Promise<void> {
    return this.#nextWrite.promise;
  }

  /** Notes a version that the journal has just written, and plans its batch. `isUrgent`: the batch comes soon. */
  changed(entry: PendingVersion, isUrgent = false): void {
    this.pending.add(entry);
    this.quarantined.changed(entry.id);
    this.lackingIds.add(entry.id);
    if (isUrgent) this.#isUrgent = true;
    this.plan();
  }

  /** Replicates runs again, after all changes. */
  replicateAgain(entries: readonly PendingVersion[]): void {
    for (const entry of entries) this.pending.addAgain(entry);
    this.plan();
  }

  /** Forgets runs that are no longer kept, or that can't be printed. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.pending.forget(id);
      this.quarantined.remove(id);
    }
  }

  /** What is known of a run that the database lacks; undefined if it lacks none of this id. */
  lacking(id: string): PendingVersion | undefined {
    return this.pending.change(id) ?? this.quarantined.entry(id);
  }

  /** Whether a batch may still be written. */
  get isWriting(): boolean {
    return this.#batches.isAnyUnderWay;
  }

  /** Plans the next batch for what waits. While D1 fails, only the alarm tries again. Otherwise each change would. */
  plan(): void {
    if (this.#failures > 0 || !this.#mayWrite || !this.pending.isAnyWaiting) return;
    const { bytes } = this.pending;
    const isSoon = this.#isUrgent || bytes >= GROUP_MAX_BYTES;
    // A batch is planned already.
    if (this.#timer !== null && !isSoon) return;
    const now = Date.now();
    const waitMs = this.pending.isAnyChangeWaiting ? this.#waitMs(now, isSoon) : this.#againWaitMs(now);
    if (waitMs === 0) this.writeNow();
    else this.#writeIn(waitMs);
  }

  /** Starts a batch if none is under way, whatever the interval. Returns at once. */
  writeNow(): void {
    // After this critical section, so that the batch has everything that it changes.
    if (this.#mayWrite) queueMicrotask(() => this.#startBatch());
  }

  get #mayWrite(): boolean {
    return !this.#isStopped && !this.#isWriting && !this.#batches.isFull;
  }

  #writeIn(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#startBatch(), ms);
  }

  #waitMs(now: number, isSoon: boolean): number {
    if (this.#startedAt === null) return 0;
    const interval = (isSoon ? INTERVAL_MIN_MS : INTERVAL_MS) * (1 + JITTER * (2 * Math.random() - 1));
    return Math.max(0, interval - msSinceOrLongAgo(this.#startedAt, now));
  }

  #againWaitMs(now: number): number {
    return this.#againAt === null ? 0 : Math.max(0, AGAIN_INTERVAL_MS - msSinceOrLongAgo(this.#againAt, now));
  }

  /**
   * Notes in the journal what is replicated. Only the alarm calls this. If the object dies before, some runs are
   * replicated again.
   */
  noteReplicated(): void {
    this.#target.rows.noteReplicated(this.#replicatedUpTo);
  }

  /** Whether the journal has noted all that is replicated. */
  get isNoted(): boolean {
    return this.#target.rows.replicatedSeq >= this.#replicatedUpTo;
  }

  get #replicatedUpTo(): number {
    return Math.min(this.pending.firstSeq - 1, this.#journal.sequence.last);
  }

  #startBatch(): void {
    if (!this.#mayWrite) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isWriting = true;
    void this.#writeBatch(Date.now());
  }

  async #writeBatch(now: number): Promise<void> {
    try {
      for (const entry of this.quarantined.due(now)) this.pending.addAgain(entry);
      const batch = this.#nextBatch(now);
      if (batch.length > 0) {
        this.#startedAt = now;
        await this.#writeSplitting(batch);
      }
      this.#failures = 0;
      this.#nextWrite.resolve();
      this.#nextWrite = Promise.withResolvers();
    } catch (error) {
      this.#failures++;
      this.#retrySoon(error, null);
    }
    this.#isWriting = false;
    this.pending.batchEnded();
    this.plan();
  }

  #nextBatch(now: number): BatchRow[] {
    const waiting = this.pending.waiting(this.#againWaitMs(now) === 0);
    const batch = chooseBatch(this.#journal, waiting, (id) => this.forget([id]));
    if (this.pending.takeIntoBatch(batch.map(({ entry }) => entry))) this.#againAt = now;
    if (!this.pending.isAnyChangeWaiting) this.#isUrgent = false;
    return batch;
  }

  /** Writes a batch. If D1 refuses its content, halves it until the culprit is alone, and quarantines that run. */
  async #writeSplitting(group: readonly BatchRow[]): Promise<void> {
    try {
      await this.#batches.send(
        group.map(({ text }) => text),
        group.filter(({ isLabelled }) => isLabelled).map(({ entry }) => entry.id),
        () => this.#confirm(group),
      );
    } catch (error) {
      if (!isRefusedForContent(error)) throw error;
      const [culprit] = group;
      if (group.length === 1 && culprit !== undefined) {
        this.#quarantine(culprit, error);
        return;
      }
      const middle = Math.ceil(group.length / 2);
      await this.#writeSplitting(group.slice(0, middle));
      await this.#writeSplitting(group.slice(middle));
    }
  }

  #confirm(group: readonly BatchRow[]): void {
    if (this.#isStopped) return;
    for (const { entry, version } of group) {
      this.pending.replicated(entry.id, version);
      if (!this.pending.has(entry.id)) this.quarantined.replicated(entry.id, version);
    }
    this.#target.onReplicated?.();
  }

  /** A later retry writes the run again, after 5 s first and after 10 minutes at most. */
  #quarantine({ entry, version }: BatchRow, error: unknown): void {
    if (this.#isStopped) return;
    // If a newer version waits, try that version instead of quarantining the run.
    const isLast = !this.pending.hasNewer(entry.id, version);
    // Quarantine it first. When `pending` forgets the run, the number up to which all is replicated can pass it. Then
    // only the table of quarantined runs still lists it.
    if (isLast) {
      this.quarantined.put(entry, Date.now());
      // It may have been replicated again, without a change.
      this.lackingIds.add(entry.id);
    }
    this.pending.replicated(entry.id, version);
    if (isLast) this.#retrySoon(error, entry.id);
  }

  /** Logs the failure and sets the retry. `quarantinedId`: the quarantined run; null if a whole batch failed. */
  #retrySoon(error: unknown, quarantinedId: string | null): void {
    if (this.#isStopped) return;
    const now = Date.now();
    logFailure(quarantinedId === null ? "replication_failed" : "run_quarantined", error, {
      coordinator: this.#journal.scope,
      database: this.#target.database,
      run: quarantinedId ?? undefined,
      reason: quarantinedId !== null ? undefined : isDatabaseFull(error) ? "full" : "outage",
      unreplicated: this.pending.size + this.quarantined.size,
      quarantined: this.quarantined.size,
      failures: this.#failures,
    });
    const delay = RETRY_FIRST_MS * 2 ** Math.max(0, this.#failures - 1);
    try {
      this.#alarm.setReplicationRetryAt(now + Math.min(RETRY_LAST_MS, delay));
      this.#alarm.arm(now);
    } catch (cause) {
      // The retry that the version has set comes a little later.
      logFailure("alarm_failed", cause, { coordinator: this.#journal.scope });
    }
  }
}

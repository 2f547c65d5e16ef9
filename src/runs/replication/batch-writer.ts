/**
 * Replicates changed runs to one database, one batch at a time (two if the first one hangs). Nobody waits for a batch.
 * One that is lost, late or repeated is harmless: the journal is durable before, and D1 takes only newer versions.
 */

import { utf8Bytes } from "../../base/limits.ts";
import { logFailure } from "../../base/log.ts";
import { msSinceOrLongAgo } from "../../base/time.ts";
import { isDatabaseFull } from "../../database/d1-errors.ts";
import { GROUP_MAX_BYTES, hasLabels, isRefusedForContent, type RowStore, toGroupRow } from "../d1/store.ts";
import type { Journal } from "../journal/journal.ts";
import type { PendingVersion, ReplicaRows } from "../journal/replica-rows.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { LackingIds, PendingRuns, QuarantinedRuns } from "./pending-runs.ts";

/** From the start of one batch to the next. A run that ends within it is replicated once. */
export const INTERVAL_MS = 1000;
/** The same for a batch that is full, or that has an urgent change. */
export const INTERVAL_MIN_MS = 50;
/** The intervals of many coordinators differ by this part, so that their batches don't keep reaching D1 at once. */
const JITTER = 0.2;
const RETRY_FIRST_MS = 1000;
/** With BATCH_MAX_MS for a batch that hangs, a batch starts within 15 s after D1 is back. */
const RETRY_LAST_MS = 4000;
const AGAIN_INTERVAL_MS = 500;

export interface ReplicationTarget {
  readonly database: number;
  readonly store: RowStore;
  readonly rows: ReplicaRows;
  /** Called when runs are replicated, and when a walk over all runs is done. */
  readonly onReplicated?: () => void;
  readonly onWalked?: () => void;
}

export class BatchWriter {
  readonly #journal: Journal;
  readonly #target: ReplicationTarget;
  readonly #alarm: ReplicationAlarm;
  readonly #writes: WritesUnderWay;
  readonly pending: PendingRuns;
  readonly quarantined: QuarantinedRuns;
  readonly lackingIds: LackingIds;
  #nextWrite = Promise.withResolvers<void>();
  #isWriting = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #startedAt: number | null = null;
  #isUrgent = false;
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
    this.#writes = new WritesUnderWay(target.store);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  nextWrite(): Promise<void> {
    return this.#nextWrite.promise;
  }

  changed(entry: PendingVersion, isUrgent = false): void {
    this.pending.add(entry);
    this.quarantined.changed(entry.id);
    this.lackingIds.add(entry.id);
    if (isUrgent) this.#isUrgent = true;
    this.plan();
  }

  replicateAgain(entries: readonly PendingVersion[]): void {
    for (const entry of entries) this.pending.addAgain(entry);
    this.plan();
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.pending.forget(id);
      this.quarantined.remove(id);
    }
  }

  lacking(id: string): PendingVersion | undefined {
    return this.pending.change(id) ?? this.quarantined.entry(id);
  }

  get isWriting(): boolean {
    return this.#writes.isAnyUnderWay;
  }

  /** Nobody knows any more which runs a batch has that was given up. */
  mayWrite(id: string): boolean {
    return this.pending.isInBatch(id) || this.#writes.isAnyGivenUp;
  }

  /** While D1 fails, only the alarm tries again. Otherwise each change would. */
  plan(): void {
    if (this.#failures > 0 || !this.#mayWrite || !this.pending.isAnyWaiting) return;
    const { bytes } = this.pending;
    const isSoon = this.#isUrgent || bytes >= GROUP_MAX_BYTES;
    if (this.#timer !== null && !isSoon) return;
    const now = Date.now();
    const waitMs = this.pending.isAnyChangeWaiting ? this.#waitMs(now, isSoon) : this.#againWaitMs(now);
    if (waitMs === 0) this.writeNow();
    else this.#writeIn(waitMs);
  }

  /** Whatever the interval. Returns at once. */
  writeNow(): void {
    // After this critical section, so that the batch has everything that it changes.
    if (this.#mayWrite) queueMicrotask(() => this.#startBatch());
  }

  get #mayWrite(): boolean {
    return !this.#isStopped && !this.#isWriting && !this.#writes.isFull;
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

  /** Only the alarm calls this. If the object dies before, some runs are replicated again. */
  noteReplicated(): void {
    this.#target.rows.noteReplicated(this.#replicatedUpTo);
  }

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

  /** If D1 refuses the content of a batch, halves it until the culprit is alone, and quarantines that run. */
  async #writeSplitting(group: readonly BatchRow[]): Promise<void> {
    try {
      await this.#writes.send(
        group.map(({ text }) => text),
        idsOf(group.filter(({ run }) => hasLabels(run))),
        idsOf(group.filter(({ run }) => run.erasedAt !== null)),
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
    for (const { entry, run } of group) {
      const { version } = run;
      this.pending.replicated(entry.id, version);
      if (!this.pending.has(entry.id)) this.quarantined.replicated(entry.id, version);
    }
    this.#target.onReplicated?.();
  }

  /** A later retry writes the run again, after 5 s first and after 10 minutes at most. */
  #quarantine({ entry, run: { version } }: BatchRow, error: unknown): void {
    if (this.#isStopped) return;
    // If a newer version waits, try that version instead of quarantining the run.
    const isLast = !this.pending.hasNewer(entry.id, version);
    // First, because only the table of quarantined runs lists it when `pending` has forgotten it.
    if (isLast) {
      this.quarantined.put(entry, Date.now());
      // It may have been replicated again, without a change.
      this.lackingIds.add(entry.id);
    }
    this.pending.replicated(entry.id, version);
    if (isLast) this.#retrySoon(error, entry.id);
  }

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

interface BatchRow {
  readonly entry: PendingVersion;
  readonly run: JournaledRun;
  readonly text: string;
}

function idsOf(rows: readonly BatchRow[]): readonly string[] {
  return rows.map(({ entry }) => entry.id);
}

/** Chosen by size, so that no more is read. `forget`: of runs that are gone, and of those that can't be printed. */
function chooseBatch(journal: Journal, waiting: Iterable<PendingVersion>, forget: (id: string) => void): BatchRow[] {
  const chosen: PendingVersion[] = [];
  let expected = 0;
  for (const entry of waiting) {
    if (chosen.length > 0 && expected + entry.bytes > GROUP_MAX_BYTES) break;
    chosen.push(entry);
    expected += entry.bytes;
  }
  let bytes = 2;
  return readRows(journal, chosen, forget).filter(({ text }, i) => {
    bytes += utf8Bytes(text) + 1;
    return i === 0 || bytes <= GROUP_MAX_BYTES;
  });
}

function readRows(
  { runs, scope }: Journal,
  entries: readonly PendingVersion[],
  forget: (id: string) => void,
): BatchRow[] {
  const absent = entries.filter(({ run }) => run === null).map(({ id }) => id);
  const read = absent.length === 0 ? [] : runs.byIds(absent);
  const found = new Map(read.map((run) => [run.id, run]));
  return entries.flatMap((entry) => {
    const run = entry.run ?? found.get(entry.id);
    try {
      if (run !== undefined) return [{ entry, run, text: toGroupRow(run) }];
    } catch (error) {
      logFailure("run_unprintable", error, { coordinator: scope, run: entry.id });
    }
    forget(entry.id);
    return [];
  });
}

export const BATCH_MAX_MS = 10_000;
/** How long after its start a batch that was given up still counts as under way. */
const BATCH_FORGOTTEN_MS = 20_000;
const BATCHES_MAX = 2;

/** The writes to D1 that are under way. One that hangs is given up, and is no longer counted some time later. */
class WritesUnderWay {
  readonly #store: RowStore;
  #underWay = 0;
  #givenUp = 0;

  constructor(store: RowStore) {
    this.#store = store;
  }

  get isAnyUnderWay(): boolean {
    return this.#underWay > 0;
  }

  get isAnyGivenUp(): boolean {
    return this.#givenUp > 0;
  }

  get isFull(): boolean {
    return this.#underWay >= BATCHES_MAX;
  }

  /** Throws what D1 threw, or when the batch is given up. Calls `onReplicated` even if D1 answers after that. */
  async send(
    rows: readonly string[],
    labelled: readonly string[],
    erased: readonly string[],
    onReplicated: () => void,
  ): Promise<void> {
    this.#underWay++;
    let isCounted = true;
    let isGivenUp = false;
    const uncount = () => {
      if (isCounted) this.#underWay--;
      if (isCounted && isGivenUp) this.#givenUp--;
      isCounted = false;
    };
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    let timer = setTimeout(() => {
      isGivenUp = true;
      this.#givenUp++;
      reject(new Error("a batch for D1 was given up"));
      timer = setTimeout(uncount, BATCH_FORGOTTEN_MS - BATCH_MAX_MS);
    }, BATCH_MAX_MS);
    const batch = this.#store.write(rows, labelled, erased).then(onReplicated);
    void batch
      .catch(() => {})
      .finally(() => {
        clearTimeout(timer);
        uncount();
      });
    await Promise.race([batch, givenUp]);
  }
}

export interface ReplicationAlarm {
  readonly replicationRetryAt: number;
  setReplicationRetryAt(at: number | null): void;
  retryReplicationBy(at: number): void;
  ringsBy(at: number, now: number): boolean;
  armBy(at: number, now: number): void;
  arm(now: number): void;
}

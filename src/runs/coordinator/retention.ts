/**
 * Purges runs whose retention is over, one batch at a time. D1's rows go first, so that the journal still knows the
 * runs if D1 fails. With an archive, the journal keeps the runs until the archive has them. No caller waits for a purge.
 */
import { log, logFailure } from "../../base/log.ts";
import { DAY_MS, msSinceOrLongAgo, within } from "../../base/time.ts";
import { detailsOf, shownHeartbeat, toActionRun, withDetails } from "../action-run.ts";
import { BEGINNING, type Due, type EndedRun } from "../journal/due-rows.ts";
import type { Journal } from "../journal/journal.ts";
import type { ArchiveAnswer, ArchiveCalls, ArchivedRun, Archiver } from "../protocol.ts";
import type { Replication } from "../replication/replication.ts";
import { toWireEvent } from "../timeline.ts";
import type { AlarmClock, DueWork } from "./alarm.ts";

/** Small enough that a callback never waits long for a batch. */
const PURGED_AT_ONCE = 200;
/** How long the next batch waits after one that fails or hangs. */
const GIVEN_UP_MS = 10_000;

/** What a Purge needs besides the journal. `archive`: null if no bucket is bound. */
interface Purging {
  readonly alarms: AlarmClock;
  readonly replication: Replication;
  readonly archive: Archive | null;
  readonly forgettable: Forgettable;
}

export class Purge {
  readonly #journal: Journal;
  readonly #parts: Purging;

  constructor(journal: Journal, parts: Purging) {
    this.#journal = journal;
    this.#parts = parts;
  }

  /** When the first run is to be purged; Infinity if there is none. */
  nextAt(): number {
    return this.#journal.due.nextPurgeAt(this.#after);
  }

  /** Starts to purge the runs that are due. Returns how many. */
  start(now: number): number {
    const { alarms, archive, forgettable } = this.#parts;
    if (alarms.holdsPurges(now)) return 0;
    const runs = this.#journal.due.purgeable(now, PURGED_AT_ONCE, this.#after);
    if (runs.length === 0) return 0;
    const isLast = archive === null;
    const ids = isLast ? forgettable.notified(runs, now) : runs.map(({ id }) => id);
    if (isLast && ids.length > 0 && forgettable.mustCountFirst(ids)) return 0;
    alarms.holdPurges(now, GIVEN_UP_MS);
    if (ids.length === 0) return 0;
    void this.#remove(runs, ids).catch((error: unknown) =>
      logFailure("purge_failed", error, { coordinator: this.#journal.scope }),
    );
    return ids.length;
  }

  /** An archive has its own rule for runs that have no rows in D1 any more. */
  get #after() {
    return this.#parts.archive === null ? BEGINNING : this.#journal.archive.deletedTo;
  }

  async #remove(runs: readonly EndedRun[], ids: readonly string[]): Promise<void> {
    const { archive, alarms, replication } = this.#parts;
    await replication.delete(ids);
    const last = runs[ids.length - 1];
    if (archive === null) {
      this.#journal.forget(ids);
      // The service may have had an archive before.
      this.#journal.archive.clear();
    } else if (last !== undefined) archive.deleted(last, ids.length);
    alarms.releasePurges();
    if (archive === null) replication.forget(ids);
    replication.arm(Date.now());
  }
}

/* SECTION:
 * Which ended runs the journal may forget. Every walk over the journal must have passed a run before the run goes:
 * counts for metrics have each end, and webhook endpoints hear of each end.
 */

export class Forgettable {
  readonly #journal: Journal;
  readonly #storageLimit: StorageLimit;

  constructor(journal: Journal, storageLimit: StorageLimit) {
    this.#journal = journal;
    this.#storageLimit = storageLimit;
  }

  /** Ids of the first of these runs, up to one that endpoints may not be notified of yet. A full object forgets all. */
  notified(runs: readonly EndedRun[], now: number): string[] {
    const { keptAfter } = this.#journal.fanOut;
    const isFull = keptAfter !== Number.POSITIVE_INFINITY && this.#storageLimit.isReached(now);
    const pending = isFull ? -1 : runs.findIndex(({ eventSeq }) => eventSeq > keptAfter);
    return runs.slice(0, pending === -1 ? runs.length : pending).map(({ id }) => id);
  }

  /**
   * Counts on if one of the runs is not counted yet, because metrics that have counted some runs must count all. The
   * runs stay due, so the alarm rings again at once. A full object forgets runs even if the count fails, to make room.
   */
  mustCountFirst(ids: readonly string[]): boolean {
    const { endedCounts, sequence, scope } = this.#journal;
    if (!endedCounts.hasBegun || !endedCounts.isAnyUncounted(ids)) return false;
    try {
      endedCounts.countBatch(sequence.last);
      return true;
    } catch (error) {
      logFailure("count_failed", error, { coordinator: scope });
      return false;
    }
  }
}

/* SECTION: How much a coordinator stores before it refuses new runs, so that the runs it has can end. */

/** An object may hold 10 GB. */
export const STORAGE_MAX_BYTES = 9_000_000_000;
/** To ask SQLite for the size takes as long as to write a run. No coordinator can write the last 1 GB in a second. */
const ASK_EVERY_MS = 1000;

export class StorageLimit {
  readonly #sql: SqlStorage;
  #isReached = false;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Whether the limit was reached at most a second ago. Once it is reached, each call asks. */
  isReached(now: number): boolean {
    if (this.#isReached || msSinceOrLongAgo(this.#askedAt, now) >= ASK_EVERY_MS) {
      this.#isReached = this.#sql.databaseSize >= STORAGE_MAX_BYTES;
      this.#askedAt = now;
    }
    return this.#isReached;
  }
}

/* SECTION:
 * Writes runs to the archive before the journal forgets them. One object has the runs of one day of ends, and at most
 * one try is under way. D1's rows are deleted first, so that no list shows a run that the journal has forgotten.
 *
 * A coordinator archives once a day, or as soon as BATCH_RUNS wait. Otherwise a coordinator that sleeps would write an
 * object for each run.
 */

/** How many runs one object has at most. */
export const BATCH_RUNS = 1000;
/** A try that takes longer is lost. */
const LEASE_MS = 60_000;
/** The timeout of the deletion in D1. */
const DELETION_MAX_MS = 10_000;
/** How long the next try waits after one that failed: at first, and at most. The wait doubles with each failure. */
const RETRY_FIRST_MS = 10_000;
const RETRY_MAX_MS = 600_000;
/** How many lost tries in a row halve a batch. */
const LOST_MAX = 3;

/** Something that lasts `ms` from `at` on. */
interface Span {
  readonly at: number;
  readonly ms: number;
}

/** What an Archive needs besides the journal. */
interface Archiving {
  readonly archiver: Archiver;
  readonly replication: Replication;
  readonly forgettable: Forgettable;
}

export class Archive implements DueWork {
  readonly #journal: Journal;
  readonly #parts: Archiving;
  /** The try under way. Only its calls and its answer count. In memory only: a new instance begins another try. */
  #batch: ArchiveBatch | null = null;
  /** Until when nothing begins: the lease of the try, or the wait after a failure. */
  #busy: Span | null = null;
  #failures = 0;
  /** Tries in a row whose answer never came, although neither D1 nor the bucket was at fault. */
  #lost = 0;
  #limit = BATCH_RUNS;
  /** How many runs have no row in D1 any more, BATCH_RUNS at most; null if unknown. */
  #waiting: number | null = null;

  constructor(journal: Journal, parts: Archiving) {
    this.#journal = journal;
    this.#parts = parts;
  }

  /** When the next try is due; Infinity if there is nothing to archive. */
  nextAt(now: number): number {
    const dueAt = this.#journal.archive.hasBatch ? now : this.#dueAt(now);
    return Math.max(dueAt, endOf(this.#busy, now));
  }

  /** Starts the next try if one is due. */
  start(now: number): void {
    if (this.nextAt(now) > now) return;
    const { batch } = this.#journal.archive;
    const next = batch === null ? this.#choose(now) : new ArchiveBatch(this.#journal, batch.ids, Number.NaN);
    if (next === null) return;
    this.#batch = next;
    this.#busy = { at: now, ms: DELETION_MAX_MS + LEASE_MS };
    void this.#archive(next, batch?.isWritten === true).catch((error: unknown) =>
      logFailure("archive_failed", error, { coordinator: this.#journal.scope }),
    );
  }

  /** Notes that D1's rows of `count` runs, up to the one `to`, are deleted. */
  deleted(to: Due, count: number): void {
    this.#journal.archive.setDeletedTo(to);
    if (this.#waiting !== null) this.#waiting += count;
  }

  page(tryId: string, from: number): readonly ArchivedRun[] | null {
    return this.#batch?.id === tryId ? this.#batch.page(from) : null;
  }

  seal(tryId: string, count: number, hash: string, now: number): string | null {
    return this.#batch?.id === tryId ? this.#batch.seal(count, hash, now) : null;
  }

  #dueAt(now: number): number {
    const firstAt = this.#journal.due.nextPurgeAt();
    if (firstAt === Number.POSITIVE_INFINITY) return firstAt;
    this.#waiting ??= this.#journal.archive.countDeleted(BATCH_RUNS);
    return this.#waiting >= BATCH_RUNS ? now : firstAt + DAY_MS;
  }

  /** Null if no run may be archived yet. */
  #choose(now: number): ArchiveBatch | null {
    const { runs, day } = this.#journal.archive.next(now, BATCH_RUNS);
    const ids = this.#parts.forgettable.notified(runs.slice(0, this.#limit), now);
    if (ids.length === 0) {
      // The clock stepped back, or webhook endpoints must hear of the first run before it goes.
      this.#busy = { at: now, ms: RETRY_FIRST_MS };
      return null;
    }
    return this.#parts.forgettable.mustCountFirst(ids) ? null : new ArchiveBatch(this.#journal, ids, day);
  }

  async #archive(batch: ArchiveBatch, isWritten: boolean): Promise<void> {
    /** Whether a failure is the Worker's: neither D1 nor the bucket is known to be at fault. */
    let isLost = false;
    try {
      if (!isWritten) {
        await within(DELETION_MAX_MS, this.#parts.replication.delete(batch.ids));
        isLost = true;
        const answer = await within(LEASE_MS, this.#write(batch));
        if (this.#batch !== batch) return;
        isLost = answer.type === "failed";
        if (answer.type === "failed" || answer.type === "bucket_failed") throw new Error(answer.error);
        if (answer.type === "written") {
          const { archive, scope } = this.#journal;
          const { ids, key } = archive.batch ?? {};
          log("info", "archived", { coordinator: scope, runs: ids?.length, key });
          await this.#forget();
        }
      } else await this.#forget();
      this.#failures = 0;
      this.#lost = 0;
      this.#limit = Math.min(this.#limit * 2, BATCH_RUNS);
      this.#busy = null;
    } catch (error) {
      if (this.#batch !== batch) return;
      this.#failed(batch, error, isLost);
    }
    this.#batch = null;
    this.#waiting = null;
    this.#parts.replication.arm(Date.now());
  }

  #write(batch: ArchiveBatch): Promise<ArchiveAnswer> {
    if (this.#batch !== batch) return Promise.resolve({ type: "not_written" });
    const { scope, archive } = this.#journal;
    return this.#parts.archiver.write({ id: batch.id, scope, isSealed: archive.hasBatch });
  }

  async #forget(): Promise<void> {
    for (;;) {
      const ids = forgetArchived(this.#journal);
      if (ids.length === 0) return;
      this.#parts.replication.forget(ids);
      this.#busy = { at: Date.now(), ms: LEASE_MS };
      // Between two passes, other calls are served.
      await scheduler.wait(0);
    }
  }

  /** `isLost`: as in `#archive`. A lost batch may be too large for an invocation of the Worker. */
  #failed(batch: ArchiveBatch, error: unknown, isLost: boolean): void {
    const now = Date.now();
    const { length } = batch.ids;
    const ms = Math.min(RETRY_FIRST_MS * 2 ** this.#failures++, RETRY_MAX_MS);
    this.#busy = { at: now, ms };
    const coordinator = this.#journal.scope;
    logFailure("archive_failed", error, { coordinator, runs: length, failures: this.#failures });
    // A sealed batch can't be halved, because its object must have exactly these runs.
    this.#lost = isLost && !this.#journal.archive.hasBatch ? this.#lost + 1 : 0;
    if (this.#lost < LOST_MAX) return;
    this.#lost = 0;
    this.#failures = 0;
    this.#limit = Math.ceil(length / 2);
    if (length === 1) this.#journal.transaction(() => batch.quarantine(batch.ids, now));
  }
}

/** When the span is over; in the past if it is, or if there is none. */
function endOf(span: Span | null, now: number): number {
  return span === null || msSinceOrLongAgo(span.at, now) >= span.ms ? now : span.at + span.ms;
}

/* SECTION: What the Worker asks of a coordinator while it writes an object of the archive. */

export class ArchiveHandler implements ArchiveCalls {
  readonly #archive: Archive | null;

  /** `archive`: null if no bucket is bound. */
  constructor(archive: Archive | null) {
    this.#archive = archive;
  }

  async page(tryId: string, from: number): Promise<readonly ArchivedRun[] | null> {
    return this.#archive?.page(tryId, from) ?? null;
  }

  async seal(tryId: string, count: number, hash: string): Promise<string | null> {
    return this.#archive?.seal(tryId, count, hash, Date.now()) ?? null;
  }
}

/* SECTION:
 * The runs of one try to write an object, and what the journal notes of them. Each method is one critical section. A
 * try may write its object only after `seal`, which notes the runs and the key in the journal. From then on, every try
 * has exactly these runs, under this key. So however many tries are lost or late, a run is in one object.
 */

/** How many runs one call to the Worker or one transaction has at most, as in a purge. */
const PASS_RUNS = 200;
/** How long a run that can't be printed waits until it is tried again. */
const QUARANTINE_MS = DAY_MS;
/** How long after the end of its retention such a run is deleted without being archived. */
const QUARANTINE_MAX_MS = 30 * DAY_MS;

export class ArchiveBatch {
  readonly id = crypto.randomUUID();
  readonly #journal: Journal;
  readonly #ids: readonly string[];
  readonly #day: number;
  readonly #unprintable = new Set<string>();

  /** `day`: on which these runs ended, in ms. Runs that were sealed before have a key that names it. */
  constructor(journal: Journal, ids: readonly string[], day: number) {
    this.#journal = journal;
    this.#ids = ids;
    this.#day = day;
  }

  get ids(): readonly string[] {
    return this.#ids;
  }

  page(from: number): ArchivedRun[] {
    const ids = this.#journal.archive.fitting(this.#ids.slice(from), PASS_RUNS);
    return ids.map((id) => ({ id, line: this.#line(id) }));
  }

  /** The object's key; null if none of the runs can be printed. */
  seal(count: number, hash: string, now: number): string | null {
    const { archive, scope } = this.#journal;
    const taken = this.#ids.slice(0, count);
    const ids = taken.filter((id) => !this.#unprintable.has(id));
    const key = archive.batch?.key ?? objectKey(scope, this.#day, hash);
    this.#journal.transaction(() => {
      archive.setBatch(ids.length === 0 ? null : { key, ids, isWritten: false });
      this.quarantine([...this.#unprintable], now);
    });
    return ids.length === 0 ? null : key;
  }

  /** Lets these runs wait, so that they hold up no others. One that has waited for too long is forgotten. */
  quarantine(ids: readonly string[], now: number): void {
    if (ids.length === 0) return;
    const { archive, scope } = this.#journal;
    const tooOld = archive.dueBefore(ids, now - QUARANTINE_MAX_MS);
    if (tooOld.length > 0) {
      log("error", "archive_lacks_runs", { coordinator: scope, runs: tooOld });
      this.#journal.forget(tooOld);
    }
    archive.postpone(ids, now + QUARANTINE_MS);
  }

  #line(id: string): string | null {
    try {
      const line = archivedLine(this.#journal, id);
      if (line !== null) return line;
    } catch (error) {
      logFailure("run_unprintable", error, { coordinator: this.#journal.scope, run: id });
    }
    this.#unprintable.add(id);
    return null;
  }
}

/**
 * Forgets the next runs of an object that was written. Returns their ids; empty if there are none. A batch with many
 * events takes several passes, because the coordinator serves nobody else during a pass.
 */
export function forgetArchived(journal: Journal): readonly string[] {
  const { archive } = journal;
  const { batch } = archive;
  if (batch === null) return [];
  const ids = archive.fitting(batch.ids, PASS_RUNS);
  const left = batch.ids.slice(ids.length);
  journal.transaction(() => {
    journal.forget(ids);
    archive.setBatch(left.length === 0 ? null : { ...batch, ids: left, isWritten: true });
  });
  return ids;
}

function objectKey(scope: string, day: number, hash: string): string {
  const date = new Date(day).toISOString().slice(0, 10).replaceAll("-", "/");
  return `v1/${scope}/${date}/${hash}.ndjson.gz`;
}

/* SECTION:
 * A run as the archive has it: what a token with `data:read` sees of the run, on one line. The line has the ActionRun,
 * `details` and the timeline. It has nothing that only other permissions open, such as excerpts of receivers'
 * responses.
 */

/** JSON without a line break; null if the journal no longer keeps the run. Throws if the run can't be printed. */
export function archivedLine({ runs, timeline }: Journal, id: string): string | null {
  const run = runs.byId(id);
  if (run === null) return null;
  const events = timeline.after(run, 0, Number.MAX_SAFE_INTEGER);
  const heartbeat = shownHeartbeat(events.findLast(({ type }) => type === "heartbeat") ?? null);
  // An ended run waits in no queue, so it has no position.
  const shown = withDetails(toActionRun(run), detailsOf(run, { heartbeat, place: null }));
  return `${shown.slice(0, -1)},"timeline":[${events.map((event) => toWireEvent(event)).join(",")}]}`;
}

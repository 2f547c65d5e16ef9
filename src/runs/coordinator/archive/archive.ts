/**
 * Writes runs to the archive before the journal forgets them. One object has the runs of one day of ends, and at most
 * one try is under way. D1's rows are deleted first, so that no list shows a run that the journal has forgotten.
 *
 * A coordinator archives once a day, or as soon as BATCH_RUNS wait. Otherwise a coordinator that sleeps would write an
 * object for each run.
 */

import { log, logFailure } from "../../../base/log.ts";
import { DAY_MS, msSinceOrLongAgo, within } from "../../../base/time.ts";
import type { ArchiveAnswer, ArchivedRun, Archiver } from "../../archive-calls.ts";
import type { Due } from "../../journal/due-rows.ts";
import type { Journal } from "../../journal/journal.ts";
import type { Replication } from "../../projection/projection.ts";
import type { DueWork } from "../alarm/alarm-clock.ts";
import type { Forgettable } from "../forgettable.ts";
import { ArchiveBatch, forgetArchived } from "./archive-batch.ts";

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

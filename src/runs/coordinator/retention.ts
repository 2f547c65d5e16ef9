/**
 * What becomes of ended runs when their retention is over. The purge deletes D1's rows, so that no list shows a run that
 * the journal has forgotten, and so that the journal still knows the runs if D1 fails. Without an archive, the journal
 * forgets the runs then. With one, it keeps them until an object of the archive has them. No caller waits for any of it.
 */
import { log, logFailure } from "../../base/log.ts";
import { DAY_MS, within } from "../../base/time.ts";
import { detailsOf, shownHeartbeat, toActionRun, withDetails } from "../action-run.ts";
import { BEGINNING, type Due, type EndedRun } from "../journal/due-rows.ts";
import type { Journal } from "../journal/journal.ts";
import type { ArchiveCalls, ArchivedRun } from "../protocol.ts";
import { toWireEvent } from "../timeline.ts";
import type { DueWork } from "./alarm.ts";
import type { Context } from "./context.ts";
import { type IsCurrent, LeasedCall } from "./leased-call.ts";

/** Small enough that a callback never waits long for a batch. */
const PASS_RUNS = 200;
/** How long a purge takes at most, and how long the next one waits after a failure. */
const PURGE = { leaseMs: 10_000, retryFirstMs: 10_000, retryMaxMs: 60_000 };

export class Purge implements DueWork {
  readonly #context: Context;
  readonly #archive: Archive;
  readonly #call: LeasedCall;

  constructor(context: Context, archive: Archive) {
    this.#context = context;
    this.#archive = archive;
    this.#call = new LeasedCall({
      ...PURGE,
      failed: (error) => logFailure("purge_failed", error, { coordinator: context.journal.scope }),
      ended: () => context.arm(Date.now()),
    });
  }

  /** When the next runs are to be purged. */
  nextAt(now: number): number {
    return Math.max(this.#context.journal.due.nextPurgeAt(this.#after), this.#call.nextAt(now));
  }

  /** Starts to purge the runs that are due. */
  takeBatch(now: number): number {
    if (this.#call.nextAt(now) > now) return 0;
    const runs = this.#context.journal.due.purgeable(now, PASS_RUNS, this.#after);
    if (runs.length === 0) return 0;
    const isLast = !this.#archive.isBound;
    const purged = isLast ? notified(this.#context, runs, now) : runs;
    const ids = purged.map(({ id }) => id);
    if (isLast && ids.length > 0 && mustCountFirst(this.#context.journal, ids)) return 0;
    if (ids.length === 0) this.#call.wait(PURGE.retryFirstMs, now);
    else this.#call.start(now, (isCurrent) => this.#remove(purged, ids, isCurrent));
    return ids.length;
  }

  /** An archive has its own rule for runs that have no rows in D1 any more. */
  get #after() {
    return this.#archive.isBound ? this.#context.journal.archive.deletedTo : BEGINNING;
  }

  async #remove(runs: readonly EndedRun[], ids: readonly string[], isCurrent: IsCurrent): Promise<number> {
    const { journal, replication } = this.#context;
    await replication.delete(ids);
    if (!isCurrent()) return 0;
    const last = runs.at(-1);
    if (this.#archive.isBound) {
      if (last !== undefined) this.#archive.deleted(last, ids.length);
      return 0;
    }
    journal.forget(ids);
    // The service may have had an archive before.
    journal.archive.clear();
    replication.forget(ids);
    return 0;
  }
}

/**
 * The first of these runs, up to one that webhook endpoints may not be notified of yet. Every walk over the journal must
 * have passed a run before the run goes. A full object forgets all.
 */
function notified({ journal, storageLimit }: Context, runs: readonly EndedRun[], now: number): readonly EndedRun[] {
  const { keptAfter } = journal.fanOut;
  const isFull = keptAfter !== Number.POSITIVE_INFINITY && storageLimit.isReached(now);
  const pending = isFull ? -1 : runs.findIndex(({ eventSeq }) => eventSeq > keptAfter);
  return pending === -1 ? runs : runs.slice(0, pending);
}

/**
 * Counts on if one of the runs is not counted yet, because metrics that have counted some runs must count all. The runs
 * stay due, so the alarm rings again at once. A full object forgets runs even if the count fails, to make room.
 */
function mustCountFirst({ endedCounts, sequence, scope }: Journal, ids: readonly string[]): boolean {
  if (!endedCounts.hasBegun || !endedCounts.isAnyUncounted(ids)) return false;
  try {
    endedCounts.countBatch(sequence.last);
    return true;
  } catch (error) {
    logFailure("count_failed", error, { coordinator: scope });
    return false;
  }
}

/** How many runs one object has at most. */
const OBJECT_RUNS = 1000;
/** How long D1 may take to delete, and the Worker to write. */
const DELETION_MAX_MS = 10_000;
const WRITE_MAX_MS = 60_000;
const ARCHIVING = { leaseMs: DELETION_MAX_MS + WRITE_MAX_MS, retryFirstMs: 10_000, retryMaxMs: 600_000 };

/** A try to write an object. `day`: on which its runs ended, in ms. Runs that were sealed have a key that names it. */
interface ArchiveTry {
  readonly id: string;
  readonly ids: readonly string[];
  readonly day: number;
}

/**
 * Writes runs to the archive before the journal forgets them. One object has the runs of one day of ends. A coordinator
 * archives once a day, or as soon as OBJECT_RUNS wait. Otherwise one that sleeps would write an object for each run.
 *
 * A try may write its object only after `seal`, which notes the runs and the key in the journal. From then on, every try
 * has exactly these runs, under this key. So however many tries are lost or late, a run is in one object.
 */
export class Archive implements DueWork {
  readonly #context: Context;
  readonly #journal: Journal;
  readonly #call: LeasedCall;
  /** Whether a bucket is bound. */
  readonly isBound: boolean;
  readonly handler: ArchiveHandler;
  /** How many runs have no row in D1 any more, OBJECT_RUNS at most; null if unknown. */
  #waiting: number | null = null;

  constructor(context: Context) {
    this.#context = context;
    this.#journal = context.journal;
    this.isBound = context.env.ARCHIVE !== undefined;
    this.handler = new ArchiveHandler(context.journal);
    this.#call = new LeasedCall({
      ...ARCHIVING,
      failed: (error, failures) => {
        const runs = this.handler.underWay?.ids.length;
        logFailure("archive_failed", error, { coordinator: context.journal.scope, runs, failures });
      },
      ended: () => {
        this.handler.underWay = null;
        this.#waiting = null;
        context.arm(Date.now());
      },
    });
  }

  nextAt(now: number): number {
    if (!this.isBound) return Number.POSITIVE_INFINITY;
    return Math.max(this.#journal.archive.hasBatch ? now : this.#dueAt(now), this.#call.nextAt(now));
  }

  /** Starts the next try if one is due. */
  takeBatch(now: number): number {
    if (this.nextAt(now) > now) return 0;
    const { batch } = this.#journal.archive;
    const next = batch === null ? this.#choose(now) : { ids: batch.ids, day: Number.NaN };
    if (next === null) return 0;
    this.#call.start(now, async (isCurrent) => {
      this.handler.underWay = { id: crypto.randomUUID(), ...next };
      const isWritten = batch?.isWritten === true || (await this.#write(this.handler.underWay));
      if (!isWritten) return null;
      await this.#forget(isCurrent);
      return 0;
    });
    return 0;
  }

  /** Notes that D1's rows of `count` runs, up to the one `to`, are deleted. */
  deleted(to: Due, count: number): void {
    this.#journal.archive.setDeletedTo(to);
    if (this.#waiting !== null) this.#waiting += count;
  }

  #dueAt(now: number): number {
    const firstAt = this.#journal.due.nextPurgeAt();
    if (firstAt === Number.POSITIVE_INFINITY) return firstAt;
    this.#waiting ??= this.#journal.archive.countDeleted(OBJECT_RUNS);
    return this.#waiting >= OBJECT_RUNS ? now : firstAt + DAY_MS;
  }

  /** The runs of the next object; null if no run may be archived yet. */
  #choose(now: number): Pick<ArchiveTry, "ids" | "day"> | null {
    const { runs, day } = this.#journal.archive.next(now, OBJECT_RUNS);
    const ids = notified(this.#context, runs, now).map(({ id }) => id);
    if (ids.length === 0) {
      // The clock stepped back, or webhook endpoints must hear of the first run before it goes.
      this.#call.wait(ARCHIVING.retryFirstMs, now);
      return null;
    }
    return mustCountFirst(this.#journal, ids) ? null : { ids, day };
  }

  /** Whether the object was written. D1's rows go once more, because a run can be due before it ends. */
  async #write({ id, ids }: ArchiveTry): Promise<boolean> {
    const { replication, entrypoints } = this.#context;
    const { scope, archive } = this.#journal;
    await within(DELETION_MAX_MS, replication.delete(ids));
    const answer = await entrypoints.RunArchive.write({ id, scope, isSealed: archive.hasBatch });
    if (answer.type === "failed") throw new Error(answer.error);
    if (this.handler.underWay?.id !== id || answer.type === "not_written") return false;
    const { batch } = archive;
    log("info", "archived", { coordinator: scope, runs: batch?.ids.length, key: batch?.key });
    return true;
  }

  /** Forgets the runs of an object that was written. A batch with many events takes several passes. */
  async #forget(isCurrent: IsCurrent): Promise<void> {
    const { archive } = this.#journal;
    for (;;) {
      const { batch } = archive;
      if (batch === null || !isCurrent()) return;
      const ids = archive.fitting(batch.ids, PASS_RUNS);
      const left = batch.ids.slice(ids.length);
      this.#journal.transaction(() => {
        this.#journal.forget(ids);
        archive.setBatch(left.length === 0 ? null : { ...batch, ids: left, isWritten: true });
      });
      this.#context.replication.forget(ids);
      // Between two passes, other calls are served.
      await scheduler.wait(0);
    }
  }
}

/** What the Worker of a try asks. A caller reaches each method of this class, so it has no others. */
export class ArchiveHandler implements ArchiveCalls {
  readonly #journal: Journal;
  /** The try under way. Only its calls get answers. */
  underWay: ArchiveTry | null = null;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Null if the try was given up. */
  async page(tryId: string, from: number): Promise<readonly ArchivedRun[] | null> {
    if (this.underWay?.id !== tryId) return null;
    const ids = this.#journal.archive.fitting(this.underWay.ids.slice(from), PASS_RUNS);
    return ids.map((id) => ({ id, line: this.#line(id) }));
  }

  async seal(tryId: string, count: number, hash: string): Promise<string | null> {
    if (this.underWay?.id !== tryId) return null;
    const { archive, scope } = this.#journal;
    const key = archive.batch?.key ?? objectKey(scope, this.underWay.day, hash);
    archive.setBatch({ key, ids: this.underWay.ids.slice(0, count), isWritten: false });
    return key;
  }

  /** A run that can't be printed must not hold up the others, so its line says why it has nothing else. */
  #line(id: string): string {
    try {
      return archivedLine(this.#journal, id);
    } catch (error) {
      logFailure("run_unprintable", error, { coordinator: this.#journal.scope, run: id });
      // The message can quote what only other permissions open.
      return JSON.stringify({ id, unprintable: error instanceof Error ? error.name : "Error" });
    }
  }
}

function objectKey(scope: string, day: number, hash: string): string {
  return `${archivePrefix(scope, day)}${hash}.ndjson.gz`;
}

/** What the keys of the objects begin with that have the runs which ended on a day. `day`: an instant of it, in ms. */
export function archivePrefix(scope: string, day: number): string {
  return `v1/${scope}/${new Date(day).toISOString().slice(0, 10).replaceAll("-", "/")}/`;
}

/**
 * A run as the archive has it, as JSON without a line break: what a token with `data:read` sees of the run. The line has
 * the ActionRun, `details` and the timeline. It has nothing that only other permissions open, such as excerpts of
 * receivers' responses. Throws if the run can't be printed.
 */
function archivedLine({ runs, timeline }: Journal, id: string): string {
  const run = runs.byId(id);
  if (run === null) throw new Error("the journal no longer keeps this run");
  const events = timeline.after(run, 0, Number.MAX_SAFE_INTEGER);
  const heartbeat = shownHeartbeat(events.findLast(({ type }) => type === "heartbeat") ?? null);
  // An ended run waits in no queue, so it has no position.
  const shown = withDetails(toActionRun(run), detailsOf(run, { heartbeat, queuePosition: null }));
  return `${shown.slice(0, -1)},"timeline":[${events.map((event) => toWireEvent(event)).join(",")}]}`;
}

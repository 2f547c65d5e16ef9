/**
 * What becomes of ended runs. The purge deletes D1's rows first, so that no list shows a run that the journal has
 * forgotten. Then the journal forgets the runs or, with an archive, keeps them until an object of the archive has them.
 */
import { log, logFailure } from "../../base/log.ts";
import { DAY_MS, HOUR_MS, within } from "../../base/time.ts";
import { detailsOf, shownHeartbeat, toActionRun, withDetails } from "../action-run.ts";
import { BEGINNING, type Due, type EndedRun, fittingIntoBatch, type KeptRun } from "../journal/due-rows.ts";
import type { Journal } from "../journal/journal.ts";
import { WALK_ROWS } from "../journal/run-walks.ts";
import type { ArchiveCalls, PurgeCalls, PurgeState } from "../protocol.ts";
import { toWireEvent } from "../timeline.ts";
import type { DueWork } from "./alarm.ts";
import { type Context, Part, PartWith } from "./context.ts";
import { type IsCurrent, LeasedCall } from "./leased-call.ts";

/** Small enough that a callback never waits long for a batch. */
const PASS_RUNS = 200;
const PURGE = { leaseMs: 10_000, retryFirstMs: 10_000, retryMaxMs: 60_000 };

export class Purge extends PartWith<{ archive: Archive }> implements DueWork {
  readonly #call = this.leasedCall(PURGE, "purge_failed");

  nextAt(now: number): number {
    return Math.max(this.journal.due.nextPurgeAt(this.#after), this.#call.nextAt(now));
  }

  takeBatch(now: number): number {
    if (this.#call.nextAt(now) > now) return 0;
    const runs = this.journal.due.purgeable(now, PASS_RUNS, this.#after);
    if (runs.length === 0) return 0;
    const isLast = !this.parts.archive.isBound;
    const purged = isLast ? notified(this.context, runs, now) : runs;
    const ids = purged.map(({ id }) => id);
    if (isLast && ids.length > 0 && mustCountFirst(this.journal, ids)) return 0;
    if (ids.length === 0) this.#call.wait(PURGE.retryFirstMs, now);
    else this.#call.start(now, (isCurrent) => this.#remove(purged, ids, isCurrent));
    return ids.length;
  }

  /** An archive has its own rule for runs that have no rows in D1 any more. */
  get #after() {
    return this.parts.archive.isBound ? this.journal.archive.deletedTo : BEGINNING;
  }

  async #remove(runs: readonly EndedRun[], ids: readonly string[], isCurrent: IsCurrent): Promise<number> {
    const { journal, replication } = this.context;
    this.parts.archive.deleting();
    await replication.delete(ids);
    if (!isCurrent()) return 0;
    const last = runs.at(-1);
    if (this.parts.archive.isBound) {
      if (last !== undefined) this.parts.archive.deleted(last, ids.length);
      return 0;
    }
    journal.forget(ids);
    // The service may have had an archive before.
    journal.archive.clear();
    replication.forget(ids);
    return 0;
  }
}

/** The first of these runs, up to one that endpoints may not have heard of. A full object forgets all. */
function notified({ journal, storageLimit }: Context, runs: readonly EndedRun[], now: number): readonly EndedRun[] {
  const { keptAfter } = journal.fanOut;
  const isFull = keptAfter !== Number.POSITIVE_INFINITY && storageLimit.isReached(now);
  const pending = isFull ? -1 : runs.findIndex(({ eventSeq }) => eventSeq > keptAfter);
  return pending === -1 ? runs : runs.slice(0, pending);
}

/** Counts on if one of the runs is not counted yet. A full object forgets them even if the count fails. */
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

const WORK_MAX_MS = HOUR_MS;

interface PurgeRequest extends Omit<PurgeState, "remaining"> {
  readonly walkedTo: string | null;
}

/** Shortens the retention of ended runs, by a walk whose steps are one transaction each with their cursor. */
export class Shortening extends PartWith<{ archive: Archive }> implements DueWork {
  readonly calls: PurgeCalls = {
    begin: async (days) => {
      const { journal } = this.context;
      if (!journal.isWritten) return null;
      const before = journal.metadata.json<PurgeRequest>("purge");
      if (before === null || before.completedAt !== null || before.days !== days) {
        const now = Date.now();
        note(journal, { days, requestedAt: now, completedAt: null, shortened: 0, walkedTo: "" });
        this.context.arm(now);
      }
      return this.calls.state();
    },

    state: async () => {
      const { journal } = this.context;
      const request = journal.metadata.json<PurgeRequest>("purge");
      if (request === null) return null;
      const { walkedTo: _, ...state } = request;
      let remaining = 0;
      for (let after: Due | null = BEGINNING; after !== null; ) {
        const { count, next } = journal.due.countEnded(state.requestedAt, after);
        remaining += count;
        after = next;
        if (after !== null) await scheduler.wait(0);
      }
      return { ...state, remaining };
    },

    preview: async (days) => {
      const { journal } = this.context;
      const requestedAt = Date.now();
      let [shortened, remaining] = [0, 0];
      for (let after: string | null = ""; after !== null; ) {
        const looked: readonly KeptRun[] = journal.due.keptAfter(after, WALK_ROWS);
        const step = sooner(this.context, looked, { days, requestedAt });
        const isDue = ({ completedAt, purgeAt }: KeptRun) => completedAt !== null && purgeAt <= requestedAt;
        shortened += step.length;
        remaining += looked.filter(isDue).length + step.filter(({ dueAt }) => dueAt <= requestedAt).length;
        after = looked.length < WALK_ROWS ? null : (looked.at(-1)?.id ?? null);
        if (after !== null) await scheduler.wait(0);
      }
      return { shortened, remaining };
    },
  };

  nextAt(now: number): number {
    const request = this.journal.metadata.json<PurgeRequest>("purge");
    if (request === null || request.completedAt !== null) return Number.POSITIVE_INFINITY;
    const isOver = request.walkedTo === null && this.journal.due.nextPurgeAt() > request.requestedAt;
    return request.walkedTo !== null || isOver ? now : Number.POSITIVE_INFINITY;
  }

  takeBatch(now: number): number {
    const { journal, replication } = this.context;
    const request = journal.metadata.json<PurgeRequest>("purge");
    if (request === null || this.nextAt(now) > now) return 0;
    if (request.walkedTo === null) {
      note(journal, { ...request, completedAt: now });
      return 0;
    }
    const looked = journal.due.keptAfter(request.walkedTo, WALK_ROWS);
    const all = sooner(this.context, looked, request);
    // A row is rewritten as a whole.
    const step = fittingIntoBatch(all);
    const isCut = step.length < all.length;
    const walkedTo = isCut ? (step.at(-1)?.id ?? null) : looked.length < WALK_ROWS ? null : (looked.at(-1)?.id ?? null);
    const ids = step.map(({ id }) => id);
    journal.transaction(() => {
      for (const [keptMs, those] of Map.groupBy(step, (run) => run.keptMs)) {
        const kept = those.map(({ id }) => id);
        journal.due.keepFor(keptMs, kept);
      }
      this.parts.archive.goBack(Math.min(...step.map(({ dueAt }) => dueAt)));
      note(journal, { ...request, shortened: request.shortened + step.length, walkedTo });
    });
    // In memory they have the old instant. D1 skips a run whose instant has passed, so a late batch brings none back.
    replication.unload(ids);
    return 0;
  }
}

function note({ metadata }: Journal, request: PurgeRequest): void {
  metadata.set("purge", request);
}

interface ShortenedRun extends KeptRun {
  readonly keptMs: number;
  readonly dueAt: number;
}

/** A run that is due already stays as it is. */
function sooner(
  { journal }: Context,
  runs: readonly KeptRun[],
  { days, requestedAt }: Pick<PurgeRequest, "days" | "requestedAt">,
): ShortenedRun[] {
  const shortened = (run: KeptRun, keptMs: number): ShortenedRun[] => {
    if (run.completedAt === null || run.completedAt > requestedAt || run.purgeAt <= requestedAt) return [];
    const dueAt = Math.max(1, run.completedAt + keptMs);
    return dueAt < run.purgeAt ? [{ ...run, keptMs, dueAt }] : [];
  };
  const keptMs = days * DAY_MS;
  const all = runs.flatMap((run) => shortened(run, keptMs));
  const recent = all.filter((run) => workUntil(run) > Math.max(requestedAt, run.dueAt));
  if (recent.length === 0) return all;
  const working = journal.due.working(recent.map(({ id }) => id));
  const { keptAfter } = journal.fanOut;
  return all.flatMap((run) => {
    const hasWork = working.has(run.id) || (run.eventSeq ?? 0) > keptAfter;
    return hasWork ? shortened(run, Math.max(keptMs, workUntil(run) - (run.completedAt ?? 0))) : [run];
  });
}

function workUntil({ completedAt, changedAt }: KeptRun): number {
  return Math.max(completedAt ?? 0, changedAt) + WORK_MAX_MS;
}

const OBJECT_RUNS = 1000;
const DELETION_MAX_MS = 10_000;
const WRITE_MAX_MS = 60_000;
const ARCHIVING = { leaseMs: DELETION_MAX_MS + WRITE_MAX_MS, retryFirstMs: 10_000, retryMaxMs: 600_000 };

/** `day`: in ms; NaN if a sealed key names it. `erased`: how many of its runs were erased when it began. */
interface ArchiveTry {
  readonly id: string;
  readonly ids: readonly string[];
  readonly day: number;
  readonly erased: number;
}

/**
 * Writes runs to the archive before the journal forgets them: once a day, or as soon as OBJECT_RUNS wait. `seal` notes
 * the runs and the key. From then on every try has these runs, so a run is in one object, however many tries are lost.
 */
export class Archive extends Part implements DueWork {
  readonly #call = new LeasedCall({
    ...ARCHIVING,
    failed: (error, failures) =>
      this.logFailure("archive_failed", error, { runs: this.#underWay?.ids.length, failures }),
    ended: () => {
      this.#underWay = null;
      this.#waiting = null;
      this.context.arm(Date.now());
    },
  });
  readonly isBound = this.context.env.ARCHIVE !== undefined;
  #underWay: ArchiveTry | null = null;
  /** How many runs have no row in D1 any more, OBJECT_RUNS at most; null if unknown. */
  #waiting: number | null = null;
  /** From when on runs have become due since the deletion in D1 began that is under way. */
  #dueFrom = Number.POSITIVE_INFINITY;

  readonly calls: ArchiveCalls = {
    page: async (tryId, from) => {
      if (this.#underWay?.id !== tryId) return null;
      const ids = this.journal.archive.fitting(this.#underWay.ids.slice(from), PASS_RUNS);
      return ids.map((id) => ({ id, line: this.#line(id) }));
    },

    seal: async (tryId, count, hash) => {
      if (this.#underWay?.id !== tryId) return null;
      const { archive, runs, scope } = this.journal;
      // The object may have the texts of a run that was erased since. The next try reads it again.
      if (runs.countErased(this.#underWay.ids) > this.#underWay.erased) return null;
      const key = archive.batch?.key ?? `${archivePrefix(scope, this.#underWay.day)}${hash}.ndjson.gz`;
      archive.setBatch({ key, ids: this.#underWay.ids.slice(0, count), isWritten: false });
      return key;
    },
  };

  nextAt(now: number): number {
    if (!this.isBound) return Number.POSITIVE_INFINITY;
    return Math.max(this.journal.archive.hasBatch ? now : this.#dueAt(now), this.#call.nextAt(now));
  }

  takeBatch(now: number): number {
    if (this.nextAt(now) > now) return 0;
    const { batch } = this.journal.archive;
    const next = batch === null ? this.#choose(now) : { ids: batch.ids, day: Number.NaN };
    if (next === null) return 0;
    this.#call.start(now, async (isCurrent) => {
      const erased = this.journal.runs.countErased(next.ids);
      this.#underWay = { id: crypto.randomUUID(), ...next, erased };
      const isWritten = batch?.isWritten === true || (await this.#write(this.#underWay));
      if (!isWritten) return null;
      await this.#forget(isCurrent);
      return 0;
    });
    return 0;
  }

  deleting(): void {
    this.#dueFrom = Number.POSITIVE_INFINITY;
  }

  /** If runs before `to` have become due meanwhile, the deletion is made again with these. */
  deleted(to: Due, count: number): void {
    if (to.dueAt >= this.#dueFrom) return;
    this.journal.archive.setDeletedTo(to);
    if (this.#waiting !== null) this.#waiting += count;
  }

  /** Lets D1's rows of runs be deleted that are due from `dueAt` on now. Call it in the transaction that makes them due. */
  goBack(dueAt: number): void {
    this.#dueFrom = Math.min(this.#dueFrom, dueAt);
    if (dueAt > this.journal.archive.deletedTo.dueAt) return;
    this.journal.archive.setDeletedTo({ dueAt, id: "" });
    this.#waiting = null;
  }

  #dueAt(now: number): number {
    const firstAt = this.journal.due.nextPurgeAt();
    if (firstAt === Number.POSITIVE_INFINITY) return firstAt;
    this.#waiting ??= this.journal.archive.countDeleted(OBJECT_RUNS);
    return this.#waiting >= OBJECT_RUNS ? now : firstAt + DAY_MS;
  }

  #choose(now: number): Pick<ArchiveTry, "ids" | "day"> | null {
    const { runs, day } = this.journal.archive.next(now, OBJECT_RUNS);
    const ids = notified(this.context, runs, now).map(({ id }) => id);
    if (ids.length === 0) {
      // The clock stepped back, or webhook endpoints must hear of the first run before it goes.
      this.#call.wait(ARCHIVING.retryFirstMs, now);
      return null;
    }
    return mustCountFirst(this.journal, ids) ? null : { ids, day };
  }

  /** Whether the object was written. D1's rows go once more, because a run can be due before it ends. */
  async #write({ id, ids }: ArchiveTry): Promise<boolean> {
    const { replication, entrypoints } = this.context;
    const { scope, archive } = this.journal;
    await within(DELETION_MAX_MS, replication.delete(ids));
    const answer = await entrypoints.RunArchive.write({ id, scope, isSealed: archive.hasBatch });
    if (answer.type === "failed") throw new Error(answer.error);
    if (this.#underWay?.id !== id || answer.type === "not_written") return false;
    const { batch } = archive;
    log("info", "archived", { coordinator: scope, runs: batch?.ids.length, key: batch?.key });
    return true;
  }

  /** Forgets the runs of an object that was written. A batch with many events takes several passes. */
  async #forget(isCurrent: IsCurrent): Promise<void> {
    const { archive } = this.journal;
    for (;;) {
      const { batch } = archive;
      if (batch === null || !isCurrent()) return;
      const ids = archive.fitting(batch.ids, PASS_RUNS);
      const left = batch.ids.slice(ids.length);
      this.journal.transaction(() => {
        this.journal.forget(ids);
        archive.setBatch(left.length === 0 ? null : { ...batch, ids: left, isWritten: true });
      });
      this.context.replication.forget(ids);
      await scheduler.wait(0);
    }
  }

  /** A run that can't be printed must not hold up the others, so its line says why it has nothing else. */
  #line(id: string): string {
    try {
      return archivedLine(this.journal, id);
    } catch (error) {
      this.logFailure("run_unprintable", error, { run: id });
      // The message can quote what only other permissions open.
      return JSON.stringify({ id, unprintable: error instanceof Error ? error.name : "Error" });
    }
  }
}

/** What the keys of the objects begin with that have the runs which ended on a day. `day`: an instant of it, in ms. */
export function archivePrefix(scope: string, day: number): string {
  return `v1/${scope}/${new Date(day).toISOString().slice(0, 10).replaceAll("-", "/")}/`;
}

/** Only what a token with `data:read` sees, so no excerpts of responses. Throws if the run can't be printed. */
function archivedLine({ runs, timeline }: Journal, id: string): string {
  const run = runs.byId(id);
  if (run === null) throw new Error("the journal no longer keeps this run");
  const events = timeline.after(run, 0, Number.MAX_SAFE_INTEGER);
  const heartbeat = shownHeartbeat(events.findLast(({ type }) => type === "heartbeat") ?? null);
  // An ended run waits in no queue, so it has no position.
  const shown = withDetails(toActionRun(run), detailsOf(run, { heartbeat, queuePosition: null }));
  return `${shown.slice(0, -1)},"timeline":[${events.map((event) => toWireEvent(event)).join(",")}]}`;
}

/**
 * Lands changed runs in one database, one flight at a time (two if the first one hangs). A flight carries the runs that
 * changed since the last one departed, up to GROUP_MAX_BYTES. The first change after a pause departs at once, and later
 * ones gather. Only lists wait for a flight, because they must show what it carries. The journal is durable before a
 * flight departs. A flight that is lost, late or repeated is harmless, because D1 takes only newer versions.
 */

import { logFailure } from "../../base/log.ts";
import { msSinceOrLongAgo } from "../../base/time.ts";
import { isDatabaseFull } from "../../database/d1-errors.ts";
import { GROUP_MAX_BYTES, isRefusedForContent, type RowStore } from "../d1/store.ts";
import { numberedBookmark } from "../home.ts";
import type { Journal } from "../journal/journal.ts";
import type { LandingRows, Unlanded } from "../journal/landing-rows.ts";
import { type BoardedRow, nextToBoard } from "./boarding.ts";
import { Flights } from "./flights.ts";
import { LackingIds } from "./lacking-ids.ts";
import { Pace } from "./pace.ts";
import type { RepairAlarm } from "./repair-alarm.ts";
import { RunsAside } from "./runs-aside.ts";
import { Settlers } from "./settlers.ts";
import { UnlandedRuns } from "./unlanded-runs.ts";

/** How long a list waits for what D1 lacks. */
export const SETTLE_MAX_MS = 2000;
/** While D1 fails, lists start at most one flight in this time. */
const SETTLE_AFTER_FAILURE_MS = 1000;
const REPAIR_FIRST_MS = 1000;
/** With FLIGHT_MAX_MS for a flight that hangs, a flight departs within 15 s after D1 is back. */
const REPAIR_LAST_MS = 4000;
/** Runs that land again are on one flight in this time, because a resync must leave D1 to others. */
const AGAIN_PAUSE_MS = 500;

/** Why a flight is started. Only flights for changes wait for the pace. A list needs a D1 statement anyway. */
type Reason = "change" | "list" | "repair";

/** How the landings of two databases follow each other, and what follows from them. */
export interface LandingTurns {
  /** Whether a run must not board now, because another database must have it first. */
  readonly mustWait?: (id: string) => boolean;
  /** Called when runs have landed. */
  readonly onLanded?: () => void;
  /** Called in the stretch that notes that a resync is done. */
  readonly onResynced?: () => void;
}

/** One database, and what is known of it. */
export interface LandingPlace extends LandingTurns {
  /** Its number. */
  readonly database: number;
  readonly store: RowStore;
  readonly rows: LandingRows;
}

interface Landed {
  readonly isBehind: boolean;
  readonly lacksRefused: boolean;
  readonly bookmark: string | null;
}

export class GroupCommit {
  readonly #journal: Journal;
  readonly #place: LandingPlace;
  readonly #alarm: RepairAlarm;
  readonly #flights: Flights;
  readonly #pace = new Pace();
  readonly #settlers = new Settlers();
  readonly unlanded: UnlandedRuns;
  readonly aside: RunsAside;
  /** Of the runs that the database lacks in their newest version: they wait, fly, or were put aside. */
  readonly lackingIds: LackingIds;
  #nextLanding = Promise.withResolvers<void>();
  /** The database's greatest bookmark so far. It covers every row that has landed. */
  #bookmark: string | null = null;
  #isFlying = false;
  #failedAt: number | null = null;
  /** How many flights failed since the last one that landed. */
  #failures = 0;
  /** The timer of the next departure; null if none is set. */
  #departure: ReturnType<typeof setTimeout> | null = null;
  /** When a flight last carried runs that land again; null if none did. */
  #againAt: number | null = null;
  #isStopped = false;

  constructor(journal: Journal, place: LandingPlace, alarm: RepairAlarm) {
    this.#journal = journal;
    this.#place = place;
    this.#alarm = alarm;
    this.unlanded = new UnlandedRuns(place.rows.unlanded());
    this.aside = new RunsAside(place.rows);
    this.lackingIds = new LackingIds(
      (id) => this.unlanded.isChanged(id) || this.aside.has(id),
      () => this.unlanded.size + this.aside.size,
    );
    for (const { id } of this.unlanded.waiting()) this.lackingIds.add(id);
    this.#flights = new Flights(place.store);
  }

  /** No further flight departs, and nothing is noted any more. */
  stop(): void {
    this.#isStopped = true;
    if (this.#departure !== null) clearTimeout(this.#departure);
    this.#settlers.releaseAll();
  }

  /** Resolves when the next flight has landed. */
  nextLanding(): Promise<void> {
    return this.#nextLanding.promise;
  }

  /** Notes a version that the journal has just written, and starts a flight. */
  changed(entry: Unlanded): void {
    this.unlanded.add(entry);
    this.aside.changed(entry.id);
    this.lackingIds.add(entry.id);
    // While D1 fails, only the repair tries again. Otherwise each change would.
    if (this.#failures === 0) this.start("change");
  }

  /** Lands runs again, after all changes. */
  landAgain(entries: readonly Unlanded[]): void {
    for (const entry of entries) this.unlanded.addAgain(entry);
    if (this.#failures === 0) this.start("change");
  }

  /** Forgets runs that are no longer kept, or that can't be printed. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.unlanded.forget(id);
      this.aside.remove(id);
    }
  }

  /**
   * Resolves when D1 has every change up to this call, except those of runs that were put aside. Resolves after
   * `maxMs` at the latest. Resolves at once if a flight would be needed and none may depart: D1 has just failed,
   * or two flights hang. The bookmark covers every flight of this instance that has landed.
   */
  async settle(maxMs = SETTLE_MAX_MS): Promise<Landed> {
    const lastSeq = this.#journal.sequence.last;
    let isLanded = this.unlanded.firstSeq > lastSeq;
    if (!isLanded && this.#mayFlySoon()) {
      const landing = this.#settlers.wait(lastSeq, maxMs);
      this.start("list");
      isLanded = await landing;
    }
    return { isBehind: !isLanded, lacksRefused: this.aside.size > 0, bookmark: this.#numbered };
  }

  /** The number up to which D1 has every write; Infinity if it has all. */
  get hasUpTo(): number {
    return Math.min(this.unlanded.firstSeq, this.aside.firstSeq) - 1;
  }

  /** A bookmark of D1 that covers this run as the journal has it; null if there is none yet. */
  bookmarkOf(id: string): string | null {
    return this.unlanded.has(id) || this.aside.has(id) ? null : this.#numbered;
  }

  get #numbered(): string | null {
    return this.#bookmark === null ? null : numberedBookmark(this.#place.database, this.#bookmark);
  }

  /** What is known of a run that the database lacks; undefined if it lacks none of this id. */
  lacking(id: string): Unlanded | undefined {
    return this.unlanded.change(id) ?? this.aside.entry(id);
  }

  /** Starts a flight if something waits, because what it waited for has happened. */
  goOn(): void {
    if (this.#failures === 0 && this.unlanded.isAnyWaiting)
      this.start(this.#settlers.isAny ? "list" : "change");
  }

  /** Starts a flight if no other is up. A flight for a change also waits for the pace. Returns at once. */
  start(reason: Reason): void {
    if (this.#isStopped || this.#isFlying || this.#flights.areAllUp) return;
    const isFull = this.unlanded.waitingBytes >= GROUP_MAX_BYTES;
    // A departure is planned already. A change brings it forward only if the flight is full.
    if (reason === "change" && !isFull && this.#departure !== null) return;
    const waitMs = reason === "change" ? this.#waitMs(Date.now(), isFull) : 0;
    if (this.#departure !== null) clearTimeout(this.#departure);
    this.#departure = null;
    // Depart after this stretch, so that the flight carries everything that the stretch changes.
    if (waitMs === 0) queueMicrotask(() => this.#depart());
    else this.#departure = setTimeout(() => this.#depart(), waitMs);
  }

  /** How long the next flight for changes waits. Runs that land again have a pause of their own. */
  #waitMs(now: number, isFull: boolean): number {
    const pace = this.#pace.waitMs(now, isFull, Math.random());
    return this.unlanded.isAnyChangeWaiting ? pace : Math.max(pace, this.#againWaitMs(now));
  }

  #againWaitMs(now: number): number {
    return this.#againAt === null ? 0 : Math.max(0, AGAIN_PAUSE_MS - msSinceOrLongAgo(this.#againAt, now));
  }

  /**
   * Notes in the journal what has landed. Only the alarm calls this. If the object dies before, some runs land again.
   */
  noteLanded(): void {
    this.#place.rows.noteLanded(this.#landedUpTo);
  }

  /** Whether the journal has noted all that has landed. */
  get isNoted(): boolean {
    return this.#place.rows.landedSeq >= this.#landedUpTo;
  }

  get #landedUpTo(): number {
    return Math.min(this.unlanded.firstSeq - 1, this.#journal.sequence.last);
  }

  #mayFlySoon(): boolean {
    if (this.#isFlying) return true;
    if (this.#flights.areAllUp) return false;
    return this.#failedAt === null || msSinceOrLongAgo(this.#failedAt, Date.now()) >= SETTLE_AFTER_FAILURE_MS;
  }

  #depart(): void {
    this.#departure = null;
    if (this.#isStopped || this.#isFlying || this.#flights.areAllUp) return;
    this.#isFlying = true;
    void this.#fly(Date.now());
  }

  async #fly(now: number): Promise<void> {
    let isEmpty = false;
    try {
      for (const entry of this.aside.due(now)) this.unlanded.addAgain(entry);
      const boarded = this.#nextFlight(now);
      isEmpty = boarded.length === 0;
      if (!isEmpty) {
        this.#pace.departed(now);
        await this.#landSplitting(boarded);
        const landedAt = Date.now();
        this.#pace.landed(Math.max(0, landedAt - now), landedAt);
      }
      this.#failures = 0;
      this.#failedAt = null;
      this.#nextLanding.resolve();
      this.#nextLanding = Promise.withResolvers();
    } catch (error) {
      this.#failures++;
      this.#failedAt = Date.now();
      this.#repairSoon(error, null);
    }
    this.#isFlying = false;
    this.unlanded.flightEnded();
    this.#settlers.landedBefore(this.unlanded.firstSeq);
    if (this.#failures > 0) this.#settlers.releaseAll();
    else if (this.unlanded.isAnyWaiting) this.#startNext(isEmpty);
  }

  /** `wasEmpty`: the last flight carried nothing, because all that waits must wait longer. */
  #startNext(wasEmpty: boolean): void {
    if (!wasEmpty) {
      this.start(this.#settlers.isAny && this.unlanded.isAnyChangeWaiting ? "list" : "change");
      return;
    }
    // Runs that land again have their pause. Others wait for another database, and `goOn` is called when it has them.
    const againMs = this.#againWaitMs(Date.now());
    if (againMs > 0 && this.#departure === null) {
      this.#departure = setTimeout(() => this.#depart(), againMs);
    }
  }

  /** Those that need not wait longer board. */
  #nextFlight(now: number): BoardedRow[] {
    const boarded = nextToBoard(this.#journal, this.#mayBoard(now), (id) => this.forget([id]));
    if (this.unlanded.board(boarded.map(({ entry }) => entry))) this.#againAt = now;
    return boarded;
  }

  *#mayBoard(now: number): Iterable<Unlanded> {
    const { mustWait } = this.#place;
    for (const entry of this.unlanded.waiting(this.#againWaitMs(now) === 0)) {
      if (!mustWait?.(entry.id)) yield entry;
    }
  }

  /** Lands a flight. If D1 refuses its content, halves it until the culprit is alone, and puts that run aside. */
  async #landSplitting(group: readonly BoardedRow[]): Promise<void> {
    try {
      await this.#flights.send(
        group.map(({ text }) => text),
        group.filter(({ isLabelled }) => isLabelled).map(({ entry }) => entry.id),
        (bookmark) => this.#confirm(group, bookmark),
      );
    } catch (error) {
      if (!isRefusedForContent(error)) throw error;
      const [culprit] = group;
      if (group.length === 1 && culprit !== undefined) {
        this.#putAside(culprit, error);
        return;
      }
      const middle = Math.ceil(group.length / 2);
      await this.#landSplitting(group.slice(0, middle));
      await this.#landSplitting(group.slice(middle));
    }
  }

  #confirm(group: readonly BoardedRow[], bookmark: string | null): void {
    if (this.#isStopped) return;
    // Bookmarks sort as text. A flight that was given up can land late, with an older bookmark.
    if (bookmark !== null && bookmark > (this.#bookmark ?? "")) this.#bookmark = bookmark;
    for (const { entry, version } of group) {
      this.unlanded.landed(entry.id, version);
      if (!this.unlanded.has(entry.id)) this.aside.landed(entry.id, version);
    }
    this.#settlers.landedBefore(this.unlanded.firstSeq);
    this.#place.onLanded?.();
  }

  /** The flight of a later repair takes the run again, after 5 s first and after 10 minutes at most. */
  #putAside({ entry, version }: BoardedRow, error: unknown): void {
    if (this.#isStopped) return;
    // If a newer version waits, try that version instead of putting the run aside.
    const isLast = !this.unlanded.hasNewer(entry.id, version);
    // Put it aside first. When `unlanded` forgets the run, `landed_seq` can pass it. Then only the aside table still
    // lists it.
    if (isLast) {
      this.aside.put(entry, Date.now());
      // It may have landed again, without a change.
      this.lackingIds.add(entry.id);
    }
    this.unlanded.landed(entry.id, version);
    if (isLast) this.#repairSoon(error, entry.id);
  }

  /** Logs the failure and sets the repair. `asideId`: the run that was put aside; null if a whole flight failed. */
  #repairSoon(error: unknown, asideId: string | null): void {
    if (this.#isStopped) return;
    const now = Date.now();
    logFailure(asideId === null ? "landing_failed" : "run_put_aside", error, {
      coordinator: this.#journal.scope,
      database: this.#place.database,
      run: asideId ?? undefined,
      reason: asideId !== null ? undefined : isDatabaseFull(error) ? "full" : "outage",
      unlanded: this.unlanded.size + this.aside.size,
      aside: this.aside.size,
      failures: this.#failures,
    });
    const delay = REPAIR_FIRST_MS * 2 ** Math.max(0, this.#failures - 1);
    try {
      this.#alarm.setRepairAt(now + Math.min(REPAIR_LAST_MS, delay));
      this.#alarm.arm(now);
    } catch (cause) {
      // The repair that the version has set comes a little later.
      logFailure("alarm_failed", cause, { coordinator: this.#journal.scope });
    }
  }
}

/**
 * Lands changed runs in one database, one flight at a time (two if the first one hangs). A flight carries the runs that
 * changed since the last one departed, up to GROUP_MAX_BYTES. The first change after a pause departs at once, and later
 * ones gather. Nobody waits for a flight. The journal is durable before a flight departs. A flight that is lost, late or
 * repeated is harmless, because D1 takes only newer versions.
 */

import { logFailure } from "../../base/log.ts";
import { msSinceOrLongAgo } from "../../base/time.ts";
import { isDatabaseFull } from "../../database/d1-errors.ts";
import { GROUP_MAX_BYTES, isRefusedForContent, type RowStore } from "../d1/store.ts";
import type { Journal } from "../journal/journal.ts";
import type { LandingRows, Unlanded } from "../journal/landing-rows.ts";
import { type BoardedRow, nextToBoard } from "./boarding.ts";
import { Flights } from "./flights.ts";
import { LackingIds } from "./lacking-ids.ts";
import type { RepairAlarm } from "./repair-alarm.ts";
import { RunsAside } from "./runs-aside.ts";
import { UnlandedRuns } from "./unlanded-runs.ts";

/** From one departure to the next. A run that ends within it lands once. */
export const PAUSE_MS = 1000;
/** The same for a flight that is full, or that has an urgent change. */
export const PAUSE_MIN_MS = 50;
/** The pauses of many coordinators differ by this part, so that their flights don't keep reaching D1 at once. */
const JITTER = 0.2;
const REPAIR_FIRST_MS = 1000;
/** With FLIGHT_MAX_MS for a flight that hangs, a flight departs within 15 s after D1 is back. */
const REPAIR_LAST_MS = 4000;
/** Runs that land again are on one flight in this time, because a resync must leave D1 to others. */
const AGAIN_PAUSE_MS = 500;

/** One database, and what is known of it. */
export interface LandingPlace {
  /** Its number. */
  readonly database: number;
  readonly store: RowStore;
  readonly rows: LandingRows;
  /** Called when runs have landed, and when a walk over all runs is done. */
  readonly onLanded?: () => void;
  /** Called in the stretch that notes that such a walk is done. */
  readonly onWalked?: () => void;
}

export class GroupCommit {
  readonly #journal: Journal;
  readonly #place: LandingPlace;
  readonly #alarm: RepairAlarm;
  readonly #flights: Flights;
  readonly unlanded: UnlandedRuns;
  readonly aside: RunsAside;
  /** Of the runs that the database lacks in their newest version: they wait, fly, or were put aside. */
  readonly lackingIds: LackingIds;
  #nextLanding = Promise.withResolvers<void>();
  #isFlying = false;
  /** How many flights failed since the last one that landed. */
  #failures = 0;
  /** The timer of the next departure; null if none is set. */
  #departure: ReturnType<typeof setTimeout> | null = null;
  /** When the last flight departed; null if none has. */
  #departedAt: number | null = null;
  /** Whether a change that waits is urgent. */
  #isUrgent = false;
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
  }

  /** Resolves when the next flight has landed. */
  nextLanding(): Promise<void> {
    return this.#nextLanding.promise;
  }

  /** Notes a version that the journal has just written, and plans its flight. `isUrgent`: the flight does not wait long. */
  changed(entry: Unlanded, isUrgent = false): void {
    this.unlanded.add(entry);
    this.aside.changed(entry.id);
    this.lackingIds.add(entry.id);
    if (isUrgent) this.#isUrgent = true;
    this.plan();
  }

  /** Lands runs again, after all changes. */
  landAgain(entries: readonly Unlanded[]): void {
    for (const entry of entries) this.unlanded.addAgain(entry);
    this.plan();
  }

  /** Forgets runs that are no longer kept, or that can't be printed. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.unlanded.forget(id);
      this.aside.remove(id);
    }
  }

  /** What is known of a run that the database lacks; undefined if it lacks none of this id. */
  lacking(id: string): Unlanded | undefined {
    return this.unlanded.change(id) ?? this.aside.entry(id);
  }

  /** Whether a flight may still land. */
  get isFlying(): boolean {
    return this.#flights.isAnyUp;
  }

  /** Plans the next flight for what waits. While D1 fails, only a repair tries again. Otherwise each change would. */
  plan(): void {
    if (this.#failures > 0 || !this.#mayFly || !this.unlanded.isAnyWaiting) return;
    const { bytes } = this.unlanded;
    const isSoon = this.#isUrgent || bytes >= GROUP_MAX_BYTES;
    // A departure is planned already.
    if (this.#departure !== null && !isSoon) return;
    const now = Date.now();
    const waitMs = this.unlanded.isAnyChangeWaiting ? this.#waitMs(now, isSoon) : this.#againWaitMs(now);
    if (waitMs === 0) this.landNow();
    else this.#departIn(waitMs);
  }

  /** Starts a flight if none is up, whatever the pace. Returns at once. */
  landNow(): void {
    // After this stretch, so that the flight carries everything that the stretch changes.
    if (this.#mayFly) queueMicrotask(() => this.#depart());
  }

  get #mayFly(): boolean {
    return !this.#isStopped && !this.#isFlying && !this.#flights.areAllUp;
  }

  #departIn(ms: number): void {
    if (this.#departure !== null) clearTimeout(this.#departure);
    this.#departure = setTimeout(() => this.#depart(), ms);
  }

  #waitMs(now: number, isSoon: boolean): number {
    if (this.#departedAt === null) return 0;
    const pause = (isSoon ? PAUSE_MIN_MS : PAUSE_MS) * (1 + JITTER * (2 * Math.random() - 1));
    return Math.max(0, pause - msSinceOrLongAgo(this.#departedAt, now));
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

  #depart(): void {
    if (!this.#mayFly) return;
    if (this.#departure !== null) clearTimeout(this.#departure);
    this.#departure = null;
    this.#isFlying = true;
    void this.#fly(Date.now());
  }

  async #fly(now: number): Promise<void> {
    try {
      for (const entry of this.aside.due(now)) this.unlanded.addAgain(entry);
      const boarded = this.#nextFlight(now);
      if (boarded.length > 0) {
        this.#departedAt = now;
        await this.#landSplitting(boarded);
      }
      this.#failures = 0;
      this.#nextLanding.resolve();
      this.#nextLanding = Promise.withResolvers();
    } catch (error) {
      this.#failures++;
      this.#repairSoon(error, null);
    }
    this.#isFlying = false;
    this.unlanded.flightEnded();
    this.plan();
  }

  #nextFlight(now: number): BoardedRow[] {
    const waiting = this.unlanded.waiting(this.#againWaitMs(now) === 0);
    const boarded = nextToBoard(this.#journal, waiting, (id) => this.forget([id]));
    if (this.unlanded.board(boarded.map(({ entry }) => entry))) this.#againAt = now;
    if (!this.unlanded.isAnyChangeWaiting) this.#isUrgent = false;
    return boarded;
  }

  /** Lands a flight. If D1 refuses its content, halves it until the culprit is alone, and puts that run aside. */
  async #landSplitting(group: readonly BoardedRow[]): Promise<void> {
    try {
      await this.#flights.send(
        group.map(({ text }) => text),
        group.filter(({ isLabelled }) => isLabelled).map(({ entry }) => entry.id),
        () => this.#confirm(group),
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

  #confirm(group: readonly BoardedRow[]): void {
    if (this.#isStopped) return;
    for (const { entry, version } of group) {
      this.unlanded.landed(entry.id, version);
      if (!this.unlanded.has(entry.id)) this.aside.landed(entry.id, version);
    }
    this.#place.onLanded?.();
  }

  /** The flight of a later repair takes the run again, after 5 s first and after 10 minutes at most. */
  #putAside({ entry, version }: BoardedRow, error: unknown): void {
    if (this.#isStopped) return;
    // If a newer version waits, try that version instead of putting the run aside.
    const isLast = !this.unlanded.hasNewer(entry.id, version);
    // Put it aside first. When `unlanded` forgets the run, the number that has landed can pass it. Then only the aside
    // table still lists it.
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

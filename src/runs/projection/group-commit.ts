/**
 * Lands changed runs in D1, one flight at a time (two if the first one hangs). A flight carries the runs that changed
 * since the last one departed, up to GROUP_MAX_BYTES.
 * The first change after a pause departs at once, and later ones gather. Only lists wait for a flight, because they
 * must show what it carries. The journal is durable before a flight departs. A flight that is lost, late or repeated is
 * harmless, because D1 takes only newer versions.
 */

import { utf8Bytes } from "../../base/limits.ts";
import { logFailure } from "../../base/log.ts";
import { msSince } from "../../base/time.ts";
import { isDatabaseFull } from "../../database/d1-errors.ts";
import { GROUP_MAX_BYTES, hasLabels, isRefusedForContent, type RowStore, toGroupRow } from "../d1/store.ts";
import { numberedBookmark } from "../home.ts";
import type { Journal } from "../journal/journal.ts";
import type { Unlanded } from "../journal/landing-rows.ts";
import type { Landed } from "../upkeep-calls.ts";
import { Flights } from "./flights.ts";
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

/** Why a flight is started. Only flights for changes wait for the pace. A list needs a D1 statement anyway. */
type Reason = "change" | "list" | "repair";

interface BoardedRow {
  readonly entry: Unlanded;
  readonly version: number;
  readonly text: string;
  readonly isLabelled: boolean;
}

export class GroupCommit {
  readonly #journal: Journal;
  readonly #alarm: RepairAlarm;
  readonly #flights: Flights;
  readonly #pace = new Pace();
  readonly #settlers = new Settlers();
  readonly unlanded: UnlandedRuns;
  readonly aside: RunsAside;
  #nextLanding = Promise.withResolvers<void>();
  /** D1's greatest bookmark so far. It covers every row that has landed. */
  #bookmark: string | null = null;
  #isFlying = false;
  #failedAt: number | null = null;
  /** How many flights failed since the last one that landed. */
  #failures = 0;
  /** The timer of the next departure; null if none is set. */
  #departure: ReturnType<typeof setTimeout> | null = null;

  constructor(journal: Journal, alarm: RepairAlarm, store: RowStore) {
    this.#journal = journal;
    this.#alarm = alarm;
    this.unlanded = new UnlandedRuns(journal.landing.unlanded());
    this.aside = new RunsAside(journal.landing);
    this.#flights = new Flights(store);
  }

  /** Resolves when the next flight has landed. */
  nextLanding(): Promise<void> {
    return this.#nextLanding.promise;
  }

  /** Notes a version that the journal has just written, and starts a flight. */
  changed(entry: Unlanded): void {
    this.unlanded.add(entry);
    this.aside.changed(entry.id);
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
   * SETTLE_MAX_MS at the latest. Resolves at once if a flight would be needed and none may depart: D1 has just failed,
   * or two flights hang. The bookmark covers every flight of this instance that has landed.
   */
  async settle(): Promise<Landed> {
    const { lastSeq } = this.#journal.landing;
    let isLanded = this.unlanded.firstSeq > lastSeq;
    if (!isLanded && this.#mayFlySoon()) {
      const landing = this.#settlers.wait(lastSeq, SETTLE_MAX_MS);
      this.start("list");
      isLanded = await landing;
    }
    return { isBehind: !isLanded, lacksRefused: this.aside.size > 0, bookmark: this.#numberedBookmark };
  }

  /** A bookmark of D1 that covers this run as the journal has it; null if there is none yet. */
  bookmarkOf(id: string): string | null {
    return this.unlanded.has(id) || this.aside.has(id) ? null : this.#numberedBookmark;
  }

  get #numberedBookmark(): string | null {
    return this.#bookmark === null ? null : numberedBookmark(0, this.#bookmark);
  }

  /** Starts a flight if no other is up. A flight for a change also waits for the pace. Returns at once. */
  start(reason: Reason): void {
    if (this.#isFlying || this.#flights.areAllUp) return;
    const isFull = this.unlanded.waitingBytes >= GROUP_MAX_BYTES;
    // A departure is planned already. A change brings it forward only if the flight is full.
    if (reason === "change" && !isFull && this.#departure !== null) return;
    const waitMs = reason === "change" ? this.#pace.waitMs(Date.now(), isFull, Math.random()) : 0;
    if (this.#departure !== null) clearTimeout(this.#departure);
    this.#departure = null;
    // Depart after this stretch, so that the flight carries everything that the stretch changes.
    if (waitMs === 0) queueMicrotask(() => this.#depart());
    else this.#departure = setTimeout(() => this.#depart(), waitMs);
  }

  /**
   * Notes in the journal what has landed. Only the alarm calls this. If the object dies before, some runs land again.
   */
  noteLanded(): void {
    const { landing } = this.#journal;
    landing.noteLanded(Math.min(this.unlanded.firstSeq - 1, landing.lastSeq));
  }

  /** Whether the journal has noted all that has landed. */
  get isNoted(): boolean {
    const { landing } = this.#journal;
    return landing.landedSeq >= Math.min(this.unlanded.firstSeq - 1, landing.lastSeq);
  }

  #mayFlySoon(): boolean {
    if (this.#isFlying) return true;
    if (this.#flights.areAllUp) return false;
    return this.#failedAt === null || msSince(this.#failedAt, Date.now()) >= SETTLE_AFTER_FAILURE_MS;
  }

  #depart(): void {
    this.#departure = null;
    if (this.#isFlying || this.#flights.areAllUp) return;
    this.#isFlying = true;
    void this.#fly(Date.now());
  }

  async #fly(now: number): Promise<void> {
    try {
      for (const entry of this.aside.due(now)) this.unlanded.addAgain(entry);
      const boarded = this.#nextFlight();
      if (boarded.length > 0) {
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
    else if (this.unlanded.isAnyWaiting) this.start(this.#settlers.isAny ? "list" : "change");
  }

  /**
   * The runs that board the next flight. They are chosen by their size in the journal, so that no more is read than a
   * flight can carry. Then the flight is cut by the bytes that are bound.
   */
  #nextFlight(): BoardedRow[] {
    const chosen: Unlanded[] = [];
    let expected = 0;
    for (const entry of this.unlanded.waiting()) {
      if (chosen.length > 0 && expected + entry.bytes > GROUP_MAX_BYTES) break;
      chosen.push(entry);
      expected += entry.bytes;
    }
    let bytes = 2;
    const boarded = this.#readRows(chosen).filter(({ text }, i) => {
      bytes += utf8Bytes(text) + 1;
      return i === 0 || bytes <= GROUP_MAX_BYTES;
    });
    this.unlanded.board(boarded.map(({ entry }) => entry));
    return boarded;
  }

  /**
   * The rows of these runs. Reads from the journal only what is not in memory. Forgets runs that the journal no longer
   * holds, and runs that can't be printed, so that the others land.
   */
  #readRows(entries: readonly Unlanded[]): BoardedRow[] {
    const absent = entries.filter(({ run }) => run === null).map(({ id }) => id);
    const read = absent.length === 0 ? [] : this.#journal.runs.byIds(absent);
    const found = new Map(read.map((run) => [run.id, run]));
    return entries.flatMap((entry) => {
      const run = entry.run ?? found.get(entry.id);
      try {
        if (run !== undefined) {
          return [{ entry, version: run.version, text: toGroupRow(run), isLabelled: hasLabels(run) }];
        }
      } catch (error) {
        logFailure("run_unprintable", error, { coordinator: this.#journal.owner.name, run: entry.id });
      }
      this.forget([entry.id]);
      return [];
    });
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
    // Bookmarks sort as text. A flight that was given up can land late, with an older bookmark.
    if (bookmark !== null && bookmark > (this.#bookmark ?? "")) this.#bookmark = bookmark;
    for (const { entry, version } of group) {
      this.unlanded.landed(entry.id, version);
      if (!this.unlanded.has(entry.id)) this.aside.landed(entry.id, version);
    }
    this.#settlers.landedBefore(this.unlanded.firstSeq);
  }

  /** The flight of a later repair takes the run again, after 5 s first and after 10 minutes at most. */
  #putAside({ entry, version }: BoardedRow, error: unknown): void {
    // If a newer version waits, try that version instead of putting the run aside.
    const isLast = !this.unlanded.hasNewer(entry.id, version);
    // Put it aside first. When `unlanded` forgets the run, `landed_seq` can pass it. Then only the aside table still
    // lists it.
    if (isLast) this.aside.put(entry, Date.now());
    this.unlanded.landed(entry.id, version);
    if (isLast) this.#repairSoon(error, entry.id);
  }

  /** Logs the failure and sets the repair. `asideId`: the run that was put aside; null if a whole flight failed. */
  #repairSoon(error: unknown, asideId: string | null): void {
    const now = Date.now();
    logFailure(asideId === null ? "landing_failed" : "run_put_aside", error, {
      coordinator: this.#journal.owner.name,
      run: asideId ?? undefined,
      reason: asideId !== null ? undefined : isDatabaseFull(error) ? "full" : "outage",
      unlanded: this.unlanded.size + this.aside.size,
      aside: this.aside.size,
      failures: this.#failures,
    });
    const delay = REPAIR_FIRST_MS * 2 ** Math.max(0, this.#failures - 1);
    this.#alarm.setRepairAt(now + Math.min(REPAIR_LAST_MS, delay));
    this.#alarm.arm(now);
  }
}

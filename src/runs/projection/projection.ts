/**
 * Keeps D1 as the journal decided: lands what changes in groups, looks after what did not land, and rebuilds all of it
 * when asked. It decides nothing about runs.
 */

import { isDatabaseFull } from "../../http/d1-errors.ts";
import { log } from "../../log.ts";
import {
  deleteRuns,
  findRows,
  GROUP_MAX_BYTES,
  isRefusedForContent,
  landGroup,
  toGroupRow,
} from "../d1/store.ts";
import type { AlarmClock } from "../journal/alarm-clock.ts";
import type { Journal, Unlanded, Written } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { Owner } from "../run-id.ts";
import { GroupCommit, type GroupRow } from "./group-commit.ts";
import { Rebuild, STEP_RUNS } from "./rebuild.ts";

export const UNLANDED_MAX_ROWS = 50_000;
export const UNLANDED_MAX_BYTES = 512 * 1024 * 1024;
/** How long after a change the repair looks whether it landed; also how often it tries again. */
const REPAIR_MS = 5000;
const REPAIR_FIRST_MS = 1000;
/** After failures: with the 10 s of a flight that hangs, a row lands within 15 s of D1's coming back. */
const REPAIR_LAST_MS = 4000;
/**
 * How many confirmations the journal notes at once: 60 KB of ids and versions in one string, far from the 2 MB that an
 * object's SQL takes, and few enough to keep no caller waiting.
 */
const CONFIRM_MAX_ROWS = 1000;

export class Projection {
  readonly #journal: Journal;
  readonly #alarms: AlarmClock;
  readonly #db: D1Database;
  readonly #owner: Owner;
  readonly #commit: GroupCommit;
  readonly #rebuild: Rebuild;
  /** Whether D1's sweep knows of this coordinator. */
  #isRegistered = false;

  constructor(owner: Owner, journal: Journal, alarms: AlarmClock, db: D1Database) {
    this.#journal = journal;
    this.#alarms = alarms;
    this.#db = db;
    this.#owner = owner;
    const landing = {
      groupMaxBytes: GROUP_MAX_BYTES,
      readRows: (unlanded: readonly Unlanded[]) => this.#readRows(unlanded),
      land: (rows: readonly string[]) => this.#land(rows),
      isRefusedForContent,
      onTrouble: (error: unknown, asideId: string | null) => this.#onTrouble(error, asideId),
      onFlown: () => this.#onFlown(),
    };
    this.#commit = new GroupCommit(landing, journal.unlanded());
    this.#rebuild = new Rebuild(journal, {
      findRows: (after, before) => findRows(db, owner, after, before),
      deleteRows: (ids) => deleteRuns(db, owner.scope, ids),
      land: (batch) => this.#landAgain(batch),
      // What D1 refuses for its content has no end, and must not hold this up.
      isBusy: () => this.#commit.unlandedRows - this.#commit.asideRows >= STEP_RUNS,
      onFailed: (error) => log("error", "resync_failed", { coordinator: owner.name, error: String(error) }),
    });
  }

  get isOverloaded(): boolean {
    return this.#commit.unlandedRows >= UNLANDED_MAX_ROWS || this.#commit.unlandedBytes >= UNLANDED_MAX_BYTES;
  }

  /**
   * Notes what the journal has just written; the change takes along what D1 confirmed meanwhile. The note first: a
   * change that the journal holds must land, whatever fails after it.
   */
  changed({ unlanded, dueAt }: Written, now: number): void {
    this.#commit.changed(unlanded);
    this.#alarms.repairBy(now + REPAIR_MS);
    this.#alarms.armBy(Math.min(this.#alarms.repairAt, dueAt), now);
    this.#noteConfirmed();
  }

  /** Resolves when D1 has this version, with its bookmark; with null when nobody should wait any longer. */
  landed(id: string, version: number): Promise<string | null> {
    return this.#commit.landed(id, version);
  }

  bookmarkOf(id: string): string | null {
    return this.#commit.bookmarkOf(id);
  }

  /** Lands what has changed, though nobody waits for it. */
  start(): void {
    this.#commit.start();
  }

  forget(ids: readonly string[]): void {
    this.#commit.forget(ids);
  }

  /** The coordinator is empty, and the sweep forgets it. */
  unregister(): void {
    this.#isRegistered = false;
  }

  /** Armed in the very stretch that makes a row unlanded, so that its repair can't be forgotten. */
  arm(now: number): void {
    if (this.#commit.unlandedRows > 0 || this.#rebuild.isUnderWay) this.#alarms.repairBy(now + REPAIR_MS);
    this.#alarms.arm(now);
  }

  /** The alarm's turn: starts a flight if a repair is due. What there is to be logged, null where all is well. */
  repair(now: number): Readonly<Record<string, number | null>> | null {
    this.#noteConfirmed();
    // One that was cut off between two steps goes on.
    this.#rebuild.next(now);
    const unlanded = this.#commit.unlandedRows;
    if (unlanded + this.#commit.confirmedRows === 0 && !this.#rebuild.isUnderWay) {
      this.#alarms.setRepairAt(null);
    } else if (this.#alarms.repairAt <= now) {
      this.#alarms.setRepairAt(now + REPAIR_MS);
      this.#commit.start();
    }
    const aside = this.#commit.asideRows;
    if (unlanded + aside === 0) return null;
    const oldest = this.#commit.oldestUnlandedAt();
    return { unlanded, oldestUnlandedMs: oldest === null ? null : now - oldest, aside };
  }

  /** Rebuilds D1 from the journal, step by step. How many runs are still to be read; calling again does not start over. */
  resync(): number {
    const now = Date.now();
    if (!this.#rebuild.isUnderWay) this.#isRegistered = false;
    const remaining = this.#rebuild.begin();
    this.arm(now);
    this.#rebuild.next(now);
    return remaining;
  }

  #landAgain(batch: readonly Unlanded[]): void {
    for (const entry of batch) this.#commit.changed(entry);
    this.arm(Date.now());
    this.#commit.start();
  }

  /** After each flight, because callers who come all the time leave no moment in which everything has landed. */
  #onFlown(): void {
    // The rest goes with the next change. Without this, what an outage has held back would all go with one.
    while (this.#commit.confirmedRows > CONFIRM_MAX_ROWS && this.#noteConfirmed());
    this.#rebuild.next(Date.now());
  }

  /** Has the journal note some of what D1 confirmed. False where it could not: later is soon enough. */
  #noteConfirmed(): boolean {
    const confirmed = this.#commit.takeConfirmed(CONFIRM_MAX_ROWS);
    if (confirmed.size === 0) return true;
    try {
      this.#journal.confirm(confirmed);
      return true;
    } catch (error) {
      this.#commit.putBackConfirmed(confirmed);
      log("error", "confirm_failed", {
        coordinator: this.#owner.name,
        rows: confirmed.size,
        error: String(error),
      });
      return false;
    }
  }

  /** As the journal has them; it is asked only for those that are not at hand. */
  #readRows(unlanded: readonly Unlanded[]): GroupRow[] {
    const absent = unlanded.filter(({ run }) => run === null).map(({ id }) => id);
    const read = absent.length === 0 ? [] : this.#journal.byIds(absent);
    const atHand = unlanded.map(({ run }) => run).filter((run) => run !== null);
    return [...atHand, ...read].flatMap((run) => this.#groupRow(run));
  }

  /** None for a row that can't be printed: it must not ground the others. */
  #groupRow(run: JournaledRun): GroupRow[] {
    try {
      return [{ id: run.id, version: run.version, text: toGroupRow(run) }];
    } catch (error) {
      log("error", "run_unprintable", { coordinator: this.#owner.name, run: run.id, error: String(error) });
      return [];
    }
  }

  async #land(rows: readonly string[]): Promise<string | null> {
    const { scope, n } = this.#owner;
    const bookmark = await landGroup(this.#db, scope, rows, this.#isRegistered ? null : n, Date.now());
    this.#isRegistered = true;
    return bookmark;
  }

  #onTrouble(error: unknown, asideId: string | null): void {
    const now = Date.now();
    log("error", asideId === null ? "landing_failed" : "run_put_aside", {
      coordinator: this.#owner.name,
      run: asideId ?? undefined,
      reason: asideId !== null ? undefined : isDatabaseFull(error) ? "full" : "outage",
      unlanded: this.#commit.unlandedRows,
      aside: this.#commit.asideRows,
      failures: this.#commit.failures,
      error: String(error),
    });
    const delay = REPAIR_FIRST_MS * 2 ** Math.max(0, this.#commit.failures - 1);
    this.#alarms.setRepairAt(now + Math.min(REPAIR_LAST_MS, delay));
    this.arm(now);
  }
}

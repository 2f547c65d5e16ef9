/**
 * Keeps D1 as the journal decided: lands what changes in groups, looks after what did not land, and lands everything
 * again when asked. It decides nothing about runs.
 */

import { isDatabaseFull } from "../d1-errors.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import type { AlarmClock } from "./alarm-clock.ts";
import { GroupCommit, type GroupRow } from "./group-commit.ts";
import type { Journal, Unlanded, Written } from "./journal.ts";
import type { JournaledRun } from "./journal-rows.ts";
import { coordinatorName } from "./run-id.ts";
import { GROUP_MAX_BYTES, isRefusedForContent, landGroup, toGroupRow } from "./store.ts";

export const UNLANDED_MAX_ROWS = 50_000;
export const UNLANDED_MAX_BYTES = 512 * 1024 * 1024;
/** How long after a change the repair looks whether it landed; also how often it tries again. */
const REPAIR_MS = 5000;
const REPAIR_FIRST_MS = 1000;
/** After failures: with the 10 s of a flight that hangs, a row lands within 15 s of D1's coming back. */
const REPAIR_LAST_MS = 4000;
const RESYNC_BATCH = 1000;

/** Whose rows these are: `{o}/{p}/{envName}` and the coordinator's number. */
export interface Owner {
  readonly scope: string;
  readonly n: number;
}

export class Projection {
  readonly #journal: Journal;
  readonly #alarms: AlarmClock;
  readonly #db: Env["DB"];
  readonly #owner: Owner;
  readonly #commit: GroupCommit;
  /** Whether D1's sweep knows of this coordinator. */
  #isRegistered = false;

  constructor(journal: Journal, alarms: AlarmClock, db: Env["DB"], owner: Owner) {
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
      onLanded: () => this.#resyncNext(),
    };
    this.#commit = new GroupCommit(landing, journal.unlanded());
  }

  get isOverloaded(): boolean {
    return this.#commit.unlandedRows >= UNLANDED_MAX_ROWS || this.#commit.unlandedBytes >= UNLANDED_MAX_BYTES;
  }

  /** Notes what the journal has just written; the change takes along what D1 confirmed meanwhile. */
  changed({ unlanded, dueAt }: Written, now: number): void {
    this.#writeConfirmed();
    this.#commit.changed(unlanded);
    this.#alarms.repairBy(now + REPAIR_MS);
    this.#alarms.armBy(Math.min(this.#alarms.repairAt, dueAt), now);
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
    if (this.#commit.unlandedRows > 0) this.#alarms.repairBy(now + REPAIR_MS);
    this.#alarms.arm(now);
  }

  /** The alarm's turn: starts a flight if a repair is due. What there is to be logged, null where all is well. */
  repair(now: number): Readonly<Record<string, number | null>> | null {
    this.#writeConfirmed();
    const unlanded = this.#commit.unlandedRows;
    if (unlanded === 0) {
      this.#alarms.setRepairAt(null);
      // A resync that was cut off between two batches goes on.
      this.#resyncNext();
    } else if (this.#alarms.repairAt <= now) {
      this.#alarms.setRepairAt(now + REPAIR_MS);
      this.#commit.start();
    }
    const aside = this.#commit.asideRows;
    if (unlanded + aside === 0) return null;
    const oldest = this.#commit.oldestUnlandedAt();
    return { unlanded, oldestUnlandedMs: oldest === null ? null : now - oldest, aside };
  }

  /** Lands every run again, a batch at a time. How many are still to be read; calling again does not start over. */
  resync(): number {
    const after = this.#journal.mark("resync_after");
    if (after === null) {
      this.#journal.setMark("resync_after", "");
      this.#isRegistered = false;
    }
    const remaining = this.#journal.countAfter(after ?? "");
    this.#resyncNext();
    return remaining;
  }

  /** While a resync is under way: makes the next batch unlanded, and stops after the last. */
  #resyncNext(): void {
    const after = this.#journal.mark("resync_after");
    // What D1 refuses for its content has no end, and must not hold this up.
    if (after === null || this.#commit.unlandedRows > this.#commit.asideRows) return;
    // First, for what D1 confirmed before it lost the rows would count as landed again.
    this.#writeConfirmed();
    const batch = this.#journal.unland(after, RESYNC_BATCH);
    this.#journal.setMark("resync_after", batch.at(-1)?.id ?? null);
    if (batch.length === 0) return;
    for (const entry of batch) this.#commit.changed(entry);
    this.arm(Date.now());
    this.#commit.start();
  }

  #writeConfirmed(): void {
    const confirmed = this.#commit.takeConfirmed();
    if (confirmed.size > 0) this.#journal.confirm(confirmed);
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
      log("error", "run_unprintable", { coordinator: this.#name, run: run.id, error: String(error) });
      return [];
    }
  }

  get #name(): string {
    return coordinatorName(this.#owner.scope, this.#owner.n);
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
      coordinator: this.#name,
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

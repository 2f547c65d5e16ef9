/**
 * Lands changed runs in D1, one flight at a time. A flight carries every run that changed since the last one, so callers
 * that arrive meanwhile share the next. It decides nothing: the journal is durable before it is called. A flight that is
 * lost, late or repeated is harmless, because D1 takes only newer versions.
 */

import { isDatabaseFull } from "../../http/d1-errors.ts";
import { utf8Bytes } from "../../http/limits.ts";
import { logFailure } from "../../log.ts";
import { GROUP_MAX_BYTES, isRefusedForContent, type RowStore, toGroupRow } from "../d1/store.ts";
import type { AlarmClock } from "../journal/alarm-clock.ts";
import type { Journal } from "../journal/journal.ts";
import type { Unlanded } from "../journal/landing-rows.ts";
import { Confirmations } from "./confirmations.ts";
import { Flights } from "./flights.ts";
import { LandingWaiters } from "./landing-waiters.ts";
import { RunsAside } from "./runs-aside.ts";
import { UnlandedRuns } from "./unlanded-runs.ts";

/** How long a caller waits for its flight before it gets its answer without one. */
export const WAIT_MAX_MS = 2000;
const REPAIR_FIRST_MS = 1000;
/** With the 10 s of a flight that hangs, a row lands within 15 s after D1 is back. */
const REPAIR_LAST_MS = 4000;

interface GroupRow {
  readonly id: string;
  readonly version: number;
  readonly text: string;
}

export class GroupCommit {
  readonly #journal: Journal;
  readonly #alarms: AlarmClock;
  readonly #flights: Flights;
  readonly #waiters = new LandingWaiters();
  readonly unlanded: UnlandedRuns;
  readonly aside = new RunsAside();
  readonly confirmations: Confirmations;
  #nextLanding = Promise.withResolvers<void>();
  /** The newest bookmark of D1. It covers every confirmed row. */
  #bookmark: string | null = null;
  #isFlying = false;
  /** Flights that failed since the last that succeeded. */
  #failures = 0;

  constructor(journal: Journal, alarms: AlarmClock, store: RowStore) {
    this.#journal = journal;
    this.#alarms = alarms;
    this.unlanded = new UnlandedRuns(journal.landing.unlanded());
    this.#flights = new Flights(store);
    this.confirmations = new Confirmations(journal);
  }

  /** Resolves when the next group has landed. */
  nextLanding(): Promise<void> {
    return this.#nextLanding.promise;
  }

  /** Notes a version that the journal has just written. It may pass even if D1 refused the last one. */
  changed(entry: Unlanded): void {
    this.unlanded.add(entry);
    this.aside.remove(entry.id);
    this.confirmations.drop(entry.id);
  }

  /** Forgets runs that are no longer kept. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.unlanded.remove(id);
      this.confirmations.drop(id);
      this.aside.remove(id);
    }
  }

  /**
   * Resolves when this version has landed, with a bookmark of D1 that covers it. Resolves with null if the caller should not
   * wait: after WAIT_MAX_MS, at once while D1 fails, and if it landed before this instance began and no bookmark is known.
   */
  async landed(id: string, version: number): Promise<string | null> {
    if (!this.unlanded.has(id)) return this.#bookmark;
    if (this.#failures > 0 || this.aside.has(id)) return null;
    const bookmark = this.#waiters.wait(id, version, WAIT_MAX_MS);
    this.start();
    return bookmark;
  }

  /** A bookmark of D1 that covers this run as the journal has it; null if there is none yet. */
  bookmarkOf(id: string): string | null {
    return this.unlanded.has(id) ? null : this.#bookmark;
  }

  /** Sends a flight unless one is up. Never waits for it. */
  start(): void {
    if (this.#isFlying || this.#flights.areAllUp) return;
    this.#isFlying = true;
    void this.#fly();
  }

  async #fly(): Promise<void> {
    try {
      for (let group = this.#nextGroup(); group.length > 0; group = this.#nextGroup()) {
        await this.#landSplitting(group);
        this.#failures = 0;
        this.confirmations.noteSurplus();
        this.#nextLanding.resolve();
        this.#nextLanding = Promise.withResolvers();
      }
      // No await after the last look for a group, so a caller that arrives from here on starts a flight of its own.
      this.#isFlying = false;
    } catch (error) {
      this.#isFlying = false;
      this.#failures++;
      this.#waiters.releaseAll();
      this.#repairSoon(error, null);
    }
  }

  /**
   * Runs that a caller waits for first, then the rest, oldest change first. Chosen by the size in the journal, so that no
   * more is read than a group holds. Then cut by the bytes that are bound.
   */
  #nextGroup(): GroupRow[] {
    const now = Date.now();
    const chosen = new Map<string, Unlanded>();
    let expected = 0;
    for (const id of this.#queue()) {
      const entry = this.unlanded.get(id);
      if (entry === undefined || chosen.has(id) || this.aside.mustWait(id, now)) continue;
      if (chosen.size > 0 && expected + entry.bytes > GROUP_MAX_BYTES) break;
      chosen.set(id, entry);
      expected += entry.bytes;
    }
    const rows = this.#readRows([...chosen.values()]);
    for (const { id } of rows) chosen.delete(id);
    // The journal no longer holds these, or they can't be printed.
    this.forget([...chosen.keys()]);

    let bytes = 2;
    return rows.filter(({ text }, i) => {
      bytes += utf8Bytes(text) + 1;
      return i === 0 || bytes <= GROUP_MAX_BYTES;
    });
  }

  *#queue(): Iterable<string> {
    yield* this.#waiters.ids();
    yield* this.unlanded.ids();
  }

  /** Asks the journal only for runs that are not in memory. Leaves out those that can't be printed: the others must land. */
  #readRows(unlanded: readonly Unlanded[]): GroupRow[] {
    const absent = unlanded.filter(({ run }) => run === null).map(({ id }) => id);
    const read = absent.length === 0 ? [] : this.#journal.runs.byIds(absent);
    const inMemory = unlanded.map(({ run }) => run).filter((run) => run !== null);
    return [...inMemory, ...read].flatMap((run) => {
      try {
        return [{ id: run.id, version: run.version, text: toGroupRow(run) }];
      } catch (error) {
        logFailure("run_unprintable", error, { coordinator: this.#journal.owner.name, run: run.id });
        return [];
      }
    });
  }

  /** Lands a group. If D1 refuses its content, halves it until the culprit is alone, and puts that run aside. */
  async #landSplitting(group: readonly GroupRow[]): Promise<void> {
    try {
      await this.#flights.send(
        group.map(({ text }) => text),
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

  #confirm(group: readonly GroupRow[], bookmark: string | null): void {
    // Bookmarks sort as text, the oldest first. A flight that was given up may come back with an older one.
    if (bookmark !== null && bookmark > (this.#bookmark ?? "")) this.#bookmark = bookmark;
    for (const { id, version } of group) {
      this.#waiters.settle(id, version, this.#bookmark);
      this.confirmations.add(id, version);
      this.aside.remove(id);
      const entry = this.unlanded.get(id);
      if (entry !== undefined && entry.version <= version) this.unlanded.remove(id);
    }
  }

  #putAside({ id, version }: GroupRow, error: unknown): void {
    this.#waiters.settle(id, version, null);
    // A newer version was not refused, so it may pass.
    if ((this.unlanded.get(id)?.version ?? 0) > version) return;
    this.aside.put(id, Date.now());
    this.#repairSoon(error, id);
  }

  /** `asideId`: the run that was put aside; null if a whole flight failed. */
  #repairSoon(error: unknown, asideId: string | null): void {
    const now = Date.now();
    logFailure(asideId === null ? "landing_failed" : "run_put_aside", error, {
      coordinator: this.#journal.owner.name,
      run: asideId ?? undefined,
      reason: asideId !== null ? undefined : isDatabaseFull(error) ? "full" : "outage",
      unlanded: this.unlanded.size,
      aside: this.aside.size,
      failures: this.#failures,
    });
    const delay = REPAIR_FIRST_MS * 2 ** Math.max(0, this.#failures - 1);
    this.#alarms.setRepairAt(now + Math.min(REPAIR_LAST_MS, delay));
    this.#alarms.arm(now);
  }
}

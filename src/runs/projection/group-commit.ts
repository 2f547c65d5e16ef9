/**
 * Lands changed runs in D1: one flight at a time, each carrying every run changed since the last, callers that
 * arrive meanwhile sharing the next. It decides nothing: the journal is durable before it is asked, and a flight
 * that is lost, late or repeated is harmless, for D1 takes only newer versions.
 *
 * Memory holds ids and versions, and no more than 2 MB of the rows themselves; the rest is read from the journal when a
 * flight leaves.
 */

import { utf8Bytes } from "../../http/limits.ts";
import type { Unlanded } from "../journal/journal.ts";
import { Waiters } from "./landing-waiters.ts";
import { UnlandedRuns } from "./unlanded-runs.ts";

/** How long a caller waits for its flight before it gets its answer without. */
export const WAIT_MAX_MS = 2000;
/** When a flight that has not come back is given up. */
export const FLIGHT_MAX_MS = 10_000;
/** Given-up flights stay counted for this long, so that at most two are ever up. */
const FLIGHT_FORGOTTEN_MS = 20_000;
const FLIGHTS_MAX = 2;
const ASIDE_FIRST_MS = 5000;
const ASIDE_MAX_MS = 600_000;

/** What group commit needs of its surroundings. */
export interface Landing {
  /** The current rows of these runs, as a flight carries them; those the journal has forgotten are missing. */
  readRows(unlanded: readonly Unlanded[]): readonly GroupRow[];
  /** Writes one group; answers D1's bookmark. */
  land(rows: readonly string[]): Promise<string | null>;
  isRefusedForContent(error: unknown): boolean;
  /** Called when a flight failed or put a run aside: repair must be armed. */
  onTrouble(error: unknown, asideId: string | null): void;
  /** Called when a group has landed, before the next one is chosen. */
  onFlown(): void;
  readonly groupMaxBytes: number;
}

export interface GroupRow {
  readonly id: string;
  readonly version: number;
  readonly text: string;
}

interface Aside {
  readonly failures: number;
  readonly until: number;
}

export class GroupCommit {
  readonly #landing: Landing;
  readonly #unlanded = new UnlandedRuns();
  /** What D1 has confirmed since the last journal write, which takes it along. */
  readonly #confirmed = new Map<string, number>();
  readonly #waiters = new Waiters();
  readonly #aside = new Map<string, Aside>();
  /** The newest that D1 gave: it has every row that was confirmed. */
  #bookmark: string | null = null;
  #flying = false;
  #outstanding = 0;
  #failures = 0;

  constructor(landing: Landing, unlanded: readonly Unlanded[]) {
    this.#landing = landing;
    for (const entry of unlanded) this.#unlanded.add(entry);
  }

  get unlandedRows(): number {
    return this.#unlanded.size;
  }

  get unlandedBytes(): number {
    return this.#unlanded.bytes;
  }

  /** Flights that failed since the last that succeeded. */
  get failures(): number {
    return this.#failures;
  }

  get asideRows(): number {
    return this.#aside.size;
  }

  oldestUnlandedAt(): number | null {
    return this.#unlanded.oldestChange();
  }

  /**
   * Notes a run that the journal has just written. A new version may pass where the last was refused, and what D1
   * confirmed before says nothing of it.
   */
  changed(entry: Unlanded): void {
    this.#unlanded.add(entry);
    this.#aside.delete(entry.id);
    this.#confirmed.delete(entry.id);
  }

  /** Forgets runs that are no longer kept. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.#unlanded.remove(id);
      this.#confirmed.delete(id);
      this.#aside.delete(id);
    }
  }

  /** How many confirmations of D1 the journal has not noted. */
  get confirmedRows(): number {
    return this.#confirmed.size;
  }

  /** Hands over up to `limit` versions that D1 has confirmed, the first confirmed first, to be noted in the journal. */
  takeConfirmed(limit: number): ReadonlyMap<string, number> {
    const taken = new Map<string, number>();
    for (const [id, version] of this.#confirmed) {
      if (taken.size === limit) break;
      taken.set(id, version);
      this.#confirmed.delete(id);
    }
    return taken;
  }

  /** Takes back what the journal could not note. */
  putBackConfirmed(versions: ReadonlyMap<string, number>): void {
    for (const [id, version] of versions) this.#confirmed.set(id, version);
  }

  /**
   * Resolves when this version has landed, with a bookmark of D1 that has it; or with null as soon as the caller
   * should not wait any longer: after WAIT_MAX_MS, at once while D1 is not answering, and where it landed before
   * this instance began, so that no bookmark is known.
   */
  async landed(id: string, version: number): Promise<string | null> {
    if (!this.#unlanded.has(id)) return this.#bookmark;
    if (this.#failures > 0 || this.#aside.has(id)) return null;
    const bookmark = this.#waiters.wait(id, version, WAIT_MAX_MS);
    this.start();
    return bookmark;
  }

  /** Sends a flight unless one is up. Never waits for it. */
  start(): void {
    if (this.#flying || this.#outstanding >= FLIGHTS_MAX) return;
    this.#flying = true;
    void this.#fly();
  }

  /** A bookmark of D1 that has this run as the journal has it, or null where there is none yet. */
  bookmarkOf(id: string): string | null {
    return this.#unlanded.has(id) ? null : this.#bookmark;
  }

  async #fly(): Promise<void> {
    try {
      for (;;) {
        const group = this.#nextGroup(Date.now());
        if (group.length === 0) break;
        await this.#landSplitting(group);
        this.#failures = 0;
        this.#landing.onFlown();
      }
      // Before anything else runs: who arrives from here on must start a flight of its own.
      this.#flying = false;
    } catch (error) {
      this.#flying = false;
      this.#failures++;
      this.#waiters.releaseAll();
      this.#landing.onTrouble(error, null);
    }
  }

  /**
   * Runs that somebody waits for first, then the rest, oldest change first. Chosen by the size that the journal
   * noted, so that no more is read than a group holds; cut by the bytes that will be bound.
   */
  #nextGroup(now: number): GroupRow[] {
    const chosen = new Map<string, Unlanded>();
    let expected = 0;
    const choose = (id: string): boolean => {
      const entry = this.#unlanded.get(id);
      if (entry === undefined || chosen.has(id) || this.#isAside(id, now)) return true;
      if (chosen.size > 0 && expected + entry.bytes > this.#landing.groupMaxBytes) return false;
      chosen.set(id, entry);
      expected += entry.bytes;
      return true;
    };
    const waitedFor = this.#waiters.ids().every(choose);
    if (waitedFor) for (const id of this.#unlanded.ids()) if (!choose(id)) break;

    const rows = this.#landing.readRows([...chosen.values()]);
    if (rows.length < chosen.size) {
      const found = new Set(rows.map((row) => row.id));
      this.forget([...chosen.keys()].filter((id) => !found.has(id)));
    }
    const group: GroupRow[] = [];
    let bytes = 2;
    for (const row of rows) {
      bytes += utf8Bytes(row.text) + 1;
      if (group.length > 0 && bytes > this.#landing.groupMaxBytes) break;
      group.push(row);
    }
    return group;
  }

  /** Lands a group; one that D1 refuses for its content is halved until the culprit is alone and put aside. */
  async #landSplitting(group: readonly GroupRow[]): Promise<void> {
    try {
      await this.#landOnce(group);
    } catch (error) {
      if (!this.#landing.isRefusedForContent(error)) throw error;
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

  async #landOnce(group: readonly GroupRow[]): Promise<void> {
    this.#outstanding++;
    let counted = true;
    const uncount = () => {
      if (counted) this.#outstanding--;
      counted = false;
    };
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    let timer = setTimeout(() => {
      reject(new Error("a flight to D1 was given up"));
      timer = setTimeout(uncount, FLIGHT_FORGOTTEN_MS - FLIGHT_MAX_MS);
    }, FLIGHT_MAX_MS);
    const flight = this.#landing.land(group.map((row) => row.text)).then((bookmark) => {
      // Also when it was given up meanwhile: what it wrote is written.
      this.#advance(bookmark);
      for (const { id, version } of group) this.#confirm(id, version);
    });
    void flight
      .catch(() => {})
      .finally(() => {
        clearTimeout(timer);
        uncount();
      });
    await Promise.race([flight, givenUp]);
  }

  /** D1's bookmarks sort as text, the oldest first. A flight that was given up may come back with an older one. */
  #advance(bookmark: string | null): void {
    if (bookmark !== null && bookmark > (this.#bookmark ?? "")) this.#bookmark = bookmark;
  }

  #confirm(id: string, version: number): void {
    this.#waiters.settle(id, version, this.#bookmark);
    this.#confirmed.set(id, Math.max(version, this.#confirmed.get(id) ?? 0));
    this.#aside.delete(id);
    const entry = this.#unlanded.get(id);
    if (entry !== undefined && entry.version <= version) this.#unlanded.remove(id);
  }

  #putAside(row: GroupRow, error: unknown): void {
    this.#waiters.settle(row.id, row.version, null);
    // What was refused is not what stands now, and that may pass.
    if ((this.#unlanded.get(row.id)?.version ?? 0) > row.version) return;
    const failures = (this.#aside.get(row.id)?.failures ?? 0) + 1;
    const delay = Math.min(ASIDE_FIRST_MS * 2 ** (failures - 1), ASIDE_MAX_MS);
    this.#aside.set(row.id, { failures, until: Date.now() + delay });
    this.#landing.onTrouble(error, row.id);
  }

  #isAside(id: string, now: number): boolean {
    const aside = this.#aside.get(id);
    // No run is put aside for longer: an instant further ahead was noted before the clock stepped back.
    return aside !== undefined && aside.until > now && aside.until <= now + ASIDE_MAX_MS;
  }
}

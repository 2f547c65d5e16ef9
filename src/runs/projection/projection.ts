/**
 * Keeps D1 equal to the journal: lands changes in groups, repairs what did not land, and rebuilds everything when asked. It
 * decides nothing about runs.
 */

import type { RowStore } from "../d1/store.ts";
import type { AlarmClock } from "../journal/alarm-clock.ts";
import type { Journal, Written } from "../journal/journal.ts";
import { GroupCommit } from "./group-commit.ts";
import { Rebuild } from "./rebuild.ts";

export const UNLANDED_MAX_ROWS = 50_000;
export const UNLANDED_MAX_BYTES = 512 * 1024 * 1024;
/** How long after a change the repair checks that it landed, and how often it tries again. */
const REPAIR_MS = 5000;

export class Projection {
  readonly #alarms: AlarmClock;
  readonly #store: RowStore;
  readonly commit: GroupCommit;
  readonly #rebuild: Rebuild;

  constructor(journal: Journal, alarms: AlarmClock, store: RowStore) {
    this.#alarms = alarms;
    this.#store = store;
    this.commit = new GroupCommit(journal, alarms, store);
    this.#rebuild = new Rebuild(journal, this.commit, store);
  }

  get isOverloaded(): boolean {
    const { unlanded, aside } = this.commit;
    return unlanded.size + aside.size >= UNLANDED_MAX_ROWS || unlanded.bytes >= UNLANDED_MAX_BYTES;
  }

  /**
   * Lets a version land that the journal has just written. It is noted first, because a change that the journal holds must
   * land, whatever fails after that.
   */
  changed({ unlanded, dueAt }: Written, now: number): void {
    this.commit.changed(unlanded);
    this.#alarms.repairBy(now + REPAIR_MS);
    this.#alarms.armBy(Math.min(this.#alarms.repairAt, dueAt), now);
  }

  /** Whether D1 lacks something that must land without anybody's help. */
  get isBehind(): boolean {
    const { unlanded, aside } = this.commit;
    return unlanded.size + aside.size > 0 || this.#rebuild.isUnderWay;
  }

  /** The sweep changes what this coordinator registered, so the next landing registers it again. */
  unregister(): void {
    this.#store.registerAgain();
  }

  /** Called in the same turn that makes a row unlanded, so that its repair can't be forgotten. */
  arm(now: number): void {
    if (!this.#isDone) this.#alarms.repairBy(now + REPAIR_MS);
    this.#alarms.arm(now);
  }

  /** The alarm's turn: starts a flight if a repair is due. Returns what to log, or null if everything has landed. */
  repair(now: number): Readonly<Record<string, number | null>> | null {
    const { unlanded, aside } = this.commit;
    this.commit.noteLanded();
    // A rebuild that an eviction cut off goes on.
    this.#rebuild.next(now);
    if (this.#isDone) {
      this.#alarms.setRepairAt(null);
    } else if (this.#alarms.repairAt <= now) {
      this.#alarms.setRepairAt(now + REPAIR_MS);
      this.commit.start("repair");
    }
    if (unlanded.size + aside.size === 0) return null;
    const oldest = unlanded.oldestChange();
    const oldestUnlandedMs = oldest === null ? null : now - oldest;
    return { unlanded: unlanded.size + aside.size, oldestUnlandedMs, aside: aside.size };
  }

  get #isDone(): boolean {
    return !this.isBehind && this.commit.isNoted;
  }

  /** Rebuilds D1 from the journal, step by step. Returns how many runs are still to be read. */
  resync(): number {
    const now = Date.now();
    const remaining = this.#rebuild.begin();
    this.arm(now);
    this.#rebuild.next(now);
    return remaining;
  }
}

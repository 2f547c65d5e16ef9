/**
 * Keeps D1 equal to the journal: lands changes, repairs what did not land, and resyncs everything when asked.
 * It decides nothing about runs.
 */

import type { RowStore } from "../d1/store.ts";
import type { Journal, Written } from "../journal/journal.ts";
import { GroupCommit } from "./group-commit.ts";
import type { RepairAlarm } from "./repair-alarm.ts";
import { Resync } from "./resync.ts";

export const UNLANDED_MAX_ROWS = 50_000;
export const UNLANDED_MAX_BYTES = 512 * 1024 * 1024;
/** How long after a change the repair checks that the change has landed, and how long it waits between two tries. */
const REPAIR_MS = 5000;

export class Projection {
  readonly #alarm: RepairAlarm;
  readonly #store: RowStore;
  readonly commit: GroupCommit;
  readonly #resync: Resync;

  constructor(journal: Journal, alarm: RepairAlarm, store: RowStore) {
    this.#alarm = alarm;
    this.#store = store;
    this.commit = new GroupCommit(journal, alarm, store);
    this.#resync = new Resync(journal, this.commit, store);
  }

  get isOverloaded(): boolean {
    const { unlanded, aside } = this.commit;
    return unlanded.size + aside.size >= UNLANDED_MAX_ROWS || unlanded.bytes >= UNLANDED_MAX_BYTES;
  }

  /**
   * Lands a version that the journal has just written. Notes the version before it sets the alarm, so that the version
   * lands even if setting the alarm fails.
   */
  changed({ unlanded, dueAt }: Written, now: number): void {
    this.commit.changed(unlanded);
    this.#alarm.repairBy(now + REPAIR_MS);
    this.#alarm.armBy(Math.min(this.#alarm.repairAt, dueAt), now);
  }

  /** Whether D1 lacks something that must land even if nobody asks. */
  get isBehind(): boolean {
    const { unlanded, aside } = this.commit;
    return unlanded.size + aside.size > 0 || this.#resync.isUnderWay;
  }

  /** Call this when the sweep changes the registered instant: the next flight then registers the coordinator again. */
  unregister(): void {
    this.#store.registerAgain();
  }

  /** Call this in the stretch that makes a row unlanded, so that its repair can't be lost. */
  arm(now: number): void {
    if (!this.#isDone) this.#alarm.repairBy(now + REPAIR_MS);
    this.#alarm.arm(now);
  }

  /** Called by the alarm: starts a flight if a repair is due. Returns what to log; null if everything has landed. */
  repair(now: number): Readonly<Record<string, number | null>> | null {
    const { unlanded, aside } = this.commit;
    this.commit.noteLanded();
    // A resync that an eviction cut off goes on.
    this.#resync.next(now);
    if (this.#isDone) {
      this.#alarm.setRepairAt(null);
    } else if (this.#alarm.repairAt <= now) {
      this.#alarm.setRepairAt(now + REPAIR_MS);
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

  /** Rebuilds D1 from the journal, step by step. Returns how many runs are left. */
  resync(): number {
    const now = Date.now();
    const remaining = this.#resync.begin();
    this.arm(now);
    this.#resync.next(now);
    return remaining;
  }
}

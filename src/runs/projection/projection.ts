/**
 * Keeps D1 equal to the journal: lands changes, repairs what did not land, and resyncs everything when asked. While the
 * environment moves to another database, its runs land in both. It decides nothing about runs.
 */

import type { Home } from "../home.ts";
import type { FollowUp, Journal, Written } from "../journal/journal.ts";
import type { Unlanded } from "../journal/landing-rows.ts";
import type { Homes } from "./homes.ts";
import type { RepairAlarm } from "./repair-alarm.ts";

export const UNLANDED_MAX_ROWS = 50_000;
export const UNLANDED_MAX_BYTES = 512 * 1024 * 1024;
/** How long after a change the repair checks that the change has landed, and how long it waits between two tries. */
const REPAIR_MS = 5000;

export class Projection implements FollowUp {
  readonly #journal: Journal;
  readonly #alarm: RepairAlarm;
  readonly #homes: Homes;

  constructor(journal: Journal, alarm: RepairAlarm, homes: Homes) {
    this.#journal = journal;
    this.#alarm = alarm;
    this.#homes = homes;
  }

  /** Where the runs land; null while nobody has decided. */
  get home(): Home | null {
    return this.#homes.home;
  }

  get isOverloaded(): boolean {
    const { landing } = this.#homes;
    if (landing === null) return this.#journal.sequence.last >= UNLANDED_MAX_ROWS;
    const { unlanded, aside } = landing.commit;
    return unlanded.size + aside.size >= UNLANDED_MAX_ROWS || unlanded.bytes >= UNLANDED_MAX_BYTES;
  }

  /** The repair of a version, and the alarm for it. */
  isOnRecord({ unlanded, dueAt }: Written, now: number): boolean {
    const { repairAt } = this.#alarm;
    const isRung = repairAt <= now + REPAIR_MS && this.#alarm.ringsBy(Math.min(repairAt, dueAt), now);
    return isRung && unlanded.seq > 1;
  }

  record({ unlanded, dueAt }: Written, now: number): null {
    if (unlanded.seq === 1) {
      this.#journal.sequence.beginEpoch(now);
      this.#homes.isFirstWrite();
    }
    this.#alarm.repairBy(now + REPAIR_MS);
    this.#alarm.armBy(Math.min(this.#alarm.repairAt, dueAt), now);
    return null;
  }

  /** Lands a version that the journal has just written. */
  changed(unlanded: Unlanded): void {
    for (const { commit } of this.#homes.landings()) commit.changed(unlanded);
    if (this.#homes.home === null) void this.#homes.place();
    else this.#homes.boundTarget();
  }

  /** Whether the home lacks something that must land even if nobody asks. */
  get isBehind(): boolean {
    return this.#homes.landing?.isBehind ?? this.#journal.sequence.last > 0;
  }

  /** Whether the home may lack runs that it once had. */
  get isStale(): boolean {
    return this.#homes.lacksOlder;
  }

  /** Starts a flight for what waits, without waiting for the pace. */
  land(): void {
    for (const { commit } of this.#homes.landings()) if (commit.unlanded.isAnyWaiting) commit.start("repair");
  }

  /** Deletes runs in each database that has them. */
  async delete(ids: readonly string[]): Promise<void> {
    await Promise.all([...this.#homes.landings()].map(({ store }) => store.delete(ids)));
  }

  /** Forgets runs that the journal no longer keeps. */
  forget(ids: readonly string[]): void {
    for (const { commit } of this.#homes.landings()) commit.forget(ids);
  }

  /** Call this when the sweep changes the registered instant: the next flight then registers the coordinator again. */
  unregister(): void {
    this.#homes.registration.forget();
  }

  /** Call this in the stretch that makes a row unlanded, so that its repair can't be lost. */
  arm(now: number): void {
    if (!this.#isDone) this.#alarm.repairBy(now + REPAIR_MS);
    this.#alarm.arm(now);
  }

  /** Called by the alarm: starts a flight if a repair is due. Returns what to log; null if everything has landed. */
  repair(now: number): Readonly<Record<string, number | null>> | null {
    for (const { commit, resync } of this.#homes.landings()) {
      commit.noteLanded();
      // A resync that an eviction cut off goes on.
      resync.next(now);
    }
    if (this.#isDone) {
      this.#alarm.setRepairAt(null);
    } else if (this.#alarm.repairAt <= now) {
      this.#alarm.setRepairAt(now + REPAIR_MS);
      for (const landing of this.#homes.landings()) if (!landing.isDone) landing.commit.start("repair");
      if (this.#owesRegistration) this.#homes.registration.beside(now);
      if (this.#homes.home === null) void this.#homes.place();
    }
    if (this.#homes.landing === null) return null;
    const { unlanded, aside } = this.#homes.landing.commit;
    if (unlanded.size + aside.size === 0) return null;
    const oldest = unlanded.oldestChange();
    const oldestUnlandedMs = oldest === null ? null : now - oldest;
    return { unlanded: unlanded.size + aside.size, oldestUnlandedMs, aside: aside.size };
  }

  get #isDone(): boolean {
    if (this.#homes.home === null) return !this.isBehind;
    return !this.#owesRegistration && [...this.#homes.landings()].every(({ isDone }) => isDone);
  }

  /** Whether the control database must be told, and no flight goes there. */
  get #owesRegistration(): boolean {
    return (
      this.#homes.registration.isOwed && [...this.#homes.landings()].every(({ database }) => database !== 0)
    );
  }

  /** Rebuilds D1 from the journal, step by step. Returns how many runs are left. */
  resync(): number {
    const now = Date.now();
    const { landing, target } = this.#homes;
    if (landing !== null && !landing.resync.isUnderWay) {
      landing.resync.begin();
      this.#homes.registration.forget();
      this.#journal.slots.doubtLimits();
      // The operator resyncs after a restore, and the target can be what was restored. The changes that wait for the
      // target still wait, because the home may have to wait for them.
      target?.landing.resync.beginAnew();
    }
    this.arm(now);
    for (const { resync } of this.#homes.landings()) resync.next(now);
    return landing?.resync.remaining ?? 0;
  }
}

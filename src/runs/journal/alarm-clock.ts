/**
 * The coordinator's one alarm, set for whatever comes first: a repair, a run or a stop request that is due, or a purge. All of it is read from
 * the journal, so that a new instance can't postpone what an earlier one had armed.
 */

import { msSince } from "../../elapsed.ts";
import { ALARM_LATE_MS } from "../protocol.ts";
import type { Journal } from "./journal.ts";
import type { WaitingDeliveries } from "./waiting-deliveries.ts";

export class AlarmClock {
  readonly #storage: DurableObjectStorage;
  readonly #journal: Journal;
  readonly #waiting: WaitingDeliveries;
  /** Since when, and for how long, no purge sets the alarm. */
  #purgesHeld: { readonly at: number; readonly ms: number } | null = null;
  /** What the alarm is set for; null if unknown, as in a new instance. */
  #armedFor: number | null = null;

  constructor(storage: DurableObjectStorage, journal: Journal, waiting: WaitingDeliveries) {
    this.#storage = storage;
    this.#journal = journal;
    this.#waiting = waiting;
  }

  /** When to check whether all changes have landed; Infinity if there is nothing to check. */
  get repairAt(): number {
    const mark = this.#journal.marks.get("repair_at");
    return mark === null ? Number.POSITIVE_INFINITY : Number(mark);
  }

  setRepairAt(at: number | null): void {
    this.#journal.marks.set("repair_at", at === null ? null : String(at));
  }

  /**
   * Sets the repair for `at` unless it is set for sooner, because a steady stream of changes must not postpone it for ever.
   * A later repair was set before the clock stepped back.
   */
  repairBy(at: number): void {
    if (this.repairAt > at) this.setRepairAt(at);
  }

  /** No purge sets the alarm for `ms` from `at` on: a batch is under way, or has failed. */
  holdPurges(at: number, ms: number): void {
    this.#purgesHeld = { at, ms };
  }

  holdsPurges(now: number): boolean {
    return this.#purgesHeld !== null && msSince(this.#purgesHeld.at, now) < this.#purgesHeld.ms;
  }

  releasePurges(): void {
    this.#purgesHeld = null;
  }

  /** The alarm rang or may have been dropped, so it must be set again. */
  forgetArmed(): void {
    this.#armedFor = null;
  }

  /**
   * Makes sure that the alarm rings at `at` or before. If it is set for sooner, it stays and is set again when it rings. So
   * a change nearly always needs no SQL here. An alarm that is long past was dropped.
   */
  armBy(at: number, now: number): void {
    if (!this.#ringsBy(Math.max(at, now), now)) this.arm(now);
  }

  /** When an open run or a stop request is due next; Infinity if there is none. */
  nextOpenAt(now: number): number {
    return Math.min(
      // A delivery that waits for room is due and would ring the alarm for ever. A free place starts it instead.
      this.#journal.due.nextOpenAt(this.#waiting.lookAfter(now)),
      this.#waiting.lookAgainAt,
      this.#journal.stops.nextDueAt(),
    );
  }

  /** When an open run or a purge is due; Infinity if there is nothing to do. */
  nextDueAt(now: number): number {
    return Math.min(
      this.nextOpenAt(now),
      Math.max(this.#journal.due.nextPurgeAt(), this.#purgeNotBefore(now)),
    );
  }

  /** Synchronous, so it commits with the writes around it. */
  arm(now: number): void {
    const next = Math.min(this.repairAt, this.nextDueAt(now));
    if (next === Number.POSITIVE_INFINITY) return;
    const at = Math.max(next, now);
    if (at > now ? at === this.#armedFor : this.#ringsBy(now, now)) return;
    this.#armedFor = at;
    void this.#storage.setAlarm(at);
  }

  #purgeNotBefore(now: number): number {
    return this.#purgesHeld !== null && this.holdsPurges(now) ? this.#purgesHeld.at + this.#purgesHeld.ms : 0;
  }

  #ringsBy(at: number, now: number): boolean {
    return this.#armedFor !== null && this.#armedFor <= at && this.#armedFor > now - ALARM_LATE_MS;
  }
}

/**
 * The coordinator's one alarm, always for whatever comes first: a repair, a run that is due, a purge. Read from SQL, so that
 * a new instance can't put off what an earlier one had armed.
 */

import { msSince } from "../../elapsed.ts";
import { ALARM_LATE_MS } from "../protocol.ts";
import type { Journal } from "./journal.ts";
import type { WaitingDeliveries } from "./waiting-deliveries.ts";

export class AlarmClock {
  readonly #storage: DurableObjectStorage;
  readonly #journal: Journal;
  readonly #waiting: WaitingDeliveries;
  /** Since when no purge rings, and for how long. */
  #purgesHeld: { readonly at: number; readonly ms: number } | null = null;
  /** When the alarm is known to be set for; unknown in a new instance. */
  #armedFor: number | null = null;

  constructor(storage: DurableObjectStorage, journal: Journal, waiting: WaitingDeliveries) {
    this.#storage = storage;
    this.#journal = journal;
    this.#waiting = waiting;
  }

  /** When to look whether what changed has landed; Infinity when there is nothing to look for. */
  get repairAt(): number {
    const mark = this.#journal.mark("repair_at");
    return mark === null ? Number.POSITIVE_INFINITY : Number(mark);
  }

  setRepairAt(at: number | null): void {
    this.#journal.setMark("repair_at", at === null ? null : String(at));
  }

  /**
   * Sets the repair for `at` unless it is set for sooner: a steady stream of changes must not put it off for ever. A
   * repair that is set for later was set before the clock stepped back.
   */
  repairBy(at: number): void {
    if (this.repairAt > at) this.setRepairAt(at);
  }

  /** No purge rings the alarm for `ms` from `at` on. */
  holdPurges(at: number, ms: number): void {
    this.#purgesHeld = { at, ms };
  }

  releasePurges(): void {
    this.#purgesHeld = null;
  }

  /** The alarm has rung, or may have been dropped: whatever is next must be armed again. */
  forgetArmed(): void {
    this.#armedFor = null;
  }

  /**
   * For `at` or earlier: where it is known to be set for earlier, it stays, and asks what is next when it rings. So a
   * change asks nothing of SQL here, for a repair is nearly always set for sooner. One that is long past has been
   * dropped.
   */
  armBy(at: number, now: number): void {
    if (!this.#ringsBy(Math.max(at, now), now)) this.arm(now);
  }

  /** Synchronous, and commits with the writes around it. */
  arm(now: number): void {
    const purge = this.#journal.nextPurgeAt();
    const next = Math.min(
      this.repairAt,
      // What waits for room is due, and would ring the alarm for ever: a free place starts it.
      this.#journal.nextOpenDueAt(this.#waiting.lookAfter(now)) ?? Number.POSITIVE_INFINITY,
      this.#waiting.lookAgainAt,
      purge === null ? Number.POSITIVE_INFINITY : Math.max(purge, this.#purgeNotBefore(now)),
    );
    if (next === Number.POSITIVE_INFINITY) return;
    const at = Math.max(next, now);
    if (at > now ? at === this.#armedFor : this.#ringsBy(now, now)) return;
    this.#armedFor = at;
    void this.#storage.setAlarm(at);
  }

  #purgeNotBefore(now: number): number {
    const held = this.#purgesHeld;
    return held !== null && msSince(held.at, now) < held.ms ? held.at + held.ms : 0;
  }

  #ringsBy(at: number, now: number): boolean {
    return this.#armedFor !== null && this.#armedFor <= at && this.#armedFor > now - ALARM_LATE_MS;
  }
}

/**
 * Gives slots to the runs that wait for them. An end, the release of its slot and the start of the next run are one
 * critical section, without an await. `admit()` decides who gets a slot from what the journal says at that moment, and
 * never from a count. An admission that fails never fails the end that led to it.
 */

import { logFailure } from "../../../base/log.ts";
import { admit, type Line, type Waiter } from "../../admission.ts";
import { type Slot, slotOf } from "../../gates.ts";
import type { Journal } from "../../journal/journal.ts";
import { FREE, type JournaledRun, type SlotHold } from "../../journal/run-rows.ts";
import { type ApprovedWaiter, WAITING_MAX_AT_SLOT } from "../../journal/slot-rows.ts";
import type { Ledger } from "../ledger.ts";
import type { AdmissionEffects } from "./admission-effects.ts";
import type { ApproverCheck } from "./approver-check.ts";
import { PutOff } from "./put-off.ts";
import { SlotRound } from "./slot-round.ts";

/** What one turn does at most. The alarm does the rest at once. */
const TURN_STEPS = 200;
const TURN_BYTES = 4_000_000;

/** What is left of a turn. A step is a look at a slot, or what happens to one run. */
interface Budget {
  steps: number;
  bytes: number;
}

/** A line whose waiters have their approvals. */
interface ApprovedLine extends Line {
  readonly waiters: readonly (Waiter & ApprovedWaiter)[];
}

export class Admitter {
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #effects: AdmissionEffects;
  readonly #approvers: ApproverCheck;
  readonly #arm: (now: number) => void;
  /** Slots at which something may have changed, by their name. */
  readonly #changed = new Map<string, Slot>();
  readonly #putOff = new PutOff();
  readonly #round: SlotRound;
  /** An admission can end a run, which frees a slot. That slot is noted, and the loop that is under way takes it. */
  #isAdmitting = false;

  /** `arm`: sets the alarm for what is due next. */
  constructor(
    journal: Journal,
    ledger: Ledger,
    effects: AdmissionEffects,
    approvers: ApproverCheck,
    arm: (now: number) => void,
  ) {
    this.#journal = journal;
    this.#ledger = ledger;
    this.#effects = effects;
    this.#approvers = approvers;
    this.#arm = arm;
    this.#round = new SlotRound(journal.slots);
  }

  /** Call this when something has changed at a slot: an end, a limit, or a run that got there. */
  admitAt(slot: Slot, now: number): void {
    this.#changed.set(nameOf(slot), slot);
    if (!this.#isAdmitting) this.#admit(now);
  }

  /**
   * The alarm looks at every slot at which runs wait. Call this before a pause or a limit changes. If the alarm can't be
   * set, this throws, and nothing must change.
   */
  admitEverywhereSoon(now: number): void {
    this.#round.begin();
    this.#arm(now);
  }

  /** Does at once what fits into a turn. Call this after the change. */
  admitEverywhere(now: number): void {
    try {
      this.takeTurn(now);
      this.#arm(now);
    } catch (error) {
      // The alarm that was set before the change goes on with the round.
      this.#logFailed(error);
    }
  }

  /** Call this in the critical section that an answer about the approvers of these runs has begun. Never throws. */
  approversKnown(runIds: readonly string[], now: number): void {
    for (const id of runIds) {
      let slot: Slot | null = null;
      try {
        const gates = this.#journal.runs.byId(id)?.gates ?? null;
        if (gates === null) continue;
        slot = slotOf(gates);
        this.#changed.set(nameOf(slot), slot);
        this.#effects.withdraw(id, now);
      } catch (error) {
        if (slot === null) this.#logFailed(error, id);
        else this.#putOffFailed(id, slot, error, now);
      }
    }
    this.#admit(now);
  }

  /** Call this after each end of a run with gates. */
  ended({ gates }: JournaledRun, now: number): void {
    if (gates?.concurrency) this.admitAt(slotOf(gates), now);
  }

  /**
   * Call this when the last attempt of an ended run is over. Its slot is free then, unless its job may be at work and
   * still has time to stop.
   */
  attemptEnded(run: JournaledRun, mayHaveJob: boolean, now: number): void {
    const { graceUntil } = run;
    const isHeld = mayHaveJob && graceUntil !== null && graceUntil > now;
    this.#hold(run, isHeld ? { slotUntil: graceUntil, graceUntil } : FREE, now);
  }

  /** Call this when the job of a run that has ended reports that it is over. */
  jobEnded(run: JournaledRun, now: number): void {
    const { slotUntil, graceUntil } = run;
    // An attempt that is under way may begin another job.
    if (graceUntil !== null) this.#hold(run, slotUntil === graceUntil ? FREE : { ...FREE, slotUntil }, now);
  }

  #hold(run: JournaledRun, held: SlotHold, now: number): void {
    this.#journal.transaction(() => {
      this.#journal.slots.endsChange();
      this.#journal.runs.holdSlot(run, held);
      // A grace can end before the lease of the attempt would have.
      this.#arm(now);
    });
    if (held.slotUntil === null) this.ended(run, now);
  }

  /** Whether the slot still waits for its turn. Until then, nobody knows who in its line gets it. */
  isPending(slot: Slot): boolean {
    return this.#changed.has(nameOf(slot));
  }

  lineAt(slot: Slot, now: number): ApprovedLine {
    const { slots, pauses } = this.#journal;
    const waiters = slots.waiters(slot).flatMap((waiter) => {
      if (this.#putOff.has(waiter.id, now)) return [];
      return [{ ...waiter, isUnchecked: this.#approvers.isUnchecked(waiter.approvals) }];
    });
    return { holders: slots.holders(slot), waiters, pause: pauses.of(slot.group, now)?.reason ?? null };
  }

  /**
   * The alarm's part. Returns how many slots were looked at. If something failed, this throws after it has done
   * everything else, because the alarm must not ring again at once.
   */
  takeTurn(now: number): number {
    const failures = [...this.#eraseEnded(now), ...this.#freeSlots(now)];
    if (this.#approvers.forgetLost(now)) this.#round.begin();
    const looked = this.#round.next();
    for (const slot of [...this.#putOff.take(now), ...looked]) this.#changed.set(nameOf(slot), slot);
    failures.push(...this.#admit(now));
    if (failures.length > 0) throw failures[0];
    return looked.length;
  }

  /** When the alarm must ring; Infinity if it need not. */
  nextAt(now: number): number {
    if (this.#changed.size > 0 || this.#round.isUnderWay) return now;
    const { pauses, slots } = this.#journal;
    const rest = [this.#putOff.nextAt(now), this.#approvers.nextAt()];
    return Math.min(pauses.nextEndAt(), slots.nextEndAt(), ...rest);
  }

  /** Removes pauses that have ended. Returns what failed, because it may keep no waiter from its slot. */
  #eraseEnded(now: number): readonly unknown[] {
    try {
      if (this.#journal.pauses.eraseEnded(now)) this.#round.begin();
      return [];
    } catch (error) {
      return [error];
    }
  }

  /** Frees the slots of ended runs whose last attempt is lost, or whose grace is over. Returns what failed. */
  #freeSlots(now: number): readonly unknown[] {
    const { slots, runs } = this.#journal;
    return slots.ended(now, TURN_STEPS).flatMap((id) => {
      try {
        const run = runs.byId(id);
        if (run !== null) this.attemptEnded(run, true, now);
        return [];
      } catch (error) {
        return [error];
      }
    });
  }

  /** Returns what failed, apart from the admissions of single runs, which are put off. */
  #admit(now: number): readonly unknown[] {
    this.#isAdmitting = true;
    const failures: unknown[] = [];
    const failed = (error: unknown) => {
      this.#logFailed(error);
      failures.push(error);
    };
    try {
      this.#admitChanged(now, { steps: TURN_STEPS, bytes: TURN_BYTES });
    } catch (error) {
      failed(error);
      // A round finds again what was not admitted.
      this.#round.begin();
    }
    this.#isAdmitting = false;
    try {
      // A question to D1 that dies with this object is asked again.
      const mustRing = this.#changed.size > 0 || this.#round.isUnderWay || this.#approvers.isBusy;
      if (mustRing) this.#arm(now);
    } catch (error) {
      failed(error);
    }
    return failures;
  }

  /**
   * Looks at each slot that has changed. Each look is a step of the budget. A slot is looked at again only if the last
   * look has written a version or put a run off. So no turn goes on for ever, and neither does a row of alarms.
   */
  #admitChanged(now: number, budget: Budget): void {
    for (const [name, slot] of this.#changed) {
      if (isSpent(budget)) break;
      this.#changed.delete(name);
      const before = this.#progress;
      const isWhole = this.#admitOnce(slot, now, budget);
      if (!isWhole && this.#progress > before) this.#changed.set(name, slot);
      budget.steps--;
    }
  }

  /** Grows with each version that is written, and with each run that is put off. */
  get #progress(): number {
    return this.#journal.sequence.last + this.#putOff.added;
  }

  /** False if more is left to do at the slot. */
  #admitOnce(slot: Slot, now: number, budget: Budget): boolean {
    this.#endOverdue(slot, now);
    const line = this.lineAt(slot, now);
    if (line.waiters.length === 0) return true;
    const all = admit(line);
    const unchecked = new Set(all.filter(({ type }) => type === "check").map(({ id }) => id));
    const asked = line.waiters.filter(({ id }) => unchecked.has(id));
    this.#approvers.start(asked, now);
    const admissions = all.filter(({ type }) => type !== "check");
    for (const admission of admissions) {
      // A holder that could not be asked to stop is still in the line.
      if (this.#putOff.has(admission.id, now)) continue;
      if (isSpent(budget)) return false;
      budget.steps--;
      try {
        budget.bytes -= this.#effects.apply(admission, slot, now);
      } catch (error) {
        this.#putOffFailed(admission.id, slot, error, now);
        return false;
      }
    }
    // Of the runs without a group, more can wait than were read.
    return admissions.length === 0 || line.waiters.length < WAITING_MAX_AT_SLOT;
  }

  /** Ends the runs whose time is up, however late the alarm is, so that none of them holds a slot or replaces a run. */
  #endOverdue(slot: Slot, now: number): void {
    for (const id of this.#journal.slots.due(slot, now)) {
      if (this.#putOff.has(id, now)) continue;
      try {
        this.#ledger.current(id, now);
      } catch (error) {
        this.#putOffFailed(id, slot, error, now);
      }
    }
  }

  #putOffFailed(id: string, slot: Slot, error: unknown, now: number): void {
    this.#logFailed(error, id);
    this.#putOff.add(id, slot, now);
  }

  #logFailed(error: unknown, run?: string): void {
    logFailure("admission_failed", error, { coordinator: this.#journal.scope, run });
  }
}

function isSpent({ steps, bytes }: Budget): boolean {
  return steps <= 0 || bytes <= 0;
}

function nameOf({ group, key }: Slot): string {
  return `${group}\n${key}`;
}

/**
 * Opens the gates of one coordinator's runs. All runs with the same group and key live in one coordinator, so an end,
 * the release of its slot and the start of the next run are one synchronous stretch. Who gets a slot is decided by
 * `admit()` from what the journal says at that moment, and never from a count. A release that fails never fails the end
 * that led to it.
 */

import { GRACE_DEFAULT_SECONDS } from "../../base/limits.ts";
import { logFailure } from "../../base/log.ts";
import { msSince } from "../../base/time.ts";
import type { NewDelivery } from "../../webhooks/delivery.ts";
import { type Admission, admit, type Line, type Waiter } from "../admission.ts";
import { gateEventsOfNew } from "../gate-timeline.ts";
import type { GateEvent } from "../gate-transition.ts";
import { type Slot, slotOf } from "../gates.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { WAITING_MAX_AT_SLOT, type WaitingCounts } from "../journal/slot-rows.ts";
import { isAtSlot, isOpen, isWaiting, type Run } from "../run.ts";
import type { ChangeKey } from "../run-calls.ts";
import { type CancelRequest, transition } from "../transition.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Ledger, UpdateDetails } from "./ledger.ts";
import { SlotRound } from "./slot-round.ts";
import type { StopRequests } from "./stop-requests.ts";

/** What one turn does at most. The alarm does the rest at once. */
const TURN_RUNS = 200;
const TURN_BYTES = 4_000_000;
/** How long a waiter is put off after its release failed. Meanwhile those behind it are tried. */
const PUT_OFF_MS = 10_000;
/** What may wait in one coordinator. The runs of one token may take a quarter of it. */
const WAITING_MAX = { runs: 20_000, bytes: 512 * 1024 * 1024 };
const PART_OF_ONE_TOKEN = 0.25;

/** `taken`: another run has the place of its id. `concurrency_limit`: the run would have to wait, and must not. */
export type GatedCreate = JournaledRun | "taken" | "concurrency_limit" | "too_many_waiting";

export class GateKeeper {
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #deliveries: Deliveries;
  readonly #stopRequests: StopRequests;
  /** Slots at which something may have changed, by their name. */
  readonly #changed = new Map<string, Slot>();
  /** Runs whose admission failed, by their id. `at`: when. */
  readonly #putOff = new Map<string, { readonly slot: Slot; readonly at: number }>();
  readonly #round: SlotRound;
  /** An admission can end a run, which frees a slot. That slot is noted, and the loop that is under way takes it. */
  #isAdmitting = false;

  readonly #arm: (now: number) => void;

  /** `arm`: sets the alarm for what is due next. */
  constructor(
    journal: Journal,
    ledger: Ledger,
    deliveries: Deliveries,
    stopRequests: StopRequests,
    arm: (now: number) => void,
  ) {
    this.#journal = journal;
    this.#ledger = ledger;
    this.#deliveries = deliveries;
    this.#stopRequests = stopRequests;
    this.#arm = arm;
    this.#round = new SlotRound(journal.slots);
  }

  /** Writes a new run with gates. Its webhook leaves at once if every gate is open. */
  create(
    begun: Run,
    changeKey: ChangeKey,
    newDelivery: NewDelivery,
    preview: string | null,
    now: number,
  ): GatedCreate {
    const { gates } = begun;
    if (gates === null) throw new Error("a run without gates waits for nothing");
    this.#noteLimit(begun, now);
    const slot = slotOf(gates);
    const place = isAtSlot(begun) ? this.#placeOf(begun, slot, now) : null;
    if (place?.type === "refuse") return "concurrency_limit";
    // Nobody has seen the run yet, so its way to the slot is one version.
    const run = { ...atPlace(begun, place, this.#pauseReason(slot, now), now), version: 1 };
    if (isWaiting(run) && !this.#hasRoomFor(slot, gates.creator.tokenId, newDelivery))
      return "too_many_waiting";
    const { delivery, events } = isWaiting(run)
      ? { delivery: this.#deliveries.hold(run, newDelivery, now), events: [] }
      : this.#deliveries.begin(run, newDelivery, now);
    const details = { delivery, events: [...gateEventsOfNew(run), ...events], preview };
    const created = this.#ledger.create(run, changeKey, details, now);
    if (created === null) return "taken";
    this.#deliveries.launch(run.id, delivery);
    return isAtSlot(run) ? this.#admitted(created, slot, now) : created;
  }

  /** Applies an event to a run that waits. If the run gets to its slot and there is room, the same version releases it. */
  change(before: JournaledRun, event: GateEvent, now: number, details: UpdateDetails = {}): JournaledRun {
    const next = transition(before, event, now);
    if (!next.ok) throw new Error(`a waiting run refuses: ${next.error}`);
    const { gates } = next.value;
    if (gates === null || !isAtSlot(next.value) || isAtSlot(before)) {
      return this.#ledger.update(before, next.value, event, now, details);
    }
    const slot = slotOf(gates);
    const place = this.#placeOf(next.value, slot, now);
    const placed = atPlace(next.value, place, this.#pauseReason(slot, now), now);
    const run = { ...placed, version: before.version + 1 };
    const isReleased = isOpen(run) && !isWaiting(run);
    const changed = isReleased
      ? this.#release(before, run, event, now, details)
      : this.#ledger.update(before, run, event, now, details);
    return isAtSlot(run) ? this.#admitted(changed, slot, now) : changed;
  }

  /** The run as it is after it got to its slot. The runs that it replaces can end at once, and then it is released. */
  #admitted(run: JournaledRun, slot: Slot, now: number): JournaledRun {
    this.admitAt(slot, now);
    return this.#journal.runs.byId(run.id) ?? run;
  }

  /** Call this when something has changed at a slot: an end, a limit, or a run that got there. */
  admitAt(slot: Slot, now: number): void {
    this.#changed.set(nameOf(slot), slot);
    if (!this.#isAdmitting) this.#admit(now);
  }

  /** Call this after each end of a run with gates. */
  ended({ gates }: JournaledRun, now: number): void {
    if (gates?.concurrency) this.admitAt(slotOf(gates), now);
  }

  /** Call this when the last attempt of an ended run is over, because its slot is free then. */
  slotFreed(run: JournaledRun, now: number): void {
    this.#journal.slots.endsChange();
    this.#journal.runs.freeSlot(run);
    this.ended(run, now);
  }

  /** Looks at every slot at which runs wait, because a pause has ended or a limit has changed. */
  admitEverywhere(now: number): void {
    this.#round.begin();
    try {
      this.takeTurn(now);
    } catch (error) {
      // The change of the pause or the limit is written already. The alarm goes on with the round.
      this.#failed(error);
    }
    this.#arm(now);
  }

  /**
   * The alarm's part. Returns how many slots were looked at. If something failed, this throws after it has done
   * everything else, because the alarm must not ring again at once.
   */
  takeTurn(now: number): number {
    const failures: unknown[] = [];
    const { pauses, slots, claims, runs } = this.#journal;
    claims.eraseEnded(now, TURN_RUNS);
    if (pauses.eraseEnded(now)) this.#round.begin();
    for (const id of slots.ended(now, TURN_RUNS)) {
      const run = runs.byId(id);
      try {
        if (run !== null) this.slotFreed(run, now);
      } catch (error) {
        failures.push(error);
      }
    }
    for (const [id, { slot, at }] of this.#putOff) {
      if (msSince(at, now) < PUT_OFF_MS) continue;
      this.#putOff.delete(id);
      this.#changed.set(nameOf(slot), slot);
    }
    const looked = this.#round.next();
    for (const slot of looked) this.#changed.set(nameOf(slot), slot);
    failures.push(...this.#admit(now));
    if (failures.length > 0) throw failures[0];
    return looked.length;
  }

  /** When the alarm must ring; Infinity if it need not. */
  nextAt(now: number): number {
    if (this.#changed.size > 0 || this.#round.isUnderWay) return now;
    const { pauses, slots } = this.#journal;
    // After the clock stepped back, they are tried at once.
    const tried = [...this.#putOff.values()].map(({ at }) => (at > now ? now : at + PUT_OFF_MS));
    return Math.min(pauses.nextEndAt(), slots.nextEndAt(), ...tried);
  }

  /** Returns what failed, apart from the admissions of single runs, which are put off. */
  #admit(now: number): readonly unknown[] {
    this.#isAdmitting = true;
    const budget = { runs: TURN_RUNS, bytes: TURN_BYTES };
    try {
      for (const [name, slot] of this.#changed) {
        if (budget.runs <= 0 || budget.bytes <= 0) break;
        this.#changed.delete(name);
        if (!this.#admitOnce(slot, now, budget)) this.#changed.set(name, slot);
      }
      return [];
    } catch (error) {
      this.#failed(error);
      // What is not admitted is found again by a round.
      this.#round.begin();
      return [error];
    } finally {
      this.#isAdmitting = false;
      if (this.#changed.size > 0 || this.#round.isUnderWay) this.#arm(now);
    }
  }

  /** False if the slot must be looked at again. */
  #admitOnce(slot: Slot, now: number, budget: { runs: number; bytes: number }): boolean {
    this.#endOverdue(slot, now);
    const line = this.#lineAt(slot, now);
    if (line.waiters.length === 0) return true;
    const admissions = admit(line);
    for (const admission of admissions) {
      // A holder that could not be asked to stop is still in the line.
      if (this.#isPutOff(admission.id, now)) continue;
      if (budget.runs <= 0 || budget.bytes <= 0) return false;
      budget.runs--;
      try {
        budget.bytes -= this.#apply(admission, slot, now);
      } catch (error) {
        this.#failed(error, admission.id);
        this.#putOff.set(admission.id, { slot, at: now });
        return false;
      }
    }
    // Of the runs without a group, more can wait than were read.
    return admissions.length === 0 || line.waiters.length < WAITING_MAX_AT_SLOT;
  }

  /** Ends the runs whose time is up, however late the alarm is, so that none of them holds a slot or replaces a run. */
  #endOverdue(slot: Slot, now: number): void {
    for (const id of this.#journal.slots.due(slot, now)) {
      if (this.#isPutOff(id, now)) continue;
      try {
        this.#ledger.current(id, now);
      } catch (error) {
        this.#failed(error, id);
        this.#putOff.set(id, { slot, at: now });
      }
    }
  }

  #failed(error: unknown, run?: string): void {
    logFailure("admission_failed", error, { coordinator: this.#journal.owner.name, run });
  }

  /** Returns how many bytes were sent. A run whose time is up ends instead. */
  #apply(admission: Admission, slot: Slot, now: number): number {
    const run = this.#ledger.current(admission.id, now);
    if (run === null || !isOpen(run)) return 0;
    if (admission.type === "cancel") this.#cancel(run, slot, now);
    else if (isAtSlot(run)) return this.#applyToWaiter(run, admission, slot, now);
    return 0;
  }

  #applyToWaiter(run: JournaledRun, admission: Admission, slot: Slot, now: number): number {
    switch (admission.type) {
      case "release": {
        const released = transition(run, { type: "released" }, now);
        if (!released.ok) return 0;
        this.#release(run, released.value, { type: "released" }, now, {});
        return this.#journal.deliveries.of(run.id)?.weight ?? 0;
      }
      case "replace": {
        const newer = this.#journal.runs.byId(admission.by);
        const triggeredBy = newer?.triggeredBy ?? "";
        this.change(run, { type: "replaced", by: admission.by, triggeredBy }, now);
        return 0;
      }
      case "refuse":
        this.change(run, refusedAt(slot), now);
        return 0;
      case "hold":
        this.change(run, { type: "held", reason: this.#pauseReason(slot, now) }, now);
        return 0;
      case "queue":
        this.change(run, { type: "queued" }, now);
        return 0;
      case "cancel":
        return 0;
    }
  }

  /** Asks a holder to stop for a newer run, as a caller's cancel does. */
  #cancel(run: JournaledRun, slot: Slot, now: number): void {
    const newest = this.#journal.slots
      .waiters(slot)
      .findLast(({ actionName }) => actionName === run.actionName);
    const newer = newest && this.#journal.runs.byId(newest.id);
    if (newer == null) return;
    const reason = `The newer run ${newer.id} replaces this one.`;
    const request: CancelRequest = {
      type: "cancel_requested",
      by: newer.triggeredBy,
      reason,
      graceMs: GRACE_MS,
    };
    const next = transition(run, request, now);
    if (next.ok) this.#stopRequests.request(this.#ledger.update(run, next.value, request, now), now);
  }

  #release(
    before: JournaledRun,
    run: Run,
    event: GateEvent,
    now: number,
    details: UpdateDetails,
  ): JournaledRun {
    const { delivery, events } = this.#deliveries.beginHeld(run, now);
    const changed = this.#ledger.update(before, run, event, now, { ...details, delivery, last: events });
    this.#deliveries.launch(run.id, delivery);
    return changed;
  }

  /**
   * What `admit()` says of a run that gets to its slot now: null if it waits there. Those before it come first. If they
   * are too many for one turn, or if the run replaces any of them, it waits behind them until they are gone.
   */
  #placeOf(run: Run, slot: Slot, now: number): Admission | null {
    this.admitAt(slot, now);
    if (this.#changed.has(nameOf(slot))) return null;
    const line = this.#lineAt(slot, now);
    const last: Waiter = {
      id: run.id,
      actionName: run.actionName,
      limit: this.#journal.slots.limitOf(run),
      onConflict: run.gates?.concurrency?.onConflict ?? "queue",
      isHeld: false,
    };
    const admissions = admit({ ...line, waiters: [...line.waiters, last] });
    if (admissions.some(({ type }) => type === "replace")) return null;
    return admissions.find(({ id }) => id === run.id) ?? null;
  }

  #lineAt(slot: Slot, now: number): Line {
    const { slots, pauses } = this.#journal;
    const waiters = slots.waiters(slot).filter(({ id }) => !this.#isPutOff(id, now));
    return { holders: slots.holders(slot), waiters, isPaused: pauses.of(slot.group, now) !== null };
  }

  #isPutOff(id: string, now: number): boolean {
    const putOff = this.#putOff.get(id);
    return putOff !== undefined && msSince(putOff.at, now) < PUT_OFF_MS;
  }

  #pauseReason({ group }: Slot, now: number): string {
    return this.#journal.pauses.of(group, now)?.reason ?? "";
  }

  /** A run of a newer version of the action can come before its PUT has told this coordinator of the limit. */
  #noteLimit({ source, actionName, actionVersion, gates }: Run, now: number): void {
    const { concurrency = null } = gates ?? {};
    if (source !== "action" || actionVersion === null || concurrency === null || concurrency.isClaimed)
      return;
    const { group, limit } = concurrency;
    const { slots } = this.#journal;
    if (slots.knowsLimit(group, actionName, actionVersion)) return;
    if (!slots.setLimit(group, actionName, actionVersion, limit)) return;
    this.#round.begin();
    this.#arm(now);
  }

  #hasRoomFor(slot: Slot, creatorId: string, { sealed, stopRequest }: NewDelivery): boolean {
    const bytes = sealed.byteLength + (stopRequest?.sealed.byteLength ?? 0);
    const { slots } = this.#journal;
    const atSlot = slot.group === "" || isBelow(slots.waitingAt(slot, creatorId), 0, AT_SLOT);
    return atSlot && isBelow(slots.waiting(creatorId), bytes, WAITING_MAX);
  }
}

const GRACE_MS = GRACE_DEFAULT_SECONDS * 1000;
const AT_SLOT = { runs: WAITING_MAX_AT_SLOT, bytes: Number.POSITIVE_INFINITY };

function isBelow({ all, ofToken }: WaitingCounts, bytes: number, max: typeof WAITING_MAX): boolean {
  return (
    all.runs < max.runs &&
    ofToken.runs < max.runs * PART_OF_ONE_TOKEN &&
    all.bytes + bytes <= max.bytes &&
    ofToken.bytes + bytes <= max.bytes * PART_OF_ONE_TOKEN
  );
}

/** The run after what `place` says. The run has just got to its slot. */
function atPlace(run: Run, place: Admission | null, pauseReason: string, now: number): Run {
  const event = eventAt(run, place, pauseReason);
  const next = event && transition(run, event, now);
  return next?.ok ? next.value : run;
}

function eventAt(run: Run, place: Admission | null, reason: string): GateEvent | null {
  switch (place?.type) {
    case "release":
      return { type: "released" };
    case "hold":
      return { type: "held", reason };
    case "refuse":
      return run.gates && refusedAt(slotOf(run.gates));
    default:
      return null;
  }
}

function refusedAt({ group, key }: Slot): GateEvent {
  const which = key === "" ? group : `${group} with the key ${key}`;
  return {
    type: "refused",
    reason: `The concurrency group ${which} had no free slot, and the action does not wait.`,
  };
}

function nameOf({ group, key }: Slot): string {
  return `${group}\n${key}`;
}

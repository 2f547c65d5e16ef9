/**
 * The coordinator's ledger: it reads runs with their deadline applied, and it writes them. For each version it writes
 * the journal, queues the landing, sets the alarm, and wakes the watchers. No method waits, so no other call can run
 * between reading a run and writing it.
 */

import { type Delivery, LEASE_MS } from "../../webhooks/delivery.ts";
import type { Journal, NewRunDetails, Written } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { StopRequest } from "../journal/stop-request-rows.ts";
import type { Projection } from "../projection/projection.ts";
import { isAtSlot, isOpen, isWaiting, lacksApproval, purgeAt, type Run } from "../run.ts";
import type { ChangeKey } from "../run-calls.ts";
import { eventsBetween } from "../timeline.ts";
import type { TimelineEvent } from "../timeline-event.ts";
import { expire, type RunEvent } from "../transition.ts";
import { logGivenUp, neverCalled } from "./attempt-events.ts";
import type { Changes } from "./changes.ts";
import { EndLog } from "./end-log.ts";
import type { Watchers } from "./watchers.ts";

/**
 * `changeKey`: the caller's, if a caller asked for the change. `isRepeatable`: whether the caller may repeat it after
 * other changes, as a cancel always is. `first` and `last`: events before and after those of the change. `delivery`: of
 * a run that is released.
 */
export interface UpdateDetails {
  readonly changeKey?: ChangeKey;
  readonly isRepeatable?: boolean;
  readonly delivery?: Delivery;
  readonly first?: readonly TimelineEvent[];
  readonly last?: readonly TimelineEvent[];
}

/** What else follows from a run. */
export interface Consequences {
  /** Called after each end. */
  ended(run: JournaledRun, now: number): void;
  /** Called after each version of a run that lacks approvals. */
  approvalRequested(): void;
  /** Called when the time of a waiting run has come. Returns the run as it is then. */
  timeHasCome(run: JournaledRun, now: number): JournaledRun;
}

export class Ledger {
  readonly #journal: Journal;
  readonly #projection: Projection;
  readonly #watchers: Watchers;
  readonly #changes: Changes;
  readonly #retentionDays: number;
  readonly #endLog: EndLog;
  readonly #consequences: Consequences;

  constructor(
    journal: Journal,
    projection: Projection,
    watchers: Watchers,
    changes: Changes,
    retentionDays: number,
    consequences: Consequences,
  ) {
    this.#journal = journal;
    this.#projection = projection;
    this.#watchers = watchers;
    this.#changes = changes;
    this.#retentionDays = retentionDays;
    this.#endLog = new EndLog(journal.owner.name);
    this.#consequences = consequences;
  }

  /**
   * The run as it is now; null if there is none. Ends the run if its time is up. Opens the time gate of a waiting run
   * whose time has come.
   */
  current(id: string, now: number): JournaledRun | null {
    const stored = this.#journal.runs.byId(id);
    return stored && this.expired(stored, now);
  }

  /** The same for a run that was read already. */
  expired(run: JournaledRun, now: number): JournaledRun {
    const next = expire(run, now);
    if (next !== run) return this.update(run, this.#blamingHost(next), { type: "deadline_passed" }, now);
    return hasTimeCome(run, now) ? this.#consequences.timeHasCome(run, now) : run;
  }

  /** Writes a new run. Null, and nothing is written, if its key or its id is taken. */
  create(run: Run, changeKey: ChangeKey, details: NewRunDetails, now: number): JournaledRun | null {
    const created = {
      ...run,
      createKey: changeKey.key,
      createFingerprint: changeKey.fingerprint,
      fingerprintKeyId: changeKey.keyIds?.[0] ?? null,
      changeKey: null,
      changeFingerprint: null,
      purgeAt: purgeAt(run, this.#retentionDays),
      readySeq: this.#readySeq(run, null),
      slotUntil: null,
    };
    const written = this.#journal.insert(created, details, now);
    if (written === null) return null;
    this.#written(created, written, now);
    return created;
  }

  /**
   * Writes a run's new version. The delivery is over by then, and is erased, unless the run waits at a gate or is
   * released: any other pending run changes only when it starts or ends, or when its receiver has responded, and a
   * running run has no delivery.
   */
  update(
    before: JournaledRun,
    next: Run,
    event: RunEvent,
    now: number,
    { changeKey = ownChangeKey(), isRepeatable, delivery, first = [], last = [] }: UpdateDetails = {},
  ): JournaledRun {
    const changed = {
      ...before,
      ...next,
      changeKey: changeKey.key,
      changeFingerprint: changeKey.fingerprint,
      purgeAt: purgeAt(next, this.#retentionDays),
      readySeq: this.#readySeq(next, before.readySeq),
      slotUntil: this.#slotUntil(next, now),
    };
    const events = [...first, ...eventsBetween(before, changed, event, now), ...last];
    const isAccepted = isRepeatable === true || event.type === "cancel_requested";
    const accepted = isAccepted ? { ...changeKey, hasGrace: isOpen(changed), at: now } : null;
    const written = this.#journal.update(changed, { events, accepted, delivery: delivery ?? null }, now);
    this.#written(changed, written, now);
    this.#endLog.write(changed, now);
    const wasDue = event.type === "deadline_passed" && !isWaiting(before);
    if (wasDue && written.erased?.leaseUntil === null) {
      const { attempt } = written.erased;
      const last = this.#journal.timeline.lastReason(before.id);
      logGivenUp("attempt", this.#journal.owner, before.id, attempt, neverCalled(written.erased, last));
    }
    if (!isOpen(changed)) this.#consequences.ended(changed, now);
    return changed;
  }

  /** Writes a delivery's progress while the run keeps its version. */
  noteAttempt(
    run: JournaledRun,
    delivery: Delivery | null,
    events: readonly TimelineEvent[],
    now: number,
  ): void {
    this.#journal.noteAttempt(run, delivery, events);
    this.#projection.arm(now);
    this.#watchers.tell(run.id);
  }

  /** Writes the progress of a run's stop request. Null erases it. The run may have ended. */
  noteStopRequest(
    run: JournaledRun,
    stopRequest: StopRequest | null,
    events: readonly TimelineEvent[],
    now: number,
  ): void {
    this.#journal.noteStopRequest(run, stopRequest, events);
    this.#projection.arm(now);
    if (events.length > 0) this.#watchers.tell(run.id);
  }

  /** Writes events of an open run that say nothing new of the run itself. */
  tell(run: JournaledRun, events: readonly TimelineEvent[]): void {
    this.#journal.timeline.append(run, events);
    this.#watchers.tell(run.id);
  }

  /** Writes a heartbeat of a run that keeps its version. */
  noteHeartbeat(run: JournaledRun, events: readonly TimelineEvent[]): void {
    this.#journal.noteHeartbeat(run, events);
    if (events.length > 0) this.#watchers.tell(run.id);
  }

  /** The run, whose error also says what came of its webhook if the deadline has passed before a receiver took it. */
  #blamingHost(run: Run): Run {
    if (run.endCause !== "deadline" || run.startedAt !== null || run.source === "none") return run;
    const delivery = this.#journal.deliveries.of(run.id);
    if (delivery === null || delivery.leaseUntil !== null) return run;
    const sentence = neverCalled(delivery, this.#journal.timeline.lastReason(run.id));
    return { ...run, error: `${run.error} ${sentence}` };
  }

  /** The order of those that wait is the order of the writes with which they got to the slot, and not of a clock. */
  #readySeq(run: Run, before: number | null): number | null {
    if (before !== null || run.gates === null) return before;
    return isAtSlot(run) || run.releasedAt !== null ? this.#journal.sequence.next : null;
  }

  /** Until when a run that has just ended holds its slot: while an attempt is under way, or the next run starts beside it. */
  #slotUntil(run: Run, now: number): number | null {
    if (isOpen(run) || run.releasedAt === null || !run.gates?.concurrency) return null;
    const lease = this.#journal.deliveries.leaseOf(run.id);
    return lease === null || lease <= now ? null : Math.min(lease, now + LEASE_MS);
  }

  #written(run: JournaledRun, written: Written, now: number): void {
    this.#projection.changed(written, now);
    this.#watchers.tell(run.id);
    this.#changes.noteChange(now);
    if (lacksApproval(run)) this.#consequences.approvalRequested();
  }
}

function hasTimeCome({ waitingFor, gates }: Run, now: number): boolean {
  return waitingFor === "time" && gates !== null && now >= (gates.notBefore ?? 0);
}

/** The key of a change that no caller asked for. */
function ownChangeKey(): ChangeKey {
  return { key: `m:${crypto.randomUUID()}`, fingerprint: "" };
}

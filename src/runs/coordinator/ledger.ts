/**
 * The coordinator's ledger: it reads runs with their deadline applied, and it writes them. For each version it writes
 * the journal, queues the landing, sets the alarm, and wakes the watchers. No method waits, so no other call can run
 * between reading a run and writing it.
 */

import type { Delivery } from "../../webhooks/delivery.ts";
import type { Journal, Written } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { StopRequest } from "../journal/stop-request-rows.ts";
import type { Projection } from "../projection/projection.ts";
import type { ChangeKey } from "../protocol.ts";
import { expire, isOpen, purgeAt, type Run, type RunEvent } from "../run.ts";
import { eventsBetween, type TimelineEvent } from "../timeline.ts";
import { logGivenUp, neverCalled } from "./attempt-events.ts";
import type { Changes } from "./changes.ts";
import { EndLog } from "./end-log.ts";
import type { Watchers } from "./watchers.ts";

/**
 * `changeKey`: the caller's, if a caller asked for the change. `first` and `last`: events before and after those of the
 * change.
 */
interface UpdateDetails {
  readonly changeKey?: ChangeKey;
  readonly first?: readonly TimelineEvent[];
  readonly last?: readonly TimelineEvent[];
}

export class Ledger {
  readonly #journal: Journal;
  readonly #projection: Projection;
  readonly #watchers: Watchers;
  readonly #changes: Changes;
  readonly #retentionDays: number;
  readonly #endLog: EndLog;
  readonly #ended: () => void;

  /** `ended`: called after each end. */
  constructor(
    journal: Journal,
    projection: Projection,
    watchers: Watchers,
    changes: Changes,
    retentionDays: number,
    ended: () => void,
  ) {
    this.#journal = journal;
    this.#projection = projection;
    this.#watchers = watchers;
    this.#changes = changes;
    this.#retentionDays = retentionDays;
    this.#endLog = new EndLog(journal.owner.name);
    this.#ended = ended;
  }

  /** The run as it is now; null if there is none. If its time is up, it ends here. */
  current(id: string, now: number): JournaledRun | null {
    const stored = this.#journal.runs.byId(id);
    return stored && this.expired(stored, now);
  }

  /** The same for a run that was read already. */
  expired(run: JournaledRun, now: number): JournaledRun {
    const next = expire(run, now);
    return next === run ? run : this.update(run, next, { type: "deadline_passed" }, now);
  }

  /** Writes a new run. Null, and nothing is written, if its key or its id is taken. */
  create(
    run: Run,
    changeKey: ChangeKey,
    delivery: Delivery | null,
    events: readonly TimelineEvent[],
    now: number,
  ): JournaledRun | null {
    const created = {
      ...run,
      createKey: changeKey.key,
      createFingerprint: changeKey.fingerprint,
      fingerprintKeyId: changeKey.keyIds?.[0] ?? null,
      changeKey: null,
      changeFingerprint: null,
      purgeAt: purgeAt(run, this.#retentionDays),
    };
    const written = this.#journal.insert(created, delivery, events, now);
    if (written === null) return null;
    this.#written(created, written, now);
    return created;
  }

  /**
   * Writes a run's new version and erases its delivery. The delivery is over by then: a pending run changes only when
   * it starts or ends, or when its receiver has responded, and a running run has no delivery.
   */
  update(
    before: JournaledRun,
    next: Run,
    event: RunEvent,
    now: number,
    { changeKey = ownChangeKey(), first = [], last = [] }: UpdateDetails = {},
  ): JournaledRun {
    const changed = {
      ...before,
      ...next,
      changeKey: changeKey.key,
      changeFingerprint: changeKey.fingerprint,
      purgeAt: purgeAt(next, this.#retentionDays),
    };
    const events = [...first, ...eventsBetween(before, changed, event, now), ...last];
    const cancel = event.type === "cancel_requested" ? { ...changeKey, hasGrace: isOpen(changed) } : null;
    const written = this.#journal.update(changed, events, now, cancel);
    this.#written(changed, written, now);
    this.#endLog.write(changed, now);
    if (!isOpen(changed)) this.#ended();
    if (event.type === "deadline_passed" && written.erased?.leaseUntil === null) {
      const { attempt } = written.erased;
      logGivenUp("attempt", this.#journal.owner, before.id, attempt, neverCalled(written.erased));
    }
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

  #written({ id }: JournaledRun, written: Written, now: number): void {
    this.#projection.changed(written, now);
    this.#watchers.tell(id);
    this.#changes.noteChange(now);
  }
}

/** The key of a change that no caller asked for. */
function ownChangeKey(): ChangeKey {
  return { key: `m:${crypto.randomUUID()}`, fingerprint: "" };
}

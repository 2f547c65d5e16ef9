/**
 * Reads runs with their deadline applied, and writes them. What must be done after a version is on record in its
 * transaction, and what follows comes after it. No method waits, so no call runs between reading a run and writing it.
 */
import { CANCEL_GRACE_DEFAULT_SECONDS } from "../../base/limits.ts";
import { LogLimit, log, logFailure } from "../../base/log.ts";
import { type Dispatch, LEASE_MS } from "../../webhooks/dispatch.ts";
import type { PreviousStatus } from "../endpoint-deliveries.ts";
import type { StopRequest } from "../journal/dispatch-rows.ts";
import { type FollowUp, type Journal, mustStop, type NewRunDetails, type Written } from "../journal/journal.ts";
import { FREE, type JournaledRun, type Occupancy } from "../journal/run-rows.ts";
import type { Replication } from "../replication/replication.ts";
import {
  type EndCause,
  erased,
  isOpen,
  isQueued,
  isWaiting,
  lacksApproval,
  type NextRetry,
  purgeAt,
  type Run,
} from "../run.ts";
import type { ChangeKey } from "../run-calls.ts";
import { durationsOf } from "../run-counts.ts";
import { nextRetryOf } from "../starts.ts";
import { eventsBetween, type TimelineEvent } from "../timeline.ts";
import { expire, type GateEvent, type RunEvent } from "../transition.ts";
import { logGivenUp, neverCalled } from "./sending/attempt-events.ts";
import type { Changes, Tails } from "./subscriptions.ts";

/** `isRepeatable`: also after other changes, as a cancel always is. `first` and `last`: events around the change's. */
export interface UpdateDetails {
  readonly changeKey?: ChangeKey;
  readonly isRepeatable?: boolean;
  readonly dispatch?: Dispatch;
  readonly first?: readonly TimelineEvent[];
  readonly last?: readonly TimelineEvent[];
  readonly alongside?: () => void;
}

interface Consequences {
  readonly fanOut: FollowUp;
  readonly outcomes: { before(run: Run): PreviousStatus };
  readonly stopRequests: { start(run: JournaledRun, now: number): void };
  readonly gatedRuns: { change(run: JournaledRun, event: GateEvent, now: number): JournaledRun };
  readonly retries: {
    takeBatch(now: number): void;
    left(run: JournaledRun, now: number): void;
    /** Called when the retry of a run that has not begun must not be made. `dropped`: why, as a sentence. */
    drop(runId: string, dropped: string, now: number): void;
  };
  readonly scheduler: {
    ended(run: JournaledRun, now: number): void;
    attemptEnded(run: JournaledRun, mayHaveJob: boolean, now: number): void;
  };
}

export class Ledger {
  readonly #journal: Journal;
  readonly #replication: Replication;
  readonly #changes: Changes;
  readonly #tails: Tails;
  readonly #retentionDays: number;
  readonly #endLog: EndLog;
  consequences: Partial<Consequences> = {};

  constructor(journal: Journal, replication: Replication, changes: Changes, tails: Tails, retentionDays: number) {
    this.#journal = journal;
    this.#replication = replication;
    this.#changes = changes;
    this.#tails = tails;
    this.#retentionDays = retentionDays;
    this.#endLog = new EndLog(journal.scope);
  }

  /** Null if there is none. Ends the run if its time is up, and opens its time gate if that time has come. */
  current(id: string, now: number): JournaledRun | null {
    const stored = this.#journal.runs.byId(id);
    return stored && this.expired(stored, now);
  }

  expired(run: JournaledRun, now: number): JournaledRun {
    const next = expire(run, now);
    if (next !== run) return this.update(run, this.#blamingHost(next), { type: "deadline_passed" }, now);
    if (!hasTimeCome(run, now)) return run;
    return this.consequences.gatedRuns?.change(run, { type: "time_opened" }, now) ?? run;
  }

  create(run: Run, changeKey: ChangeKey, details: NewRunDetails, now: number): JournaledRun | null {
    const created = {
      ...run,
      createKey: changeKey.key,
      createFingerprint: changeKey.fingerprint,
      fingerprintKeyId: changeKey.keyIds?.[0] ?? null,
      changeKey: null,
      changeFingerprint: null,
      purgeAt: purgeAt(run, this.#retentionDays),
      ...this.#eventSeqs(run, null),
      previousStatus: null,
      readySeq: this.#readySeq(run, null),
      occupiedUntil: null,
      graceUntil: null,
    };
    const written = this.#journal.insert(created, details, now, this.#followUps);
    if (written === null) return null;
    this.#follow(created, written, isWaiting(created), now, []);
    return created;
  }

  /** The dispatch is erased unless the run waits or the version has one: other pending runs only start or end. */
  update(
    before: JournaledRun,
    next: Run,
    event: RunEvent,
    now: number,
    { changeKey = ownChangeKey(), isRepeatable, dispatch, first = [], last = [], alongside }: UpdateDetails = {},
  ): JournaledRun {
    const changed = {
      ...before,
      ...next,
      changeKey: changeKey.key,
      changeFingerprint: changeKey.fingerprint,
      purgeAt: purgeAt(next, this.#retentionDays),
      ...this.#eventSeqs(next, before),
      previousStatus: this.consequences.outcomes?.before(next) ?? null,
      nextRetry:
        this.consequences.retries === undefined
          ? null
          : nextRetryOf(next, event.type === "dispatch_failed" && event.mayHaveJob === true),
      readySeq: this.#readySeq(next, before.readySeq),
      ...this.#occupancy(next, event, now),
    };
    const events = [...first, ...eventsBetween(before, changed, event, now), ...last];
    const isAccepted = isRepeatable === true || event.type === "cancel_requested";
    const accepted = isAccepted ? { ...changeKey, hasGrace: isOpen(changed), at: now } : null;
    const isAskedAgain = changed.withdrawnAt !== before.withdrawnAt;
    const isRetried = changed.nextRetry !== null;
    const besides = () => {
      alongside?.();
      this.#journal.plannedRetries.plan(changed);
    };
    const beside = isRetried ? besides : alongside;
    const written = this.#journal.update(
      changed,
      { events, accepted, dispatch: dispatch ?? null, isAskedAgain, alongside: beside },
      now,
      this.#followUps,
    );
    const isOver = !isOpen(changed);
    // Before anything reads the end.
    if (isOver) this.#tails.drop(changed.id);
    const isToStop = isOver ? mustStop(changed) : changed.cancelUntil !== before.cancelUntil;
    this.#follow(changed, written, isWaiting(before) || isWaiting(changed), now, [
      () => isOver && this.#log(before, changed, event, written, now),
      () => isToStop && this.consequences.stopRequests?.start(changed, now),
      () => isRetried && this.consequences.retries?.takeBatch(now),
      () => isWaiting(before) && this.consequences.retries?.left(changed, now),
      () => isOver && this.consequences.scheduler?.ended(changed, now),
    ]);
    return changed;
  }

  /** It keeps the numbers of its event and its end, so nobody counts it or hears of it again. */
  erase(run: JournaledRun, now: number): JournaledRun {
    const changed = withoutTexts(run, now);
    const alongside = () => this.#journal.eraseTexts(changed);
    const written = this.#journal.update(changed, { events: [], alongside }, now, this.#followUps);
    // Soon, because the caller waits until the databases have it.
    this.#follow(changed, written, true, now, []);
    return changed;
  }

  /** What became of the automatic retry of an ended run. If there will be none, that is an event: the end is final. */
  noteRetry(run: JournaledRun, nextRetry: NextRetry, alongside: () => void, now: number): void {
    const noted = { ...run, version: run.version + 1, nextRetry };
    const eventSeq = this.#journal.sequence.next;
    const previousStatus = this.consequences.outcomes?.before(noted) ?? null;
    const changed = nextRetry.dropped === null ? noted : { ...noted, eventSeq, previousStatus };
    const written = this.#journal.update(changed, { events: [], alongside }, now, this.#followUps);
    this.#follow(changed, written, false, now, []);
  }

  noteAttempt(run: JournaledRun, dispatch: Dispatch | null, events: readonly TimelineEvent[], now: number): void {
    this.#journal.transaction(() => {
      this.#journal.noteAttempt(run, dispatch, events);
      this.#replication.arm(now);
    });
    this.#changes.subscriptions.notify(run.id);
  }

  /** Null erases it. The run may have ended. */
  noteStopRequest(
    run: JournaledRun,
    stopRequest: StopRequest | null,
    events: readonly TimelineEvent[],
    now: number,
  ): void {
    this.#journal.transaction(() => {
      this.#journal.noteStopRequest(run, stopRequest, events);
      this.#replication.arm(now);
    });
    if (events.length > 0) this.#changes.subscriptions.notify(run.id);
  }

  noteEvents(run: JournaledRun, events: readonly TimelineEvent[]): void {
    this.#journal.timeline.append(run, events);
    this.#changes.subscriptions.notify(run.id);
  }

  noteHeartbeat(run: JournaledRun, events: readonly TimelineEvent[]): void {
    this.#journal.noteHeartbeat(run, events);
    if (events.length > 0) this.#changes.subscriptions.notify(run.id);
  }

  /** What must be on record with each version. The retry of replication first: it sets the alarm sooner than deliveries. */
  get #followUps(): readonly FollowUp[] {
    const { fanOut } = this.consequences;
    return fanOut === undefined ? [this.#replication] : [this.#replication, fanOut];
  }

  /** The run, whose error also says what came of its webhook if the deadline has passed before a receiver took it. */
  #blamingHost(run: Run): Run {
    if (run.endCause !== "deadline" || run.startedAt !== null || run.source === "none") return run;
    const dispatch = this.#journal.dispatches.of(run.id);
    if (dispatch === null || dispatch.leaseUntil !== null) return run;
    const sentence = neverCalled(dispatch, run.failedAttempt);
    return { ...run, error: `${run.error} ${sentence}` };
  }

  /** A run that lacks approvals asks for them once, and again if some were withdrawn. */
  #eventSeqs(next: Run, before: JournaledRun | null): Pick<JournaledRun, "eventSeq" | "endedSeq"> {
    const { next: seq } = this.#journal.sequence;
    if (!isOpen(next)) return { eventSeq: seq, endedSeq: seq };
    if (!lacksApproval(next)) return { eventSeq: null, endedSeq: null };
    const isAsked = before !== null && lacksApproval(before) && before.withdrawnAt === next.withdrawnAt;
    return { eventSeq: isAsked ? before.eventSeq : seq, endedSeq: null };
  }

  /** The order of the writes with which they got into the queue, and not of a clock. */
  #readySeq(run: Run, before: number | null): number | null {
    if (run.gates === null) return before;
    if (isQueued(run) || run.releasedAt !== null) return before ?? this.#journal.sequence.next;
    // A run whose approvals were withdrawn has lost its position.
    return isOpen(run) ? null : before;
  }

  /** An attempt under way may begin the job, and a job that may have begun has the time that any job has to stop. */
  #occupancy(run: Run, event: RunEvent, now: number): Occupancy {
    if (isOpen(run) || run.releasedAt === null || !run.gates?.concurrency) return FREE;
    const attempts = this.#journal.dispatches.attemptsOf(run.id);
    const lease = attempts?.leaseUntil ?? 0;
    const attemptUntil = lease > now ? Math.min(lease, now + LEASE_MS) : null;
    // A dispatch that is over was accepted, or a pending run would have ended with it.
    const mayHaveJob = attempts === null || attempts.isUnsure || attempts.leaseUntil !== null;
    const graceMs = mayHaveJob ? graceMsOf(event) : 0;
    const graceUntil = graceMs === 0 ? null : Math.min(now + graceMs, run.deadlineAt);
    return { occupiedUntil: attemptUntil ?? graceUntil, graceUntil };
  }

  #log(before: JournaledRun, run: JournaledRun, event: RunEvent, { erased }: Written, now: number): void {
    this.#endLog.write(run, now);
    if (event.type !== "deadline_passed" || isWaiting(before) || erased?.leaseUntil !== null) return;
    logGivenUp("attempt", this.#journal.scope, run.id, erased.attempt, neverCalled(erased, run.failedAttempt));
  }

  /**
   * Each part on its own: the version is written, so the caller is told of it, and the alarm finds what a failed part
   * left undone. `isUrgent`: D1 gets it soon, because only D1 lists runs with gates by their tokens.
   */
  #follow({ id }: Run, written: Written, isUrgent: boolean, now: number, rest: readonly (() => unknown)[]): void {
    const parts = [
      () => this.#replication.changed(written.pendingVersion, isUrgent),
      () => this.#changes.subscriptions.notify(id),
      () => this.#changes.noteChange(now),
      ...(written.after ?? []),
      ...rest,
    ];
    for (const part of parts) {
      try {
        part();
      } catch (error) {
        logFailure("follow_up_failed", error, { coordinator: this.#journal.scope, run: id });
      }
    }
  }
}

export function withoutTexts(run: JournaledRun, now: number): JournaledRun {
  const hashes = { createFingerprint: "", fingerprintKeyId: null, changeKey: null, changeFingerprint: null };
  return { ...run, ...erased(run, run.occupiedUntil !== null, now), ...hashes };
}

/** How long the job of a run has to stop that this event ends. A DELETE says nothing of it. */
function graceMsOf(event: RunEvent): number {
  if (event.type === "cancelled") return CANCEL_GRACE_DEFAULT_SECONDS * 1000;
  return event.type === "cancel_requested" ? event.graceMs : 0;
}

function hasTimeCome({ waitingFor, gates }: Run, now: number): boolean {
  return waitingFor === "time" && gates !== null && now >= (gates.notBefore ?? 0);
}

/** The key of a change that no caller asked for. */
export function ownChangeKey(): ChangeKey {
  return { key: `m:${crypto.randomUUID()}`, fingerprint: "" };
}

/** OpenTelemetry's `cicd.pipeline.result` of a failed run. `error`: the failure is not the pipeline's own. */
const FAILURES = {
  callback: "failure",
  cancel: "failure",
  delivery: "error",
  start: "error",
  deadline: "timeout",
  silence: "timeout",
  gate: "skip",
  rejected: "cancellation",
  replaced: "cancellation",
} as const satisfies Readonly<Record<EndCause, string>>;

/** A line costs more than a report does in the journal. 25 a second are nine times what one D1 can keep for 30 days. */
const LINES_PER_SECOND = 25;

/** Its names are those of OpenTelemetry's conventions for CI/CD (opentelemetry.io/docs/specs/semconv/cicd). */
export class EndLog {
  readonly #coordinator: string;
  readonly #limit = new LogLimit(LINES_PER_SECOND);

  constructor(coordinator: string) {
    this.#coordinator = coordinator;
  }

  write({ id, source, actionName, status, endCause, createdAt, startedAt, completedAt }: Run, now: number): void {
    if (completedAt === null || endCause === null) return;
    const line = this.#limit.next(now);
    if (line === null) return;
    log("info", "run_ended", {
      coordinator: this.#coordinator,
      // Callers choose any name for other runs, even a secret by mistake.
      "cicd.pipeline.name": source === "action" ? actionName : undefined,
      "cicd.pipeline.run.id": id,
      "cicd.pipeline.result": resultOf(status, endCause),
      cause: endCause,
      ...durationsOf({ createdAt, startedAt, completedAt }),
      ...line,
    });
  }
}

function resultOf(status: Run["status"], cause: EndCause): string {
  if (status === "failed") return FAILURES[cause];
  return status === "cancelled" ? "cancellation" : "success";
}

/**
 * Schedules the runs of the concurrency queues. An end, the room that it makes and the start of the next run are one
 * critical section, without an await. `schedule()` decides who starts from what the journal says at that moment, and
 * never from a count. A decision that fails never fails the end that led to it.
 */
import { logFailure } from "../../../base/log.ts";
import { msSinceOrLongAgo } from "../../../base/time.ts";
import {
  type ApprovedQueuedRun,
  type ConcurrencyQueueRows,
  WAITING_MAX_IN_QUEUE,
} from "../../journal/concurrency-rows.ts";
import type { Journal } from "../../journal/journal.ts";
import { FREE, type JournaledRun, type Occupancy } from "../../journal/run-rows.ts";
import { type ConcurrencyQueue, queueOf } from "../../run.ts";
import { type QueuedRun, type QueueState, schedule } from "../../scheduling.ts";
import type { DueWork } from "../alarm.ts";
import type { Context } from "../context.ts";
import type { Dispatches } from "../sending/dispatches.ts";
import type { ApproverCheck } from "./approver-check.ts";
import { SchedulingEffects } from "./scheduling-effects.ts";

/** What one batch does at most. The alarm does the rest at once. */
const BATCH_STEPS = 200;
const BATCH_BYTES = 4_000_000;

/** What is left of a batch. A step is a look at a queue, or what happens to one run. */
interface Budget {
  steps: number;
  bytes: number;
}

/** What is in a queue. The queued runs have their approvals. */
interface ApprovedQueueState extends QueueState {
  readonly queued: readonly (QueuedRun & ApprovedQueuedRun)[];
}

export class Scheduler implements DueWork {
  readonly #context: Context;
  readonly #journal: Journal;
  readonly #effects: SchedulingEffects;
  readonly #approvers: ApproverCheck;
  /** Queues in which something may have changed, by their name. */
  readonly #changed = new Map<string, ConcurrencyQueue>();
  readonly #deferred = new Deferred();
  readonly #pass: QueuePass;
  /** A decision can end a run. The queue that gets room is noted, and the loop that is under way takes it. */
  #isScheduling = false;

  constructor(context: Context, dispatches: Dispatches, approvers: ApproverCheck) {
    this.#context = context;
    this.#journal = context.journal;
    this.#effects = new SchedulingEffects(context, dispatches, approvers);
    this.#approvers = approvers;
    this.#pass = new QueuePass(context.journal.queues);
    approvers.scheduler = this;
  }

  /** Call this when something has changed in a queue: an end, a limit, or a run that got there. */
  scheduleQueue(queue: ConcurrencyQueue, now: number): void {
    this.#changed.set(nameOf(queue), queue);
    if (!this.#isScheduling) this.#scheduleSafely(now);
  }

  /**
   * The alarm looks at every queue in which runs wait. Call this before a pause or a limit changes. If the alarm can't
   * be set, this throws, and nothing must change.
   */
  scheduleAllSoon(now: number): void {
    this.#pass.begin();
    this.#context.arm(now);
  }

  /** Does at once what fits into a batch. Call this after the change. */
  scheduleAll(now: number): void {
    try {
      this.takeBatch(now);
      this.#context.arm(now);
    } catch (error) {
      // The alarm that was set before the change goes on with the pass.
      this.#logFailed(error);
    }
  }

  /** Call this in the critical section that an answer about the approvers of these runs has begun. Never throws. */
  approversKnown(runIds: readonly string[], now: number): void {
    for (const id of runIds) {
      let queue: ConcurrencyQueue | null = null;
      try {
        const gates = this.#journal.runs.byId(id)?.gates ?? null;
        if (gates === null) continue;
        queue = queueOf(gates);
        this.#changed.set(nameOf(queue), queue);
        this.#effects.withdraw(id, now);
      } catch (error) {
        if (queue === null) this.#logFailed(error, id);
        else this.#deferFailed(id, queue, error, now);
      }
    }
    this.#scheduleSafely(now);
  }

  /** Call this after each end of a run with gates. */
  ended({ gates }: JournaledRun, now: number): void {
    if (gates?.concurrency) this.scheduleQueue(queueOf(gates), now);
  }

  /**
   * Call this when the last attempt of an ended run is over. The run occupies its queue no longer then, unless its job
   * may be at work and still has time to stop.
   */
  attemptEnded(run: JournaledRun, mayHaveJob: boolean, now: number): void {
    const { graceUntil } = run;
    const isOccupied = mayHaveJob && graceUntil !== null && graceUntil > now;
    this.#setOccupancy(run, isOccupied ? { occupiedUntil: graceUntil, graceUntil } : FREE, now);
  }

  /** Call this when the job of a run that has ended reports that it is over. */
  jobEnded(run: JournaledRun, now: number): void {
    const { occupiedUntil, graceUntil } = run;
    // An attempt that is under way may begin another job.
    if (graceUntil !== null)
      this.#setOccupancy(run, occupiedUntil === graceUntil ? FREE : { ...FREE, occupiedUntil }, now);
  }

  #setOccupancy(run: JournaledRun, occupancy: Occupancy, now: number): void {
    this.#journal.transaction(() => {
      this.#journal.queues.forget();
      this.#journal.runs.setOccupancy(run, occupancy);
      // A grace can end before the lease of the attempt would have.
      this.#context.arm(now);
    });
    if (occupancy.occupiedUntil === null) this.ended(run, now);
  }

  /** Whether the queue still waits to be looked at. Until then, nobody knows which of its runs starts. */
  isPending(queue: ConcurrencyQueue): boolean {
    return this.#changed.has(nameOf(queue));
  }

  queueState(queue: ConcurrencyQueue, now: number): ApprovedQueueState {
    const { queues, pauses } = this.#journal;
    const queued = queues.queued(queue).flatMap((run) => {
      if (this.#deferred.has(run.id, now)) return [];
      return [{ ...run, isUnchecked: this.#approvers.isUnchecked(run.approvals) }];
    });
    return { running: queues.running(queue), queued, pause: pauses.of(queue.group, now)?.reason ?? null };
  }

  /** If something failed, this throws after it has done everything else, because the alarm must not ring again at once. */
  takeBatch(now: number): number {
    const failures = [...this.#eraseEnded(now), ...this.#freeOccupied(now)];
    if (this.#approvers.forgetLost(now)) this.#pass.begin();
    for (const queue of [...this.#deferred.take(now), ...this.#pass.next()]) this.#changed.set(nameOf(queue), queue);
    failures.push(...this.#scheduleSafely(now));
    if (failures.length > 0) throw failures[0];
    return 0;
  }

  nextAt(now: number): number {
    if (this.#changed.size > 0 || this.#pass.isUnderWay) return now;
    const { pauses, queues } = this.#journal;
    const rest = [this.#deferred.nextAt(now), this.#approvers.nextAt()];
    return Math.min(pauses.nextEndAt(), queues.nextEndAt(), ...rest);
  }

  /** Removes pauses that have ended. Returns what failed, because it may keep no run in its queue. */
  #eraseEnded(now: number): readonly unknown[] {
    try {
      if (this.#journal.pauses.eraseEnded(now)) this.#pass.begin();
      return [];
    } catch (error) {
      return [error];
    }
  }

  /** Makes room for those behind ended runs whose last attempt is lost, or whose grace is over. Returns what failed. */
  #freeOccupied(now: number): readonly unknown[] {
    const { queues, runs } = this.#journal;
    return queues.ended(now, BATCH_STEPS).flatMap((id) => {
      try {
        const run = runs.byId(id);
        if (run !== null) this.attemptEnded(run, true, now);
        return [];
      } catch (error) {
        return [error];
      }
    });
  }

  /** Returns what failed, apart from the decisions about single runs, which are deferred. */
  #scheduleSafely(now: number): readonly unknown[] {
    this.#isScheduling = true;
    const failures: unknown[] = [];
    const failed = (error: unknown) => {
      this.#logFailed(error);
      failures.push(error);
    };
    try {
      this.#scheduleChanged(now, { steps: BATCH_STEPS, bytes: BATCH_BYTES });
    } catch (error) {
      failed(error);
      // A pass finds again what was not scheduled.
      this.#pass.begin();
    }
    this.#isScheduling = false;
    try {
      // A question to D1 that dies with this object is asked again.
      const mustRing = this.#changed.size > 0 || this.#pass.isUnderWay || this.#approvers.isBusy;
      if (mustRing) this.#context.arm(now);
    } catch (error) {
      failed(error);
    }
    return failures;
  }

  /**
   * Looks at each queue that has changed. Each look is a step of the budget. A queue is looked at again only if the
   * last look has written a version or deferred a run. So no batch goes on for ever, and neither does a row of alarms.
   */
  #scheduleChanged(now: number, budget: Budget): void {
    for (const [name, queue] of this.#changed) {
      if (isSpent(budget)) break;
      this.#changed.delete(name);
      const before = this.#progress;
      const isWhole = this.#scheduleOnce(queue, now, budget);
      if (!isWhole && this.#progress > before) this.#changed.set(name, queue);
      budget.steps--;
    }
  }

  /** Grows with each version that is written, and with each run that is deferred. */
  get #progress(): number {
    return this.#journal.sequence.last + this.#deferred.added;
  }

  /** False if more is left to do in the queue. */
  #scheduleOnce(queue: ConcurrencyQueue, now: number, budget: Budget): boolean {
    this.#endOverdue(queue, now);
    const state = this.queueState(queue, now);
    if (state.queued.length === 0) return true;
    const all = schedule(state);
    const unchecked = new Set(all.filter(({ type }) => type === "check").map(({ id }) => id));
    const asked = state.queued.filter(({ id }) => unchecked.has(id));
    this.#approvers.start(asked, now);
    const decisions = all.filter(({ type }) => type !== "check");
    for (const decision of decisions) {
      // A running run that could not be asked to stop is still in the queue.
      if (this.#deferred.has(decision.id, now)) continue;
      if (isSpent(budget)) return false;
      budget.steps--;
      try {
        budget.bytes -= this.#effects.apply(decision, queue, now);
      } catch (error) {
        this.#deferFailed(decision.id, queue, error, now);
        return false;
      }
    }
    // Of the runs without a group, more can wait than were read.
    return decisions.length === 0 || state.queued.length < WAITING_MAX_IN_QUEUE;
  }

  /** Ends the runs whose time is up, however late the alarm is, so that none of them takes room or replaces a run. */
  #endOverdue(queue: ConcurrencyQueue, now: number): void {
    for (const id of this.#journal.queues.due(queue, now)) {
      if (this.#deferred.has(id, now)) continue;
      try {
        this.#context.ledger.current(id, now);
      } catch (error) {
        this.#deferFailed(id, queue, error, now);
      }
    }
  }

  #deferFailed(id: string, queue: ConcurrencyQueue, error: unknown, now: number): void {
    this.#logFailed(error, id);
    this.#deferred.add(id, queue, now);
  }

  #logFailed(error: unknown, run?: string): void {
    logFailure("scheduling_failed", error, { coordinator: this.#journal.scope, run });
  }
}

function isSpent({ steps, bytes }: Budget): boolean {
  return steps <= 0 || bytes <= 0;
}

function nameOf({ group, key }: ConcurrencyQueue): string {
  return `${group}\n${key}`;
}

/** How many queues one batch has. */
const BATCH_QUEUES = 200;

/**
 * A pass over the queues in which runs wait. What has changed in a queue is remembered in memory only, and an object
 * can die before it has scheduled. So each alarm goes on with a pass, and a new object makes a whole one at once.
 */
class QueuePass {
  readonly #queues: ConcurrencyQueueRows;
  /** The last queue that was looked at; null at the beginning. */
  #after: ConcurrencyQueue | null = null;
  /** Whether the alarm must go on at once. */
  #isUnderWay: boolean;

  constructor(queues: ConcurrencyQueueRows) {
    this.#queues = queues;
    this.#isUnderWay = queues.withQueued(null, 1).length > 0;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Looks at every queue again, from the first one on. */
  begin(): void {
    this.#after = null;
    this.#isUnderWay = true;
  }

  /** The next queues. After the last one comes the first. */
  next(): readonly ConcurrencyQueue[] {
    const queues = this.#queues.withQueued(this.#after, BATCH_QUEUES);
    const isWhole = queues.length < BATCH_QUEUES;
    this.#after = isWhole ? null : (queues.at(-1) ?? null);
    if (isWhole) this.#isUnderWay = false;
    return queues;
  }
}

const DEFERRED_MS = 10_000;

/**
 * Runs with a scheduling decision that failed. Each is deferred for a while, and meanwhile those behind it are tried.
 * So a run that can't be released or ended does not hold up its group. The list is in memory only: a new object tries
 * all of them.
 */
class Deferred {
  /** By the id of the run. `at`: when its decision failed. */
  readonly #runs = new Map<string, { readonly queue: ConcurrencyQueue; readonly at: number }>();
  /** How often a run was deferred so far. */
  added = 0;

  add(id: string, queue: ConcurrencyQueue, now: number): void {
    this.added++;
    this.#runs.set(id, { queue, at: now });
  }

  has(id: string, now: number): boolean {
    const run = this.#runs.get(id);
    return run !== undefined && msSinceOrLongAgo(run.at, now) < DEFERRED_MS;
  }

  /** The queues of the runs that are to be tried again now. They are deferred no longer. */
  take(now: number): readonly ConcurrencyQueue[] {
    const due = [...this.#runs].filter(([id]) => !this.has(id, now));
    for (const [id] of due) this.#runs.delete(id);
    return due.map(([, { queue }]) => queue);
  }

  /** When the first of them is to be tried again; Infinity if there is none. */
  nextAt(now: number): number {
    // After the clock stepped back, they are tried at once.
    const tried = [...this.#runs.values()].map(({ at }) => (at > now ? now : at + DEFERRED_MS));
    return Math.min(...tried);
  }
}

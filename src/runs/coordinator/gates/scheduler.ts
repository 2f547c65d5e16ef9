/**
 * An end, the room that it makes and the start of the next run are one critical section. `schedule()` decides from what
 * the journal says at that moment. A decision that fails never fails the end that led to it.
 */
import { CANCEL_GRACE_DEFAULT_SECONDS } from "../../../base/limits.ts";
import { msSinceOrLongAgo } from "../../../base/time.ts";
import { type ConcurrencyQueueRows, WAITING_MAX_IN_QUEUE } from "../../journal/concurrency-rows.ts";
import { FREE, type JournaledRun, type Occupancy } from "../../journal/run-rows.ts";
import { holding } from "../../pauses.ts";
import { type ConcurrencyQueue, isOpen, isQueued, isWaiting, queueOf } from "../../run.ts";
import { type QueueState, type SchedulingDecision, schedule } from "../../scheduling.ts";
import { type CancelRequest, type GateEvent, transition } from "../../transition.ts";
import type { DueWork } from "../alarm.ts";
import { PartWith } from "../context.ts";
import type { Dispatches } from "../sending/dispatches.ts";
import type { ApproverCheck } from "./approver-check.ts";

const BATCH_STEPS = 200;
const BATCH_BYTES = 4_000_000;
const GRACE_MS = CANCEL_GRACE_DEFAULT_SECONDS * 1000;

/** What is left of a batch. A step is a look at a queue, or what happens to one run. */
interface Budget {
  steps: number;
  bytes: number;
}

export class Scheduler extends PartWith<{ dispatches: Dispatches; approvers: ApproverCheck }> implements DueWork {
  readonly #changed = new Map<string, ConcurrencyQueue>();
  readonly #deferred = new Deferred();
  readonly #pass = new QueuePass(this.journal.queues);
  /** A decision can end a run. The queue that gets room is noted, and the loop that is under way takes it. */
  #isScheduling = false;

  scheduleQueue(queue: ConcurrencyQueue, now: number): void {
    this.#changed.set(nameOf(queue), queue);
    if (!this.#isScheduling) this.#scheduleSafely(now);
  }

  /** Call this before a pause or a limit changes. If the alarm can't be set, this throws, and nothing must change. */
  scheduleAllSoon(now: number): void {
    this.#pass.begin();
    this.context.arm(now);
  }

  scheduleAll(now: number): void {
    try {
      this.takeBatch(now);
      this.context.arm(now);
    } catch (error) {
      // The alarm that was set before the change goes on with the pass.
      this.#logFailed(error);
    }
  }

  /** In the critical section that an answer about the approvers of these runs has begun. Never throws. */
  approversKnown(runIds: readonly string[], now: number): void {
    for (const id of runIds) {
      let queue: ConcurrencyQueue | null = null;
      try {
        const gates = this.journal.runs.byId(id)?.gates ?? null;
        if (gates === null) continue;
        queue = queueOf(gates);
        this.#changed.set(nameOf(queue), queue);
        this.#withdraw(id, now);
      } catch (error) {
        if (queue === null) this.#logFailed(error, id);
        else this.#deferFailed(id, queue, error, now);
      }
    }
    this.#scheduleSafely(now);
  }

  ended({ gates }: JournaledRun, now: number): void {
    if (gates?.concurrency) this.scheduleQueue(queueOf(gates), now);
  }

  /** After its last attempt, an ended run leaves its queue, unless its job may be at work and still has time to stop. */
  attemptEnded(run: JournaledRun, mayHaveJob: boolean, now: number): void {
    const { graceUntil } = run;
    const isOccupied = mayHaveJob && graceUntil !== null && graceUntil > now;
    this.#setOccupancy(run, isOccupied ? { occupiedUntil: graceUntil, graceUntil } : FREE, now);
  }

  jobEnded(run: JournaledRun, now: number): void {
    const { occupiedUntil, graceUntil } = run;
    // An attempt that is under way may begin another job.
    if (graceUntil !== null)
      this.#setOccupancy(run, occupiedUntil === graceUntil ? FREE : { ...FREE, occupiedUntil }, now);
  }

  #setOccupancy(run: JournaledRun, occupancy: Occupancy, now: number): void {
    this.journal.transaction(() => {
      this.journal.queues.forget();
      this.journal.runs.setOccupancy(run, occupancy);
      // A grace can end before the lease of the attempt would have.
      this.context.arm(now);
    });
    if (occupancy.occupiedUntil === null) this.ended(run, now);
  }

  /** Whether the queue still waits to be looked at. Until then, nobody knows which of its runs starts. */
  isPending(queue: ConcurrencyQueue): boolean {
    return this.#changed.has(nameOf(queue));
  }

  queueState(queue: ConcurrencyQueue, now: number) {
    const { queues, pauses } = this.journal;
    const inForce = pauses.inForce(queue.group, now);
    const queued = queues.queued(queue).flatMap((run) => {
      if (this.#deferred.has(run.id, now)) return [];
      const pausedFor = holding(inForce, run.passed)?.reason ?? null;
      return [{ ...run, isUnchecked: this.parts.approvers.isUnchecked(run.approvals), pausedFor }];
    });
    return { running: queues.running(queue), queued };
  }

  /** If something failed, this throws after it has done everything else, because the alarm must not ring again at once. */
  takeBatch(now: number): number {
    const { pauses, queues, runs } = this.journal;
    const failures: unknown[] = [];
    const tried = (part: () => void) => {
      try {
        part();
      } catch (error) {
        failures.push(error);
      }
    };
    tried(() => pauses.eraseEnded(now) && this.#pass.begin());
    // Makes room for those behind ended runs whose last attempt is lost, or whose grace is over.
    for (const id of queues.ended(now, BATCH_STEPS)) {
      tried(() => {
        const run = runs.byId(id);
        if (run !== null) this.attemptEnded(run, true, now);
      });
    }
    if (this.parts.approvers.forgetLost(now)) this.#pass.begin();
    for (const queue of [...this.#deferred.take(now), ...this.#pass.next()]) this.#changed.set(nameOf(queue), queue);
    failures.push(...this.#scheduleSafely(now));
    if (failures.length > 0) throw failures[0];
    return 0;
  }

  nextAt(now: number): number {
    if (this.#changed.size > 0 || this.#pass.isUnderWay) return now;
    const { pauses, queues } = this.journal;
    const rest = [this.#deferred.nextAt(now), this.parts.approvers.nextAt()];
    return Math.min(pauses.nextEndAt(), queues.nextEndAt(), ...rest);
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
      const mustRing = this.#changed.size > 0 || this.#pass.isUnderWay || this.parts.approvers.isBusy;
      if (mustRing) this.context.arm(now);
    } catch (error) {
      failed(error);
    }
    return failures;
  }

  /** A queue is looked at again only if the last look has written or deferred a run, so no batch goes on for ever. */
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

  get #progress(): number {
    return this.journal.sequence.last + this.#deferred.added;
  }

  /** False if more is left to do in the queue. */
  #scheduleOnce(queue: ConcurrencyQueue, now: number, budget: Budget): boolean {
    this.#endOverdue(queue, now);
    const state = this.queueState(queue, now);
    if (state.queued.length === 0) return true;
    const all = schedule(state);
    const unchecked = new Set(all.filter(({ type }) => type === "check").map(({ id }) => id));
    const asked = state.queued.filter(({ id }) => unchecked.has(id));
    this.parts.approvers.start(asked, now);
    const decisions = all.filter(({ type }) => type !== "check");
    for (const decision of decisions) {
      // A running run that could not be asked to stop is still in the queue.
      if (this.#deferred.has(decision.id, now)) continue;
      if (isSpent(budget)) return false;
      budget.steps--;
      try {
        budget.bytes -= this.#apply(decision, queue, now);
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
    for (const id of this.journal.queues.due(queue, now)) {
      if (this.#deferred.has(id, now)) continue;
      try {
        this.ledger.current(id, now);
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
    this.logFailure("scheduling_failed", error, { run });
  }

  #withdraw(id: string, now: number): void {
    const run = this.ledger.current(id, now);
    if (run === null || !isWaiting(run)) return;
    const approvals = this.parts.approvers.revokedOf(run.approvals);
    if (approvals.length === 0) return;
    const event: GateEvent = { type: "approvals_withdrawn", approvals };
    const next = transition(run, event, now);
    if (next.ok) this.ledger.update(run, next.value, event, now);
  }

  /** Returns how many bytes were sent. A run whose time is up ends instead. */
  #apply(decision: SchedulingDecision, queue: ConcurrencyQueue, now: number): number {
    const run = this.ledger.current(decision.id, now);
    if (run === null || !isOpen(run)) return 0;
    if (decision.type === "cancel") this.#cancel(run, decision.by, now);
    if (!isQueued(run)) return 0;
    const at = this.#eventAt(decision, queue);
    if (at === null) return 0;
    const event = this.parts.approvers.isUnknown(run.approvals) ? { ...at, approversUnchecked: true as const } : at;
    const next = transition(run, event, now);
    if (!next.ok) return 0;
    if (event.type !== "released") {
      this.ledger.update(run, next.value, event, now);
      return 0;
    }
    this.parts.dispatches.release(run, next.value, event, now);
    return this.journal.dispatches.of(run.id)?.sealed.byteLength ?? 0;
  }

  #eventAt(decision: SchedulingDecision, queue: ConcurrencyQueue): GateEvent | null {
    if (decision.type !== "replace") return eventAt(decision, queue);
    const newer = this.journal.runs.byId(decision.by);
    return { type: "replaced", by: decision.by, triggeredBy: newer?.triggeredBy ?? "" };
  }

  #cancel(run: JournaledRun, newerId: string, now: number): void {
    const newer = this.journal.runs.byId(newerId);
    if (newer === null) return;
    const reason = `The newer run ${newer.id} replaces this one.`;
    const by = newer.triggeredBy;
    const request: CancelRequest = { type: "cancel_requested", by, reason, graceMs: GRACE_MS };
    const next = transition(run, request, now);
    if (next.ok) this.ledger.update(run, next.value, request, now);
  }
}

function isSpent({ steps, bytes }: Budget): boolean {
  return steps <= 0 || bytes <= 0;
}

function nameOf({ group, key }: ConcurrencyQueue): string {
  return `${group}\n${key}`;
}

export function eventAt(decision: SchedulingDecision, queue: ConcurrencyQueue): GateEvent | null {
  switch (decision.type) {
    case "release":
      return { type: "released" };
    case "hold":
      return { type: "held", reason: decision.reason };
    case "queue":
      return { type: "queued" };
    case "refuse":
      return { type: "refused", reason: `${groupText(queue)} had no free slot, and the action does not wait.` };
    default:
      return null;
  }
}

function groupText({ group, key }: ConcurrencyQueue): string {
  return `The concurrency group ${group}${key === "" ? "" : ` with the key ${key}`}`;
}

export function wouldStart(
  queues: readonly ConcurrencyQueue[],
  cancelled: ReadonlySet<string>,
  queueState: (queue: ConcurrencyQueue) => QueueState,
): number {
  const stays = ({ id }: { readonly id: string }) => !cancelled.has(id);
  const started = queues.map((queue) => {
    const { running, queued } = queueState(queue);
    const after = schedule({ running: running.filter(stays), queued: queued.filter(stays) });
    return after.filter(({ type }) => type === "release" || type === "check").length;
  });
  return started.reduce((sum, runs) => sum + runs, 0);
}

const BATCH_QUEUES = 200;

/** What has changed is only in memory, so each alarm goes on with a pass, and a new object makes a whole one. */
export class QueuePass {
  readonly #queues: ConcurrencyQueueRows;
  #after: ConcurrencyQueue | null = null;
  #isUnderWay: boolean;

  constructor(queues: ConcurrencyQueueRows) {
    this.#queues = queues;
    this.#isUnderWay = queues.withQueued(null, 1).length > 0;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  begin(): void {
    this.#after = null;
    this.#isUnderWay = true;
  }

  next(): readonly ConcurrencyQueue[] {
    const queues = this.#queues.withQueued(this.#after, BATCH_QUEUES);
    const isWhole = queues.length < BATCH_QUEUES;
    this.#after = isWhole ? null : (queues.at(-1) ?? null);
    if (isWhole) this.#isUnderWay = false;
    return queues;
  }
}

const DEFERRED_MS = 10_000;

/** Each is deferred for a while, and meanwhile those behind it are tried. In memory only: a new object tries all. */
export class Deferred {
  readonly #runs = new Map<string, { readonly queue: ConcurrencyQueue; readonly at: number }>();
  added = 0;

  add(id: string, queue: ConcurrencyQueue, now: number): void {
    this.added++;
    this.#runs.set(id, { queue, at: now });
  }

  has(id: string, now: number): boolean {
    const run = this.#runs.get(id);
    return run !== undefined && msSinceOrLongAgo(run.at, now) < DEFERRED_MS;
  }

  take(now: number): readonly ConcurrencyQueue[] {
    const due = [...this.#runs].filter(([id]) => !this.has(id, now));
    for (const [id] of due) this.#runs.delete(id);
    return due.map(([, { queue }]) => queue);
  }

  nextAt(now: number): number {
    // After the clock stepped back, they are tried at once.
    const tried = [...this.#runs.values()].map(({ at }) => (at > now ? now : at + DEFERRED_MS));
    return Math.min(...tried);
  }
}

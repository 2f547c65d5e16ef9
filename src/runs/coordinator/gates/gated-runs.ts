/** If a run gets into its queue and there is room, the same version releases it. */

import type { NewDispatch } from "../../../webhooks/dispatch.ts";
import { WAITING_MAX_IN_QUEUE, type WaitingCounts } from "../../journal/concurrency-rows.ts";
import type { NewRunDetails } from "../../journal/journal.ts";
import type { JournaledRun } from "../../journal/run-rows.ts";
import { holding } from "../../pauses.ts";
import { type ConcurrencyQueue, isOpen, isQueued, isWaiting, queueOf, type Run } from "../../run.ts";
import type { ChangeKey } from "../../run-calls.ts";
import { type QueuedRun, type SchedulingDecision, schedule } from "../../scheduling.ts";
import { gateEventsOfNew } from "../../timeline.ts";
import { type GateEvent, transition } from "../../transition.ts";
import { PartWith } from "../context.ts";
import type { UpdateDetails } from "../ledger.ts";
import type { Dispatches } from "../sending/dispatches.ts";
import type { ApproverCheck } from "./approver-check.ts";
import { eventAt, type Scheduler } from "./scheduler.ts";

/** What may wait in one environment, and for one queue. The runs of one token may take a quarter of it. */
const WAITING_MAX = { runs: 20_000, bytes: 512 * 1024 * 1024 };
const IN_QUEUE_MAX = { runs: WAITING_MAX_IN_QUEUE, bytes: Number.POSITIVE_INFINITY };
const PART_OF_ONE_TOKEN = 0.25;

/** `concurrency_limit`: the run would have to wait, and must not. */
type GatedCreate = JournaledRun | "id_taken" | "concurrency_limit" | "too_many_waiting";

export class GatedRuns extends PartWith<{ dispatches: Dispatches; scheduler: Scheduler; approvers: ApproverCheck }> {
  create(
    begun: Run,
    changeKey: ChangeKey,
    newDispatch: NewDispatch,
    beside: Pick<NewRunDetails, "preview" | "alongside">,
    now: number,
  ): GatedCreate {
    const { gates } = begun;
    if (gates === null) throw new Error("a run without gates waits for nothing");
    this.#noteLimit(begun, now);
    const queue = queueOf(gates);
    const decision = isQueued(begun) ? this.#decisionOn(begun, queue, now) : null;
    if (decision?.type === "refuse") return "concurrency_limit";
    // Nobody has seen the run yet, so its way into the queue is one version.
    const run = { ...this.#afterDecision(begun, queue, decision, now), version: 1 };
    if (isWaiting(run) && !this.#hasRoomFor(queue, gates.creator.tokenId, newDispatch)) {
      return "too_many_waiting";
    }
    const { dispatch, events } = isWaiting(run)
      ? { dispatch: this.parts.dispatches.hold(run, newDispatch, now), events: [] }
      : this.parts.dispatches.begin(run, newDispatch, now);
    const details = { ...beside, dispatch, events: [...gateEventsOfNew(run), ...events] };
    const created = this.ledger.create(run, changeKey, details, now);
    if (created === null) return "id_taken";
    this.parts.dispatches.outbox.launch(run.id, dispatch);
    return isQueued(run) ? this.#scheduled(created, queue, now) : created;
  }

  /** Applies an event to a run that waits. Throws if the run refuses the event. */
  change(before: JournaledRun, event: GateEvent, now: number, details: UpdateDetails = {}): JournaledRun {
    const next = transition(before, event, now);
    if (!next.ok) throw new Error(`a waiting run refuses: ${next.error}`);
    const { gates } = next.value;
    if (gates === null || !isQueued(next.value)) {
      return this.ledger.update(before, next.value, event, now, details);
    }
    const queue = queueOf(gates);
    // It has its place already. The scheduler decides about it as about the others.
    if (isQueued(before)) {
      return this.#scheduled(this.ledger.update(before, next.value, event, now, details), queue, now);
    }
    const decided = this.#afterDecision(next.value, queue, this.#decisionOn(next.value, queue, now), now);
    const run = { ...decided, version: before.version + 1 };
    const isReleased = isOpen(run) && !isWaiting(run);
    const isUnchecked = isReleased && this.parts.approvers.isUnknown(run.approvals);
    const released = isUnchecked ? { ...event, approversUnchecked: true as const } : event;
    const changed = isReleased
      ? this.parts.dispatches.release(before, run, released, now, details)
      : this.ledger.update(before, run, event, now, details);
    return isQueued(run) ? this.#scheduled(changed, queue, now) : changed;
  }

  /** The runs that it replaces can end at once, and then it is released. */
  #scheduled(run: JournaledRun, queue: ConcurrencyQueue, now: number): JournaledRun {
    this.parts.scheduler.scheduleQueue(queue, now);
    return this.journal.runs.byId(run.id) ?? run;
  }

  /** Null if it waits: behind those before it if they are too many for one batch, or if it replaces any of them. */
  #decisionOn(run: Run, queue: ConcurrencyQueue, now: number): SchedulingDecision | null {
    this.parts.scheduler.scheduleQueue(queue, now);
    if (this.parts.scheduler.isPending(queue)) return null;
    const state = this.parts.scheduler.queueState(queue, now);
    const { queues, pauses } = this.journal;
    const last: QueuedRun = {
      id: run.id,
      actionName: run.actionName,
      limit: queues.limitOf(run),
      onConflict: run.gates?.concurrency?.onConflict ?? "queue",
      isUnchecked: this.parts.approvers.isUnchecked(run.approvals),
      heldFor: null,
      pausedFor: holding(pauses.inForce(queue.group, now), run.throughPause?.pauses ?? [])?.reason ?? null,
    };
    const decisions = schedule({ ...state, queued: [...state.queued, last] });
    if (decisions.some(({ type }) => type === "replace")) return null;
    return decisions.find(({ id }) => id === run.id) ?? null;
  }

  #afterDecision(run: Run, queue: ConcurrencyQueue, decision: SchedulingDecision | null, now: number): Run {
    const event = decision && eventAt(decision, queue);
    const next = event && transition(run, event, now);
    return next?.ok ? next.value : run;
  }

  /** A run of a newer version of the action can come before the coordinator has heard of the PUT. */
  #noteLimit({ source, actionName, actionVersion, gates }: Run, now: number): void {
    if (!gates?.concurrency || source !== "action" || actionVersion === null) return;
    const { group, limit } = gates.concurrency;
    const { queues } = this.journal;
    if (queues.knowsLimit(group, actionName, actionVersion, now)) return;
    this.parts.scheduler.scheduleAllSoon(now);
    queues.setLimit(group, actionName, actionVersion, limit);
  }

  #hasRoomFor(queue: ConcurrencyQueue, creatorId: string, { sealed, stopRequest }: NewDispatch): boolean {
    const bytes = sealed.byteLength + (stopRequest?.sealed.byteLength ?? 0);
    const { queues } = this.journal;
    const fitsQueue = queue.group === "" || isBelow(queues.waitingIn(queue, creatorId), 0, IN_QUEUE_MAX);
    return fitsQueue && isBelow(queues.waiting(creatorId), bytes, WAITING_MAX);
  }
}

function isBelow({ all, ofToken }: WaitingCounts, bytes: number, max: typeof WAITING_MAX): boolean {
  return (
    all.runs < max.runs &&
    ofToken.runs < max.runs * PART_OF_ONE_TOKEN &&
    all.bytes + bytes <= max.bytes &&
    ofToken.bytes + bytes <= max.bytes * PART_OF_ONE_TOKEN
  );
}

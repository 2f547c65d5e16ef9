/** Does what `schedule()` says of a run: releases it, holds it, queues it, ends it, or asks it to stop. */
import { CANCEL_GRACE_DEFAULT_SECONDS } from "../../../base/limits.ts";
import type { Journal } from "../../journal/journal.ts";
import type { JournaledRun } from "../../journal/run-rows.ts";
import { type ConcurrencyQueue, isOpen, isQueued, isWaiting } from "../../run.ts";
import { type QueueState, type SchedulingDecision, schedule } from "../../scheduling.ts";
import { type CancelRequest, type GateEvent, transition } from "../../transition.ts";
import type { Ledger } from "../ledger.ts";
import type { Dispatches } from "../sending/dispatches.ts";
import type { ApproverCheck } from "./approver-check.ts";

const GRACE_MS = CANCEL_GRACE_DEFAULT_SECONDS * 1000;

export class SchedulingEffects {
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #dispatches: Dispatches;
  readonly #approvers: ApproverCheck;

  constructor(journal: Journal, ledger: Ledger, dispatches: Dispatches, approvers: ApproverCheck) {
    this.#journal = journal;
    this.#ledger = ledger;
    this.#dispatches = dispatches;
    this.#approvers = approvers;
  }

  /** Withdraws the approvals of a waiting run that this critical section knows to be those of revoked tokens. */
  withdraw(id: string, now: number): void {
    const run = this.#ledger.current(id, now);
    if (run === null || !isWaiting(run)) return;
    const approvals = this.#approvers.revokedOf(run.approvals);
    if (approvals.length === 0) return;
    const event: GateEvent = { type: "approvals_withdrawn", approvals };
    const next = transition(run, event, now);
    if (next.ok) this.#ledger.update(run, next.value, event, now);
  }

  /** Returns how many bytes were sent. A run whose time is up ends instead. */
  apply(decision: SchedulingDecision, queue: ConcurrencyQueue, now: number): number {
    const run = this.#ledger.current(decision.id, now);
    if (run === null || !isOpen(run)) return 0;
    if (decision.type === "cancel") this.#cancel(run, decision.by, now);
    if (!isQueued(run)) return 0;
    const at = this.#eventAt(decision, queue, now);
    if (at === null) return 0;
    const event = this.#approvers.isUnknown(run.approvals) ? { ...at, approversUnchecked: true as const } : at;
    const next = transition(run, event, now);
    if (!next.ok) return 0;
    if (event.type !== "released") {
      this.#ledger.update(run, next.value, event, now);
      return 0;
    }
    this.#dispatches.release(run, next.value, event, now);
    return this.#journal.dispatches.of(run.id)?.sealed.byteLength ?? 0;
  }

  /** What happens to a queued run; null if the decision is not about one. */
  #eventAt(decision: SchedulingDecision, queue: ConcurrencyQueue, now: number): GateEvent | null {
    if (decision.type !== "replace") return eventAt(decision, queue, this.#pauseAt(queue, now));
    const newer = this.#journal.runs.byId(decision.by);
    return { type: "replaced", by: decision.by, triggeredBy: newer?.triggeredBy ?? "" };
  }

  #pauseAt({ group }: ConcurrencyQueue, now: number): string | null {
    return this.#journal.pauses.of(group, now)?.reason ?? null;
  }

  /** Asks a running run to stop for a newer run, as a caller's cancel does. */
  #cancel(run: JournaledRun, newerId: string, now: number): void {
    const newer = this.#journal.runs.byId(newerId);
    if (newer === null) return;
    const reason = `The newer run ${newer.id} replaces this one.`;
    const by = newer.triggeredBy;
    const request: CancelRequest = { type: "cancel_requested", by, reason, graceMs: GRACE_MS };
    const next = transition(run, request, now);
    if (next.ok) this.#ledger.update(run, next.value, request, now);
  }
}

/** What a decision does to a run that is in its queue, or gets there. Null: nothing. `pause`: its reason. */
export function eventAt(decision: SchedulingDecision, queue: ConcurrencyQueue, pause: string | null): GateEvent | null {
  switch (decision.type) {
    case "release":
      return { type: "released" };
    case "hold":
      return { type: "held", reason: pause ?? "" };
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

/* SECTION: Which waiting runs would start if others were cancelled. Reads the journal, and writes nothing. */

/** `queueState`: who is running in a queue, and who is queued. */
export function wouldStart(
  queues: readonly ConcurrencyQueue[],
  cancelled: ReadonlySet<string>,
  queueState: (queue: ConcurrencyQueue) => QueueState,
): number {
  const stays = ({ id }: { readonly id: string }) => !cancelled.has(id);
  const started = queues.map((queue) => {
    const { running, queued, pause } = queueState(queue);
    const after = schedule({ running: running.filter(stays), queued: queued.filter(stays), pause });
    return after.filter(({ type }) => type === "release" || type === "check").length;
  });
  return started.reduce((sum, runs) => sum + runs, 0);
}

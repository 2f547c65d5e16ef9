/**
 * What happens to a run at its gates. PURE: `now` is passed in. The order is time, approval, concurrency. An approval
 * counts from the creation on, so that nobody must be awake when the time comes, and no person takes room in a queue.
 */

import { type Actor, nameOf } from "./actor.ts";
import { type Approval, nextGate } from "./gates.ts";
import { ended, type Run } from "./run.ts";

/**
 * Each needs a run that waits. `time_opened`: its time has come, or `by` opened the gate before. `released`: every gate
 * is open. `held`: only a pause holds the run back. `queued`: the pause is over, and there is no room. `refused`:
 * the run will never start; `reason` is a sentence. `replaced`: `by` is the id of the newer run. `approvals_withdrawn`:
 * the tokens that gave them were revoked. `approversUnchecked`: the event releases the run although D1 could not say
 * whether its approvers' tokens were revoked.
 */
export type GateEvent = GateChange & { readonly approversUnchecked?: true };

type GateChange =
  | { readonly type: "time_opened"; readonly by?: Actor }
  | { readonly type: "approved"; readonly approval: Approval }
  | { readonly type: "approvals_withdrawn"; readonly approvals: readonly Approval[] }
  | { readonly type: "rejected"; readonly by: Actor; readonly reason: string | null }
  | { readonly type: "released" }
  | { readonly type: "held"; readonly reason: string }
  | { readonly type: "queued" }
  | { readonly type: "refused"; readonly reason: string }
  | { readonly type: "replaced"; readonly by: string; readonly triggeredBy: string };

const GATE_EVENTS: ReadonlySet<string> = new Set<GateEvent["type"]>([
  "time_opened",
  "approved",
  "approvals_withdrawn",
  "rejected",
  "released",
  "held",
  "queued",
  "refused",
  "replaced",
]);

export function isGateEvent<T extends { readonly type: string }>(event: T | GateEvent): event is GateEvent {
  return GATE_EVENTS.has(event.type);
}

/** The run after the event. `run` waits, and its time is not up. */
export function transitionAtGate(run: Run, event: GateEvent, now: number): Run {
  switch (event.type) {
    case "time_opened":
      return atGate(run, afterTime(run), null, now);
    case "approved":
      return approvedBy(run, [...run.approvals, event.approval], now);
    case "approvals_withdrawn": {
      const left = run.approvals.filter((approval) => !event.approvals.includes(approval));
      // Each withdrawal has an instant of its own, because a delivery is known by it.
      const withdrawnAt = Math.max(now, (run.withdrawnAt ?? run.createdAt) + 1);
      return { ...approvedBy(run, left, now), withdrawnAt };
    }
    case "rejected": {
      const rejected = { ...cancelledBy(run, nameOf(event.by), event.reason, now), rejectedBy: event.by };
      return ended(rejected, "cancelled", now, "rejected", {});
    }
    case "replaced": {
      const reason = `The newer run ${event.by} replaced this one.`;
      return ended(cancelledBy(run, event.triggeredBy, reason, now), "cancelled", now, "replaced", {});
    }
    case "held":
      return atGate(run, "pause", event.reason, now);
    case "queued":
      return atGate(run, "concurrency", null, now);
    case "refused":
      return ended(run, "failed", now, "gate", { error: `[gate] ${event.reason}` });
    case "released":
      return released(run, now);
  }
}

/** A run that still waits when its time to wait is up. */
export function expiredAtGate(run: Run, at: number): Run {
  return ended(run, "failed", at, "gate", { error: `[gate] The run waited too long for ${gateText(run)}.` });
}

function gateText({ waitingFor, gates }: Run): string {
  switch (waitingFor) {
    case "time":
      return "its time to come";
    case "approval":
      return "approval";
    case "pause":
      return "the end of a pause";
    default:
      return gates?.concurrency ? `a slot of the concurrency group ${gates.concurrency.group}` : "its turn";
  }
}

/** The next gate of a run whose time gate is open, whatever the clock says now. */
function afterTime({ gates, approvals }: Run): Run["waitingFor"] {
  return gates && nextGate(gates, approvals, Number.POSITIVE_INFINITY);
}

function approvedBy(run: Run, approvals: readonly Approval[], now: number): Run {
  const next = { ...run, approvals };
  // The time gate comes first, and may still be closed.
  const waitingFor = run.waitingFor === "time" ? "time" : afterTime(next);
  return atGate(next, waitingFor, null, now);
}

function atGate(run: Run, waitingFor: Run["waitingFor"], waitingReason: string | null, now: number): Run {
  const isSame = waitingFor === run.waitingFor;
  const waitingSince = isSame ? run.waitingSince : Math.max(now, run.waitingSince ?? run.createdAt);
  return { ...run, version: run.version + 1, waitingFor, waitingReason, waitingSince };
}

function released(run: Run, now: number): Run {
  const releasedAt = Math.max(now, run.waitingSince ?? run.createdAt);
  const isOver = { waitingFor: null, waitingSince: null, waitingReason: null };
  // The silence counts from the end of the dispatch, and the dispatch begins now.
  const times = { releasedAt, deadlineAt: releasedAt + run.timeoutMs, silentSince: null };
  return { ...run, ...isOver, ...times, version: run.version + 1 };
}

function cancelledBy(run: Run, by: string, reason: string | null, now: number): Run {
  const at = Math.max(now, run.waitingSince ?? run.createdAt);
  return { ...run, cancelBy: by, cancelReason: reason, cancelRequestedAt: at, cancelUntil: at };
}

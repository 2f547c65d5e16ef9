/** What can hold back a run's webhook: a time, an approval, its concurrency queue, and a pause. PURE. */

import { type Actor, isOneself } from "./actor.ts";

/** The gates in their order. A pause counts last: it holds back only what nothing else does. */
export const WAITING_FOR = ["time", "approval", "concurrency", "pause"] as const;
export type WaitingFor = (typeof WAITING_FOR)[number];

/** What happens if a run gets into its queue and there is no room. */
export type OnConflict = "queue" | "cancel_running" | "reject";

/** Runs with the same concurrency group and key share a queue. `key`: empty if the action has none. */
export interface ConcurrencyQueue {
  readonly group: string;
  readonly key: string;
}

export interface Concurrency extends ConcurrencyQueue {
  /** How many runs of the queue may be running, as the run's version of the action says. */
  readonly limit: number;
  readonly onConflict: OnConflict;
}

/**
 * The queue of runs with gates but without a group. It has no limit, but a pause of the environment holds them back.
 */
export const NO_GROUP: ConcurrencyQueue = { group: "", key: "" };

export function queueOf({ concurrency }: Pick<Gates, "concurrency">): ConcurrencyQueue {
  return concurrency ?? NO_GROUP;
}

export interface ApprovalRule {
  /** How many different approvers open the gate. */
  readonly required: number;
  /** Whether the run's creator may be one of them. */
  readonly allowSelf: boolean;
}

/** The gates of a run, which never change. Instants in ms. At least one of the three is there. */
export interface Gates {
  /** Null if the run may start at any time. */
  readonly notBefore: number | null;
  readonly approval: ApprovalRule | null;
  readonly concurrency: Concurrency | null;
  /** When the run ends if it still waits. */
  readonly waitUntil: number;
  /** Who created the run, so that nobody approves their own. */
  readonly creator: Actor;
  /** The id of the signing key that sealed the run's request. Null if nothing is sealed, as for a made-up run. */
  readonly sealedUnder: string | null;
}

/** An approval that counts. `at` in ms. */
export interface Approval {
  readonly by: Actor;
  readonly at: number;
  readonly reason: string | null;
}

/** Why a decision is refused. */
export type DecisionConflict = "own_run" | "already_approved" | "not_waiting";

/** What the conflicts of a decision need of a run. `approvals`: those that count. */
interface RunToDecide {
  readonly gates: Gates | null;
  readonly approvals: readonly Approval[];
  readonly waitingFor: WaitingFor | null;
}

/**
 * Why this approver can't approve the run; null if they can. An earlier approver who could act as this one is a
 * conflict, because one person would otherwise approve twice.
 */
export function approveConflict(
  { gates, approvals, waitingFor }: RunToDecide,
  approver: Actor,
): DecisionConflict | null {
  if (waitingFor === null || !gates?.approval || approvals.length >= gates.approval.required) {
    return "not_waiting";
  }
  if (!gates.approval.allowSelf && isOneself(gates.creator, approver)) return "own_run";
  return approvals.some(({ by }) => isOneself(by, approver)) ? "already_approved" : null;
}

/** Whoever may approve a run may also reject it, even after they approved it. So an earlier approval is no conflict. */
export function rejectConflict(run: RunToDecide, approver: Actor): DecisionConflict | null {
  const conflict = approveConflict(run, approver);
  return conflict === "already_approved" ? null : conflict;
}

/** The first gate that is still closed, apart from a pause, which only a coordinator knows. */
export function nextGate({ notBefore, approval }: Gates, approvals: readonly Approval[], now: number): WaitingFor {
  if (notBefore !== null && now < notBefore) return "time";
  if (approval !== null && approvals.length < approval.required) return "approval";
  return "concurrency";
}

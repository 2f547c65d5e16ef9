/** The calls about gates: decisions, pauses and concurrency groups. */

import type { Actor } from "./actor.ts";
import type { ApprovalRule, ConcurrencyQueue, DecisionConflict } from "./gates.ts";
import type { Inclusion, RunReply } from "./run-answer.ts";
import type { ChangeKey } from "./run-calls.ts";

/** Who approves or rejects a run, and why. */
export interface Decision {
  readonly by: Actor;
  readonly reason: string | null;
}

/**
 * What an approver reads. `approvals`: JSON text, as in the run's details. `request`: JSON text; null after the run's
 * end.
 */
export interface ApprovalAnswer {
  readonly ok: true;
  readonly rule: ApprovalRule;
  readonly approvals: string;
  /** Why the asker can't approve or reject the run now; null if they can. */
  readonly conflicts: Readonly<Record<"approve" | "reject", DecisionConflict | null>>;
  readonly request: string | null;
  readonly actionName: string;
  readonly actionVersion: number | null;
}

export type ApprovalReply =
  | ApprovalAnswer
  | { readonly ok: false; readonly reason: "run_not_found" | "approval_not_found" };

/** `group`: "" for the whole environment. `until`: in ms; null if only a call ends it. `by`: a person or a token. */
export interface Pause {
  readonly group: string;
  readonly reason: string;
  readonly until: number | null;
  readonly by: string;
  readonly via: string | null;
  readonly at: number;
}

/** A concurrency queue with open runs. `limit`: the least of them. `pause`: its reason. */
export interface ConcurrencyGroup extends ConcurrencyQueue {
  readonly limit: number;
  readonly running: number;
  readonly queued: number;
  readonly pause: string | null;
}

export interface GateCalls {
  approve(id: string, decision: Decision, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  reject(id: string, decision: Decision, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  /** Opens the time gate of a run. */
  release(id: string, by: Actor, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  /** `asker`: whose decisions `conflicts` is about. */
  approval(id: string, asker: Actor): Promise<ApprovalReply>;
  /** Whether something holds back the run's webhook, or did. False for a run that the coordinator does not know. */
  hasGates(id: string): Promise<boolean>;
  /** Replaces an older pause of the group. False if there are too many others. */
  pause(pause: Pause): Promise<boolean>;
  /** False if there is no such pause. */
  resume(group: string): Promise<boolean>;
  pauses(): Promise<readonly Pause[]>;
  /** The next groups behind `after`, in order. `only`: of this group; null for all. */
  groups(only: string | null, after: ConcurrencyQueue | null, limit: number): Promise<readonly ConcurrencyGroup[]>;
  /** Says which limit a version of an action has. A higher version's limit counts for all open runs of the action. */
  setLimit(group: string, actionName: string, version: number, limit: number): Promise<void>;
}

/** What a change of an action does to its gates, for the audit. PURE. */

import type { GateChange } from "../auth/audit.ts";
import type { ActionDefinition } from "./definition.ts";

type Gated = Pick<ActionDefinition, "approval" | "concurrency">;

/** Null if no gate is added, weakened or removed. `before`: null if there was no action. `after`: null if it is deleted. */
export function gateChangeOf(before: Gated | null, after: Gated | null): GateChange | null {
  const changes = [
    changeOf(before?.approval, after?.approval, isWeakerApproval),
    changeOf(before?.concurrency, after?.concurrency, isWeakerConcurrency),
  ];
  return (["removed", "weakened", "added"] as const).find((change) => changes.includes(change)) ?? null;
}

function changeOf<Gate>(
  before: Gate | undefined,
  after: Gate | undefined,
  isWeaker: (before: Gate, after: Gate) => boolean,
): GateChange | null {
  if (before === undefined) return after === undefined ? null : "added";
  if (after === undefined) return "removed";
  return isWeaker(before, after) ? "weakened" : null;
}

type Approval = NonNullable<Gated["approval"]>;

function isWeakerApproval(before: Approval, after: Approval): boolean {
  return after.required < before.required || (after.allowSelf && !before.allowSelf);
}

type Concurrency = NonNullable<Gated["concurrency"]>;

/** Runs of another group or key don't count any more, so such a change lets more runs go. */
function isWeakerConcurrency(before: Concurrency, after: Concurrency): boolean {
  return after.limit > before.limit || after.group !== before.group || after.key !== before.key;
}

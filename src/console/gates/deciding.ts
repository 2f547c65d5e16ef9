/** Who gets the buttons for a decision about a run, and why the service would refuse one. PURE. The service decides. */

import type { CurrentToken, DetailedActionRun, RunApproval } from "../../client/index.ts";
import { isOpen } from "../ui/statuses.ts";
import { PERSON_REQUIRED } from "../ui/use-change.ts";

export type Holder = Pick<CurrentToken, "name" | "person" | "mayApprove">;
export type Refusals = RunApproval["refusals"];
export type Decision = keyof Refusals;

/** Before the service has answered. Then no button is disabled, and the dialog says why a decision is refused. */
export const NOT_REFUSED: Refusals = { approve: null, reject: null };

/** Why a button is disabled. */
export const WHY_REFUSED: Readonly<Record<NonNullable<Refusals["approve"]>, string>> = {
  may_not_approve: "Your token can't approve or reject runs.",
  person_required: PERSON_REQUIRED,
  not_waiting: "This run no longer waits for a decision.",
  own_run: "This is your own run, so somebody else must approve it. You can cancel the run.",
  already_approved:
    "You have approved this run, or a token above or below yours has. The run also needs another approver.",
};

/** Whether the run still needs approvals, and the token may give one. If not, show no button. */
export function isUndecided({ status, details }: DetailedActionRun, { mayApprove }: Holder): boolean {
  const approval = details?.approval ?? null;
  if (!mayApprove || approval === null || details?.waiting == null || !isOpen(status)) return false;
  return approval.approvals.length < approval.required;
}

/**
 * Whether the holder may have created or approved the run. This compares only names, and two tokens can have the same
 * name. So ask the service. If both acts name a person, only the persons count.
 */
export function mayBeOwn(
  { triggeredBy, details }: DetailedActionRun,
  { name, person }: Omit<Holder, "mayApprove">,
): boolean {
  const acts = [{ by: triggeredBy, via: details?.via ?? null }, ...(details?.approval?.approvals ?? [])];
  return acts.some(({ by, via }) => (via !== null && person !== null ? by === person : (via ?? by) === name));
}

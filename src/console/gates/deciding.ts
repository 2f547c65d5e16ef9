/** Whether the holder of a session may approve or reject a run, as far as a page can tell. PURE. The service decides. */

import type { CurrentToken, DetailedActionRun } from "../../client/index.ts";
import { isOpen } from "../ui/statuses.ts";

export type Holder = Pick<CurrentToken, "id" | "name" | "person" | "mayApprove">;

export type Deciding =
  /** Nothing is to be decided, or this token decides nothing. Show no button. */
  | "not_offered"
  /** It is the holder's own run, and its action does not allow that. */
  | "own_run"
  /** The holder has approved, and the run needs others. */
  | "approved"
  | "possible";

/** Why a button is disabled. */
export const REASONS: Readonly<Record<string, string>> = {
  own_run: "This is your own run, so somebody else must approve it. You can cancel the run.",
  approved: "You have approved this run. The run also needs another approver.",
};

/** The operator's id, as approvals show it. */
const OPERATOR = "root";

/** `rule`: of the run's approval gate; undefined while it is not read. */
export function decidingOf(
  run: DetailedActionRun,
  holder: Holder,
  rule: { readonly allowSelf: boolean } | undefined,
): Deciding {
  const { status, details } = run;
  const approval = details?.approval ?? null;
  if (!holder.mayApprove || approval === null || details?.waiting == null || !isOpen(status))
    return "not_offered";
  if (approval.approvals.length >= approval.required) return "not_offered";
  const isMine = (one: (typeof approval.approvals)[number]) =>
    holder.person === null || one.via === null
      ? one.byId === (holder.id ?? OPERATOR)
      : isSamePerson(one.by, holder.person);
  if (approval.approvals.some(isMine)) return "approved";
  return rule?.allowSelf !== true && isOwn(run, holder) ? "own_run" : "possible";
}

/**
 * Whether the run looks like the holder's own. If both acts name a person, persons alone decide. Otherwise only the
 * name of the token is known here, which another token can have as well.
 */
export function isOwn({ triggeredBy, details }: DetailedActionRun, { name, person }: Holder): boolean {
  const via = details?.via ?? null;
  if (via !== null && person !== null) return isSamePerson(triggeredBy, person);
  return (via ?? triggeredBy) === name;
}

function isSamePerson(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

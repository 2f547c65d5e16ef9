/** Who gets the buttons for a decision about a run, and why the service would refuse one. The service decides. */

import type { Schemas } from "../../client/index.ts";
import { isOpen } from "../../words/statuses.ts";
import { failsText } from "../../words/waiting.ts";
import { useSession } from "../session/session.tsx";
import { PERSON_REQUIRED } from "../ui/forms.tsx";
import { type Loaded, useRead } from "../ui/load.tsx";
import { Button } from "../ui/parts.tsx";
import { Instant, useNow } from "../ui/time.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];

export type Holder = Pick<Schemas["CurrentToken"], "name" | "person" | "mayApprove">;
type Refusals = Schemas["RunApproval"]["refusals"];
export type Decision = keyof Refusals;

/** Before the service has answered. Then no button is disabled, and the dialog says why a decision is refused. */
const NOT_REFUSED: Refusals = { approve: null, reject: null };

/** Why a button is disabled. */
export const WHY_REFUSED: Readonly<Record<NonNullable<Refusals["approve"]>, string>> = {
  may_not_approve: "Your token can't approve or reject runs.",
  person_required: PERSON_REQUIRED,
  not_waiting: "This run no longer waits for a decision.",
  not_an_approver: "The action names the tokens that may approve this run, and your token is not among them.",
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

const STARTS: ReadonlySet<string> = new Set(["schedule", "inbound", "retry"]);

/**
 * Whether the holder may have created or approved the run. This compares only names, and two tokens can have the same
 * name. So ask the service. If both acts name a person, only the persons count.
 */
export function mayBeOwn(
  { triggeredBy, details }: DetailedActionRun,
  { name, person }: Omit<Holder, "mayApprove">,
): boolean {
  const via = details?.via ?? null;
  // Of a run that the service started, it names no token.
  const creator = { by: triggeredBy, via: via !== null && STARTS.has(via) ? null : via };
  return [creator, ...(details?.approval?.approvals ?? [])].some(({ by, via }) =>
    via !== null && person === null ? via === name : by === person || (via === null && by === name),
  );
}

/** `id`: of the run; null reads nothing. `version`: reads again when it changes. */
export function useApproval(id: string | null, version?: unknown): Loaded<Schemas["RunApproval"] | null> {
  const { reader } = useSession();
  return useRead(async (signal) => (id === null ? null : reader.runs.approval(id, { signal })), [reader, id, version]);
}

/** With which codes the service would refuse a decision. `isAsked`: if not, nothing is read. */
export function useRefusals({ id, details }: DetailedActionRun, isAsked: boolean): Refusals {
  // Each approval can change the answer.
  const { data } = useApproval(isAsked ? id : null, details?.approval?.approvals.length);
  return data?.refusals ?? NOT_REFUSED;
}

export const VERBS: Readonly<Record<Decision, string>> = { approve: "Approve", reject: "Reject" };

interface DecisionButtonsProps {
  readonly refusals: Refusals;
  /** The id of the `WhyRefused`. */
  readonly whyId: string;
  /** What is decided about, if the page has several. */
  readonly of?: string;
  readonly onDecide: (decision: Decision) => void;
}

/** The buttons that open the dialogs Approve and Reject. Each is disabled while the service would refuse it. */
export function DecisionButtons({ refusals, whyId, of, onDecide }: DecisionButtonsProps) {
  return (["approve", "reject"] as const).map((decision) => (
    <Button
      key={decision}
      disabled={refusals[decision] !== null}
      aria-describedby={refusals[decision] === null ? undefined : whyId}
      aria-label={of && `${VERBS[decision]} ${of}`}
      onClick={() => onDecide(decision)}
    >
      {VERBS[decision]}
    </Button>
  ));
}

/** What refuses a rejection refuses an approval, too. */
export function WhyRefused({ refusals: { approve }, id }: { readonly refusals: Refusals; readonly id: string }) {
  if (approve === null) return null;
  return (
    <p class="muted" id={id}>
      {WHY_REFUSED[approve]}
    </p>
  );
}

/** `fails in 6d 23h`: for how long a run can still wait. */
export function Fails({ until }: { readonly until: string }) {
  return <Instant at={until}>{failsText(until, useNow(1000))}</Instant>;
}

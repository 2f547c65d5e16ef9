/** The buttons that open the dialogs Approve and Reject. Each is disabled while the service would refuse it. */

import { Button } from "../ui/button.tsx";
import { type Decision, type Refusals, WHY_REFUSED } from "./deciding.ts";

interface DecisionButtonsProps {
  readonly refusals: Refusals;
  /** The id of the `WhyRefused`. */
  readonly whyId: string;
  /** What is decided about, if the page has several. */
  readonly of?: string;
  readonly onDecide: (decision: Decision) => void;
}

export function DecisionButtons({ refusals, whyId, of, onDecide }: DecisionButtonsProps) {
  return (["approve", "reject"] as const).map((decision) => {
    const isRefused = refusals[decision] !== null;
    const verb = VERBS[decision];
    return (
      <Button
        key={decision}
        disabled={isRefused}
        aria-describedby={isRefused ? whyId : undefined}
        aria-label={of === undefined ? undefined : `${verb} ${of}`}
        onClick={() => onDecide(decision)}
      >
        {verb}
      </Button>
    );
  });
}

/** What refuses a rejection refuses an approval, too. */
export function WhyRefused({ refusals, id }: { readonly refusals: Refusals; readonly id: string }) {
  if (refusals.approve === null) return null;
  return (
    <p class="muted" id={id}>
      {WHY_REFUSED[refusals.approve]}
    </p>
  );
}

export const VERBS: Readonly<Record<Decision, string>> = { approve: "Approve", reject: "Reject" };

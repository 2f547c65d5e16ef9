/**
 * Approves or rejects a run. The parameters and the request are in view before the buttons. No single key decides: the
 * dialog gets the focus first, Enter in the field does nothing, and there is no shortcut.
 */

import { useState } from "preact/hooks";
import type { DetailedActionRun } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { TextField } from "../ui/field.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useChange } from "../ui/use-change.ts";
import { DecidedAbout } from "./decided-about.tsx";
import { type Decision, WHY_REFUSED } from "./deciding.ts";
import { VERBS } from "./decision-buttons.tsx";
import { useApproval } from "./use-approval.ts";
import { waitingText } from "./waiting.ts";

interface DecisionDialogProps {
  readonly decision: Decision;
  readonly run: DetailedActionRun;
  readonly onClose: () => void;
  readonly onDecided: (run: DetailedActionRun) => void;
}

export function DecisionDialog({ decision, run, onClose, onDecided }: DecisionDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const { data: approval, failure, reload } = useApproval(run.id);
  const [reason, setReason] = useState("");
  const change = useChange({ fields: ["/reason"] });
  const isApproval = decision === "approve";
  const refusal = approval?.refusals[decision] ?? null;

  function send() {
    const text = reason.trim();
    const body = text === "" ? {} : { reason: text };
    change.submit({
      body,
      send: (options) => client.runs[decision](run.id, { ...body, ...options, include: "details" }),
      done(after) {
        note(isApproval ? approvedText(after) : "You rejected the run. The run ended, and nothing was sent.");
        onDecided(after);
      },
    });
  }
  const verb = VERBS[decision];
  return (
    <Dialog title={`${verb} ${run.actionName}?`} onClose={onClose} isRead>
      <ChangeForm
        change={change}
        onSubmit={send}
        onClose={onClose}
        verb={`${verb} run`}
        kind={isApproval ? "primary" : "danger"}
        keep="Close"
        class="wide-form decision"
        isDeliberate
        // Nobody decides about what they can't see.
        isReady={approval != null && refusal === null}
        besides={refusal === null ? null : <p class="warning-box">{WHY_REFUSED[refusal]}</p>}
      >
        <ErrorView failure={failure} onRetry={reload} isBanner />
        <DecidedAbout run={run} approval={approval ?? null} />
        <TextField
          label="Reason"
          hint="Optional. Everybody who can see the run can read it."
          value={reason}
          error={change.problems.get("/reason")}
          onText={setReason}
        />
      </ChangeForm>
    </Dialog>
  );
}

function approvedText({ details }: DetailedActionRun): string {
  const waiting = details?.waiting ?? null;
  if (waiting === null) return "The run is approved and starts now.";
  const { required = 0, approvals = [] } = details?.approval ?? {};
  const left = required - approvals.length;
  if (left > 0) return `Your approval counts. The run needs ${left} more.`;
  return `The run is approved. It still ${waitsNow(waitingText(waiting, Date.now()))}.`;
}

/** "3rd in line" has no verb. */
function waitsNow(text: string): string {
  return /^\d/.test(text) ? `waits: ${text}` : text;
}

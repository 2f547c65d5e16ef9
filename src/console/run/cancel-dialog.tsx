/** Cancels a run: why, and how long its job may still work. */

import { useState } from "preact/hooks";
import type { DetailedActionRun } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { useChange } from "../ui/use-change.ts";
import { cancelCommands } from "./commands.ts";
import { CommandDetails, CommandPair } from "./commands-section.tsx";
import { readCancel } from "./forms.ts";

interface CancelDialogProps {
  readonly run: DetailedActionRun;
  readonly onClose: () => void;
  /** Called with the run as the cancel left it: it may still be open. */
  readonly onCancelled: (run: DetailedActionRun) => void;
}

export function CancelDialog({ run, onClose, onCancelled }: CancelDialogProps) {
  const { client, target } = useSession();
  const [reason, setReason] = useState("");
  const [grace, setGrace] = useState("");
  const change = useChange({ fields: ["/reason", "/graceSeconds"] });
  const typed = readCancel(reason, grace);

  function send() {
    if ("problems" in typed) return change.refuse(typed.problems);
    const { value: body } = typed;
    change.submit({
      body,
      send: (options) => client.runs.cancel(run.id, { ...body, ...options, include: "details" }),
      done: onCancelled,
    });
  }
  const commands = cancelCommands(target, run.id, "problems" in typed ? {} : typed.value);
  return (
    <Dialog title="Cancel run" onClose={onClose}>
      <ChangeForm
        change={change}
        onSubmit={send}
        onClose={onClose}
        verb="Cancel run"
        kind="danger"
        keep="Keep the run"
        besides={
          <CommandDetails title="As a command">
            <CommandPair commands={commands} what="to cancel the run" />
          </CommandDetails>
        }
      >
        <p class="muted">
          {run.status === "pending"
            ? "The run is pending. It ends at once, and its job does not start."
            : "The job is asked to stop. The run ends when the job reports, or when its time is up."}
        </p>
        <TextField
          label="Reason"
          value={reason}
          onText={setReason}
          hint="Optional. The job and everybody who can see the run can read it."
          error={change.problems.get("/reason")}
        />
        <TextField
          label="Grace (seconds)"
          inputMode="numeric"
          placeholder="60"
          value={grace}
          onText={setGrace}
          hint="How long a running job may still work. 0 ends the run at once."
          error={change.problems.get("/graceSeconds")}
        />
      </ChangeForm>
    </Dialog>
  );
}

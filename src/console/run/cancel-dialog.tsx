/** Cancels a run: why, and how long its job may still work. */

import { useState } from "preact/hooks";
import type { DetailedActionRun } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { useChange } from "../ui/use-change.ts";
import { CANCEL_FIELDS, CancelFields } from "./cancel-fields.tsx";
import { cancelCommands } from "./commands.ts";
import { CommandDetails, CommandPair } from "./commands-section.tsx";
import { NO_CANCEL, readCancel } from "./forms.ts";

interface CancelDialogProps {
  readonly run: DetailedActionRun;
  readonly onClose: () => void;
  /** Called with the run as the cancel left it: it may still be open. */
  readonly onCancelled: (run: DetailedActionRun) => void;
}

export function CancelDialog({ run, onClose, onCancelled }: CancelDialogProps) {
  const { client, target } = useSession();
  const [typed, setTyped] = useState(NO_CANCEL);
  const change = useChange({ fields: CANCEL_FIELDS });
  const read = readCancel(typed);

  function send() {
    if ("problems" in read) return change.refuse(read.problems);
    const { value: body } = read;
    change.submit({
      body,
      send: (options) => client.runs.cancel(run.id, { ...body, ...options, include: "details" }),
      done: onCancelled,
    });
  }
  const commands = cancelCommands(target, run.id, "problems" in read ? {} : read.value);
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
        <CancelFields typed={typed} onType={setTyped} problems={change.problems} />
      </ChangeForm>
    </Dialog>
  );
}

/** Cancels a run: why, and how long its job may still work. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { DetailedActionRun } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog, DialogButtons } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { cancelCommands } from "./commands.ts";
import { CommandDetails } from "./commands-section.tsx";
import { FormProblem, focusInvalid } from "./form-problem.tsx";
import { readCancel } from "./forms.ts";
import { problemAt, useChange } from "./use-change.ts";

const FIELDS = ["reason", "graceSeconds"] as const;

interface CancelDialogProps {
  readonly run: DetailedActionRun;
  readonly onClose: () => void;
  /** Called with the run as the cancel left it: it may still be open. */
  readonly onCancelled: (run: DetailedActionRun) => void;
}

export function CancelDialog({ run, onClose, onCancelled }: CancelDialogProps) {
  const { client, place } = useSession();
  const form = useRef<HTMLFormElement>(null);
  const [reason, setReason] = useState("");
  const [grace, setGrace] = useState("");
  const { isBusy, problem, refuse, submit } = useChange<(typeof FIELDS)[number]>(FIELDS);
  useEffect(() => focusInvalid(form.current), [problem]);
  const typed = readCancel(reason, grace);

  function send(event: Event) {
    event.preventDefault();
    if ("problem" in typed) refuse(typed.problem);
    else {
      submit(
        typed.value,
        (body, options) => client.runs.cancel(run.id, { ...body, ...options, include: "details" }),
        onCancelled,
      );
    }
  }
  const commands = cancelCommands(
    { origin: location.origin, place, id: run.id },
    "problem" in typed ? {} : typed.value,
  );
  return (
    <Dialog title="Cancel run" onClose={onClose}>
      <form ref={form} onSubmit={send} noValidate>
        <p class="muted">
          {run.status === "pending"
            ? "The run is pending. It ends at once, and its job does not start."
            : "The job is asked to stop. The run ends when the job reports, or when its time is up."}
        </p>
        <TextField
          label="Reason"
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
          hint="Optional. The job and everybody who can see the run can read it."
          error={problemAt(problem, "reason")}
        />
        <TextField
          label="Grace (seconds)"
          inputMode="numeric"
          placeholder="60"
          value={grace}
          onInput={(event) => setGrace(event.currentTarget.value)}
          hint="How long a running job may still work. 0 ends the run at once."
          error={problemAt(problem, "graceSeconds")}
        />
        <FormProblem sentence={problemAt(problem, null)} />
        <CommandDetails commands={commands} what="to cancel the run" />
        <DialogButtons>
          <Button onClick={onClose}>Keep the run</Button>
          <Button kind="danger" type="submit" isBusy={isBusy}>
            Cancel run
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

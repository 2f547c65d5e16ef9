/** Runs an ended run again, with its own parameters or with others. */

import { useState } from "preact/hooks";
import type { DetailedActionRun } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextArea } from "../ui/field.tsx";
import { useChange } from "../ui/use-change.ts";
import { retryCommands } from "./commands.ts";
import { CommandDetails, CommandPair } from "./commands-section.tsx";
import { readParameters } from "./forms.ts";

const ROWS_MIN = 4;
const ROWS_MAX = 16;

interface RetryDialogProps {
  readonly run: DetailedActionRun;
  /** Whether the service starts the job. If not, the new run waits for somebody else to do it. */
  readonly isDispatched: boolean;
  readonly onClose: () => void;
  readonly onRetried: (id: string) => void;
}

export function RetryDialog({ run, isDispatched, onClose, onRetried }: RetryDialogProps) {
  const { client, scope } = useSession();
  const [before] = useState(() => JSON.stringify(run.parameters, null, 2));
  const [text, setText] = useState(before);
  const change = useChange({ fields: ["/parameters"] });
  const typed = readParameters(text, before);

  function send() {
    if ("problems" in typed) return change.refuse(typed.problems);
    const body = { parameters: typed.value ?? undefined };
    change.submit({
      body,
      send: (options) => client.runs.retry(run.id, { ...body, ...options }),
      done: ({ id }) => onRetried(id),
    });
  }
  const hasParameters = "value" in typed && typed.value !== null;
  const commands = retryCommands(
    { origin: location.origin, scope },
    run.id,
    hasParameters ? text.trim() : null,
  );
  return (
    <Dialog title="Retry run" onClose={onClose}>
      <ChangeForm
        change={change}
        onSubmit={send}
        onClose={onClose}
        verb="Retry run"
        keep="Close"
        besides={
          <CommandDetails title="As a command">
            <CommandPair commands={commands} what="to retry the run" />
          </CommandDetails>
        }
      >
        <p class="muted">
          {isDispatched
            ? "This makes a new run with the same inputs and labels."
            : "This makes a new run with the same inputs and labels. No trigger starts its job. The job needs the run's callback token to report. Only the command below shows that token."}
        </p>
        <TextArea
          label="Parameters"
          rows={Math.min(Math.max(before.split("\n").length, ROWS_MIN), ROWS_MAX)}
          value={text}
          onText={setText}
          hint="A JSON object. Parameters that you do not change stay exactly as they are."
          error={change.problems.get("/parameters")}
        />
      </ChangeForm>
    </Dialog>
  );
}

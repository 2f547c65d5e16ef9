/** Runs an ended run again, with its own parameters or with others. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { DetailedActionRun } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog, DialogButtons } from "../ui/dialog.tsx";
import { TextArea } from "../ui/field.tsx";
import { retryCommands } from "./commands.ts";
import { CommandDetails } from "./commands-section.tsx";
import { FormProblem, focusInvalid } from "./form-problem.tsx";
import { readParameters } from "./forms.ts";
import { problemAt, useChange } from "./use-change.ts";

const FIELDS = ["parameters"] as const;
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
  const { client, place } = useSession();
  const form = useRef<HTMLFormElement>(null);
  const [before] = useState(() => JSON.stringify(run.parameters, null, 2));
  const [text, setText] = useState(before);
  const { isBusy, problem, refuse, submit } = useChange<(typeof FIELDS)[number]>(FIELDS);
  useEffect(() => focusInvalid(form.current), [problem]);
  const typed = readParameters(text, before);

  function send(event: Event) {
    event.preventDefault();
    if ("problem" in typed) refuse(typed.problem);
    else {
      submit(
        { parameters: typed.value ?? undefined },
        (body, options) => client.runs.retry(run.id, { ...body, ...options }),
        ({ id }) => onRetried(id),
      );
    }
  }
  const hasParameters = "value" in typed && typed.value !== null;
  const commands = retryCommands(
    { origin: location.origin, place, id: run.id },
    hasParameters ? text.trim() : null,
  );
  return (
    <Dialog title="Retry run" onClose={onClose}>
      <form ref={form} onSubmit={send} noValidate>
        <p class="muted">
          {isDispatched
            ? "This makes a new run with the same inputs and labels."
            : "This makes a new run with the same inputs and labels. No trigger starts its job. The job needs the run's callback token to report. Only the command below shows that token."}
        </p>
        <TextArea
          label="Parameters"
          rows={Math.min(Math.max(before.split("\n").length, ROWS_MIN), ROWS_MAX)}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          hint="A JSON object. Parameters that you do not change stay exactly as they are."
          error={problemAt(problem, "parameters")}
        />
        <FormProblem sentence={problemAt(problem, null)} />
        <CommandDetails commands={commands} what="to retry the run" />
        <DialogButtons>
          <Button onClick={onClose}>Close</Button>
          <Button kind="primary" type="submit" isBusy={isBusy}>
            Retry run
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

/** Calls the webhook of an action once, for real, after a warning. */
import { useState } from "preact/hooks";
import type { ActionRunsError, Schemas } from "../../client/index.ts";
import { type Tested, TestResult } from "../definitions/test-result.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, type Problems, useChange } from "../ui/forms.tsx";
import { objectOf, type TrialParameters, TrialParametersField } from "./request-preview.tsx";
import type { Schema } from "./schema-form.ts";

const AFTER_LOST_TEST = "The receiver may have got this request. Another try sends a second one.";

interface ActionTestDialogProps {
  readonly name: string;
  /** One that is not stored, with its secrets; null for the stored one. */
  readonly body: Schema | null;
  /** What it begins with. */
  readonly parameters: TrialParameters;
  /** An error in the words of a form. */
  readonly explain?: (error: ActionRunsError, afterLoss: string) => Problems;
  readonly onClose: () => void;
}

export function ActionTestDialog({ name, body, parameters, explain, onClose }: ActionTestDialogProps) {
  const { reader } = useSession();
  const [tested, setTested] = useState<Tested | null>(null);
  const [text, setText] = useState(parameters.text);
  const change = useChange({ afterLoss: AFTER_LOST_TEST });
  function test() {
    const value = objectOf(text);
    if (value === null) return;
    setTested(null);
    const asked = { ...(body !== null && { definition: body }), parameters: value } as Schemas["ActionTest"];
    change.submit({
      send: ({ signal }) => reader.actions.test(name, asked, { signal }),
      done: setTested,
      // The dialog has no field of the definition, so every sentence stands as a whole.
      explain: (error) => {
        const problems = explain?.(error, AFTER_LOST_TEST);
        return problems === undefined ? null : new Map([[null, [...problems.values()].join(" ")]]);
      },
    });
  }
  return (
    <ChangeDialog
      title={`Test ${name}`}
      change={change}
      onSubmit={test}
      onClose={onClose}
      verb="Call it now"
      kind="danger"
      keep="Close"
      class="wide-form"
      besides={tested === null ? null : <TestResult what="The request" result={tested} />}
    >
      <p class="note is-warning">
        This calls your CI for real. If the request starts a deploy, it deploys. No run is created, so the job can't
        report, and you don't find it in the list of runs.
      </p>
      <TrialParametersField {...parameters} text={text} setText={setText} />
    </ChangeDialog>
  );
}

/** Why an action can't be tested; null if it can. */
export function untestable({ trigger, approval, concurrency }: Schema): string | null {
  if (trigger === undefined) return "The action has no webhook, so there is nothing to test.";
  if (approval !== undefined || concurrency !== undefined) {
    return "An action with an approval or a concurrency group can't be tested: a test would go around it. Run it instead.";
  }
  return null;
}

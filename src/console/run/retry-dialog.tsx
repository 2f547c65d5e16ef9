/** Runs an ended run again: a form of its parameters, which marks what somebody changes. */
import { useMemo, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { parseExact } from "../../words/typed-json.ts";
import { changeIn, draftOf, type Filled, keptValues, parametersOf, textsOf } from "../actions/form-values.ts";
import { ParameterFields, useParameterTexts } from "../actions/parameter-fields.tsx";
import { formOf, pointersOf } from "../actions/schema-form.ts";
import { readLocalTime, START_AT, StartAt, startAtOf } from "../gates/local-time.tsx";
import { useRouter } from "../router.tsx";
import { useRunHref } from "../runs/run-link.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, useChange } from "../ui/forms.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { useNotices } from "../ui/parts.tsx";
import { CommandDetails, CommandPair, retryCommands } from "../ui/shell-commands.tsx";
import { TextBlock } from "../ui/text-block.tsx";
import { indentedMember } from "./json-text.ts";

interface RetryDialogProps {
  readonly run: Schemas["DetailedActionRun"];
  /** The run as the server sent it. */
  readonly text: string;
  /** The run's action as it is now; undefined if the run came from none. */
  readonly action: Schemas["ActionDefinition"] | undefined;
  /** Whether the service starts the job. If not, the new run waits for somebody else to do it. */
  readonly isDispatched: boolean;
  /** Also called after the change. */
  readonly onClose: () => void;
  /** Called if the service is about to retry the run by itself. */
  readonly onPlanned: () => void;
}

/** A field of the parameters, as a pointer in the body. */
const inBody = (pointer: string) => `/parameters${pointer}`;

export function RetryDialog({ run, text, action, isDispatched, onClose, onPlanned }: RetryDialogProps) {
  const { client, target } = useSession();
  const { note } = useNotices();
  const router = useRouter();
  const hrefOfRun = useRunHref();
  const form = useMemo(() => formOf(action?.parametersSchema), [action]);
  const before = useMemo(
    () => ({ values: run.parameters, texts: textsOf(form, run.parameters) }),
    [form, run.parameters],
  );
  const parameters = useParameterTexts(form, before.texts, (texts) => draftOf(form, texts, before));
  const [startAt, setStartAt] = useState("");
  const change = useChange({ fields: [START_AT, ...pointersOf(parameters.form).map(inBody)] });
  const kept = parameters.isJson ? [] : keptValues(form, before);
  const original = useMemo(() => indentedMember(text, "parameters") ?? "{}", [text]);
  const exact = useMemo(() => parseExact(original), [original]);

  const filled: Filled = parameters.isJson
    ? parametersOf(parameters.form, parameters.texts)
    : parametersOf(form, parameters.texts, before);
  // Parameters that nobody changed are not sent, so the service takes them from the run.
  const isChanged = "value" in filled && JSON.stringify(filled.value) !== JSON.stringify(run.parameters);
  const changed = isChanged ? (filled.value as typeof run.parameters) : undefined;

  function send() {
    if ("problems" in filled) {
      return change.refuse(new Map([...filled.problems].map(([at, problem]) => [inBody(at), problem])));
    }
    const start = startAtOf(startAt, change);
    if (start === null) return;
    const body = { parameters: changed, ...start };
    change.submit({
      body,
      send: (options) => client.runs.retry(run.id, { ...body, ...options }),
      done({ id }) {
        onClose();
        router.navigate(hrefOfRun(id));
        note("This is the new run.");
      },
      explain({ code }) {
        if (code === "retry_planned") onPlanned();
        return null;
      },
    });
  }
  const changedText = changed === undefined ? null : JSON.stringify(changed);
  const commands = retryCommands(target, run.id, changedText, readLocalTime(startAt) ?? undefined);
  return (
    <ChangeDialog
      title="Retry run"
      change={change}
      onSubmit={send}
      onClose={onClose}
      verb="Retry run"
      kind={isDispatched ? "primary" : "plain"}
      keep="Close"
      class="wide-form"
      besides={
        <CommandDetails title="As a command">
          <CommandPair commands={commands} what="to retry the run" />
        </CommandDetails>
      }
    >
      <p class="muted">This makes a new run with the same inputs and labels.</p>
      {isDispatched ? null : (
        <p class="note is-warning">
          No trigger starts its job. You must start the job yourself. The job needs the run's callback token to report.
          Only the command below shows that token.
        </p>
      )}
      {"problem" in exact ? (
        <>
          <p class="note is-warning">{exact.problem} So you can retry the run only with the same parameters.</p>
          <TextBlock name="parameters of the retry" text={original} />
        </>
      ) : (
        <>
          <ParameterFields
            parameters={parameters}
            problemAt={(pointer) => change.problems.get(inBody(pointer))}
            changeIn={(field) => (parameters.isJson ? null : changeIn(field, before.texts, parameters.texts))}
          />
          {kept.length === 0 ? null : (
            <div class="stack">
              <p>The new run gets these values as well, although the action's form has no field for them.</p>
              <JsonTree what="kept values" value={Object.fromEntries(kept.map(({ name, value }) => [name, value]))} />
            </div>
          )}
        </>
      )}
      {isDispatched ? <StartAt value={startAt} error={change.problems.get(START_AT)} onText={setStartAt} /> : null}
    </ChangeDialog>
  );
}

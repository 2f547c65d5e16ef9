/** The form that runs a stored action, made from its `parametersSchema`. */
import { useMemo } from "preact/hooks";
import { ActionRunsError, type Schemas, type Stored } from "../../client/index.ts";
import { START_AT, StartAt, startAtOf } from "../gates/local-time.tsx";
import { PlannedPause } from "../gates/pause.tsx";
import { hrefOf, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, filledLines, TextArea, TextField, useForm } from "../ui/forms.tsx";
import { type Loaded, useRead } from "../ui/load.tsx";
import { useNotices } from "../ui/parts.tsx";
import { parametersOf } from "./form-values.ts";
import { inBody, ParameterFields, useNewParameters } from "./parameter-fields.tsx";
import { formOf, pointersOf } from "./schema-form.ts";

export type StoredAction = Stored<Schemas["Action"]>;

export function NobodyStarts() {
  return (
    <p class="note is-warning">
      This action has no webhook, so nothing starts the job of a run. The creator of a run gets its callback token and
      must start the job. A run from the console stays open until its timeout, or until somebody cancels it.
    </p>
  );
}

interface RunDialogProps {
  readonly action: StoredAction;
  /** What the fields hold at first. Default: what the action's schema suggests. */
  readonly begin?: Pick<Schemas["Schedule"], "parameters" | "labels"> | undefined;
  readonly onClose: () => void;
}

export function RunDialog({ action: { name, definition }, begin, onClose }: RunDialogProps) {
  const { client, scope } = useSession();
  const router = useRouter();
  const { announce } = useNotices();
  const schemaForm = useMemo(() => formOf(definition.parametersSchema), [definition]);
  const parameters = useNewParameters(schemaForm, begin?.parameters);
  const { form } = parameters;
  const { change, texts, field } = useForm(
    { "/entityId": "", "/labels": begin?.labels?.join("\n") ?? "", [START_AT]: "" },
    { fields: ["/entityId", "/labels", START_AT, ...pointersOf(form).map(inBody)] },
  );

  function run() {
    const filled = parametersOf(form, parameters.texts);
    if ("problems" in filled) {
      return change.refuse(new Map([...filled.problems].map(([pointer, problem]) => [inBody(pointer), problem])));
    }
    const start = startAtOf(texts[START_AT], change);
    if (start === null) return;
    const entityId = texts["/entityId"].trim();
    const labels = filledLines(texts["/labels"]);
    const body: Schemas["NewRunOfAction"] = {
      parameters: filled.value as NonNullable<Schemas["NewRunOfAction"]["parameters"]>,
      ...(entityId !== "" && { entityId }),
      ...(labels.length > 0 && { labels }),
      ...start,
    };
    change.submit({
      body,
      send: (options) => client.actions.run(name, body, options),
      done({ id }) {
        announce(`A run of ${name} was created.`);
        onClose();
        router.navigate(hrefOf({ name: "run", ...scope, id }));
      },
    });
  }

  const isStarted = definition.trigger !== undefined;
  const gates = gatesText(definition);
  return (
    <ChangeDialog
      title={`Run ${name}`}
      change={change}
      onSubmit={run}
      onClose={onClose}
      verb="Run action"
      kind={isStarted ? "primary" : "plain"}
      class="wide-form"
    >
      {isStarted ? null : <NobodyStarts />}
      <ParameterFields parameters={parameters} problemAt={(pointer) => change.problems.get(inBody(pointer))} />
      <div class="run-about grid">
        <TextField label="Entity" hint="What the run is about, as a UUID. Optional." {...field("/entityId")} />
        <TextArea label="Labels" hint="One on each line. Optional." rows={2} {...field("/labels")} />
        {isStarted ? <StartAt {...field(START_AT)} /> : null}
      </div>
      {gates === null ? null : <p class="hint">{gates}</p>}
      {gates === null && texts[START_AT] === "" ? null : <PlannedPause group={definition.concurrency?.group ?? null} />}
    </ChangeDialog>
  );
}

/** A stored action as it is now. Null if there is none of this name. `name`: undefined if nobody needs one. */
export function useAction(name: string | undefined): Loaded<StoredAction | null | undefined> {
  const { reader } = useSession();
  return useRead(
    async (signal) => {
      if (name === undefined) return undefined;
      try {
        return await reader.actions.get(name, { signal });
      } catch (error) {
        if (error instanceof ActionRunsError && error.code === "action_not_found") return null;
        throw error;
      }
    },
    [reader, name],
  );
}

/** What a new run of the action waits for, as a sentence; null if for nothing. */
function gatesText({ approval, concurrency }: StoredAction["definition"]): string | null {
  const waits = [
    ...(approval === undefined ? [] : [approval.required === 1 ? "an approval" : `${approval.required} approvals`]),
    ...(concurrency === undefined ? [] : [`a slot of the group ${concurrency.group}`]),
  ];
  return waits.length === 0 ? null : `The run starts when it has ${waits.join(" and ")}.`;
}

/** The pages that store a new schedule or change one. */
import { useEffect, useId, useMemo } from "preact/hooks";
import type { Schemas, Stored } from "../../client/index.ts";
import { LabelsField } from "../actions/definition-fields.tsx";
import { withMember } from "../actions/definition-shape.ts";
import { parametersOf, typedIn } from "../actions/form-values.ts";
import { ParameterFields, useNewParameters } from "../actions/parameter-fields.tsx";
import { formOf, isSchema, type Schema, stepOf } from "../actions/schema-form.ts";
import { DefinitionEditor, EditorPage } from "../definitions/definition-editor.tsx";
import { type DefinitionKind, type FieldsProps, operationsOf, type View } from "../definitions/kind.ts";
import { pathOf } from "../pages.ts";
import { useRoute, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { Check, TextField } from "../ui/forms.tsx";
import { useRead } from "../ui/load.tsx";
import { emptyIn, firstSchedule, SHOWN } from "./schedule-shape.ts";

export type StoredSchedule = Stored<Schemas["Schedule"]>;

export function useScheduleKind(): DefinitionKind<StoredSchedule> {
  const { client, scope, reader } = useSession();
  return useMemo(
    () => ({
      noun: "schedule",
      namePlaceholder: "nightly",
      aboutNull: "",
      permission: "actions:manage",
      all: "All schedules",
      list: { name: "schedules", ...scope },
      pageOf: (schedule) => ({ name: "schedule", schedule, ...scope }),
      goneCode: "schedule_not_found",
      deletion: "It starts no run any more, and its versions are deleted, too. Its runs continue.",
      ...operationsOf<StoredSchedule, Schemas["ScheduleDefinition"]>(client.schedules, reader.schedules),
      secretsOf: () => [],
      madeSecret: null,
      shown: SHOWN,
      inWords: String,
      viewOf,
      Fields: ScheduleFields,
    }),
    [client, reader, scope],
  );
}

/** `name`: of the schedule that is changed; null for a new one. */
export function ScheduleEditorPage({ name }: { readonly name: string | null }) {
  const kind = useScheduleKind();
  return (
    <EditorPage kind={kind} name={name}>
      {(stored) => <ScheduleEditor kind={kind} stored={stored} />}
    </EditorPage>
  );
}

interface ScheduleEditorProps {
  readonly kind: DefinitionKind<StoredSchedule>;
  /** What the editor changes; null for a new schedule. */
  readonly stored: StoredSchedule | null;
}

function ScheduleEditor({ kind, stored }: ScheduleEditorProps) {
  const router = useRouter();
  const { query } = useRoute();
  const { holder, person } = useSession();
  return (
    <DefinitionEditor
      kind={kind}
      stored={stored}
      first={() => ({
        ...firstSchedule(Intl.DateTimeFormat().resolvedOptions().timeZone),
        // The page of an action leads here with it.
        action: query.get("action") ?? "",
      })}
      onSaved={({ name }) => router.navigate(pathOf(kind.pageOf(name)), { isSafe: true })}
      also={() => null}
      beside={() => (
        <p class="hint">
          The runs have <bdi>{person ?? holder.name}</bdi> as their creator. When your token ends, the service disables
          the schedule.
        </p>
      )}
    />
  );
}

function viewOf(definition: Schema | null, _base: object | undefined, isJson: boolean): View {
  const names = isSchema(definition?.parameters) ? Object.keys(definition.parameters) : [];
  return {
    secrets: [],
    known: [],
    kept: new Set(),
    pointers: [...Object.keys(SHOWN).map(stepOf), ...names.map((name) => `/parameters${stepOf(name)}`)],
    empty: isJson ? [] : emptyIn(definition),
    warning: null,
  };
}

/** As many as a schedule is likely to be for. Others can be typed. */
const ACTIONS_OFFERED = 100;
const CRON_HINT =
  "Minute, hour, day of the month, month, day of the week: 30 2 * * MON-FRI. Or @hourly, @daily, @weekly, @monthly.";

function ScheduleFields({ definition, isNew, problemAt, onDefinition }: FieldsProps) {
  const { reader } = useSession();
  const id = useId();
  const { data: actions } = useRead(
    async (signal) => (await reader.actions.list({ limit: ACTIONS_OFFERED }, { signal }).page()).entries,
    [reader],
  );
  const set = (name: string, value: unknown) => onDefinition(withMember(definition, name, value));
  const text = (label: string, name: string, hint: string, list?: string) => (
    <TextField
      label={label}
      hint={hint}
      list={list}
      value={String(definition[name] ?? "")}
      error={problemAt(stepOf(name))}
      onText={(next) => set(name, next)}
    />
  );
  const chosen = actions?.find(({ name }) => name === definition.action);
  return (
    <>
      <fieldset class="group stack gap-14">
        <legend>When</legend>
        <div class="grid">
          {text("Cron", "cron", CRON_HINT)}
          {text("Time zone", "timezone", "Such as Europe/Berlin or UTC.", `${id}-zones`)}
        </div>
        <datalist id={`${id}-zones`}>
          {["UTC", ...Intl.supportedValuesOf("timeZone")].map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
        <Check isOn={definition.disabled === true} onChange={(isOn) => set("disabled", isOn)}>
          Disabled: start no run
        </Check>
      </fieldset>
      <fieldset class="group stack gap-14">
        <legend>What</legend>
        {text("Action", "action", "A stored action with a webhook.", `${id}-actions`)}
        <datalist id={`${id}-actions`}>
          {actions
            ?.filter(({ definition: { trigger } }) => trigger !== undefined)
            .map(({ name }) => (
              <option key={name} value={name} />
            ))}
        </datalist>
        {actions === undefined ? null : (
          <Parameters
            key={chosen?.name}
            schema={chosen?.definition.parametersSchema}
            values={isNew && isEmpty(definition.parameters) ? undefined : definition.parameters}
            problemAt={problemAt}
            onValues={(values) => set("parameters", values)}
          />
        )}
        <LabelsField
          definition={definition}
          error={problemAt("/labels")}
          onLabels={(labels) => set("labels", labels)}
        />
      </fieldset>
    </>
  );
}

function isEmpty(value: unknown): boolean {
  return isSchema(value) && Object.keys(value).length === 0;
}

interface ParametersProps {
  readonly schema: Schema | undefined;
  /** Undefined: what the schema suggests. */
  readonly values: unknown;
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onValues: (values: unknown) => void;
}

/** A form of the action's schema. What is typed goes into the definition at once, also if the service will refuse it. */
function Parameters({ schema, values, problemAt, onValues }: ParametersProps) {
  const form = useMemo(() => formOf(schema), [schema]);
  const isFirst = values === undefined;
  const parameters = useNewParameters(form, isFirst ? undefined : isSchema(values) ? values : {});
  const { form: shown, texts, setText } = parameters;
  useEffect(() => {
    if (isFirst && texts.size > 0) onValues(typedIn(shown, texts));
  }, []);
  const filled = parametersOf(shown, texts);
  return (
    <ParameterFields
      parameters={{
        ...parameters,
        setText(pointer, text) {
          setText(pointer, text);
          onValues(typedIn(shown, new Map(texts).set(pointer, text)));
        },
      }}
      problemAt={(pointer) =>
        // What is missing is said after a try.
        ("problems" in filled && texts.get(pointer) ? filled.problems.get(pointer) : undefined) ??
        problemAt(`/parameters${pointer}`)
      }
    />
  );
}

/** Schedules as a kind of definition, and the pages that store a new one or change one. */
import { useEffect, useMemo } from "preact/hooks";
import { LABELS } from "../actions/action-fields.ts";
import { parametersOf, typedIn } from "../actions/form-values.ts";
import { ParameterFields, useNewParameters } from "../actions/parameter-fields.tsx";
import { formOf, isSchema, type Schema, stepOf } from "../actions/schema-form.ts";
import { EditorPage } from "../definitions/definition-editor.tsx";
import type { DefinitionKind } from "../definitions/kind.ts";
import { type FieldsProps, fieldsOf } from "../definitions/member-fields.tsx";
import { type FieldTable, withMember } from "../definitions/members.ts";
import { useRoute } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { useRead } from "../ui/load.tsx";

export const SCHEDULE_FIELDS: FieldTable = {
  "/cron": {
    kind: "text",
    label: "Cron",
    hint: "Minute, hour, day of the month, month, day of the week: 30 2 * * MON-FRI. Or @hourly, @daily, @weekly, @monthly.",
    empty: "",
  },
  "/timezone": {
    kind: "text",
    label: "Time zone",
    hint: "Such as Europe/Berlin or UTC.",
    empty: "",
    suggested: ["UTC", ...Intl.supportedValuesOf("timeZone")],
  },
  "/disabled": { kind: "flag", label: "Disabled: start no run", empty: false },
  "/action": { kind: "text", label: "Action", hint: "A stored action with a webhook.", empty: "" },
  // A text is no JSON yet.
  "/parameters": { kind: "own", label: "Parameters", isShown: (value) => isSchema(value) || typeof value === "string" },
  "/labels": LABELS,
};

/** The members that a schedule can't be without. */
const REQUIRED = ["action", "cron", "timezone"];

/** The pointers of fields that must not be empty, but are. */
export function emptyIn(definition: Schema | null): readonly string[] {
  return definition === null ? [] : REQUIRED.filter((name) => !definition[name]).map(stepOf);
}

/** What the editor of a new schedule begins with. `timezone`: of this machine. */
export function firstSchedule(timezone: string): Schema {
  return { action: "", cron: "30 2 * * *", timezone, parameters: {}, disabled: false };
}

export const SCHEDULE: DefinitionKind = {
  noun: "schedule",
  of: "schedules",
  list: "schedules",
  namePlaceholder: "nightly",
  aboutNull: "",
  permission: "actions:manage",
  goneCode: "schedule_not_found",
  deletion: "It starts no run any more, and its versions are deleted, too. Its runs continue.",
  madeSecret: null,
  fields: SCHEDULE_FIELDS,
  inWords: String,
  viewOf: (definition, _, isJson) => ({ empty: isJson ? [] : emptyIn(definition) }),
  Fields: ScheduleFields,
};

/** `name`: of the schedule that is changed; null for a new one. Then the page of an action leads here with its name. */
export function ScheduleEditorPage({ name }: { readonly name: string | null }) {
  const { holder, person } = useSession();
  const { query } = useRoute();
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return (
    <EditorPage
      kind={SCHEDULE}
      name={name}
      first={() => ({ ...firstSchedule(timeZone), action: query.get("action") ?? "" })}
      beside={() => (
        <p class="hint">
          The runs have <bdi>{person ?? holder.name}</bdi> as their creator. When your token ends, the service disables
          the schedule.
        </p>
      )}
    />
  );
}

/** As many as a schedule is likely to be for. Others can be typed. */
const ACTIONS_OFFERED = 100;

function ScheduleFields(props: FieldsProps) {
  const { definition, isNew, problemAt, onDefinition } = props;
  const { reader } = useSession();
  const { data: actions } = useRead(
    async (signal) => (await reader.actions.list({ limit: ACTIONS_OFFERED }, { signal }).page()).entries,
    [reader],
  );
  const { field, grid } = fieldsOf(SCHEDULE_FIELDS, props);
  const offered = actions?.filter(({ definition: { trigger } }) => trigger !== undefined) ?? [];
  const chosen = actions?.find(({ name }) => name === definition.action);
  return (
    <>
      <fieldset class="group stack gap-14">
        <legend>When</legend>
        {grid("/cron", "/timezone")}
        {field("/disabled")}
      </fieldset>
      <fieldset class="group stack gap-14">
        <legend>What</legend>
        {field("/action", { suggested: offered.map(({ name }) => name) })}
        {actions === undefined ? null : (
          <Parameters
            key={chosen?.name}
            schema={chosen?.definition.parametersSchema}
            values={isNew && isEmpty(definition.parameters) ? undefined : definition.parameters}
            problemAt={problemAt}
            onValues={(values) => onDefinition(withMember(definition, "parameters", values))}
          />
        )}
        {field("/labels")}
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

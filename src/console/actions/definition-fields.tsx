/** A definition as fields. Each of them changes the definition at once, so the JSON beside them is always the same. */
import { useState } from "preact/hooks";
import type { FieldsProps } from "../definitions/kind.ts";
import { Check, LinesField, SelectField, TextField } from "../ui/forms.tsx";
import { Button } from "../ui/parts.tsx";
import {
  EVENT_SECRET,
  nameProblem,
  newParameter,
  numberOf,
  PARAMETER_KINDS,
  type Parameter,
  parametersIn,
  schemaWith,
  unshownIn,
  withDescription,
  withKind,
  withMember,
  withOptions,
} from "./definition-shape.ts";
import { productOf, triggerOf, withTrigger } from "./products.ts";
import { isSchema, type Schema, stepOf } from "./schema-form.ts";
import { type PartProps, START_POINTERS, StartFields } from "./start-fields.tsx";
import { HEADERS, Tiles, WebhookFields } from "./webhook-fields.tsx";

/** A stored webhook is changed, and not replaced by that of another product by mistake. */
export function DefinitionFields(props: FieldsProps) {
  const { definition, isNew, problemAt, secretAt, secretsBut, onDefinition } = props;
  const rows = parametersIn(definition.parametersSchema) ?? [];
  const names = rows.map(({ name }) => name);
  const trigger = isSchema(definition.trigger) ? definition.trigger : undefined;
  const set = (name: string, value: unknown) => onDefinition(withMember(definition, name, value));
  const setTrigger = (next: Schema) => set("trigger", next);
  const textOf = (name: string) => String(definition[name] ?? "");

  /** The webhook of a product passes the parameters on. */
  function setRows(next: readonly Parameter[]) {
    const schema = isSchema(definition.parametersSchema) ? definition.parametersSchema : undefined;
    const changed = withMember(definition, "parametersSchema", schemaWith(schema, next));
    const read = trigger === undefined ? null : productOf(trigger, names);
    if (trigger === undefined || read === null) return onDefinition(changed);
    const made = triggerOf(
      read.product,
      read.values,
      next.map(({ name }) => name),
    );
    onDefinition({ ...changed, trigger: withTrigger(trigger, made) });
  }

  return (
    <>
      <TextField
        label="Description"
        value={textOf("description")}
        error={problemAt("/description")}
        onText={(text) => set("description", text === "" ? undefined : text)}
      />
      <div class="grid">
        <TextField
          label="Title"
          hint="What a run does, such as deploy {{ parameters.version }}. Lists show it."
          value={textOf("title")}
          error={problemAt("/title")}
          onText={(text) => set("title", text === "" ? undefined : text)}
        />
        <TextField
          label="Subject"
          hint="What a run works on, such as {{ parameters.service }}. Its history is its own."
          value={textOf("subject")}
          error={problemAt("/subject")}
          onText={(text) => set("subject", text === "" ? undefined : text)}
        />
      </div>
      <fieldset class="group stack gap-14">
        <legend>What starts the job</legend>
        {isNew || trigger === undefined ? <Tiles trigger={trigger} names={names} onTrigger={setTrigger} /> : null}
        {trigger === undefined ? (
          <p class="hint">No trigger starts the job. Choose one, or let the creator of each run start it.</p>
        ) : (
          <WebhookFields
            trigger={trigger}
            names={names}
            problemAt={problemAt}
            secretAt={secretAt}
            onTrigger={setTrigger}
          />
        )}
      </fieldset>
      {secretsBut(
        EVENT_SECRET,
        ...(trigger === undefined || productOf(trigger, names) === null ? [`${HEADERS}/`] : []),
      )}
      <SchemaBuilder rows={rows} problemAt={problemAt} onRows={setRows} />
      {trigger === undefined ? null : (
        <>
          <GateFields definition={definition} problemAt={problemAt} onDefinition={onDefinition} />
          <StartFields definition={definition} problemAt={problemAt} secretAt={secretAt} onDefinition={onDefinition} />
        </>
      )}
      <fieldset class="group stack gap-14">
        <legend>Limits and labels</legend>
        <div class="grid">
          <TextField
            label="Timeout (minutes)"
            inputMode="numeric"
            placeholder="60"
            value={textOf("timeout")}
            error={problemAt("/timeout")}
            onText={(text) => set("timeout", numberOf(text))}
          />
          <TextField
            label="Heartbeat timeout (minutes)"
            inputMode="numeric"
            value={textOf("heartbeatTimeout")}
            error={problemAt("/heartbeatTimeout")}
            onText={(text) => set("heartbeatTimeout", numberOf(text))}
          />
        </div>
        <LabelsField
          definition={definition}
          error={problemAt("/labels")}
          onLabels={(labels) => set("labels", labels)}
        />
      </fieldset>
    </>
  );
}

/** The pointers that have a field of their own. */
export function pointersOfFields(definition: unknown): readonly string[] {
  const schema = isSchema(definition) ? definition.parametersSchema : undefined;
  const trigger = isSchema(definition) && isSchema(definition.trigger) ? definition.trigger : {};
  const names = (parametersIn(schema) ?? []).map(({ name }) => name);
  const isAny = productOf(trigger, names) === null;
  const headers = isSchema(trigger.headers) ? Object.keys(trigger.headers) : [];
  return [
    "/description",
    "/title",
    "/subject",
    "/timeout",
    "/heartbeatTimeout",
    "/labels",
    "/parametersSchema",
    // These fields are there only beside a trigger.
    ...(trigger.url === undefined ? [] : [...GATE_POINTERS, ...START_POINTERS]),
    ...names.map((name) => `/parametersSchema/properties${stepOf(name)}`),
    "/trigger",
    "/trigger/url",
    ...(isAny ? ["/trigger/payload", "/trigger/headers"] : []),
    ...(isAny ? headers.map((name) => `/trigger/headers${stepOf(name)}`) : []),
  ];
}

interface SchemaBuilderProps {
  readonly rows: readonly Parameter[];
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onRows: (rows: readonly Parameter[]) => void;
}

const SCHEMA = "/parametersSchema";

function SchemaBuilder({ rows, problemAt, onRows }: SchemaBuilderProps) {
  const problem = problemAt(SCHEMA);
  // A row that was removed must not leave what was typed into it to the next one.
  const [removals, setRemovals] = useState(0);
  return (
    <fieldset class="group stack gap-14">
      <legend>Parameters</legend>
      <p class="hint">What a run may set. The webhook gets each of them.</p>
      {rows.map((row, index) => (
        <ParameterRow
          key={`${removals} ${index}`}
          row={row}
          others={rows.filter((one) => one !== row).map(({ name }) => name)}
          problem={problemAt(`${SCHEMA}/properties${stepOf(row.name)}`)}
          onRow={(next) => onRows(rows.with(index, next))}
          onRemove={() => {
            setRemovals(removals + 1);
            onRows(rows.filter((one) => one !== row));
          }}
        />
      ))}
      {problem === undefined ? null : <p class="field-error">{problem}</p>}
      <div>
        <Button onClick={() => onRows([...rows, newParameter(rows.map(({ name }) => name))])}>Add parameter</Button>
      </div>
    </fieldset>
  );
}

interface ParameterRowProps {
  readonly row: Parameter;
  readonly others: readonly string[];
  readonly problem: string | undefined;
  readonly onRow: (row: Parameter) => void;
  readonly onRemove: () => void;
}

function ParameterRow({ row, others, problem, onRow, onRemove }: ParameterRowProps) {
  // While it is no good name, the schema keeps the last one that was.
  const [name, setName] = useState(row.name);
  const wrong = nameProblem(name, others);
  const unshown = unshownIn(row);
  return (
    <fieldset class="grid card" aria-label={`Parameter ${row.name}`}>
      <TextField
        label="Name of the parameter"
        value={name}
        error={wrong ?? problem}
        onText={(text) => {
          setName(text);
          if (nameProblem(text, others) === null) onRow({ ...row, name: text });
        }}
      />
      <SelectField
        label="Takes"
        value={row.kind}
        onText={(kind) => onRow(withKind(row, kind as keyof typeof PARAMETER_KINDS))}
      >
        {row.kind === "other" ? <option value="other">Something that only JSON shows</option> : null}
        {Object.entries(PARAMETER_KINDS).map(([kind, words]) => (
          <option key={kind} value={kind}>
            {words}
          </option>
        ))}
      </SelectField>
      <TextField label="Description" value={row.description} onText={(text) => onRow(withDescription(row, text))} />
      {row.kind === "choice" ? (
        <LinesField
          label="Choices"
          hint="One on each line."
          lines={row.options}
          onLines={(options) => onRow(withOptions(row, options))}
        />
      ) : null}
      <div class="parameter-end row is-apart">
        <Check isOn={row.isRequired} onChange={(isOn) => onRow({ ...row, isRequired: isOn })}>
          Required
        </Check>
        {unshown.length === 0 ? null : (
          <span class="muted">
            Also <bdi>{unshown.join(", ")}</bdi>: see the JSON.
          </span>
        )}
        <Button kind="quiet" onClick={onRemove} aria-label={`Remove the parameter ${row.name}`}>
          Remove
        </Button>
      </div>
    </fieldset>
  );
}

interface GateFieldsProps {
  readonly definition: Schema;
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onDefinition: (definition: Schema) => void;
}

/** The pointers that have a field of their own. */
const GATE_POINTERS: readonly string[] = [
  "/approval",
  "/approval/required",
  "/approval/tokens",
  "/waitTimeout",
  "/concurrency",
  "/concurrency/group",
  "/concurrency/key",
  "/concurrency/limit",
  "/concurrency/onConflict",
];

const CONFLICTS = {
  queue: "it waits its turn",
  cancel_running: "running ones of this action are cancelled, and waiting ones end",
  reject: "it is refused",
} as const;

/** What holds back the runs of an action, as fields: an approval, and a concurrency group. What they don't show stays. */
function GateFields({ definition, problemAt, onDefinition }: GateFieldsProps) {
  const { approval, concurrency, waitTimeout } = definition;
  const set = (name: string, value: unknown) => onDefinition(withMember(definition, name, value));
  const problem = problemAt("/approval") ?? problemAt("/concurrency");
  const hasGate = approval !== undefined || concurrency !== undefined;
  return (
    <fieldset class="group stack gap-14">
      <legend>What holds a run back</legend>
      <Check isOn={approval !== undefined} onChange={(isOn) => set("approval", isOn ? {} : undefined)}>
        Somebody must approve each run
      </Check>
      {isSchema(approval) ? (
        <ApprovalFields of={approval} problemAt={problemAt} onChange={(next) => set("approval", next)} />
      ) : null}
      <Check isOn={concurrency !== undefined} onChange={(isOn) => set("concurrency", isOn ? { group: "" } : undefined)}>
        Runs take turns in a concurrency group
      </Check>
      {isSchema(concurrency) ? (
        <ConcurrencyFields of={concurrency} problemAt={problemAt} onChange={(next) => set("concurrency", next)} />
      ) : null}
      {hasGate || waitTimeout !== undefined ? (
        <TextField
          label="Wait timeout (minutes)"
          hint="How long a run may wait. After this time, the run fails."
          inputMode="numeric"
          placeholder="10080"
          value={String(waitTimeout ?? "")}
          error={problemAt("/waitTimeout")}
          onText={(text) => set("waitTimeout", numberOf(text))}
        />
      ) : null}
      {problem === undefined ? null : <p class="field-error">{problem}</p>}
    </fieldset>
  );
}

interface LabelsFieldProps {
  readonly definition: Schema;
  readonly error: string | undefined;
  readonly onLabels: (labels: readonly string[] | undefined) => void;
}

/** The labels that each run of a definition gets. */
export function LabelsField({ definition, error, onLabels }: LabelsFieldProps) {
  return (
    <LinesField
      label="Labels"
      hint="One on each line. Each run gets them."
      lines={(definition.labels ?? []) as readonly string[]}
      error={error}
      onLines={(lines) => onLabels(lines.length === 0 ? undefined : lines)}
    />
  );
}

function ApprovalFields({ of, problemAt, onChange }: PartProps) {
  return (
    <div class="grid">
      <TextField
        label="Approvals"
        hint="How many different approvers a run needs, 5 at most."
        inputMode="numeric"
        placeholder="1"
        value={String(of.required ?? "")}
        error={problemAt("/approval/required")}
        onText={(text) => onChange(withMember(of, "required", numberOf(text)))}
      />
      <Check isOn={of.allowSelf === true} onChange={(isOn) => onChange(withMember(of, "allowSelf", isOn || undefined))}>
        The creator of a run may approve it too
      </Check>
      <LinesField
        label="Only these tokens"
        hint="The ids of the tokens that alone may approve, one on each line. Empty: each token that may approve."
        lines={(of.tokens ?? []) as readonly string[]}
        error={problemAt("/approval/tokens")}
        onLines={(lines) => onChange(withMember(of, "tokens", lines.length === 0 ? undefined : lines))}
      />
    </div>
  );
}

function ConcurrencyFields({ of, problemAt, onChange }: PartProps) {
  const textOf = (name: string) => String(of[name] ?? "");
  return (
    <div class="grid">
      <TextField
        label="Group"
        hint="All actions of the environment with this group share its slots."
        placeholder="deploy"
        value={textOf("group")}
        error={problemAt("/concurrency/group")}
        onText={(text) => onChange(withMember(of, "group", text.trim()))}
      />
      <TextField
        label="Key"
        hint="Only runs with the same key take turns, for example {{ parameters.service }}."
        value={textOf("key")}
        error={problemAt("/concurrency/key")}
        onText={(text) => onChange(withMember(of, "key", text.trim() === "" ? undefined : text.trim()))}
      />
      <TextField
        label="Limit"
        hint="How many runs can run at once, 100 at most."
        inputMode="numeric"
        placeholder="1"
        value={textOf("limit")}
        error={problemAt("/concurrency/limit")}
        onText={(text) => onChange(withMember(of, "limit", numberOf(text)))}
      />
      <SelectField
        label="If there is no room for a run"
        value={textOf("onConflict") || "queue"}
        error={problemAt("/concurrency/onConflict")}
        onText={(text) => onChange(withMember(of, "onConflict", text))}
        options={Object.entries(CONFLICTS)}
      />
    </div>
  );
}

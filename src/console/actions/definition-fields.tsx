/** The fields of an action's editor. */
import { useState } from "preact/hooks";
import { type FieldsProps, fieldsOf, Tiles } from "../definitions/member-fields.tsx";
import { areTexts, withMember } from "../definitions/members.ts";
import { Check, FieldError, LinesField, SelectField, TextField } from "../ui/forms.tsx";
import { Button } from "../ui/parts.tsx";
import { ACTION_FIELDS, EVENT_SECRET, namesIn, RETRIED_AT_FIRST } from "./action-fields.ts";
import {
  kindOf,
  nameProblem,
  newParameter,
  PARAMETER_KINDS,
  type Parameter,
  parametersIn,
  schemaWith,
  unshownIn,
  withKind,
} from "./parameter-rows.ts";
import { ANY_WEBHOOK, PRODUCTS, productOf, triggerOf, withTrigger } from "./products.ts";
import { isSchema, type Schema, stepOf } from "./schema-form.ts";

/** A stored webhook is changed, and not replaced by that of another product by mistake. */
export function DefinitionFields(props: FieldsProps) {
  const { definition, isNew, problemAt, secretsBut, onDefinition } = props;
  const { field, grid } = fieldsOf(ACTION_FIELDS, props);
  const names = namesIn(definition);
  const trigger = isSchema(definition.trigger) ? definition.trigger : undefined;
  const read = trigger === undefined ? null : productOf(trigger, names);

  /** The webhook of a product passes the parameters on. */
  function setRows(next: readonly Parameter[]) {
    const schema = isSchema(definition.parametersSchema) ? definition.parametersSchema : undefined;
    const changed = withMember(definition, "parametersSchema", schemaWith(schema, next));
    if (trigger === undefined || read === null) return onDefinition(changed);
    const passed = next.map(({ name }) => name);
    onDefinition({ ...changed, trigger: withTrigger(trigger, triggerOf(read.product, passed, read.values)) });
  }

  return (
    <>
      {field("/description")}
      {grid("/title", "/subject")}
      <fieldset class="group stack gap-14">
        <legend>What starts the job</legend>
        {isNew || trigger === undefined ? (
          <Tiles
            of={[...PRODUCTS, ANY_WEBHOOK]}
            chosen={trigger === undefined ? undefined : (read?.product ?? ANY_WEBHOOK)}
            onChoose={(product) => onDefinition({ ...definition, trigger: triggerOf(product, names) })}
          />
        ) : null}
        {trigger === undefined ? (
          <p class="hint">No trigger starts the job. Choose one, or let the creator of each run start it.</p>
        ) : (
          <WebhookFields {...props} trigger={trigger} read={read} />
        )}
      </fieldset>
      {secretsBut(EVENT_SECRET, ...(read === null ? ["/trigger/headers/"] : []))}
      <ParametersBuilder
        rows={parametersIn(definition.parametersSchema) ?? []}
        problemAt={problemAt}
        onRows={setRows}
      />
      {trigger === undefined ? null : (
        <>
          <GateFields {...props} />
          <StartFields {...props} />
        </>
      )}
      <fieldset class="group stack gap-14">
        <legend>Limits and labels</legend>
        {grid("/timeout", "/heartbeatTimeout")}
        {field("/labels")}
      </fieldset>
    </>
  );
}

interface WebhookFieldsProps extends FieldsProps {
  readonly trigger: Schema;
  readonly read: ReturnType<typeof productOf>;
}

function WebhookFields({ trigger, read, ...props }: WebhookFieldsProps) {
  const { definition, problemAt, onDefinition } = props;
  const { field, fields, grid } = fieldsOf(ACTION_FIELDS, props);
  return (
    <>
      {read === null ? (
        <>
          {field("/trigger/url")}
          {grid("/trigger/method", "/trigger/startOn")}
          {fields("/trigger/headers", "/trigger/payload", "/trigger/signingSecret")}
        </>
      ) : (
        <div class="grid">
          {read.product.fields.map(({ label, hint, text, isGiven }, index) => (
            <TextField
              key={label}
              label={label}
              hint={hint}
              placeholder={isGiven ? undefined : text}
              value={read.values[label] ?? ""}
              error={problemAt(`/trigger/url/${label}`) ?? (index === 0 ? problemAt("/trigger/url") : undefined)}
              onText={(typed) => {
                const values = { ...read.values, [label]: typed.trim() };
                const made = triggerOf(read.product, namesIn(definition), values);
                onDefinition({ ...definition, trigger: withTrigger(trigger, made) });
              }}
            />
          ))}
        </div>
      )}
      <FieldError text={problemAt("/trigger")} />
    </>
  );
}

/** What holds back the runs of an action. What the fields don't show stays. */
function GateFields(props: FieldsProps) {
  const { approval, concurrency, waitTimeout } = props.definition;
  const { field, grid, part } = fieldsOf(ACTION_FIELDS, props);
  const canWait = approval !== undefined || concurrency !== undefined || waitTimeout !== undefined;
  return (
    <fieldset class="group stack gap-14">
      <legend>What holds a run back</legend>
      {part("/approval", grid("/approval/required", "/approval/allowSelf", "/approval/tokens"))}
      {part(
        "/concurrency",
        grid("/concurrency/group", "/concurrency/key", "/concurrency/limit", "/concurrency/onConflict"),
      )}
      {canWait ? field("/waitTimeout") : null}
    </fieldset>
  );
}

/** What starts the runs of an action besides people: an event of another product, a retry after a failure, agents. */
function StartFields(props: FieldsProps) {
  const { retry } = props.definition;
  const { field, fields, grid, part } = fieldsOf(ACTION_FIELDS, props);
  const ends = isSchema(retry) ? (retry.on ?? RETRIED_AT_FIRST) : [];
  const isTimeoutRetried = areTexts(ends) && ends.includes("timeout");
  return (
    <fieldset class="group stack gap-14">
      <legend>What else starts a run</legend>
      {part(
        "/inbound",
        <p class="hint">
          The page of the action shows the URL for the product. The runs have you, who store the action, as their
          creator.
        </p>,
        grid("/inbound/verify", EVENT_SECRET),
        fields("/inbound/headers", "/inbound/when", "/inbound/parameters"),
      )}
      {part(
        "/retry",
        grid("/retry/attempts", "/retry/delaySeconds"),
        field("/retry/on", {
          hint: isTimeoutRetried
            ? "After a timeout, the first job may still run. Then two jobs run at the same time."
            : undefined,
        }),
      )}
      {part("/agents", field("/agents/description"))}
    </fieldset>
  );
}

interface ParametersBuilderProps {
  readonly rows: readonly Parameter[];
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onRows: (rows: readonly Parameter[]) => void;
}

const SCHEMA = "/parametersSchema";
const PROPERTIES = `${SCHEMA}/properties`;

function ParametersBuilder({ rows, problemAt, onRows }: ParametersBuilderProps) {
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
          problem={problemAt(PROPERTIES + stepOf(row.name))}
          onRow={(next) => onRows(rows.with(index, next))}
          onRemove={() => {
            setRemovals(removals + 1);
            onRows(rows.filter((one) => one !== row));
          }}
        />
      ))}
      <FieldError text={problemAt(SCHEMA) ?? problemAt(PROPERTIES)} />
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
  const { schema } = row;
  // While it is no good name, the schema keeps the last one that was.
  const [name, setName] = useState(row.name);
  const kind = kindOf(schema);
  const unshown = unshownIn(schema);
  const set = (keyword: string, value: unknown) => onRow({ ...row, schema: withMember(schema, keyword, value) });
  return (
    <fieldset class="grid card" aria-label={`Parameter ${row.name}`}>
      <TextField
        label="Name of the parameter"
        value={name}
        error={nameProblem(name, others) ?? problem}
        onText={(text) => {
          setName(text);
          if (nameProblem(text, others) === null) onRow({ ...row, name: text });
        }}
      />
      <SelectField
        label="Takes"
        value={kind}
        onText={(next) => onRow({ ...row, schema: withKind(schema, next as keyof typeof PARAMETER_KINDS) })}
        options={Object.entries(PARAMETER_KINDS).map(([one, { words }]) => [one, words])}
      >
        {kind === "other" ? <option value="other">Something that only JSON shows</option> : null}
      </SelectField>
      <TextField
        label="Description"
        value={typeof schema.description === "string" ? schema.description : ""}
        onText={(text) => set("description", text === "" ? undefined : text)}
      />
      {kind === "choice" ? (
        <LinesField
          label="Choices"
          hint="One on each line."
          lines={areTexts(schema.enum) ? schema.enum : []}
          onLines={(options) => set("enum", options)}
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

/** The parameters of an action as rows of its editor. What rows can't say stays in the schema. */
import { useState } from "preact/hooks";
import { FieldError } from "../definitions/member-fields.tsx";
import { areTexts, withMember } from "../definitions/members.ts";
import { Check, LinesField, SelectField, TextField } from "../ui/forms.tsx";
import { Button } from "../ui/parts.tsx";
import { isSchema, type Schema, stepOf } from "./schema-form.ts";

/** What a row can say that a parameter takes. `begins`: the schema of a new one. */
export const PARAMETER_KINDS = {
  text: { words: "Text", begins: { type: "string" } },
  number: { words: "Number", begins: { type: "number" } },
  integer: { words: "Whole number", begins: { type: "integer" } },
  flag: { words: "Yes or no", begins: { type: "boolean" } },
  choice: { words: "One of a list", begins: { enum: [] } },
} as const;

type ParameterKind = keyof typeof PARAMETER_KINDS;

export interface Parameter {
  readonly name: string;
  readonly isRequired: boolean;
  readonly schema: Schema;
}

/** Null if rows can't show the schema. */
export function parametersIn(schema: unknown): readonly Parameter[] | null {
  if (schema === undefined) return [];
  if (!isSchema(schema)) return null;
  const { type = "object", properties = {}, required = [] } = schema;
  if (type !== "object" || !isSchema(properties)) return null;
  // A required parameter without a schema of its own has no row.
  if (!Array.isArray(required) || required.some((name) => !Object.hasOwn(properties, name))) return null;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    isRequired: required.includes(name),
    schema: isSchema(property) ? property : {},
  }));
}

/** `other`: only JSON can say what the parameter takes. */
export function kindOf({ type, enum: options }: Schema): ParameterKind | "other" {
  if (options !== undefined) return areTexts(options) && (type ?? "string") === "string" ? "choice" : "other";
  const kinds = ["text", "number", "integer", "flag"] as const;
  return kinds.find((kind) => PARAMETER_KINDS[kind].begins.type === type) ?? "other";
}

/** The schema with these rows. Undefined if nothing is left to say. A new schema takes no other parameters. */
export function schemaWith(schema: Schema | undefined, rows: readonly Parameter[]): Schema | undefined {
  const { type: _, properties: __, required: ___, additionalProperties = false, ...others } = schema ?? {};
  if (rows.length === 0 && additionalProperties === false && Object.keys(others).length === 0) return undefined;
  const required = rows.filter(({ isRequired }) => isRequired).map(({ name }) => name);
  return {
    ...others,
    type: "object",
    properties: Object.fromEntries(rows.map((row) => [row.name, row.schema])),
    ...(required.length > 0 && { required }),
    additionalProperties,
  };
}

export function newParameter(taken: readonly string[]): Parameter {
  let n = taken.length + 1;
  while (taken.includes(`parameter${n}`)) n++;
  const name = `parameter${n}`;
  return { name, isRequired: true, schema: PARAMETER_KINDS.text.begins };
}

/** Another kind begins anew, because a pattern says nothing of a number. */
export function withKind({ title, description }: Schema, kind: ParameterKind): Schema {
  return {
    ...PARAMETER_KINDS[kind].begins,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
  };
}

/** What else the schema of a row says, that only JSON shows: `pattern, maxLength`. */
export function unshownIn(schema: Schema): readonly string[] {
  return Object.keys(schema).filter((keyword) => !["type", "enum", "description"].includes(keyword));
}

/** What is wrong with a name; null if nothing is. Placeholders can't reach names with dots, blanks or braces. */
export function nameProblem(name: string, others: readonly string[]): string | null {
  if (name === "") return "Type a name.";
  if (/[\s.{}]/.test(name)) return "Use a name without blanks, dots and braces.";
  return others.includes(name) ? "Another parameter has this name." : null;
}

interface ParametersBuilderProps {
  readonly rows: readonly Parameter[];
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onRows: (rows: readonly Parameter[]) => void;
}

const SCHEMA = "/parametersSchema";
const PROPERTIES = `${SCHEMA}/properties`;

export function ParametersBuilder({ rows, problemAt, onRows }: ParametersBuilderProps) {
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

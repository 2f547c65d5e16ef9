/** Rows that build the schema of an action's parameters. */

import { useState } from "preact/hooks";
import { Button } from "../ui/button.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { LinesField } from "../ui/lines-field.tsx";
import {
  nameProblem,
  newParameter,
  PARAMETER_KINDS,
  type Parameter,
  unshownIn,
  withDescription,
  withKind,
  withOptions,
} from "./parameter-builder.ts";
import { stepOf } from "./schema-form.ts";

interface SchemaBuilderProps {
  readonly rows: readonly Parameter[];
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onRows: (rows: readonly Parameter[]) => void;
}

const SCHEMA = "/parametersSchema";

export function SchemaBuilder({ rows, problemAt, onRows }: SchemaBuilderProps) {
  const problem = problemAt(SCHEMA);
  // A row that was removed must not leave what was typed into it to the next one.
  const [removals, setRemovals] = useState(0);
  return (
    <fieldset class="group">
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
    <fieldset class="parameter-row" aria-label={`Parameter ${row.name}`}>
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
      <div class="parameter-end">
        <label class="switch">
          <input
            type="checkbox"
            checked={row.isRequired}
            onChange={(event) => onRow({ ...row, isRequired: event.currentTarget.checked })}
          />
          Required
        </label>
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

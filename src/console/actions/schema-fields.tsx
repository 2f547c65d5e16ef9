/** Draws the fields of a schema's form. */

import { useId } from "preact/hooks";
import { Field as Labelled, SelectField, TextArea, TextField } from "../ui/field.tsx";
import type { Problems, Texts } from "./form-values.ts";
import { optionText } from "./parameter-rows.ts";
import type { Field, Group } from "./schema-form.ts";

interface SchemaFieldProps {
  readonly field: Field;
  readonly texts: Texts;
  readonly problems: Problems;
  readonly onText: (pointer: string, text: string) => void;
}

export function SchemaField(props: SchemaFieldProps) {
  const { field, texts, problems, onText } = props;
  const text = texts.get(field.pointer) ?? "";
  const shared = {
    label: field.label,
    hint: <Hint field={field} />,
    error: problems.get(field.pointer) ?? null,
    required: field.isRequired && field.pointer !== "",
  };
  const change = (next: string) => onText(field.pointer, next);
  const typed = {
    ...shared,
    value: text,
    onInput: (event: { readonly currentTarget: { readonly value: string } }) =>
      change(event.currentTarget.value),
  };
  switch (field.kind) {
    case "group":
      return <Fieldset {...props} field={field} />;
    case "picks":
      return <Picks {...props} field={field} />;
    case "text":
      return field.isLong ? <TextArea {...typed} rows={4} /> : <TextField {...typed} />;
    case "number":
      return <TextField {...typed} inputMode={field.isInteger ? "numeric" : "decimal"} />;
    case "lines":
      return <TextArea {...typed} rows={3} hint={<Hint field={field} first="One on each line." />} />;
    case "json":
      return (
        <TextArea
          {...typed}
          rows={field.pointer === "" ? 8 : 4}
          hint={<Hint field={field} first="JSON." />}
        />
      );
    case "flag":
      return <Flag {...shared} isOn={text === "true"} onChange={(isOn) => change(String(isOn))} />;
    case "choice":
      return (
        <SelectField {...shared} value={text} onChange={(event) => change(event.currentTarget.value)}>
          {field.isRequired && field.options.length === 1 ? null : (
            <option value="">{field.isRequired ? "Choose one" : "Not set"}</option>
          )}
          {field.options.map((option, index) => (
            <option key={index} value={String(index)}>
              {optionText(option)}
            </option>
          ))}
        </SelectField>
      );
  }
}

/** What the field is for, and its bounds. */
function Hint({ field, first }: { readonly field: Field; readonly first?: string }) {
  const lines = [
    field.description,
    [first, field.limits && sentence(field.limits)].filter(Boolean).join(" "),
  ];
  return <>{lines.map((line) => (line ? <bdi key={line}>{line}</bdi> : null))}</>;
}

function sentence(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;
}

interface FlagProps {
  readonly label: string;
  readonly hint: preact.ComponentChildren;
  readonly error: string | null;
  readonly required: boolean;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}

/** Without the mark of a required field, because a box that is not ticked says false. */
function Flag({ label, hint, error, isOn, onChange }: FlagProps) {
  return (
    <div class="flag">
      <Labelled
        {...{ label, hint, error }}
        control={(ids) => (
          <input
            type="checkbox"
            checked={isOn}
            onChange={(event) => onChange(event.currentTarget.checked)}
            {...ids}
          />
        )}
      />
    </div>
  );
}

function Fieldset(props: SchemaFieldProps & { readonly field: Group }) {
  const { field, problems } = props;
  const id = useId();
  const error = problems.get(field.pointer);
  return (
    <fieldset class="group" aria-describedby={error === undefined ? undefined : id}>
      <legend>{field.label}</legend>
      {field.description === null ? null : (
        <p class="hint">
          <bdi>{field.description}</bdi>
        </p>
      )}
      {field.fields.map((one) => (
        <SchemaField {...props} key={one.pointer} field={one} />
      ))}
      {error === undefined ? null : (
        <p class="field-error" id={id}>
          {error}
        </p>
      )}
    </fieldset>
  );
}

type PicksField = Extract<Field, { readonly kind: "picks" }>;

function Picks({ field, texts, problems, onText }: SchemaFieldProps & { readonly field: PicksField }) {
  const id = useId();
  const picked = (texts.get(field.pointer) ?? "").split(",");
  const error = problems.get(field.pointer);
  function pick(index: string, isOn: boolean) {
    const all = field.options.map((_, at) => String(at));
    onText(field.pointer, all.filter((at) => (at === index ? isOn : picked.includes(at))).join(","));
  }
  return (
    <fieldset class="picks" aria-describedby={error === undefined ? undefined : id}>
      <legend>{field.label}</legend>
      <p class="hint">
        <Hint field={field} />
      </p>
      <div class="picks-options">
        {field.options.map((option, index) => (
          <label key={index}>
            <input
              type="checkbox"
              checked={picked.includes(String(index))}
              aria-invalid={error === undefined ? undefined : true}
              onChange={(event) => pick(String(index), event.currentTarget.checked)}
            />
            <bdi>{optionText(option)}</bdi>
          </label>
        ))}
      </div>
      {error === undefined ? null : (
        <p class="field-error" id={id}>
          {error}
        </p>
      )}
    </fieldset>
  );
}

/** The parameters of a run as fields, or as JSON if somebody prefers to type that. */
import type { ComponentChildren } from "preact";
import { useId, useMemo, useState } from "preact/hooks";
import { capitalized } from "../../words/statuses.ts";
import { Picks } from "../definitions/member-fields.tsx";
import { FieldError, Labelled, SelectField, TextArea, TextField } from "../ui/forms.tsx";
import { hasLines } from "../ui/json-tree.tsx";
import { Button } from "../ui/parts.tsx";
import { draftOf, keptValues, type Texts, textsOf } from "./form-values.ts";
import { type Field, formOf, type Group, optionText, type Schema } from "./schema-form.ts";

/** The fields begin with `values`, or with what the schema suggests. They begin as JSON if they would lose a value. */
export function useNewParameters(form: Field, values: Schema | undefined) {
  const [begin] = useState(() => {
    const texts = textsOf(form, values);
    const isWhole = values === undefined || hasNoFields(form) || keptValues(form, { values, texts }).length === 0;
    return { texts, json: isWhole ? null : JSON.stringify(values, null, 2) };
  });
  return useParameterTexts(form, begin.texts, (texts) => draftOf(form, texts), begin.json);
}

/** `draft`: what the fields hold, to go on as JSON. `beginJson`: what it begins with instead of the fields. */
export function useParameterTexts(
  schemaForm: Field,
  begin: Texts,
  draft: (texts: Texts) => unknown,
  beginJson: string | null = null,
) {
  const jsonForm = useMemo(() => formOf(undefined), []);
  const [texts, setTexts] = useState(begin);
  /** The parameters as JSON, instead of the fields; null while the fields are shown. */
  const [json, setJson] = useState<string | null>(beginJson);
  const isJson = json !== null;
  return {
    /** The form that is shown: that of the schema, or one field for all parameters. */
    form: isJson ? jsonForm : schemaForm,
    texts: isJson ? new Map([["", json]]) : texts,
    setText: (pointer: string, text: string) =>
      isJson ? setJson(text) : setTexts((before) => new Map(before).set(pointer, text)),
    isJson,
    /** Null if the schema has no fields, so there is nothing to choose. */
    toggle: hasNoFields(schemaForm) ? null : () => setJson(isJson ? null : JSON.stringify(draft(texts), null, 2)),
  };
}

function hasNoFields(form: Field): boolean {
  return form.kind !== "group" || form.fields.length === 0;
}

/** A field of the parameters, as a pointer in the body of a request. */
export const inBody = (pointer: string) => `/parameters${pointer}`;

interface ParameterFieldsProps {
  readonly parameters: ReturnType<typeof useParameterTexts>;
  /** What is wrong with the field of a pointer in the parameters. */
  readonly problemAt: (pointer: string) => string | undefined;
  /** What somebody changed in a field, to stand below it; null if nothing. */
  readonly changeIn?: (field: Field) => string | null;
}

export function ParameterFields(props: ParameterFieldsProps) {
  const { form, isJson, toggle } = props.parameters;
  return (
    <>
      {form.kind === "group" && form.fields.length === 0 ? <p class="muted">This action takes no parameters.</p> : null}
      <div class="schema-form">
        {toggle === null ? null : (
          <Button kind="quiet" onClick={toggle}>
            {isJson ? "Back to the form" : "Edit as JSON"}
          </Button>
        )}
        <SchemaField {...props} field={form} />
      </div>
    </>
  );
}

interface SchemaFieldProps extends ParameterFieldsProps {
  readonly field: Field;
}

function SchemaField(props: SchemaFieldProps) {
  const { field, parameters, problemAt, changeIn } = props;
  const { label, pointer, isRequired } = field;
  const text = parameters.texts.get(pointer) ?? "";
  // A field of one line would drop the ends of lines. It stays as it was at first, so that it keeps the focus.
  const [isLong] = useState((field.kind === "text" && field.isLong) || hasLines(text));
  const onText = (next: string) => parameters.setText(pointer, next);
  const described = { label, hint: hintOf(field, changeIn?.(field) ?? null), error: problemAt(pointer) };
  const typed = { ...described, required: isRequired && pointer !== "", value: text, onText };
  switch (field.kind) {
    case "group":
      return <Fieldset {...props} field={field} />;
    case "picks": {
      const picked = text.split(",");
      return (
        <Picks {...described} options={optionsOf(field)} picked={picked} onPicked={(all) => onText(all.join(","))} />
      );
    }
    case "text":
      return isLong ? <TextArea {...typed} rows={4} /> : <TextField {...typed} />;
    case "number":
      return <TextField {...typed} inputMode={field.isInteger ? "numeric" : "decimal"} />;
    case "lines":
      return <TextArea {...typed} rows={3} />;
    case "json":
      return <TextArea {...typed} rows={pointer === "" ? 8 : 4} />;
    case "flag":
      // Without the mark of a required field, because a box that is not ticked says false.
      return (
        <div class="flag">
          <Labelled
            {...described}
            control={(attributes) => (
              <input
                type="checkbox"
                checked={text === "true"}
                onChange={(event) => onText(String(event.currentTarget.checked))}
                {...attributes}
              />
            )}
          />
        </div>
      );
    case "choice": {
      const isFixed = isRequired && field.options.length === 1;
      return (
        <SelectField {...typed} value={isFixed ? "0" : text} options={optionsOf(field)}>
          {isFixed ? null : <option value="">{isRequired ? "Choose one" : "Not set"}</option>}
        </SelectField>
      );
    }
  }
}

function optionsOf({ options }: { readonly options: readonly unknown[] }) {
  return options.map((option, index) => [String(index), optionText(option)] as const);
}

const HOW: Partial<Record<Field["kind"], string>> = {
  lines: "One on each line.",
  json: "This is JSON, so put texts in quotes.",
};

/** What the field is for, its bounds, and what somebody changed in it; null if there is nothing to say. */
function hintOf({ kind, pointer, description, limits }: Field, change: string | null): ComponentChildren {
  const how = kind === "json" && pointer === "" ? "A JSON object. Empty: no parameters." : HOW[kind];
  const bounds = [how, limits && capitalized(limits)].filter(Boolean).join(" ");
  if (description === null && bounds === "" && change === null) return null;
  return (
    <>
      {description !== null && <bdi>{description}</bdi>}
      {description !== null && bounds !== "" && " · "}
      {bounds !== "" && <bdi>{bounds}</bdi>}
      {change !== null && <bdi class="field-change strong">{change}</bdi>}
    </>
  );
}

function Fieldset({ field, ...props }: SchemaFieldProps & { readonly field: Group }) {
  const id = useId();
  const { label, pointer, description, fields } = field;
  const error = props.problemAt(pointer);
  return (
    <fieldset class="group stack gap-14" aria-describedby={error && id}>
      <legend>{label}</legend>
      {description === null ? null : (
        <p class="hint">
          <bdi>{description}</bdi>
        </p>
      )}
      {fields.map((one) => (
        <SchemaField {...props} key={one.pointer} field={one} />
      ))}
      <FieldError text={error} id={id} />
    </fieldset>
  );
}

/** The parameters of a run as fields, or as JSON if somebody prefers to type that. */
import type { ComponentChildren } from "preact";
import { useId, useMemo, useState } from "preact/hooks";
import { capitalized } from "../../words/statuses.ts";
import { Labelled, SelectField, TextArea, TextField } from "../ui/forms.tsx";
import { Button } from "../ui/parts.tsx";
import { hasLines } from "../ui/text-block.tsx";
import { draftOf, filledTexts, keptValues, suggestedTexts, type Texts } from "./form-values.ts";
import { type Field, formOf, type Group, optionText, type Schema } from "./schema-form.ts";

export interface ParameterTexts {
  /** The form that is shown: that of the schema, or one field for all parameters. */
  readonly form: Field;
  readonly texts: Texts;
  readonly setText: (pointer: string, text: string) => void;
  readonly isJson: boolean;
  /** Null if the schema has no fields, so there is nothing to choose. */
  readonly toggle: (() => void) | null;
}

/**
 * The fields begin with `values`, or with what the schema suggests. They begin as JSON if a field would lose one of the
 * values.
 */
export function useNewParameters(form: Field, values: Schema | undefined): ParameterTexts {
  const [begin] = useState(() => {
    const texts = values === undefined ? suggestedTexts(form) : filledTexts(form, values);
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
): ParameterTexts {
  const jsonForm = useMemo(() => formOf(undefined), []);
  const [texts, setTexts] = useState(begin);
  /** The parameters as JSON, instead of the fields; null while the fields are shown. */
  const [json, setJson] = useState<string | null>(beginJson);
  const isJson = json !== null;
  return {
    form: isJson ? jsonForm : schemaForm,
    texts: isJson ? new Map([["", json]]) : texts,
    setText: (pointer, text) => (isJson ? setJson(text) : setTexts((before) => new Map(before).set(pointer, text))),
    isJson,
    toggle: hasNoFields(schemaForm) ? null : () => setJson(isJson ? null : JSON.stringify(draft(texts), null, 2)),
  };
}

function hasNoFields(form: Field): boolean {
  return form.kind !== "group" || form.fields.length === 0;
}

interface ParameterFieldsProps {
  readonly parameters: ParameterTexts;
  /** What is wrong with the field of a pointer in the parameters. */
  readonly problemAt: (pointer: string) => string | undefined;
  /** What somebody changed in a field; null if nothing. */
  readonly changeIn?: (field: Field) => string | null;
}

export function ParameterFields({ parameters, problemAt, changeIn }: ParameterFieldsProps) {
  const { form, texts, setText, isJson, toggle } = parameters;
  return (
    <>
      {form.kind === "group" && form.fields.length === 0 ? <p class="muted">This action takes no parameters.</p> : null}
      <div class="schema-form">
        {toggle === null ? null : (
          <Button kind="quiet" onClick={toggle}>
            {isJson ? "Back to the form" : "Edit as JSON"}
          </Button>
        )}
        <SchemaField field={form} texts={texts} problemAt={problemAt} changeIn={changeIn} onText={setText} />
      </div>
    </>
  );
}

interface SchemaFieldProps {
  readonly field: Field;
  readonly texts: Texts;
  /** What is wrong with the field of a pointer. */
  readonly problemAt: (pointer: string) => string | undefined;
  /** What somebody changed in a field, to stand below it; null if nothing. */
  readonly changeIn?: ((field: Field) => string | null) | undefined;
  readonly onText: (pointer: string, text: string) => void;
}

function SchemaField(props: SchemaFieldProps) {
  const { field, texts, problemAt, changeIn, onText } = props;
  const text = texts.get(field.pointer) ?? "";
  // A field of one line would drop the ends of lines. It stays as it was at first, so that it keeps the focus.
  const [isLong] = useState((field.kind === "text" && field.isLong) || hasLines(text));
  const hint = (first?: string) => withChange(hintOf(field, first), changeIn?.(field) ?? null);
  const shared = {
    label: field.label,
    hint: hint(),
    error: problemAt(field.pointer),
    required: field.isRequired && field.pointer !== "",
  };
  const change = (next: string) => onText(field.pointer, next);
  const typed = { ...shared, value: text, onText: change };
  switch (field.kind) {
    case "group":
      return <Fieldset {...props} field={field} />;
    case "picks":
      return <Picks {...props} field={field} />;
    case "text":
      return isLong ? <TextArea {...typed} rows={4} /> : <TextField {...typed} />;
    case "number":
      return <TextField {...typed} inputMode={field.isInteger ? "numeric" : "decimal"} />;
    case "lines":
      return <TextArea {...typed} rows={3} hint={hint("One on each line.")} />;
    case "json":
      return field.pointer === "" ? (
        <TextArea {...typed} rows={8} hint={hint("A JSON object. Empty: no parameters.")} />
      ) : (
        <TextArea {...typed} rows={4} hint={hint("This is JSON, so put texts in quotes.")} />
      );
    case "flag":
      return <Flag {...shared} isOn={text === "true"} onChange={(isOn) => change(String(isOn))} />;
    case "choice":
      return <Choice {...typed} field={field} />;
  }
}

interface Shared {
  readonly label: string;
  readonly hint: ComponentChildren;
  readonly error: string | undefined;
  readonly required: boolean;
}

interface ChoiceProps extends Shared {
  readonly field: Extract<Field, { readonly kind: "choice" }>;
  readonly value: string;
  readonly onText: (text: string) => void;
}

function Choice({ field, value, ...shared }: ChoiceProps) {
  const isFixed = field.isRequired && field.options.length === 1;
  return (
    <SelectField {...shared} value={isFixed ? "0" : value}>
      {isFixed ? null : <option value="">{field.isRequired ? "Choose one" : "Not set"}</option>}
      {field.options.map((option, index) => (
        <option key={JSON.stringify(option)} value={String(index)}>
          {optionText(option)}
        </option>
      ))}
    </SelectField>
  );
}

/** What the field is for, and its bounds; null if there is nothing to say. */
function hintOf(field: Field, first = ""): ComponentChildren {
  const { description, limits } = field;
  const bounds = [first, limits && capitalized(limits)].filter(Boolean).join(" ");
  if (description === null) return bounds === "" ? null : <bdi>{bounds}</bdi>;
  if (bounds === "") return <bdi>{description}</bdi>;
  return (
    <>
      <bdi>{description}</bdi> · <bdi>{bounds}</bdi>
    </>
  );
}

function withChange(hint: ComponentChildren, change: string | null): ComponentChildren {
  if (change === null) return hint;
  return (
    <>
      {hint}
      <bdi class="field-change strong">{change}</bdi>
    </>
  );
}

interface FlagProps extends Shared {
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}

/** Without the mark of a required field, because a box that is not ticked says false. */
function Flag({ label, hint, error, isOn, onChange }: FlagProps) {
  return (
    <div class="flag">
      <Labelled
        label={label}
        hint={hint}
        error={error}
        control={(described) => (
          <input
            type="checkbox"
            checked={isOn}
            onChange={(event) => onChange(event.currentTarget.checked)}
            {...described}
          />
        )}
      />
    </div>
  );
}

function Fieldset(props: SchemaFieldProps & { readonly field: Group }) {
  const { field, problemAt } = props;
  return (
    <Several field={field} error={problemAt(field.pointer)}>
      {field.fields.map((one) => (
        <SchemaField {...props} key={one.pointer} field={one} />
      ))}
    </Several>
  );
}

type PicksField = Extract<Field, { readonly kind: "picks" }>;

function Picks({ field, texts, problemAt, changeIn, onText }: SchemaFieldProps & { readonly field: PicksField }) {
  const picked = (texts.get(field.pointer) ?? "").split(",");
  const error = problemAt(field.pointer);
  function pick(index: string, isOn: boolean) {
    const all = field.options.map((_, at) => String(at));
    onText(field.pointer, all.filter((at) => (at === index ? isOn : picked.includes(at))).join(","));
  }
  return (
    <Several field={field} error={error}>
      <p class="hint">{withChange(null, changeIn?.(field) ?? null)}</p>
      <div class="row gap-14">
        {field.options.map((option, index) => (
          <label key={JSON.stringify(option)} class="switch row no-wrap">
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
    </Several>
  );
}

interface SeveralProps {
  readonly field: Group | PicksField;
  readonly error: string | undefined;
  readonly children: ComponentChildren;
}

/** Several controls of one field. */
function Several({ field: { kind, label, description }, error, children }: SeveralProps) {
  const id = useId();
  return (
    <fieldset
      class={kind === "group" ? "group stack gap-14" : "stack"}
      aria-describedby={error === undefined ? undefined : id}
    >
      <legend>{label}</legend>
      {description === null ? null : (
        <p class="hint">
          <bdi>{description}</bdi>
        </p>
      )}
      {children}
      {error === undefined ? null : (
        <p class="field-error" id={id}>
          {error}
        </p>
      )}
    </fieldset>
  );
}

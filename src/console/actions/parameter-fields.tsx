/** The parameters of a run as fields, or as JSON if somebody prefers to type that. */

import { useMemo, useState } from "preact/hooks";
import { Button } from "../ui/button.tsx";
import type { Texts } from "./form-values.ts";
import { SchemaField } from "./schema-fields.tsx";
import { type Field, formOf } from "./schema-form.ts";

export interface ParameterTexts {
  /** The form that is shown: that of the schema, or one field for all parameters. */
  readonly form: Field;
  readonly texts: Texts;
  readonly setText: (pointer: string, text: string) => void;
  readonly isJson: boolean;
  /** Null if the schema has no fields, so there is nothing to choose. */
  readonly toggle: (() => void) | null;
}

/** `draft`: what the fields hold, to go on as JSON. */
export function useParameterTexts(schemaForm: Field, begin: Texts, draft: (texts: Texts) => unknown): ParameterTexts {
  const jsonForm = useMemo(() => formOf(undefined), []);
  const [texts, setTexts] = useState(begin);
  /** The parameters as JSON, instead of the fields; null while the fields are shown. */
  const [json, setJson] = useState<string | null>(null);
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

/** A definition as fields. Each of them changes the definition at once, so the JSON beside them is always the same. */

import type { FieldsProps } from "../definitions/definition-editor.tsx";
import { TextField } from "../ui/field.tsx";
import { LinesField } from "../ui/lines-field.tsx";
import { numberOf, withMember } from "./definition-shape.ts";
import { GATE_POINTERS, GateFields } from "./gate-fields.tsx";
import { type Parameter, parametersIn, schemaWith } from "./parameter-builder.ts";
import { productOf, triggerOf, withTrigger } from "./product-fields.ts";
import { SchemaBuilder } from "./schema-builder.tsx";
import { isSchema, type Schema, stepOf } from "./schema-form.ts";
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
      <fieldset class="group">
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
      {secretsBut(trigger === undefined || productOf(trigger, names) === null ? `${HEADERS}/` : null)}
      <SchemaBuilder rows={rows} problemAt={problemAt} onRows={setRows} />
      {trigger === undefined ? null : (
        <GateFields definition={definition} problemAt={problemAt} onDefinition={onDefinition} />
      )}
      <fieldset class="group">
        <legend>Limits and labels</legend>
        <div class="field-grid">
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
        <LinesField
          label="Labels"
          hint="One on each line. Each run gets them."
          lines={(definition.labels ?? []) as readonly string[]}
          error={problemAt("/labels")}
          onLines={(lines) => set("labels", lines.length === 0 ? undefined : lines)}
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
    "/timeout",
    "/heartbeatTimeout",
    "/labels",
    "/parametersSchema",
    ...GATE_POINTERS,
    ...names.map((name) => `/parametersSchema/properties${stepOf(name)}`),
    "/trigger",
    "/trigger/url",
    ...(isAny ? ["/trigger/payload", "/trigger/headers"] : []),
    ...(isAny ? headers.map((name) => `/trigger/headers${stepOf(name)}`) : []),
  ];
}

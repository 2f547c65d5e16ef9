/** An endpoint as fields. Each of them changes the definition at once, so the JSON beside them is always the same. */

import { withMember } from "../actions/definition-shape.ts";
import { HeaderFields, PayloadField, Tile } from "../actions/webhook-fields.tsx";
import type { FieldsProps } from "../definitions/definition-editor.tsx";
import { TextField } from "../ui/field.tsx";
import { LinesField } from "../ui/lines-field.tsx";
import { EVENTS } from "./endpoint-shape.ts";
import { OWN, RECEIVERS, receiverOf, withReceiver } from "./receivers.ts";

export function EndpointFields(props: FieldsProps) {
  const { definition, isNew, problemAt, secretAt, secretsBut, onDefinition } = props;
  const receiver = receiverOf(definition);
  const events = definition.events as readonly string[];
  const set = (name: string, value: unknown) => onDefinition(withMember(definition, name, value));
  const lines = (label: string, name: string, hint: string) => (
    <LinesField
      label={label}
      hint={hint}
      lines={(definition[name] ?? []) as readonly string[]}
      error={problemAt(`/${name}`)}
      onLines={(all) => set(name, all.length === 0 ? undefined : all)}
    />
  );
  const flag = (label: string, name: string) => (
    <label class="switch">
      <input
        type="checkbox"
        checked={definition[name] === true}
        onChange={(event) => set(name, event.currentTarget.checked)}
      />
      {label}
    </label>
  );
  return (
    <>
      <fieldset class="group">
        <legend>Who is told</legend>
        {isNew ? (
          <div class="tiles">
            {RECEIVERS.map((one) => (
              <Tile
                key={one.title}
                title={one.title}
                about={one.about}
                isChosen={one === receiver}
                onChoose={() => onDefinition(withReceiver(definition, one))}
              />
            ))}
          </div>
        ) : null}
        <TextField
          label="URL"
          hint={
            isNew
              ? receiver.hint
              : "Nobody can read the stored URL. Leave this empty to keep it. If you type one, type the secrets again, too."
          }
          placeholder={isNew ? receiver.example.url : undefined}
          value={String(definition.url ?? "")}
          error={problemAt("/url")}
          onText={(text) => set("url", text.trim() || null)}
        />
        {receiver === OWN ? (
          <>
            <HeaderFields
              headers={definition.headers}
              at="/headers"
              problemAt={problemAt}
              secretAt={secretAt}
              onHeaders={(headers) => set("headers", headers)}
            />
            <PayloadField
              payload={definition.payload}
              hint="JSON with placeholders such as {{ event.summary }}. Empty: the body is everything about the run."
              error={problemAt("/payload")}
              onPayload={(payload) => set("payload", payload)}
            />
          </>
        ) : null}
      </fieldset>
      {secretsBut(receiver === OWN ? "/headers/" : null)}
      <fieldset class="group">
        <legend>Which runs</legend>
        <fieldset class="picks">
          <legend>Events</legend>
          <div class="picks-options">
            {Object.entries(EVENTS).map(([event, label]) => (
              <label key={event}>
                <input
                  type="checkbox"
                  checked={events.includes(event)}
                  onChange={({ currentTarget: { checked } }) =>
                    set("events", checked ? [...events, event] : events.filter((one) => one !== event))
                  }
                />
                {label}
              </label>
            ))}
          </div>
          {problemAt("/events") === undefined ? null : <p class="field-error">{problemAt("/events")}</p>}
        </fieldset>
        {lines("Actions", "actionNames", "One on each line. Only runs of these stored actions. Empty: every run.")}
        {lines("Labels", "labels", "One on each line. Only runs that have all of them.")}
        {flag("Only if the outcome differs from the previous run’s", "onlyOnChange")}
        {flag("Also trust the name of a run that no stored action started", "includeUnstored")}
        {flag("Disabled: send nothing", "disabled")}
      </fieldset>
    </>
  );
}

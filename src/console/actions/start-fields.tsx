/** What starts the runs of an action besides people, as fields: an event of another product, a retry after a failure, and agents. */
import { useState } from "preact/hooks";
import type { FieldsProps } from "../definitions/kind.ts";
import { Check, LinesField, SelectField, TextField } from "../ui/forms.tsx";
import { EVENT_SECRET, numberOf, RETRIED, RETRIED_AT_FIRST, withMember } from "./definition-shape.ts";
import { isSchema, type Schema } from "./schema-form.ts";
import { PayloadField } from "./webhook-fields.tsx";

/** The pointers that have a field of their own. */
export const START_POINTERS: readonly string[] = [
  "/inbound",
  "/inbound/verify",
  "/inbound/headers",
  "/inbound/when",
  "/inbound/parameters",
  "/retry",
  "/retry/attempts",
  "/retry/delaySeconds",
  "/retry/on",
  "/agents",
  "/agents/description",
];

/** How an event proves that it is genuine. */
export const VERIFIED = {
  token: "a token: Bearer, Basic or X-Gitlab-Token",
  github: "a signature as GitHub's",
  "standard-webhooks": "a signature of Standard Webhooks",
} as const;

const FIRST_RETRY = { attempts: 2, delaySeconds: 60 };
const FIRST_EVENT = { verify: "token", secret: null };

type StartFieldsProps = Pick<FieldsProps, "definition" | "problemAt" | "secretAt" | "onDefinition">;

export function StartFields({ definition, problemAt, secretAt, onDefinition }: StartFieldsProps) {
  const { inbound, retry, agents } = definition;
  const set = (name: string, value: unknown) => onDefinition(withMember(definition, name, value));
  const problem = problemAt("/inbound") ?? problemAt("/retry") ?? problemAt("/agents");
  return (
    <fieldset class="group stack gap-14">
      <legend>What else starts a run</legend>
      <Check isOn={inbound !== undefined} onChange={(isOn) => set("inbound", isOn ? FIRST_EVENT : undefined)}>
        An event of another product starts a run
      </Check>
      {isSchema(inbound) ? (
        <EventFields of={inbound} problemAt={problemAt} secretAt={secretAt} onChange={(next) => set("inbound", next)} />
      ) : null}
      <Check isOn={retry !== undefined} onChange={(isOn) => set("retry", isOn ? FIRST_RETRY : undefined)}>
        The service retries a failed run by itself
      </Check>
      {isSchema(retry) ? (
        <RetryFields of={retry} problemAt={problemAt} onChange={(next) => set("retry", next)} />
      ) : null}
      <Check isOn={agents !== undefined} onChange={(isOn) => set("agents", isOn ? {} : undefined)}>
        Offer to agents
      </Check>
      {isSchema(agents) ? (
        <TextField
          label="Description for agents"
          hint="What the tool does, for the model that chooses it. Empty: the description of the action."
          value={String(agents.description ?? "")}
          error={problemAt("/agents/description")}
          onText={(text) => set("agents", withMember(agents, "description", text === "" ? undefined : text))}
        />
      ) : null}
      {problem === undefined ? null : <p class="field-error">{problem}</p>}
    </fieldset>
  );
}

export interface PartProps {
  readonly of: Schema;
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onChange: (next: Schema) => void;
}

function EventFields({ of, problemAt, secretAt, onChange }: PartProps & Pick<FieldsProps, "secretAt">) {
  const set = (name: string, value: unknown) => onChange(withMember(of, name, value));
  return (
    <>
      <p class="hint">
        The page of the action shows the URL for the product. The runs have you, who store the action, as their creator.
      </p>
      <div class="grid">
        <SelectField
          label="Events are verified by"
          value={String(of.verify)}
          error={problemAt("/inbound/verify")}
          onText={(text) => set("verify", text)}
          options={Object.entries(VERIFIED)}
        />
        {secretAt(EVENT_SECRET)}
      </div>
      <LinesField
        label="Headers that it reads"
        hint="One on each line, such as x-github-event. The next two fields can use these as headers.NAME."
        lines={(of.headers ?? []) as readonly string[]}
        error={problemAt("/inbound/headers")}
        onLines={(lines) => set("headers", lines.length === 0 ? undefined : lines)}
      />
      <PayloadField
        label="Only if"
        hint='Conditions as JSON, such as [{ "equals": { "body.ref": "refs/heads/main" } }]. Empty: each event starts a run.'
        payload={of.when}
        error={problemAt("/inbound/when")}
        onPayload={(when) => set("when", when)}
      />
      <PayloadField
        label="Parameters of the run"
        hint={'JSON such as { "version": "{{ body.after }}" }. Empty: { "event": … } with the whole body.'}
        payload={of.parameters}
        error={problemAt("/inbound/parameters")}
        onPayload={(parameters) => set("parameters", parameters)}
      />
    </>
  );
}

function RetryFields({ of, problemAt, onChange }: PartProps) {
  const [delays, setDelays] = useState(() => [of.delaySeconds ?? ""].flat().join(", "));
  const ends = (of.on ?? RETRIED_AT_FIRST) as readonly string[];
  return (
    <>
      <div class="grid">
        <TextField
          label="Retries"
          hint="How many may follow the first run, 5 at most."
          inputMode="numeric"
          value={String(of.attempts ?? "")}
          error={problemAt("/retry/attempts")}
          onText={(text) => onChange(withMember(of, "attempts", numberOf(text)))}
        />
        <TextField
          label="Seconds before each retry"
          hint="One number for all, or one for each: 60, 600."
          value={delays}
          error={problemAt("/retry/delaySeconds")}
          onText={(text) => {
            setDelays(text);
            onChange(withMember(of, "delaySeconds", delaysOf(text)));
          }}
        />
      </div>
      <fieldset class="stack">
        <legend>Retried if</legend>
        <div class="row gap-14">
          {Object.entries(RETRIED).map(([end, words]) => (
            <Check
              key={end}
              isOn={ends.includes(end)}
              onChange={(isOn) =>
                onChange({ ...of, on: Object.keys(RETRIED).filter((one) => (one === end ? isOn : ends.includes(one))) })
              }
            >
              {words}
            </Check>
          ))}
        </div>
        {ends.includes("timeout") ? (
          <p class="hint">After a timeout, the first job may still run. Then two jobs run at the same time.</p>
        ) : null}
        {problemAt("/retry/on") === undefined ? null : <p class="field-error">{problemAt("/retry/on")}</p>}
      </fieldset>
    </>
  );
}

/** `60`, or `60, 600` with one for each. The service refuses what is no number, with a sentence. */
export function delaysOf(text: string): unknown {
  const numbers = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(numberOf);
  return numbers.length > 1 ? numbers : numbers[0];
}

/** What holds back the runs of an action, as fields: an approval, and a concurrency group. What they don't show stays. */

import { SelectField, TextField } from "../ui/field.tsx";
import { numberOf, withMember } from "./definition-shape.ts";
import { isSchema, type Schema } from "./schema-form.ts";

interface GateFieldsProps {
  readonly definition: Schema;
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onDefinition: (definition: Schema) => void;
}

/** The pointers that have a field of their own. */
export const GATE_POINTERS: readonly string[] = [
  "/approval",
  "/approval/required",
  "/waitTimeout",
  "/concurrency",
  "/concurrency/group",
  "/concurrency/key",
  "/concurrency/limit",
  "/concurrency/onConflict",
];

const CONFLICTS = {
  queue: "it waits its turn",
  cancel_running: "running ones of this action are cancelled, and waiting ones end",
  reject: "it is refused",
} as const;

export function GateFields({ definition, problemAt, onDefinition }: GateFieldsProps) {
  const { approval, concurrency, waitTimeout } = definition;
  const set = (name: string, value: unknown) => onDefinition(withMember(definition, name, value));
  const problem = problemAt("/approval") ?? problemAt("/concurrency");
  const hasGate = approval !== undefined || concurrency !== undefined;
  return (
    <fieldset class="group">
      <legend>What holds a run back</legend>
      <label class="switch">
        <input
          type="checkbox"
          checked={approval !== undefined}
          onChange={(event) => set("approval", event.currentTarget.checked ? {} : undefined)}
        />
        Somebody must approve each run
      </label>
      {isSchema(approval) ? (
        <ApprovalFields of={approval} problemAt={problemAt} onChange={(next) => set("approval", next)} />
      ) : null}
      <label class="switch">
        <input
          type="checkbox"
          checked={concurrency !== undefined}
          onChange={(event) => set("concurrency", event.currentTarget.checked ? { group: "" } : undefined)}
        />
        Runs take turns in a concurrency group
      </label>
      {isSchema(concurrency) ? (
        <ConcurrencyFields of={concurrency} problemAt={problemAt} onChange={(next) => set("concurrency", next)} />
      ) : null}
      {hasGate || waitTimeout !== undefined ? (
        <TextField
          label="Wait timeout (minutes)"
          hint="How long a run may wait. After this time, the run fails."
          inputMode="numeric"
          placeholder="10080"
          value={String(waitTimeout ?? "")}
          error={problemAt("/waitTimeout")}
          onText={(text) => set("waitTimeout", numberOf(text))}
        />
      ) : null}
      {problem === undefined ? null : <p class="field-error">{problem}</p>}
    </fieldset>
  );
}

interface PartProps {
  readonly of: Schema;
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onChange: (next: Schema) => void;
}

function ApprovalFields({ of, problemAt, onChange }: PartProps) {
  return (
    <div class="field-grid">
      <TextField
        label="Approvals"
        hint="How many different approvers a run needs, 5 at most."
        inputMode="numeric"
        placeholder="1"
        value={String(of.required ?? "")}
        error={problemAt("/approval/required")}
        onText={(text) => onChange(withMember(of, "required", numberOf(text)))}
      />
      <label class="switch">
        <input
          type="checkbox"
          checked={of.allowSelf === true}
          onChange={(event) => onChange(withMember(of, "allowSelf", event.currentTarget.checked || undefined))}
        />
        The creator of a run may approve it too
      </label>
    </div>
  );
}

function ConcurrencyFields({ of, problemAt, onChange }: PartProps) {
  const textOf = (name: string) => String(of[name] ?? "");
  return (
    <div class="field-grid">
      <TextField
        label="Group"
        hint="All actions of the environment with this group share its slots."
        placeholder="deploy"
        value={textOf("group")}
        error={problemAt("/concurrency/group")}
        onText={(text) => onChange(withMember(of, "group", text.trim()))}
      />
      <TextField
        label="Key"
        hint="Only runs with the same key take turns, for example {{ parameters.service }}."
        value={textOf("key")}
        error={problemAt("/concurrency/key")}
        onText={(text) => onChange(withMember(of, "key", text.trim() === "" ? undefined : text.trim()))}
      />
      <TextField
        label="Limit"
        hint="How many runs can run at once, 100 at most."
        inputMode="numeric"
        placeholder="1"
        value={textOf("limit")}
        error={problemAt("/concurrency/limit")}
        onText={(text) => onChange(withMember(of, "limit", numberOf(text)))}
      />
      <SelectField
        label="If there is no room for a run"
        value={textOf("onConflict") || "queue"}
        error={problemAt("/concurrency/onConflict")}
        onText={(text) => onChange(withMember(of, "onConflict", text))}
      >
        {Object.entries(CONFLICTS).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </SelectField>
    </div>
  );
}

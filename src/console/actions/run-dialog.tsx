/** The form that runs an action, made from its `parametersSchema`. */

import { useMemo, useState } from "preact/hooks";
import type { NewRunOfAction, StoredAction } from "../../client/index.ts";
import { hrefOf, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useChange } from "../ui/use-change.ts";
import { draftOf, parametersOf, suggestedTexts } from "./form-values.ts";
import { SchemaField } from "./schema-fields.tsx";
import { formOf, pointersOf } from "./schema-form.ts";

interface RunDialogProps {
  readonly action: StoredAction;
  readonly onClose: () => void;
}

/** A field of the parameters, as a pointer in the body. */
const inBody = (pointer: string) => `/parameters${pointer}`;

export function RunDialog({ action: { name, definition }, onClose }: RunDialogProps) {
  const { client, scope } = useSession();
  const router = useRouter();
  const { announce } = useNotices();
  const schemaForm = useMemo(() => formOf(definition.parametersSchema), [definition]);
  const jsonForm = useMemo(() => formOf(undefined), []);
  const [texts, setTexts] = useState(() => suggestedTexts(schemaForm));
  /** The parameters as JSON, instead of the fields; null while the fields are shown. */
  const [json, setJson] = useState<string | null>(null);
  const [entity, setEntity] = useState("");
  const [labels, setLabels] = useState("");

  const form = json === null ? schemaForm : jsonForm;
  const shownTexts = json === null ? texts : new Map([["", json]]);
  const change = useChange({ fields: ["/entityId", "/labels", ...pointersOf(form).map(inBody)] });

  function run() {
    const filled = parametersOf(form, shownTexts);
    if ("problems" in filled) {
      return change.refuse(
        new Map([...filled.problems].map(([pointer, problem]) => [inBody(pointer), problem])),
      );
    }
    const body: NewRunOfAction = {
      parameters: filled.value as NonNullable<NewRunOfAction["parameters"]>,
      ...(entity.trim() === "" ? {} : { entityId: entity.trim() }),
      ...(labels.trim() === "" ? {} : { labels: linesOf(labels) }),
    };
    change.submit({
      body,
      send: (options) => client.actions.run(name, body, options),
      done({ id }) {
        announce(`A run of ${name} was created.`);
        onClose();
        router.navigate(hrefOf({ name: "run", ...scope, id }));
      },
    });
  }

  const isEmptyForm = form.kind === "group" && form.fields.length === 0;
  return (
    <Dialog title={`Run ${name}`} onClose={onClose}>
      <ChangeForm change={change} onSubmit={run} onClose={onClose} verb="Run action" class="wide-form">
        {definition.trigger === undefined ? (
          <p class="warning-box">
            This action has no webhook, so nothing starts the work of this run. It stays open until its
            timeout, or until somebody cancels it.
          </p>
        ) : null}
        {isEmptyForm ? <p class="muted">This action takes no parameters.</p> : null}
        <div class="schema-form">
          {schemaForm.kind === "group" && !isEmptyForm ? (
            <Button
              kind="quiet"
              onClick={() =>
                setJson(json === null ? JSON.stringify(draftOf(schemaForm, texts), null, 2) : null)
              }
            >
              {json === null ? "Edit as JSON" : "Back to the form"}
            </Button>
          ) : null}
          <SchemaField
            field={form}
            texts={shownTexts}
            problemAt={(pointer) => change.problems.get(inBody(pointer))}
            onText={(pointer, text) =>
              json === null ? setTexts((before) => new Map(before).set(pointer, text)) : setJson(text)
            }
          />
        </div>
        <div class="run-about">
          <TextField
            label="Entity"
            hint="What the run is about, as a UUID. Optional."
            value={entity}
            error={change.problems.get("/entityId")}
            onText={setEntity}
          />
          <TextArea
            label="Labels"
            hint="One on each line. Optional."
            rows={2}
            value={labels}
            error={change.problems.get("/labels")}
            onText={setLabels}
          />
        </div>
      </ChangeForm>
    </Dialog>
  );
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

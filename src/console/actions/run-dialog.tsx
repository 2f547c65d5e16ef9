/** The form that runs an action, made from its `parametersSchema`. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ActionRunsError, type NewRunOfAction, type StoredAction } from "../../client/index.ts";
import { hrefOf, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog, DialogButtons } from "../ui/dialog.tsx";
import { sentenceOf } from "../ui/error-view.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { afterTry, keyPerBody } from "../ui/key-per-body.ts";
import { useNotices } from "../ui/notices.tsx";
import { draftOf, type Problems, parametersOf, suggestedTexts } from "./form-values.ts";
import { fieldOfRefusal, memberOfRefusal } from "./refusal.ts";
import { SchemaField } from "./schema-fields.tsx";
import { formOf } from "./schema-form.ts";

interface RunDialogProps {
  readonly action: StoredAction;
  readonly onClose: () => void;
}

/** What a refusal can be about besides the parameters. */
interface Refusal {
  readonly member: "entityId" | "labels" | null;
  readonly sentence: string;
}

const NO_PROBLEMS: Problems = new Map();

export function RunDialog({ action: { name, definition }, onClose }: RunDialogProps) {
  const { client, place } = useSession();
  const router = useRouter();
  const { announce } = useNotices();
  const schemaForm = useMemo(() => formOf(definition.parametersSchema), [definition]);
  const jsonForm = useMemo(() => formOf(undefined), []);
  const [texts, setTexts] = useState(() => suggestedTexts(schemaForm));
  /** The parameters as JSON, instead of the fields; null while the fields are shown. */
  const [json, setJson] = useState<string | null>(null);
  const [entity, setEntity] = useState("");
  const [labels, setLabels] = useState("");
  const [problems, setProblems] = useState(NO_PROBLEMS);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [keyOf] = useState(keyPerBody);
  const element = useRef<HTMLFormElement>(null);

  const form = json === null ? schemaForm : jsonForm;
  const shownTexts = json === null ? texts : new Map([["", json]]);

  useEffect(() => {
    if (problems.size > 0 || refusal !== null) showFirstProblem(element.current);
  }, [problems, refusal]);

  async function run(event: Event) {
    event.preventDefault();
    if (isBusy) return;
    setRefusal(null);
    const filled = parametersOf(form, shownTexts);
    setProblems("problems" in filled ? filled.problems : NO_PROBLEMS);
    if ("problems" in filled) return;
    const body: NewRunOfAction = {
      parameters: filled.value as NonNullable<NewRunOfAction["parameters"]>,
      ...(entity.trim() === "" ? {} : { entityId: entity.trim() }),
      ...(labels.trim() === "" ? {} : { labels: linesOf(labels) }),
    };
    setBusy(true);
    try {
      const { id } = await client.actions.run(name, body, { idempotencyKey: keyOf(body) });
      announce(`A run of ${name} was created.`);
      onClose();
      router.navigate(hrefOf({ name: "run", ...place, id }));
    } catch (error) {
      refuse(error);
    } finally {
      setBusy(false);
    }
  }

  function refuse(error: unknown) {
    const sentence = sentenceOf(error);
    const code = error instanceof ActionRunsError ? error.code : "";
    const pointer = code === "invalid_parameters" ? fieldOfRefusal(form, sentence) : null;
    if (pointer !== null) return setProblems(new Map([[pointer, sentence]]));
    setRefusal({
      member: code === "too_many_labels" ? "labels" : memberOf(code, sentence),
      sentence: afterTry(error, sentence),
    });
  }

  const refusalOf = (member: Refusal["member"]) => (refusal?.member === member ? refusal.sentence : null);
  const general = refusalOf(null);
  const isEmptyForm = form.kind === "group" && form.fields.length === 0;
  return (
    <Dialog title={`Run ${name}`} onClose={onClose}>
      <form ref={element} class="wide-form run-form" onSubmit={run} noValidate>
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
            problems={problems}
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
            error={refusalOf("entityId")}
            onInput={(event) => setEntity(event.currentTarget.value)}
          />
          <TextArea
            label="Labels"
            hint="One on each line. Optional."
            rows={2}
            value={labels}
            error={refusalOf("labels")}
            onInput={(event) => setLabels(event.currentTarget.value)}
          />
        </div>
        {general === null ? null : (
          <p class="field-error" role="alert">
            {general}
          </p>
        )}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" isBusy={isBusy}>
            Run action
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

function memberOf(code: string, sentence: string): Refusal["member"] {
  const member = code === "invalid_body" ? memberOfRefusal(sentence) : null;
  return member === "entityId" || member === "labels" ? member : null;
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

function showFirstProblem(form: HTMLFormElement | null): void {
  const control = form?.querySelector<HTMLElement>("[aria-invalid]");
  if (control) control.focus();
  else form?.querySelector(".field-error")?.scrollIntoView({ block: "nearest" });
}

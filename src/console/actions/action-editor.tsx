/** Stores a new action or changes one. Its fields and its JSON are two views of one text. */

import { useState } from "preact/hooks";
import { parseExact } from "../../client/exact-json.ts";
import type { ActionDefinition, StoredAction } from "../../client/index.ts";
import { leftOverWarning } from "../../client/left-over.ts";
import { pageAt, pathOf } from "../routes/pages.ts";
import { useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { useNotices } from "../ui/notices.tsx";
import { NO_PROBLEMS, useChange } from "../ui/use-change.ts";
import { DefinitionFields, pointersOfFields } from "./definition-fields.tsx";
import { unshownMember } from "./definition-shape.ts";
import { parametersIn } from "./parameter-builder.ts";
import { newDefinition, productOf } from "./product-fields.ts";
import { RunDialog } from "./run-dialog.tsx";
import { isSchema, type Schema } from "./schema-form.ts";
import { SecretFields } from "./secret-fields.tsx";
import { secretsOf, withSecrets } from "./secret-members.ts";
import { Tabs } from "./tabs.tsx";

interface ActionEditorProps {
  /** What the editor changes; null for a new action. */
  readonly stored: StoredAction | null;
  readonly onClose: () => void;
  /** Called when a read or a save shows another version than before. */
  readonly onStored: () => void;
}

/** The name is part of the path, and the definition is the whole body. */
const NAME = "name";
const DEFINITION = "";
const TABS = { fields: "Fields", json: "JSON" };
type Tab = keyof typeof TABS;

const ABOUT_NULL =
  "Each null stands for a secret. Type it below, or leave its field empty to keep the stored one. A change takes effect within 30 seconds.";
const DELETED =
  "Somebody deleted this action and its secrets. To store yours as a new action, type each secret, and save.";
const TAKEN = "There is an action of this name. Choose another name, or open that action and edit it.";
const AFTER_LOSS =
  "The service may have stored this. Open the action again before you save, because its newest change may be yours.";
const NAME_RULE =
  "Use 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or a digit.";
const EMPTY = "Fill this in.";

export function ActionEditor({ stored, onClose, onStored }: ActionEditorProps) {
  const { client, scope, reader, may } = useSession();
  const router = useRouter();
  const { note } = useNotices();
  // What the text began as. A PUT replaces only this version.
  const [base, setBase] = useState(stored);
  const [name, setName] = useState(stored?.name ?? "");
  const [shown, setShown] = useState(() => pretty(stored?.definition ?? newDefinition()));
  const [text, setText] = useState(shown);
  /** The secrets that were typed, by pointer. */
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const [isOutdated, setOutdated] = useState(false);
  const [toRun, setToRun] = useState<StoredAction | null>(null);

  const parsed = definitionOf(text);
  const definition = typeof parsed === "string" ? null : parsed;
  const unshown = definition === null ? null : unshownMember(definition);
  const canShow = definition !== null && unshown === null;
  const [tab, setTab] = useState<Tab>(canShow ? "fields" : "json");
  const [tabProblem, setTabProblem] = useState<string | null>(null);
  const read = definition !== null && canShow ? productIn(definition) : null;
  const secrets = secretsOf(definition).filter(
    ({ pointer }) => tab === "json" || read === null || isTyped(pointer, read),
  );
  const change = useChange({
    fields: [
      ...(tab === "fields" ? pointersOfFields(definition) : [DEFINITION]),
      ...secrets.map(({ pointer }) => pointer),
    ],
    afterLoss: AFTER_LOSS,
  });
  const problemAt = (pointer: string) => change.problems.get(pointer);

  function choose(next: Tab) {
    if (next === "fields" && !canShow) {
      setTabProblem(
        unshown === null
          ? "Correct the JSON first. The fields show it then."
          : `The fields can't show “${unshown}” as it is. Edit it here, as JSON.`,
      );
      return;
    }
    setTabProblem(null);
    change.refuse(NO_PROBLEMS);
    setTab(next);
  }

  function save(thenRun: boolean) {
    const asked = name.trim();
    const page = { name: "action", action: asked, ...scope } as const;
    const problems = new Map<string | null, string>();
    if (pageAt(pathOf(page))?.name !== "action") problems.set(NAME, NAME_RULE);
    if (typeof parsed === "string") problems.set(DEFINITION, parsed);
    for (const { key } of tab === "fields" ? (read?.product.fields ?? []) : [])
      if (!read?.values[key]) problems.set(`/trigger/url/${key}`, EMPTY);
    if (problems.size > 0 || typeof parsed === "string") return change.refuse(problems);
    const body = withSecrets(parsed, encoded(typed, read)) as ActionDefinition;
    change.submit({
      send: ({ signal }) => client.actions.put(asked, body, { ifVersion: base?.version ?? null, signal }),
      done(put) {
        const isSame = put.version === base?.version;
        note(
          isSame
            ? `${asked} stays at version ${put.version}, because nothing changed.`
            : `${asked} is stored as version ${put.version}.`,
        );
        onStored();
        if (thenRun) return setToRun(put);
        leave();
      },
      explain({ status }) {
        const isChanged = status === 412;
        if (isChanged && stored === null) return new Map([[NAME, TAKEN]]);
        setOutdated(isChanged);
        return isChanged ? NO_PROBLEMS : null;
      },
    });
  }

  function leave() {
    onClose();
    if (stored === null) router.navigate(pathOf({ name: "action", action: name.trim(), ...scope }));
  }

  const showTheirs = () =>
    change.submit({
      send: ({ signal }) => reader.actions.get(name, { signal }),
      done(theirs) {
        setBase(theirs);
        setShown(pretty(theirs.definition));
        setText(pretty(theirs.definition));
        setTyped(new Map());
        setTab(unshownMember(theirs.definition as Schema) === null ? "fields" : "json");
        setOutdated(false);
        onStored();
      },
      explain({ code }) {
        if (code !== "action_not_found") return null;
        setBase(null);
        setOutdated(false);
        return new Map([[tab === "json" ? DEFINITION : null, DELETED]]);
      },
    });

  const secretFields = (
    <SecretFields
      members={secrets}
      known={read?.product.secrets ?? []}
      typed={typed}
      stored={new Set(secretsOf(base?.definition).map(({ pointer }) => pointer))}
      problemAt={problemAt}
      onType={(pointer, secret) => setTyped((before) => new Map(before).set(pointer, secret))}
    />
  );
  if (toRun !== null) return <RunDialog action={toRun} onClose={leave} />;
  const warning =
    tab === "json" || read === null ? leftOverWarning(definition, "or the job can't start") : null;
  return (
    <Dialog
      title={stored === null ? "New action" : `Edit ${stored.name}`}
      onClose={onClose}
      isKept={text !== shown || typed.size > 0}
    >
      <ChangeForm
        change={change}
        onSubmit={() => save(false)}
        onClose={onClose}
        verb="Save"
        class="wide-form"
        also={
          may("data:write") ? (
            <Button isBusy={change.isBusy} onClick={() => save(true)}>
              Save and run
            </Button>
          ) : null
        }
      >
        {stored === null ? (
          <TextField
            label="Name"
            required
            placeholder="deploy"
            value={name}
            error={problemAt(NAME)}
            onText={setName}
          />
        ) : null}
        <Tabs label="Two views of the definition" tabs={TABS} chosen={tab} onChoose={choose}>
          {tab === "fields" && definition !== null && canShow ? (
            <DefinitionFields
              key={base?.version}
              definition={definition}
              hasTiles={stored === null}
              problemAt={problemAt}
              secrets={secretFields}
              onDefinition={(next) => setText(pretty(next))}
            />
          ) : (
            <TextArea
              label="Definition"
              class="editor"
              rows={18}
              hint={ABOUT_NULL}
              value={text}
              error={problemAt(DEFINITION) ?? tabProblem}
              onText={setText}
            />
          )}
          {tab === "json" ? secretFields : null}
        </Tabs>
        {warning === null ? null : <p class="warning-box">{sentence(warning)}</p>}
        {isOutdated ? (
          <div class="warning-box" role="alert">
            <p>
              Somebody changed this action after you opened it, so yours is not saved. Copy your text, show
              theirs, and make your change again.
            </p>
            <div class="head-buttons">
              <CopyButton what="your text" text={text} hasWord />
              <Button onClick={showTheirs} isBusy={change.isBusy}>
                Show theirs
              </Button>
            </div>
          </div>
        ) : null}
      </ChangeForm>
    </Dialog>
  );
}

type ReadProduct = ReturnType<typeof productOf>;

function productIn({ trigger, parametersSchema }: Schema): ReadProduct {
  const names = (parametersIn(parametersSchema) ?? []).map(({ name }) => name);
  return isSchema(trigger) ? productOf(trigger, names) : null;
}

/** Whether people type this secret. A product's other headers are templates that need no secret of their own. */
function isTyped(pointer: string, { product }: NonNullable<ReadProduct>): boolean {
  return pointer.endsWith("/signingSecret") || product.secrets.some((secret) => secret.pointer === pointer);
}

/** What is sent for the secrets that were typed. An empty field sends nothing. */
function encoded(typed: ReadonlyMap<string, string>, read: ReadProduct): ReadonlyMap<string, string> {
  const encoderOf = (pointer: string) =>
    read?.product.secrets.find((secret) => secret.pointer === pointer)?.encode ?? String;
  return new Map([...typed].map(([pointer, text]) => [pointer, text === "" ? "" : encoderOf(pointer)(text)]));
}

/** A sentence if the text is no definition. The service checks everything else. */
function definitionOf(text: string): Schema | string {
  const parsed = parseExact(text);
  if ("problem" in parsed) return parsed.problem;
  return isSchema(parsed.value)
    ? parsed.value
    : 'A definition is a JSON object, such as { "description": "…" }.';
}

function pretty(definition: object): string {
  return JSON.stringify(definition, null, 2);
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

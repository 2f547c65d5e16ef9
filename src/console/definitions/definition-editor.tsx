/**
 * The page that stores a new definition or changes one, of any kind. Its fields and its JSON are two views of one text.
 */
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { ActionRunsError } from "../../client/index.ts";
import { capitalized } from "../../words/statuses.ts";
import { parseExact } from "../../words/typed-json.ts";
import { unshownOf, withSecrets } from "../actions/definition-shape.ts";
import type { ProductSecret } from "../actions/products.ts";
import { isSchema, type Schema } from "../actions/schema-form.ts";
import { pageAt, pathOf } from "../pages.ts";
import { useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import {
  type Change,
  ChangeForm,
  NO_PROBLEMS,
  type Problems,
  problemsOf,
  TextArea,
  TextField,
  useChange,
} from "../ui/forms.tsx";
import { DetailHead } from "../ui/list-page.tsx";
import { ErrorView, useRead } from "../ui/load.tsx";
import { Button, CopyButton, Empty, NotYours, Skeleton, useNotices } from "../ui/parts.tsx";
import type { AnyStored, DefinitionKind } from "./kind.ts";
import { LeaveGuard } from "./leave-guard.tsx";
import { MadeSecretDialog } from "./rotate-secret-dialog.tsx";
import { SecretFields, secretProblem } from "./secret-fields.tsx";

/** What other parts of the page can use. */
export interface EditorForm<T> {
  readonly change: Change;
  /** As it was typed, without blanks around it. */
  readonly name: string;
  /** Without the secrets that were typed. Null: the JSON is no definition. */
  readonly definition: Schema | null;
  /** The name and the definition with its typed secrets. Null: the form shows what is wrong. */
  readonly checked: () => Checked | null;
  readonly save: (done: (put: T) => void) => void;
  /** An error in the form's words. `afterLoss`: what another try does. */
  readonly explain: (error: ActionRunsError, afterLoss: string) => Problems;
}

export interface Checked {
  readonly name: string;
  readonly body: Schema;
}

interface DefinitionEditorProps<T> {
  readonly kind: DefinitionKind<T>;
  /** What the editor changes; null for a new one. */
  readonly stored: T | null;
  /** What a new one begins with. */
  readonly first: () => Schema;
  /** Called after a save. Nothing is lost any more if the page is left. */
  readonly onSaved: (put: T) => void;
  /** Other buttons, before "Save". */
  readonly also: (form: EditorForm<T>) => ComponentChildren;
  /** Beside the fields, or below them if there is no room. */
  readonly beside: (form: EditorForm<T>) => ComponentChildren;
}

interface Made {
  readonly secret: string;
  readonly name: string;
  readonly goOn: () => void;
}

/** The name is part of the path, and the definition is the whole body. */
const NAME = "name";
const DEFINITION = "";
const TABS = { fields: "Fields", json: "JSON" };
type Tab = keyof typeof TABS;

const AFTER_LOSS =
  "The service may have stored this. Look at it in another tab before you save, because the newest change may be yours.";
const NAME_RULE = "Use 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or a digit.";
const EMPTY = "Fill this in.";

export function DefinitionEditor<T extends AnyStored>(props: DefinitionEditorProps<T>) {
  const { kind, stored, first, onSaved, also, beside } = props;
  const { noun, pageOf, viewOf, Fields } = kind;
  const router = useRouter();
  const back = stored === null ? kind.list : pageOf(stored.name);
  const { note } = useNotices();
  // What the text began as. A PUT replaces only this version.
  const [base, setBase] = useState(stored);
  const [name, setName] = useState(stored?.name ?? "");
  const [shown, setShown] = useState(() => pretty(stored?.definition ?? first()));
  const [text, setText] = useState(shown);
  /** The secrets that were typed, by pointer. */
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const [isOutdated, setOutdated] = useState(false);
  /** A secret that the service made, and what comes when somebody has seen it. */
  const [made, setMade] = useState<Made | null>(null);

  const parsed = definitionOf(text);
  const definition = typeof parsed === "string" ? null : parsed;
  const unshown = definition === null ? null : unshownOf(definition, kind.shown);
  const canShow = definition !== null && unshown === null;
  const [tab, setTab] = useState<Tab>(canShow ? "fields" : "json");
  const [tabProblem, setTabProblem] = useState<string | null>(null);
  const isJson = tab === "json";
  const view = viewOf(canShow || isJson ? definition : null, base?.definition, isJson);
  const { secrets } = view;
  const pointers = [...(isJson ? [DEFINITION] : view.pointers), ...secrets.map(({ pointer }) => pointer)];
  const change = useChange({ fields: pointers, afterLoss: AFTER_LOSS });
  const problemAt = (pointer: string) => change.problems.get(pointer);
  const explain = (error: ActionRunsError, afterLoss = AFTER_LOSS): Problems => {
    const secret = secretProblem(error, pointers, view.kept);
    if (secret !== null) return secret;
    const problems = [...problemsOf(error, pointers, afterLoss)];
    return new Map(problems.map(([field, sentence]) => [field, isJson ? sentence : kind.inWords(sentence)]));
  };

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

  function checked() {
    const asked = name.trim();
    const page = pageOf(asked);
    const problems = new Map<string | null, string>();
    if (pageAt(pathOf(page))?.name !== page.name) problems.set(NAME, NAME_RULE);
    if (typeof parsed === "string") problems.set(DEFINITION, parsed);
    for (const pointer of view.empty) problems.set(pointer, EMPTY);
    if (problems.size === 0 && typeof parsed !== "string") {
      return { name: asked, body: withSecrets(parsed, encoded(typed, view.known)) };
    }
    change.refuse(problems);
    return null;
  }

  function save(done: (put: T) => void) {
    const asked = checked();
    if (asked === null) return;
    change.submit({
      send: ({ signal }) => kind.put(asked.name, asked.body, { ifVersion: base?.version ?? null, signal }),
      done(put) {
        const isSame = put.version === base?.version;
        note(
          isSame
            ? `${put.name} stays at version ${put.version}, because nothing changed.`
            : `${put.name} is stored as version ${put.version}.`,
        );
        const secret = kind.madeSecret?.of(put) ?? null;
        if (secret === null) done(put);
        else setMade({ secret, name: put.name, goOn: () => done(put) });
      },
      explain(error) {
        const isChanged = error.status === 412;
        if (isChanged && stored === null) {
          return new Map([[NAME, `This name is taken. Choose another name, or open that ${noun} and edit it.`]]);
        }
        setOutdated(isChanged);
        return isChanged ? NO_PROBLEMS : explain(error);
      },
    });
  }

  const showTheirs = () =>
    change.submit({
      send: ({ signal }) => kind.get(name, { signal }),
      done(theirs) {
        setBase(theirs);
        setShown(pretty(theirs.definition));
        setText(pretty(theirs.definition));
        setTyped(new Map());
        setTab(unshownOf(theirs.definition as Schema, kind.shown) === null ? "fields" : "json");
        setOutdated(false);
      },
      explain({ code }) {
        if (code !== kind.goneCode) return null;
        setBase(null);
        setOutdated(false);
        const deleted = `Somebody deleted this ${noun} and its secrets. To store yours as a new one, type each secret, and save.`;
        return new Map([[isJson ? DEFINITION : null, deleted]]);
      },
    });

  const secretFields = (isShown: (pointer: string) => boolean, isInline = false) => (
    <SecretFields
      members={secrets.filter(({ pointer }) => isShown(pointer))}
      isInline={isInline}
      known={view.known}
      typed={typed}
      stored={view.kept}
      problemAt={problemAt}
      onType={(pointer, secret) => setTyped((before) => new Map(before).set(pointer, secret))}
    />
  );
  const fields = (
    <>
      {stored === null ? (
        <TextField
          label="Name"
          required
          placeholder={kind.namePlaceholder}
          value={name}
          error={problemAt(NAME)}
          onText={setName}
        />
      ) : null}
      <Tabs label="Two views of the definition" tabs={TABS} chosen={tab} onChoose={choose}>
        {!isJson && definition !== null && canShow ? (
          <Fields
            key={base?.version}
            definition={definition}
            isNew={stored === null}
            problemAt={problemAt}
            secretAt={(pointer) => secretFields((one) => one === pointer, true)}
            secretsBut={(...shown) => secretFields((one) => !shown.some((at) => one.startsWith(at)))}
            onDefinition={(next) => setText(pretty(next))}
          />
        ) : (
          <TextArea
            label="Definition"
            wrap="off"
            rows={18}
            hint={kind.aboutNull}
            value={text}
            error={problemAt(DEFINITION) ?? tabProblem}
            onText={setText}
          />
        )}
        {isJson ? secretFields(() => true) : null}
      </Tabs>
      {view.warning === null ? null : <p class="note is-warning">{capitalized(view.warning)}</p>}
      {isOutdated ? (
        <div class="note is-warning stack" role="alert">
          <p>
            Somebody changed this {noun} after you opened it, so yours is not saved. Copy your text, show theirs, and
            make your change again.
          </p>
          <div class="row">
            <CopyButton what="your text" text={text} hasWord />
            <Button onClick={showTheirs} isBusy={change.isBusy}>
              Show theirs
            </Button>
          </div>
        </div>
      ) : null}
    </>
  );
  if (made !== null && kind.madeSecret !== null) {
    return (
      <div class="page">
        <DetailHead list={pathOf(kind.list)} all={kind.all} title={made.name} />
        <MadeSecretDialog about={kind.madeSecret} name={made.name} secret={made.secret} onClose={made.goOn} />
      </div>
    );
  }
  const form = { change, name: name.trim(), definition, checked, save, explain };
  const isDirty = text !== shown || name !== (stored?.name ?? "") || [...typed.values()].some((one) => one !== "");
  return (
    <div class="page">
      <DetailHead
        list={pathOf(back)}
        all={stored === null ? kind.all : stored.name}
        title={stored === null ? `New ${noun}` : `Edit ${stored.name}`}
      />
      <LeaveGuard isDirty={isDirty} />
      <ChangeForm
        change={change}
        onSubmit={() => save(onSaved)}
        onClose={() => router.navigate(pathOf(back))}
        verb="Save"
        class="editor"
        isPage
        also={also(form)}
      >
        <div class="stack gap-24">{fields}</div>
        <div class="stack gap-14 editor-beside">{beside(form)}</div>
      </ChangeForm>
    </div>
  );
}

/** An error about the member `definition` of a body as one about the definition. */
export function ofDefinition(error: ActionRunsError): ActionRunsError {
  const pointer = error.pointer?.replace(/^\/definition(?=\/|$)/, "") ?? null;
  return new ActionRunsError(error.message.replaceAll(/(^|\s)definition\.(?=\w)/g, "$1"), { ...error, pointer });
}

interface EditorPageProps<T> {
  readonly kind: DefinitionKind<T>;
  /** Of what is changed; null for a new one. */
  readonly name: string | null;
  /** Shows the editor of what was read; of null for a new one. */
  readonly children: (stored: T | null) => ComponentChildren;
}

/** Reads a stored definition once: later versions must not replace what somebody types. */
export function EditorPage<T extends AnyStored>({ kind, name, children }: EditorPageProps<T>) {
  const { may } = useSession();
  const isAllowed = may(kind.permission);
  const { data, failure, reload } = useRead(
    async (signal) => (isAllowed && name !== null ? kind.get(name, { signal }) : null),
    [kind, name, isAllowed],
  );
  if (!isAllowed) return <NotYours what="this page" />;
  if (name === null || data !== undefined) return <>{children(data ?? null)}</>;
  const isGone = failure?.error instanceof ActionRunsError && failure.error.code === kind.goneCode;
  return (
    <div class="page">
      {isGone ? (
        <Empty isPage title={`There is no ${kind.noun} of this name`}>
          <p>Somebody deleted it, or the name in the address is wrong.</p>
        </Empty>
      ) : failure === null ? (
        <Skeleton />
      ) : (
        <ErrorView failure={failure} onRetry={reload} />
      )}
    </div>
  );
}

/** What is sent for the secrets that were typed. An empty field sends nothing. */
function encoded(typed: ReadonlyMap<string, string>, known: readonly ProductSecret[]): ReadonlyMap<string, string> {
  const encoderOf = (pointer: string) => known.find((secret) => secret.pointer === pointer)?.encode ?? String;
  return new Map([...typed].map(([pointer, text]) => [pointer, text === "" ? "" : encoderOf(pointer)(text)]));
}

/** A sentence if the text is no definition. The service checks everything else. */
function definitionOf(text: string): Schema | string {
  const parsed = parseExact(text);
  if ("problem" in parsed) return parsed.problem;
  return isSchema(parsed.value) ? parsed.value : 'A definition is a JSON object, such as { "description": "…" }.';
}

function pretty(definition: object): string {
  return JSON.stringify(definition, null, 2);
}

interface TabsProps<T extends string> {
  readonly label: string;
  readonly tabs: Readonly<Record<T, string>>;
  readonly chosen: T;
  readonly onChoose: (tab: T) => void;
  /** Shows the chosen one. */
  readonly children: ComponentChildren;
}

function Tabs<T extends string>({ label, tabs, chosen, onChoose, children }: TabsProps<T>) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const names = Object.keys(tabs) as T[];
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} ref={list}>
        {names.map((name, index) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${name}`}
            aria-selected={name === chosen}
            aria-controls={id}
            tabIndex={name === chosen ? 0 : -1}
            onClick={() => onChoose(name)}
            onKeyDown={({ key }) => {
              if (key !== "ArrowLeft" && key !== "ArrowRight") return;
              const step = key === "ArrowLeft" ? -1 : 1;
              const next = names.at((index + step) % names.length);
              if (next === undefined) return;
              onChoose(next);
              list.current?.querySelector<HTMLElement>(`[id="${id}-${next}"]`)?.focus();
            }}
          >
            {tabs[name]}
          </button>
        ))}
      </div>
      <div class="stack gap-24" role="tabpanel" id={id} aria-labelledby={`${id}-${chosen}`}>
        {children}
      </div>
    </>
  );
}

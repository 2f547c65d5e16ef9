/** The page that stores or changes a definition of any kind. Its fields and its JSON are two views of one text. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ActionRunsError, type Schemas } from "../../client/index.ts";
import { formatDuration } from "../../words/durations.ts";
import { capitalized } from "../../words/statuses.ts";
import { parseExact } from "../../words/typed-json.ts";
import type { ProductSecret } from "../actions/products.ts";
import { isSchema, type Schema } from "../actions/schema-form.ts";
import { pageAt } from "../pages.ts";
import { useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import {
  type Change,
  ChangeDialog,
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
import { Button, CopyButton, Skeleton, useNotices } from "../ui/parts.tsx";
import { Gone } from "./definition-page.tsx";
import { type AnyStored, callsOf, type DefinitionKind, isGone, pagesOf, secretOf, type View } from "./kind.ts";
import { pointersOf, secretsOf, unshownOf, withSecrets } from "./members.ts";
import { MadeSecretDialog, SecretFields, secretProblem } from "./secrets.tsx";

export interface EditorForm {
  readonly change: Change;
  /** Without the secrets that were typed. Null: the JSON is no definition. */
  readonly definition: Schema | null;
  /** The name and the definition with its typed secrets. Null: the form shows what is wrong. */
  readonly checked: () => { readonly name: string; readonly body: Schema } | null;
  /** Goes to the page of the definition afterwards. `query`: what that page shows besides. */
  readonly save: (query: string) => void;
  /** An error in the form's words. `afterLoss`: what another try does. */
  readonly explain: (error: ActionRunsError, afterLoss: string) => Problems;
}

interface EditorPageProps {
  readonly kind: DefinitionKind;
  /** Of what is changed; null for a new one. */
  readonly name: string | null;
  readonly first: () => Schema;
  /** Called when another version of a definition is stored. */
  readonly onChanged?: (name: string) => void;
  /** Other buttons, before "Save". */
  readonly also?: (form: EditorForm) => ComponentChildren;
  /** Beside the fields, or below them if there is no room. */
  readonly beside: (form: EditorForm) => ComponentChildren;
}

/** Reads a stored definition once: later versions must not replace what somebody types. */
export function EditorPage(props: EditorPageProps) {
  const { kind, name } = props;
  const { reader } = useSession();
  const { data, failure, reload } = useRead<AnyStored | null>(
    async (signal) => (name === null ? null : callsOf(reader, kind).get(name, { signal })),
    [reader, kind, name],
  );
  if (name === null || data !== undefined) return <Editor {...props} stored={data ?? null} />;
  return (
    <div class="page">
      {isGone(kind, failure) ? <Gone kind={kind} isPage /> : <ErrorView failure={failure} onRetry={reload} />}
      {failure === null ? <Skeleton /> : null}
    </div>
  );
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

function Editor(props: EditorPageProps & { readonly stored: AnyStored | null }) {
  const { kind, stored, first, onChanged, also, beside } = props;
  const { noun, madeSecret, Fields } = kind;
  const { client, scope } = useSession();
  const router = useRouter();
  const pages = pagesOf(kind, scope);
  const back = stored === null ? pages.list : pages.one(stored.name);
  const { note } = useNotices();
  // What the text began as. A PUT replaces only this version.
  const [base, setBase] = useState(stored);
  const [name, setName] = useState(stored?.name ?? "");
  const [shown, setShown] = useState(() => pretty(stored?.definition ?? first()));
  const [text, setText] = useState(shown);
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const [isOutdated, setOutdated] = useState(false);
  /** A secret that the service made, and what comes when somebody has seen it. */
  const [made, setMade] = useState<{ secret: string; name: string; goOn: () => void } | null>(null);

  const parsed = definitionOf(text);
  const definition = typeof parsed === "string" ? null : parsed;
  const unshown = definition === null ? null : unshownOf(definition, kind.fields);
  const canShow = definition !== null && unshown === null;
  const [tab, setTab] = useState<Tab>(canShow ? "fields" : "json");
  const [tabProblem, setTabProblem] = useState<string | null>(null);
  const isJson = tab === "json";
  const viewed = canShow || isJson ? definition : null;
  const view: View = {
    secrets: secretsOf(viewed),
    known: [],
    kept: new Set(secretsOf(base?.definition)),
    pointers: pointersOf(viewed, kind.fields),
    empty: [],
    warning: null,
    ...kind.viewOf(viewed, base?.definition, isJson),
  };
  const pointers = [...(isJson ? [DEFINITION] : view.pointers), ...view.secrets];
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
    const problems = new Map<string | null, string>();
    if (pageAt(pages.one(asked))?.name !== noun) problems.set(NAME, NAME_RULE);
    if (typeof parsed === "string") problems.set(DEFINITION, parsed);
    for (const pointer of view.empty) problems.set(pointer, EMPTY);
    if (problems.size === 0 && typeof parsed !== "string") {
      return { name: asked, body: withSecrets(parsed, encoded(typed, view.known)) };
    }
    change.refuse(problems);
    return null;
  }

  function save(query = "") {
    const asked = checked();
    if (asked === null) return;
    const body = asked.body as Schemas["ActionDefinition"];
    change.submit({
      send: ({ signal }) => callsOf(client, kind).put(asked.name, body, { ifVersion: base?.version ?? null, signal }),
      done(put) {
        const isSame = put.version === base?.version;
        note(
          isSame
            ? `${put.name} stays at version ${put.version}, because nothing changed.`
            : `${put.name} is stored as version ${put.version}.`,
        );
        function goOn() {
          if (stored !== null && put.version !== stored.version) onChanged?.(put.name);
          router.navigate(pages.one(put.name, query), { isSafe: true });
        }
        const secret = secretOf(kind, put);
        if (secret === null) goOn();
        else setMade({ secret, name: put.name, goOn });
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
      send: ({ signal }) => callsOf(client, kind).get(name, { signal }),
      done(theirs) {
        setBase(theirs);
        setShown(pretty(theirs.definition));
        setText(pretty(theirs.definition));
        setTyped(new Map());
        setTab(unshownOf(theirs.definition, kind.fields) === null ? "fields" : "json");
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
      pointers={view.secrets.filter(isShown)}
      isInline={isInline}
      known={view.known}
      typed={typed}
      stored={view.kept}
      problemAt={problemAt}
      onType={(pointer, secret) => setTyped((before) => new Map(before).set(pointer, secret))}
    />
  );
  const all = `All ${kind.list}`;
  if (made !== null && madeSecret !== null) {
    return (
      <div class="page">
        <DetailHead list={pages.list} all={all} title={made.name} />
        <MadeSecretDialog about={madeSecret} name={made.name} secret={made.secret} onClose={made.goOn} />
      </div>
    );
  }
  const form = { change, definition, checked, save, explain };
  const isDirty = text !== shown || name !== (stored?.name ?? "") || [...typed.values()].some((one) => one !== "");
  return (
    <div class="page">
      <DetailHead
        list={back}
        all={stored === null ? all : stored.name}
        title={stored === null ? `New ${noun}` : `Edit ${stored.name}`}
      />
      <LeaveGuard isDirty={isDirty} />
      <ChangeForm
        change={change}
        onSubmit={save}
        onClose={() => router.navigate(back)}
        verb="Save"
        class="editor"
        isPage
        also={also?.(form)}
      >
        <div class="stack gap-24">
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
          <Tabs chosen={tab} onChoose={choose}>
            {!isJson && definition !== null && canShow ? (
              <Fields
                key={base?.version}
                definition={definition}
                isNew={stored === null}
                problemAt={problemAt}
                secretAt={(pointer) => secretFields((one) => one === pointer, true)}
                secretsBut={(...others) => secretFields((one) => !others.some((at) => one.startsWith(at)))}
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
                Somebody changed this {noun} after you opened it, so yours is not saved. Copy your text, show theirs,
                and make your change again.
              </p>
              <div class="row">
                <CopyButton what="your text" text={text} hasWord />
                <Button onClick={showTheirs} isBusy={change.isBusy}>
                  Show theirs
                </Button>
              </div>
            </div>
          ) : null}
        </div>
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

interface TabsProps {
  readonly chosen: Tab;
  readonly onChoose: (tab: Tab) => void;
  readonly children: ComponentChildren;
}

function Tabs({ chosen, onChoose, children }: TabsProps) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const other: Tab = chosen === "json" ? "fields" : "json";
  return (
    <>
      <div
        class="tabs"
        role="tablist"
        aria-label="Two views of the definition"
        ref={list}
        onKeyDown={({ key }) => {
          if (key !== "ArrowLeft" && key !== "ArrowRight") return;
          onChoose(other);
          list.current?.querySelector<HTMLElement>(`[id="${id}-${other}"]`)?.focus();
        }}
      >
        {(Object.keys(TABS) as Tab[]).map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${name}`}
            aria-selected={name === chosen}
            aria-controls={id}
            tabIndex={name === chosen ? 0 : -1}
            onClick={() => onChoose(name)}
          >
            {TABS[name]}
          </button>
        ))}
      </div>
      <div class="stack gap-24" role="tabpanel" id={id} aria-labelledby={`${id}-${chosen}`}>
        {children}
      </div>
    </>
  );
}

/** Asks before somebody leaves the page by a link, by back and forward, or by a reload. */
function LeaveGuard({ isDirty }: { readonly isDirty: boolean }) {
  const router = useRouter();
  const change = useChange();
  const [go, setGo] = useState<(() => void) | null>(null);
  useEffect(() => {
    if (!isDirty) return;
    // The browser asks in its own words.
    const warn = (event: Event) => event.preventDefault();
    addEventListener("beforeunload", warn);
    const release = router.guard((next) => setGo(() => next));
    return () => {
      removeEventListener("beforeunload", warn);
      release();
    };
  }, [router, isDirty]);
  if (go === null) return null;
  return (
    <ChangeDialog
      title="Leave without saving?"
      change={change}
      onSubmit={() => {
        setGo(null);
        go();
      }}
      onClose={() => setGo(null)}
      verb="Leave"
      kind="danger"
      keep="Keep editing"
      isLocal
    >
      <p>What you changed on this page is not saved, and would be lost.</p>
    </ChangeDialog>
  );
}

export type Tested = Schemas["WebhookTestResult"];

const WORDS: Readonly<Record<Tested["outcome"], string>> = {
  delivered: "arrived.",
  failed: "did not arrive.",
  refused: "did not arrive, and the service would not try it again.",
  not_made: "was not sent.",
};

export function TestResult({ what, result }: { readonly what: string; readonly result: Tested }) {
  const box = useRef<HTMLDivElement>(null);
  // It can be below what is seen.
  useEffect(() => box.current?.scrollIntoView({ block: "nearest" }), [result]);
  const { outcome, reason, durationMs, excerpt } = result;
  return (
    <div ref={box} class={`note is-${outcome === "delivered" ? "succeeded" : "failed"}`} role="alert">
      <p>
        <strong>
          {what} {WORDS[outcome]}
        </strong>{" "}
        The receiver <bdi>{reason.replace(/\.$/, "")}</bdi>, after {formatDuration(durationMs)}.
      </p>
      {excerpt === null ? null : (
        <pre class="excerpt card is-side">
          <bdi>{excerpt}</bdi>
        </pre>
      )}
    </div>
  );
}

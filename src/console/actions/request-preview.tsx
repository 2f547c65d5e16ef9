/** The request that an action sends: a preview and a test. The service renders it, and shows null for each secret. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ActionRunsError, type Schemas } from "../../client/index.ts";
import { ofDefinition, type Tested, TestResult } from "../definitions/definition-editor.tsx";
import { valueAt } from "../definitions/members.ts";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, type Problems, TextArea, useChange } from "../ui/forms.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { sentenceOf, useRead } from "../ui/load.tsx";
import { Fact } from "../ui/parts.tsx";
import { inWords } from "./action-fields.ts";
import { exampleParameters, isSchema, objectOf, type Schema } from "./schema-form.ts";

type Request = Schemas["RequestPreview"];

/** `template`: the payload that it was made of, to tell a secret from a value that is null. */
export function RequestView({ request, template }: { readonly request: Request; readonly template?: unknown }) {
  const { method, url, headers, payload } = request;
  const names = Object.entries(headers);
  return (
    <div class="stack">
      <p class="break">
        <code>
          {method} {url === null ? <Secret /> : <bdi>{url}</bdi>}
        </code>
      </p>
      {names.length === 0 ? null : (
        <dl class="facts stack gap-6">
          {names.map(([name, value]) => (
            <Fact key={name} term={<bdi>{name}</bdi>}>
              {value === null ? <Secret /> : <bdi>{value}</bdi>}
            </Fact>
          ))}
        </dl>
      )}
      {payload === undefined ? null : (
        <>
          <JsonTree what="body" value={template === undefined ? payload : dotted(template, payload)} />
          {template === undefined ? <p class="hint">In the body, null is a secret, or a value that is null.</p> : null}
        </>
      )}
    </div>
  );
}

const DOTS = "••••••••";

function Secret() {
  return (
    <span class="muted" title="A secret">
      <span aria-hidden="true">{DOTS}</span>
      <span class="only-heard">secret</span>
    </span>
  );
}

/** The payload with dots where a text of the template names a secret. */
function dotted(template: unknown, payload: unknown): unknown {
  if (typeof template === "string") {
    return payload === null && /secrets|callbackToken/.test(template) ? DOTS : payload;
  }
  if (Array.isArray(template) && Array.isArray(payload)) return payload.map((one, n) => dotted(template[n], one));
  if (!isSchema(template) || !isSchema(payload)) return payload;
  return Object.fromEntries(Object.entries(payload).map(([name, one]) => [name, dotted(template[name], one)]));
}

type TrialParameters = NonNullable<ReturnType<typeof useTrialParameters>>;

/** The parameters of a try: those of the last run, which is read once, or examples. Null: it is not read yet. */
export function useTrialParameters(name: string | null, schema: unknown) {
  const { reader } = useSession();
  const [typed, setTyped] = useState<string | null>(null);
  const last = useRead(
    async (signal) => {
      if (name === null) return null;
      const { entries } = await reader.runs.list({ actionName: name, limit: 1 }, { signal }).page();
      return entries[0]?.parameters ?? null;
    },
    [reader, name],
  );
  if (last.data === undefined && last.failure === null) return null;
  const ofLastRun = last.data ?? null;
  const shown = ofLastRun ?? exampleParameters(isSchema(schema) ? schema : undefined);
  const text = typed ?? JSON.stringify(shown, null, 2);
  return { text, setText: (next: string) => setTyped(next), isOfLastRun: typed === null && ofLastRun !== null };
}

function TrialParametersField({ text, setText, isOfLastRun }: TrialParameters) {
  return (
    <TextArea
      label="With these parameters"
      hint={isOfLastRun ? "Those of the last run. Change them as you like." : "Examples. Change them as you like."}
      rows={4}
      value={text}
      error={objectOf(text) === null ? "Type a JSON object." : undefined}
      onText={setText}
    />
  );
}

const PAUSE_MS = 400;

interface RequestPreviewProps {
  /** Of the action; empty if it has none yet. */
  readonly name: string;
  /** Without secrets. Null: the text is not valid JSON. */
  readonly definition: Schema | null;
  readonly parameters: TrialParameters | null;
  readonly button: ComponentChildren;
}

export function RequestPreview({ name, definition, parameters, button }: RequestPreviewProps) {
  const { reader } = useSession();
  const value = parameters === null ? null : objectOf(parameters.text);
  const now = definition === null || value === null ? null : JSON.stringify({ definition, parameters: value });
  const asked = useSettled(now);
  const { data, failure } = useRead(
    async (signal) => {
      if (asked === null) return null;
      const body = JSON.parse(asked) as Schemas["ActionTest"];
      const shown = await reader.actions.preview(name === "" ? UNNAMED : name, body, { signal });
      return { ...shown, template: valueAt(body.definition, "/trigger/payload") ?? EVERYTHING };
    },
    [reader, asked],
  );
  // What was shown stays until the next one is there.
  const shown = useRef(data);
  if (data != null) shown.current = data;
  const { request = null, template, title = null, subject = null } = shown.current ?? {};
  const isBehind = failure === null && (data == null || asked !== now);
  return (
    <section class="stack request-preview" aria-busy={isBehind}>
      <div class="row is-apart">
        <h2>Preview of the request</h2>
        {button}
      </div>
      {parameters === null ? null : <TrialParametersField {...parameters} />}
      {failure === null ? null : <p class="note is-warning">{problemOf(failure.error)}</p>}
      {failure !== null || (title === null && subject === null) ? null : (
        <dl class="facts stack gap-6">
          <Fact term="Title">{title === null ? <span class="muted">none</span> : <bdi>{title}</bdi>}</Fact>
          <Fact term="Subject">{subject === null ? <span class="muted">none</span> : <bdi>{subject}</bdi>}</Fact>
        </dl>
      )}
      {failure !== null || shown.current == null ? null : request === null ? (
        <p class="muted">Without a webhook, the action sends nothing.</p>
      ) : (
        <RequestView request={request} template={template} />
      )}
    </section>
  );
}

/** A preview needs a name in its address, and shows none. */
const UNNAMED = "new";

/** Without the pointer's words: the label of the field. */
function problemOf(error: unknown): string {
  return error instanceof ActionRunsError ? inWords(ofDefinition(error).message) : sentenceOf(error);
}

/** Without a payload, the body is everything about the run. Then only the callback token is null. */
const EVERYTHING = { run: { callbackToken: "callbackToken" } };

/** The value after a pause in which it has not changed. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(setSettled, PAUSE_MS, value);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

const AFTER_LOST_TEST = "The receiver may have got this request. Another try sends a second one.";

interface ActionTestDialogProps {
  readonly name: string;
  /** One that is not stored, with its secrets; null for the stored one. */
  readonly body: Schema | null;
  readonly parameters: TrialParameters;
  /** An error in the words of a form. */
  readonly explain?: (error: ActionRunsError, afterLoss: string) => Problems;
  readonly onClose: () => void;
}

export function ActionTestDialog({ name, body, parameters, explain, onClose }: ActionTestDialogProps) {
  const { reader } = useSession();
  const [tested, setTested] = useState<Tested | null>(null);
  const [text, setText] = useState(parameters.text);
  const change = useChange({ afterLoss: AFTER_LOST_TEST });
  function test() {
    const value = objectOf(text);
    if (value === null) return;
    setTested(null);
    const asked = { ...(body !== null && { definition: body }), parameters: value } as Schemas["ActionTest"];
    change.submit({
      send: ({ signal }) => reader.actions.test(name, asked, { signal }),
      done: setTested,
      // The dialog has no field of the definition, so every sentence stands as a whole.
      explain: (error) => {
        const problems = explain?.(error, AFTER_LOST_TEST);
        return problems === undefined ? null : new Map([[null, [...problems.values()].join(" ")]]);
      },
    });
  }
  return (
    <ChangeDialog
      title={`Test ${name}`}
      change={change}
      onSubmit={test}
      onClose={onClose}
      verb="Call it now"
      kind="danger"
      keep="Close"
      class="wide-form"
      besides={tested === null ? null : <TestResult what="The request" result={tested} />}
    >
      <p class="note is-warning">
        This calls your CI for real. If the request starts a deploy, it deploys. No run is created, so the job can't
        report, and you don't find it in the list of runs.
      </p>
      <TrialParametersField {...parameters} text={text} setText={setText} />
    </ChangeDialog>
  );
}

/** Why an action can't be tested; null if it can. */
export function untestable({ trigger, approval, concurrency }: Schema): string | null {
  if (trigger === undefined) return "The action has no webhook, so there is nothing to test.";
  if (approval !== undefined || concurrency !== undefined) {
    return "An action with an approval or a concurrency group can't be tested: a test would go around it. Run it instead.";
  }
  return null;
}

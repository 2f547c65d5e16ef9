/**
 * The request that an action sends, as people may see it, and its preview while somebody edits the action. The service
 * renders it, and shows null instead of each secret.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ActionRunsError, type Schemas } from "../../client/index.ts";
import { parseExact } from "../../words/typed-json.ts";
import { ofDefinition } from "../definitions/definition-editor.tsx";
import { useSession } from "../session/session.tsx";
import { TextArea } from "../ui/forms.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { sentenceOf, useRead } from "../ui/load.tsx";
import { Fact } from "../ui/parts.tsx";
import { exampleParameters, inWords } from "./field-words.ts";
import { isSchema, type Schema } from "./schema-form.ts";

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

/** The parameters of a request that no run has: those of the last run, or examples, until somebody types others. */
export interface TrialParameters {
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly isOfLastRun: boolean;
}

/** `name`: of a stored action; null if there is none. The last run is read once. Null: it is not read yet. */
export function useTrialParameters(name: string | null, schema: unknown): TrialParameters | null {
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
  const schemaText = JSON.stringify(schema);
  const examples = useMemo(() => exampleParameters(isSchema(schema) ? schema : undefined), [schemaText]);
  if (last.data === undefined && last.failure === null) return null;
  const ofLastRun = last.data ?? null;
  const text = typed ?? JSON.stringify(ofLastRun ?? examples, null, 2);
  return { text, setText: setTyped, isOfLastRun: typed === null && ofLastRun !== null };
}

type ParametersFieldProps = Pick<TrialParameters, "text" | "setText" | "isOfLastRun">;

export function TrialParametersField({ text, setText, isOfLastRun }: ParametersFieldProps) {
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

/** Null if the text is no JSON object. */
export function objectOf(text: string): Schema | null {
  const parsed = parseExact(text);
  return "value" in parsed && isSchema(parsed.value) ? parsed.value : null;
}

const PAUSE_MS = 400;

interface RequestPreviewProps {
  /** Of the action; empty if it has none yet. */
  readonly name: string;
  /** Without secrets. Null: the text is not valid JSON. */
  readonly definition: Schema | null;
  /** Null: not known yet. */
  readonly parameters: TrialParameters | null;
  /** Beside the heading. */
  readonly button: ComponentChildren;
}

/** Follows what somebody types, after a short pause. */
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
      return { ...shown, template: payloadIn(body.definition) };
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

/** Null: the body is everything about the run. Then only the callback token is null. */
function payloadIn(definition: unknown): unknown {
  const trigger = isSchema(definition) ? definition.trigger : undefined;
  const payload = isSchema(trigger) ? trigger.payload : undefined;
  return payload === undefined ? { run: { callbackToken: "callbackToken" } } : payload;
}

/** The value after a pause in which it has not changed. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(setSettled, PAUSE_MS, value);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

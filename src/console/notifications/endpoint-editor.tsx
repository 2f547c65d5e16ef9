/** The pages that store a new endpoint or change one, and try it before. A new signing secret is shown once. */
import { useMemo, useState } from "preact/hooks";
import type { PutEndpoint, Schemas, Stored } from "../../client/index.ts";
import { leftOverWarning } from "../../words/typed-json.ts";
import { withMember } from "../actions/definition-shape.ts";
import type { Schema } from "../actions/schema-form.ts";
import { HeaderFields, PayloadField, Tile } from "../actions/webhook-fields.tsx";
import { DefinitionEditor, type EditorForm, EditorPage, ofDefinition } from "../definitions/definition-editor.tsx";
import { type DefinitionKind, type FieldsProps, operationsOf, type View } from "../definitions/kind.ts";
import { type Tested, TestResult } from "../definitions/test-result.tsx";
import { pathOf } from "../pages.ts";
import { useRoute, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, Check, LinesField, TextField, useChange } from "../ui/forms.tsx";
import { Button } from "../ui/parts.tsx";
import {
  EVENTS,
  firstDefinition,
  keptSecrets,
  OWN,
  pointersOf,
  RECEIVERS,
  type Receiver,
  receiverOf,
  SHOWN,
  secretsOf,
  withReceiver,
} from "./endpoint-shape.ts";

type Put = Stored<Schemas["StoredWebhookEndpoint"]> & Partial<Pick<PutEndpoint, "signingSecret">>;

const ABOUT_NULL =
  "null for url keeps the stored URL, and then null keeps each other secret, too. A change takes effect within 30 seconds.";
const AFTER_LOST_TEST = "The receiver may have got this message. Another try sends a second one.";

export function useEndpointKind(): DefinitionKind<Put> {
  const { client, scope, reader } = useSession();
  return useMemo(
    () => ({
      noun: "endpoint",
      namePlaceholder: "chat",
      aboutNull: ABOUT_NULL,
      permission: "webhooks:manage",
      all: "All notifications",
      list: { name: "notifications", ...scope },
      pageOf: (endpoint) => ({ name: "endpoint", endpoint, ...scope }),
      goneCode: "webhook_endpoint_not_found",
      deletion:
        "Its secrets and its messages that wait are deleted, too. A message can still be sent for up to 30 seconds.",
      ...operationsOf<Put, Schemas["WebhookEndpoint"]>(client.webhookEndpoints, reader.webhookEndpoints),
      secretsOf,
      madeSecret: {
        noun: "signing secret",
        advice:
          "A program of yours verifies each message with it. A chat needs no signing secret, so you can leave it.",
        overlap: "While it works, both sign each message, so that the receiver can change over.",
        of: ({ signingSecret = null }) => signingSecret,
        async rotate(name, options) {
          const { signingSecret: secret, graceEndsAt } = await client.webhookEndpoints.rotateSecret(name, options);
          return { secret, graceEndsAt };
        },
      },
      shown: SHOWN,
      inWords: String,
      viewOf,
      Fields: EndpointFields,
    }),
    [client, reader, scope],
  );
}

/** `name`: of the endpoint that is changed; null for a new one. Then the address says whose payload it begins with. */
export function EndpointEditorPage({ name }: { readonly name: string | null }) {
  const { query } = useRoute();
  const kind = useEndpointKind();
  const receiver = RECEIVERS.find(({ title }) => title === query.get("receiver")) ?? OWN;
  return (
    <EditorPage kind={kind} name={name}>
      {(stored) => <EndpointEditor kind={kind} stored={stored} receiver={receiver} />}
    </EditorPage>
  );
}

interface EndpointEditorProps {
  readonly kind: DefinitionKind<Put>;
  /** What the editor changes; null for a new endpoint. */
  readonly stored: Put | null;
  /** Whose payload a new endpoint begins with. */
  readonly receiver: Receiver;
}

function EndpointEditor({ kind, stored, receiver }: EndpointEditorProps) {
  const { reader } = useSession();
  const router = useRouter();
  const [tested, setTested] = useState<Tested | null>(null);
  const leave = ({ name }: Put) => router.navigate(pathOf(kind.pageOf(name)), { isSafe: true });

  function test({ change, checked, explain }: EditorForm<Put>) {
    setTested(null);
    const asked = checked();
    if (asked === null) return;
    change.submit({
      send: ({ signal }) =>
        reader.webhookEndpoints.test(asked.name, { definition: asked.body as Schemas["WebhookEndpoint"] }, { signal }),
      done: setTested,
      explain: (error) => explain(ofDefinition(error), AFTER_LOST_TEST),
    });
  }

  return (
    <DefinitionEditor<Put>
      kind={kind}
      stored={stored}
      first={() => firstDefinition(receiver)}
      onSaved={leave}
      beside={() => (tested === null ? null : <TestResult what="The test message" result={tested} />)}
      also={(form) => (
        <Button isBusy={form.change.isBusy} onClick={() => test(form)}>
          Send test
        </Button>
      )}
    />
  );
}

function viewOf(definition: Schema | null, base: object | undefined, isJson: boolean): View {
  const isNew = base === undefined;
  return {
    secrets: secretsOf(definition),
    known: [],
    kept: keptSecrets(base, definition),
    pointers: pointersOf(definition),
    empty: isNew && !isJson && definition?.url === null ? ["/url"] : [],
    warning: leftOverWarning(definition, "or no message can arrive"),
  };
}

/** An endpoint as fields. Each of them changes the definition at once, so the JSON beside them is always the same. */
function EndpointFields(props: FieldsProps) {
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
    <Check isOn={definition[name] === true} onChange={(isOn) => set(name, isOn)}>
      {label}
    </Check>
  );
  return (
    <>
      <fieldset class="group stack gap-14">
        <legend>Who is told</legend>
        {isNew ? (
          <div class="grid">
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
      {secretsBut(...(receiver === OWN ? ["/headers/"] : []))}
      <fieldset class="group stack gap-14">
        <legend>Which runs</legend>
        <fieldset class="stack">
          <legend>Events</legend>
          <div class="row gap-14">
            {Object.entries(EVENTS).map(([event, label]) => (
              <Check
                key={event}
                isOn={events.includes(event)}
                onChange={(isOn) => set("events", isOn ? [...events, event] : events.filter((one) => one !== event))}
              >
                {label}
              </Check>
            ))}
          </div>
          {problemAt("/events") === undefined ? null : <p class="field-error">{problemAt("/events")}</p>}
        </fieldset>
        {lines("Actions", "actionNames", "One on each line. Only runs of these stored actions. Empty: every run.")}
        {lines("Labels", "labels", "One on each line. Only runs that have all of them.")}
        {flag("Only if the outcome differs from the previous run’s", "onlyOnChange")}
        {flag("Only final ends: hear of a failure only if no automatic retry follows", "final")}
        {flag("Also trust the name of a run that no stored action started", "includeUnstored")}
        {flag("Disabled: send nothing", "disabled")}
      </fieldset>
    </>
  );
}

/** Sends a stored endpoint one message about a made-up run, and shows what the receiver answered. */
export function TestDialog({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const { reader } = useSession();
  const [tested, setTested] = useState<Tested | null>(null);
  const change = useChange({ afterLoss: AFTER_LOST_TEST });
  const test = () =>
    change.submit({ send: ({ signal }) => reader.webhookEndpoints.test(name, {}, { signal }), done: setTested });
  return (
    <ChangeDialog
      title={`Test ${name}`}
      change={change}
      onSubmit={test}
      onClose={onClose}
      verb="Send test"
      keep="Close"
      besides={tested === null ? null : <TestResult what="The test message" result={tested} />}
    >
      <p>The receiver gets one message about a made-up run. It counts for nothing.</p>
    </ChangeDialog>
  );
}

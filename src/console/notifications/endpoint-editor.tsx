/** Endpoints as a kind of definition, and the pages that store a new one or change one, and try it before. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { leftOverWarning } from "../../words/typed-json.ts";
import { type EditorForm, EditorPage, ofDefinition } from "../definitions/definition-editor.tsx";
import type { DefinitionKind } from "../definitions/kind.ts";
import { type FieldsProps, fieldsOf, Tiles } from "../definitions/member-fields.tsx";
import { type Tested, TestResult } from "../definitions/test-result.tsx";
import { useRoute } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, useChange } from "../ui/forms.tsx";
import { Button } from "../ui/parts.tsx";
import {
  ENDPOINT_FIELDS,
  firstDefinition,
  keptSecrets,
  OWN,
  RECEIVERS,
  receiverOf,
  withReceiver,
} from "./endpoint-shape.ts";

export const ENDPOINT = {
  noun: "endpoint",
  of: "webhookEndpoints",
  list: "notifications",
  namePlaceholder: "chat",
  aboutNull:
    "null for url keeps the stored URL, and then null keeps each other secret, too. A change takes effect within 30 seconds.",
  permission: "webhooks:manage",
  goneCode: "webhook_endpoint_not_found",
  deletion:
    "Its secrets and its messages that wait are deleted, too. A message can still be sent for up to 30 seconds.",
  madeSecret: {
    noun: "signing secret",
    advice: "A program of yours verifies each message with it. A chat needs no signing secret, so you can leave it.",
    overlap: "While it works, both sign each message, so that the receiver can change over.",
    member: "signingSecret",
    async rotate({ webhookEndpoints }, name, options) {
      const { signingSecret: secret, graceEndsAt } = await webhookEndpoints.rotateSecret(name, options);
      return { secret, graceEndsAt };
    },
  },
  fields: ENDPOINT_FIELDS,
  inWords: String,
  viewOf: (definition, base, isJson) => ({
    kept: keptSecrets(base, definition),
    empty: base === undefined && !isJson && definition?.url === null ? ["/url"] : [],
    warning: leftOverWarning(definition, "or no message can arrive"),
  }),
  Fields: EndpointFields,
} satisfies DefinitionKind;

const AFTER_LOST_TEST = "The receiver may have got this message. Another try sends a second one.";

/** `name`: of the endpoint that is changed; null for a new one. Then the address says whose payload it begins with. */
export function EndpointEditorPage({ name }: { readonly name: string | null }) {
  const { reader } = useSession();
  const { query } = useRoute();
  const [tested, setTested] = useState<Tested | null>(null);
  const receiver = RECEIVERS.find(({ title }) => title === query.get("receiver")) ?? OWN;

  function test({ change, checked, explain }: EditorForm) {
    setTested(null);
    const asked = checked();
    if (asked === null) return;
    const definition = asked.body as Schemas["WebhookEndpoint"];
    change.submit({
      send: ({ signal }) => reader.webhookEndpoints.test(asked.name, { definition }, { signal }),
      done: setTested,
      explain: (error) => explain(ofDefinition(error), AFTER_LOST_TEST),
    });
  }

  return (
    <EditorPage
      kind={ENDPOINT}
      name={name}
      first={() => firstDefinition(receiver)}
      beside={() => (tested === null ? null : <TestResult what="The test message" result={tested} />)}
      also={(form) => (
        <Button isBusy={form.change.isBusy} onClick={() => test(form)}>
          Send test
        </Button>
      )}
    />
  );
}

function EndpointFields(props: FieldsProps) {
  const { definition, isNew, secretsBut, onDefinition } = props;
  const receiver = receiverOf(definition);
  const field = fieldsOf(ENDPOINT_FIELDS, props);
  return (
    <>
      <fieldset class="group stack gap-14">
        <legend>Who is told</legend>
        {isNew ? (
          <Tiles of={RECEIVERS} chosen={receiver} onChoose={(one) => onDefinition(withReceiver(definition, one))} />
        ) : null}
        {field("/url", {
          hint: isNew
            ? receiver.hint
            : "Nobody can read the stored URL. Leave this empty to keep it. If you type one, type the secrets again, too.",
          placeholder: isNew ? receiver.example.url : undefined,
        })}
        {receiver === OWN ? (
          <>
            {field("/headers")}
            {field("/payload")}
          </>
        ) : null}
      </fieldset>
      {secretsBut(...(receiver === OWN ? ["/headers/"] : []))}
      <fieldset class="group stack gap-14">
        <legend>Which runs</legend>
        {field("/events")}
        {field("/actionNames")}
        {field("/labels")}
        {field("/onlyOnChange")}
        {field("/final")}
        {field("/includeUnstored")}
        {field("/disabled")}
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

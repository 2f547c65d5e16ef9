/** Endpoints as a kind of definition, and the pages that store a new one or change one, and try it before. */
import { useState } from "preact/hooks";
import discord from "../../../examples/webhook-endpoints/discord.json" with { type: "json" };
import slack from "../../../examples/webhook-endpoints/slack.json" with { type: "json" };
import teams from "../../../examples/webhook-endpoints/teams.json" with { type: "json" };
import type { Schemas } from "../../client/index.ts";
import { leftOverWarning } from "../../words/typed-json.ts";
import type { Schema } from "../actions/schema-form.ts";
import {
  type EditorForm,
  EditorPage,
  ofDefinition,
  type Tested,
  TestResult,
} from "../definitions/definition-editor.tsx";
import type { DefinitionKind } from "../definitions/kind.ts";
import { type FieldsProps, fieldsOf, Tiles } from "../definitions/member-fields.tsx";
import { type FieldTable, secretsOf, withMember } from "../definitions/members.ts";
import { useRoute } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, useChange } from "../ui/forms.tsx";
import { Button } from "../ui/parts.tsx";

/** Each event, and the label of its checkbox. */
export const EVENTS: Readonly<Record<string, string>> = {
  "action_run.succeeded": "succeeded",
  "action_run.failed": "failed",
  "action_run.cancelled": "cancelled",
  "action_run.approval_requested": "waits for approval",
  "action_run.*": "all, those of later versions included",
};

/** The URL is null while nobody types it: then the stored one stays. */
export const ENDPOINT_FIELDS: FieldTable = {
  "/url": { kind: "word", label: "URL", empty: null },
  "/headers": { kind: "headers", label: "Headers" },
  "/secrets": { kind: "own", label: "Secrets" },
  "/payload": {
    kind: "json",
    label: "Body",
    hint: "JSON with placeholders such as {{ event.summary }}. Empty: the body is everything about the run.",
  },
  "/signingSecret": { kind: "secret", label: "Signing secret" },
  "/events": { kind: "picks", label: "Events", options: EVENTS },
  "/actionNames": {
    kind: "lines",
    label: "Actions",
    hint: "One on each line. Only runs of these stored actions. Empty: every run.",
  },
  "/labels": { kind: "lines", label: "Labels", hint: "One on each line. Only runs that have all of them." },
  "/onlyOnChange": { kind: "flag", label: "Only if the outcome differs from the previous run’s", empty: false },
  "/final": {
    kind: "flag",
    label: "Only final ends: hear of a failure only if no automatic retry follows",
    empty: false,
  },
  "/includeUnstored": {
    kind: "flag",
    label: "Also trust the name of a run that no stored action started",
    empty: false,
  },
  "/disabled": { kind: "flag", label: "Disabled: send nothing", empty: false },
};

/** The secrets of `base` that stay if they are not typed again. A URL that is sent needs them all again. */
export function keptSecrets(base: unknown, definition: Schema | null): ReadonlySet<string> {
  return new Set(definition?.url === null ? secretsOf(base) : []);
}

/** `failed, succeeded`. */
export function eventWords(events: readonly string[]): string {
  return events.map((event) => (event === "action_run.*" ? "every event" : (EVENTS[event] ?? event))).join(", ");
}

export interface Receiver {
  readonly title: string;
  readonly about: string;
  readonly hint: string;
  readonly example: Schema & { readonly url: string; readonly payload?: unknown };
}

export const OWN: Receiver = {
  title: "Your own program",
  about: "JSON with everything about the run, and a signature.",
  hint: "An https URL. Its path and query can have placeholders such as {{ run.id }}.",
  example: { url: "https://hooks.example.com/runs", events: ["action_run.succeeded", "action_run.failed"] },
};

export const RECEIVERS: readonly Receiver[] = [
  {
    title: "Slack",
    about: "A line in a channel.",
    hint: "The URL of the incoming webhook of your Slack app.",
    example: slack,
  },
  {
    title: "Microsoft Teams",
    about: "A card in a channel.",
    hint: "The URL that the workflow “Post to a channel when a webhook request is received” shows.",
    example: teams,
  },
  {
    title: "Discord",
    about: "A line in a channel.",
    hint: "Copy it from Edit Channel > Integrations > Webhooks, and add ?wait=true at its end.",
    example: discord,
  },
  OWN,
];

/** What the editor of a new endpoint begins with. */
export function firstDefinition({ example }: Receiver): Schema {
  return { ...example, url: null };
}

export function receiverOf({ payload }: Schema): Receiver {
  const text = JSON.stringify(payload);
  return RECEIVERS.find(({ example }) => JSON.stringify(example.payload) === text) ?? OWN;
}

/** The definition for another receiver: its payload, and its choice of runs as far as the choice is still the example's. */
export function withReceiver(definition: Schema, { example }: Receiver): Schema {
  const before = receiverOf(definition).example;
  const untouched = ["events", "onlyOnChange"].filter(
    (name) => JSON.stringify(definition[name]) === JSON.stringify(before[name]),
  );
  return ["payload", ...untouched].reduce((changed, name) => withMember(changed, name, example[name]), definition);
}

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
  const { field, fields } = fieldsOf(ENDPOINT_FIELDS, props);
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
        {receiver === OWN ? fields("/headers", "/payload") : null}
      </fieldset>
      {secretsBut(...(receiver === OWN ? ["/headers/"] : []))}
      <fieldset class="group stack gap-14">
        <legend>Which runs</legend>
        {fields("/events", "/actionNames", "/labels", "/onlyOnChange", "/final", "/includeUnstored", "/disabled")}
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

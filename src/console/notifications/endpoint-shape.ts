/** What an endpoint's definition holds, and whether fields can show it. PURE. The service checks everything else. */
import discord from "../../../examples/webhook-endpoints/discord.json" with { type: "json" };
import slack from "../../../examples/webhook-endpoints/slack.json" with { type: "json" };
import teams from "../../../examples/webhook-endpoints/teams.json" with { type: "json" };
import { isText, type SecretMember, type Shown, withMember } from "../actions/definition-shape.ts";
import { isSchema, type Schema, stepOf } from "../actions/schema-form.ts";

/** Each event, and the label of its checkbox. */
export const EVENTS: Readonly<Record<string, string>> = {
  "action_run.succeeded": "succeeded",
  "action_run.failed": "failed",
  "action_run.cancelled": "cancelled",
  "action_run.approval_requested": "waits for approval",
  "action_run.*": "all, those of later versions included",
};

const isFlag = (value: unknown) => typeof value === "boolean";
const areTexts = (value: unknown) => Array.isArray(value) && value.every(isText);

/** What the fields of an endpoint can show of each member. */
export const SHOWN: Shown = {
  url: (value) => value === null || isText(value),
  headers: isSchema,
  secrets: isSchema,
  payload: () => true,
  signingSecret: (value) => value === null,
  events: (value) => Array.isArray(value) && value.every((one) => Object.hasOwn(EVENTS, String(one))),
  actionNames: areTexts,
  labels: areTexts,
  includeUnstored: isFlag,
  onlyOnChange: isFlag,
  final: isFlag,
  disabled: isFlag,
};

/** The members that hold null in the place of a secret, but for the URL and the signing secret. */
export function secretsOf(definition: unknown): readonly SecretMember[] {
  return ["headers", "secrets"].flatMap((holder) => {
    const texts = isSchema(definition) ? definition[holder] : undefined;
    return Object.entries(isSchema(texts) ? texts : {})
      .filter(([, value]) => value === null)
      .map(([name]) => ({ pointer: stepOf(holder) + stepOf(name), name }));
  });
}

/** The secrets of `base` that stay if they are not typed again. A URL that is sent needs them all again. */
export function keptSecrets(base: unknown, definition: Schema | null): ReadonlySet<string> {
  const isMoved = definition?.url !== null;
  return new Set(isMoved ? [] : secretsOf(base).map(({ pointer }) => pointer));
}

/** The pointers that have a field of their own. */
export function pointersOf(definition: Schema | null): readonly string[] {
  const headers = isSchema(definition?.headers) ? Object.keys(definition.headers) : [];
  return [...Object.keys(SHOWN).map(stepOf), ...headers.map((name) => `/headers${stepOf(name)}`)];
}

/** `failed, succeeded`. */
export function eventWords(events: readonly string[]): string {
  return events.map((event) => (event === "action_run.*" ? "every event" : (EVENTS[event] ?? event))).join(", ");
}

export interface Receiver {
  readonly title: string;
  readonly about: string;
  /** Where the URL comes from. */
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

/** The receiver whose payload this is. */
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

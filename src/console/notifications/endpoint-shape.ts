/** What an endpoint's definition holds, and its fields. PURE. The service checks everything else. */
import discord from "../../../examples/webhook-endpoints/discord.json" with { type: "json" };
import slack from "../../../examples/webhook-endpoints/slack.json" with { type: "json" };
import teams from "../../../examples/webhook-endpoints/teams.json" with { type: "json" };
import type { Schema } from "../actions/schema-form.ts";
import { type FieldTable, secretsOf, withMember } from "../definitions/members.ts";

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

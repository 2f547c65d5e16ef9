/** Who can hear of runs: chats with a payload of their own, and any program. PURE. The payloads are those of `examples/`. */

import discord from "../../../examples/webhook-endpoints/discord.json" with { type: "json" };
import slack from "../../../examples/webhook-endpoints/slack.json" with { type: "json" };
import teams from "../../../examples/webhook-endpoints/teams.json" with { type: "json" };
import { withMember } from "../actions/definition-shape.ts";
import type { Schema } from "../actions/schema-form.ts";

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

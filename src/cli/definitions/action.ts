/** `action`: stores, shows, lists, deletes and runs actions of an environment, also by the events of other products. */

import { present } from "../../client/api.ts";
import type { Client, Schemas } from "../../client/index.ts";
import { typeOfProperty } from "../../words/typed-json.ts";
import { calling, group, showing } from "../command.ts";
import { requestText } from "../commands/gates.ts";
import {
  CREATING,
  creatingOptions,
  INPUTS,
  JSON_HELP,
  PARAMETERS,
  readInputs,
  readParameterFlags,
  showCreated,
  typesOfAction,
} from "../commands/new-run.ts";
import { EXIT, UsageError } from "../exit.ts";
import { readJson, readObject } from "../input.ts";
import { type FlagsOf, option, repeated, textOption } from "../options.ts";
import { instantText, type Output, objectText, plain, wrap } from "../output.ts";
import { definitionCommands, nameArgument, rotatingCommand, type Told } from "./commands.ts";
import { ACTIONS } from "./files.ts";
import { testText } from "./webhook.ts";

const ACTION: Told = {
  kind: ACTIONS,
  noun: "action",
  example: "deploy",
  suggested: "stored actions",
  about: {
    put:
      "Secrets are write-only: header values, signingSecret, trigger.secrets and inbound.secret. null in the place of a " +
      "secret keeps the stored value. A new member inbound without a secret gets one, which only this response shows.",
    get: ", with null in the place of each secret",
    list: ", without their secrets.",
    delete: ", its secrets and its versions. Runs that have begun continue.",
  },
  putExamples: ["action-runs action put deploy --body @deploy.json"],
  getExample: "action-runs action get deploy --json | jq .trigger.url",
  bodyHelp: JSON_HELP,
  table: actionTable,
  orElse: "the job can't start",
};
const NAME = nameArgument(ACTION);

const run = calling("action run", {
  about:
    "Run a stored action. The action's webhook starts the work, so your token needs no secret. If the action has a " +
    "trigger, the response has no callback token. Parameters that the action does not accept are a usage error (exit " +
    "code 2). --wait works as for `create`.",
  arguments: [NAME],
  options: [...INPUTS, ...CREATING],
  help: JSON_HELP,
  examples: [
    "action-runs action run deploy -p version=1.4.2 -p replicas=3 --wait",
    "action-runs action run deploy --parameters @parameters.json --label team:shop",
    "action-runs action run deploy --not-before 2026-11-30T06:00:00+01:00",
  ],
  async run(call, name) {
    const { client, flags } = call;
    const body = await readInputs(flags, () => typesOfAction(client, async () => name));
    if ("actionName" in body) throw new UsageError("--body: remove actionName. The run has the name of its action.");
    return showCreated(call, await client.actions.run(name, body, creatingOptions(flags)));
  },
});

const TRIAL = [
  textOption("--body <json>", "a definition that is not stored, as a JSON object"),
  ...PARAMETERS,
] as const;

const preview = showing("action preview", {
  about:
    "Show the request that an action sends, with null in the place of each secret. Nothing is sent. With --body you " +
    "look at a definition before you store it.",
  arguments: [NAME],
  options: TRIAL,
  help: JSON_HELP,
  examples: [
    "action-runs action preview deploy -p version=1.4.2",
    "action-runs action preview deploy -p version=1.4.2 --body @deploy.json",
  ],
  ask: async ({ client, flags }, name) => client.actions.preview(name, await readTrial(client, name, flags)),
  text: ({ request, title, subject }, output) =>
    requestText(request, output, [
      ["title", title && plain(title)],
      ["subject", subject && plain(subject)],
    ]),
});

const test = showing("action test", {
  about:
    "Call the webhook of an action once, and show what the receiver answered. The job that it starts is real, but no " +
    "run exists, so the job can't report. The exit code is 0 only if the receiver accepted the request. An action " +
    "with an approval or a concurrency group can't be tested. With --body you test a definition before you store it.",
  arguments: [NAME],
  options: TRIAL,
  help: JSON_HELP,
  examples: ["action-runs action test deploy -p version=1.4.2"],
  ask: async ({ client, flags }, name) => client.actions.test(name, await readTrial(client, name, flags)),
  text: testText,
  exitCode: ({ outcome }) => (outcome === "delivered" ? EXIT.succeeded : EXIT.failed),
});

async function readTrial(client: Client, name: string, flags: FlagsOf<typeof TRIAL>) {
  const definition = flags.body === undefined ? undefined : await readObject(flags.body, "--body");
  const types =
    definition === undefined
      ? () => typesOfAction(client, async () => name)
      : async () => (parameter: string) => typeOfProperty(definition.parametersSchema, parameter);
  return present({ definition, parameters: await readParameterFlags(flags, undefined, types) });
}

type Verify = Schemas["InboundOfAction"]["verify"];

const SET_UP: Readonly<Record<Verify, string>> = {
  token:
    "In the product, set this URL, and the secret as a bearer token, as the password of basic authentication, or in " +
    "GitLab as the secret token. Don't write the secret into the URL.",
  github:
    "In the repository's settings, add a webhook with this URL as the payload URL, the content type application/json, " +
    "and the secret. Choose only the events that the action needs.",
  "standard-webhooks": "In the product, set this URL and the secret as those of a webhook.",
};

const inbound = showing("action inbound", {
  about:
    "Show where another product sends the events of an action that has the member inbound, and how to set it up. The " +
    "secret is never shown. If you have lost it, use `action rotate-secret`. The token needs the role owner or admin.",
  arguments: [NAME],
  examples: ["action-runs action inbound deploy", "action-runs action inbound deploy --json | jq -r .url"],
  ask: ({ client }, name) => client.actions.inbound(name),
  text: inboundText,
});

function inboundText({ url, verify, graceEndsAt }: Schemas["InboundOfAction"], output: Output): string {
  const rows = [
    ["verify", plain(verify)],
    ["old secret", graceEndsAt && `counts until ${instantText(graceEndsAt)}`],
  ];
  // The URL stands alone, so that a terminal does not break it.
  const how = Object.hasOwn(SET_UP, verify) ? `\n\n${wrap(SET_UP[verify], output.columns)}` : "";
  return `${plain(url)}\n\n${output.fields(rows)}${how}`;
}

const inboundTry = showing("action inbound-try", {
  about:
    "Show whether an event would start a run, and the parameters of that run. Nothing is started or stored, and the " +
    "event needs no secret. The exit code is 0 only if a run would start. With --body you try a definition before " +
    "you store it. The token needs the role owner or admin.",
  arguments: [NAME],
  options: [
    option("--event <json>", "the body of the event", { offers: "files after @", isMandatory: true }),
    option("--header <name:value>", "a header of the event, such as X-GitHub-Event:push; repeatable", {
      read: repeated,
    }),
    textOption("--body <json>", "a definition of the action that is not stored, as a JSON object"),
  ],
  help: JSON_HELP,
  examples: ["action-runs action inbound-try deploy --event @push.json --header X-GitHub-Event:push"],
  async ask({ client, flags }, name) {
    const definition = flags.body === undefined ? undefined : await readObject(flags.body, "--body");
    const inbound = definition?.inbound as Schemas["Inbound"] | undefined;
    if (definition !== undefined && inbound === undefined)
      throw new UsageError("--body: this definition has no member inbound. Add one.");
    const headers = Object.fromEntries((flags.header ?? []).map(readHeader));
    const body = await readJson(flags.event, "--event");
    return client.actions.tryInbound(name, { headers, body, ...present({ inbound }) });
  },
  text({ matches, parameters, error }, output) {
    const starts = matches && error === null;
    return output.fields([
      ["starts a run", starts ? output.paint("green", "yes") : output.paint("yellow", "no")],
      ["because", matches ? error && plain(error) : "the event does not meet the conditions of when"],
      ["parameters", objectText(parameters)],
    ]);
  },
  exitCode: ({ matches, error }) => (matches && error === null ? EXIT.succeeded : EXIT.failed),
});

function readHeader(text: string): [string, string] {
  const [, name, value = ""] = /^([^:\s]+):\s*(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new UsageError(`--header ${text}: give name:value, such as X-GitHub-Event:push.`);
  return [name, value];
}

const rotateSecret = rotatingCommand(
  ACTION,
  "Give an action a new secret for its events. Only this response shows it; with --json it is the member secret. The " +
    "old secret counts beside it for --grace-period more, so that the product can change over. At most 3 secrets count " +
    "at a time. The runs of later events have your token as their creator.",
  ({ actions }, name, options) => actions.rotateInboundSecret(name, options),
);

export const actionCommand = group("action", {
  about:
    "Store, show, list, delete, test and run actions, and list their versions. A stored action holds the webhook that starts " +
    "the work, with its secrets. To run it, nobody needs a secret. An action can also start by an event of another " +
    "product. To store or delete, a token needs the role owner or admin. To run, member is enough.",
  examples: ["action-runs action put deploy --body @deploy.json", "action-runs action run deploy --wait"],
  commands: [...definitionCommands(ACTION), run, preview, test, inbound, inboundTry, rotateSecret],
});

export function actionTable(actions: readonly Schemas["ListedAction"][], output: Output): string {
  return output.table(actions, [
    // Commands need the whole name.
    ["ACTION", ({ name }) => name],
    ["VERSION", ({ version }) => version, { dispensable: 1 }],
    ["CHANGED", ({ changedAt }) => instantText(changedAt), { dispensable: 5 }],
    ["CALLS", ({ definition }) => definition.trigger?.url ?? "nothing", { least: 20, dispensable: 4 }],
    ["GATES", ({ definition }) => gatesText(definition), { least: 12, dispensable: 3, isOptional: true }],
    ["AGENTS", ({ definition }) => definition.agents && "offered", { dispensable: 6, isOptional: true }],
    ["DESCRIPTION", ({ definition }) => definition.description, { least: 20, dispensable: 2 }],
  ]);
}

function gatesText({ approval, concurrency }: Schemas["ListedAction"]["definition"]): string {
  const count = approval && approval.required > 1 ? `${approval.required} approvals` : "approval";
  return [approval ? count : [], concurrency?.group ?? []].flat().join(", ");
}

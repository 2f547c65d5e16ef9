/** `action`: stores, shows, lists, deletes and runs actions of an environment. */

import { present } from "../../client/api.ts";
import type { Client, Schemas } from "../../client/index.ts";
import { typeOfProperty } from "../../words/typed-json.ts";
import { calling, type Flags, withCommands } from "../call.ts";
import { CliCommand, examples, textOption } from "../command.ts";
import { requestText } from "../commands/decide.ts";
import { EXIT, UsageError } from "../exit.ts";
import { instantText } from "../fields.ts";
import { readObject } from "../input.ts";
import {
  type CreatingFlags,
  creatingOptions,
  type InputFlags,
  JSON_HELP,
  type ParameterFlags,
  readInputs,
  readParameterFlags,
  showCreated,
  typesOfAction,
  withCreating,
  withInputs,
  withParameters,
} from "../new-run.ts";
import { type Column, type Output, plain } from "../output.ts";
import { inboundCommands } from "./action-inbound.ts";
import { definitionCommands, nameArgument, type Told } from "./commands.ts";
import { ACTIONS } from "./files.ts";
import { testText } from "./webhook-endpoint.ts";

export const ACTION: Told<Schemas["ListedAction"]> = {
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

interface RunFlags extends Flags, InputFlags, CreatingFlags {}

export function actionCommand(): CliCommand {
  const action = new CliCommand("action")
    .summary("store, show, list, delete, test and run actions")
    .description(
      "Store, show, list, delete, test and run actions, and list their versions. A stored action holds the webhook that starts " +
        "the work, with its secrets. To run it, nobody needs a secret. An action can also start by an event of another " +
        "product. To store or delete, a token needs the role owner or admin. To run, member is enough.",
    )
    .addHelpText(
      "after",
      examples("action-runs action put deploy --body @deploy.json", "action-runs action run deploy --wait"),
    );
  return withCommands(action, [
    ...definitionCommands(ACTION),
    runCommand(),
    previewCommand(),
    testCommand(),
    ...inboundCommands(ACTION),
  ]);
}

function runCommand(): CliCommand {
  const command = new CliCommand("action run")
    .summary("run an action")
    .description(
      "Create a run of a stored action. The action's webhook starts the work, so your token needs no secret. If the " +
        "action has a trigger, the response has no callback token. Parameters that the action does not accept are a " +
        "usage error (exit code 2). --wait works as for `create`.",
    )
    .addArgument(nameArgument(ACTION));
  withInputs(command)
    .addHelpText(
      "after",
      JSON_HELP +
        examples(
          "action-runs action run deploy -p version=1.4.2 -p replicas=3 --wait",
          "action-runs action run deploy --parameters @parameters.json --label team:shop",
          "action-runs action run deploy --not-before 2026-11-30T06:00:00+01:00",
        ),
    )
    .action(
      calling<RunFlags, [string]>(async ({ client, output, flags }, name) => {
        const body = await readInputs(flags, () => typesOfAction(client, async () => name));
        if ("actionName" in body)
          throw new UsageError("--body: remove actionName. The run has the name of its action.");
        const created = await client.actions.run(name, body, creatingOptions(flags));
        return showCreated(client, created, flags, output, { hasTrigger: created.callback === undefined });
      }),
    );
  return withCreating(command);
}

interface TrialFlags extends Flags, ParameterFlags {
  readonly body?: string;
}

function previewCommand(): CliCommand {
  return trialCommand("preview")
    .summary("show the request that an action sends")
    .description(
      "Show the request that a run of an action would send, with null in the place of each secret. Nothing is sent. " +
        "With --body you look at a definition before you store it.",
    )
    .addHelpText(
      "after",
      JSON_HELP +
        examples(
          "action-runs action preview deploy -p version=1.4.2",
          "action-runs action preview deploy -p version=1.4.2 --body @deploy.json",
        ),
    )
    .action(
      calling<TrialFlags, [string]>(async ({ client, output, flags }, name) => {
        const preview = await client.actions.preview(name, await readTrial(client, name, flags));
        await output.show(preview, () => {
          const { request, title, subject } = preview;
          const rows = [
            ["title", title && plain(title)],
            ["subject", subject && plain(subject)],
          ] as const;
          return requestText(request, output, rows);
        });
      }),
    );
}

function testCommand(): CliCommand {
  return trialCommand("test")
    .summary("call the webhook of an action once, for real")
    .description(
      "Call the webhook of an action once, and show what the receiver answered. The job that it starts is real, but no " +
        "run exists, so the job can't report. The exit code is 0 only if the receiver accepted the request. An action " +
        "with an approval or a concurrency group can't be tested. With --body you test a definition before you store it.",
    )
    .addHelpText("after", JSON_HELP + examples("action-runs action test deploy -p version=1.4.2"))
    .action(
      calling<TrialFlags, [string]>(async ({ client, output, flags }, name) => {
        const result = await client.actions.test(name, await readTrial(client, name, flags));
        await output.show(result, () => testText(result, output));
        return result.outcome === "delivered" ? EXIT.succeeded : EXIT.failed;
      }),
    );
}

function trialCommand(name: "preview" | "test"): CliCommand {
  const command = new CliCommand(`action ${name}`)
    .addArgument(nameArgument(ACTION))
    .addOption(textOption("--body <json>", "a definition that is not stored, as a JSON object"));
  return withParameters(command);
}

async function readTrial(client: Client, name: string, flags: TrialFlags) {
  const definition = flags.body === undefined ? undefined : await readObject(flags.body, "--body");
  const types =
    definition === undefined
      ? () => typesOfAction(client, async () => name)
      : async () => (parameter: string) => typeOfProperty(definition.parametersSchema, parameter);
  return present({ definition, parameters: await readParameterFlags(flags, undefined, types) });
}

export function actionTable(actions: readonly Schemas["ListedAction"][], output: Output): string {
  const rows = actions.map(({ name, version, changedAt, definition }) => [
    name,
    String(version),
    instantText(changedAt),
    definition.trigger?.url ?? "nothing",
    gatesText(definition),
    definition.agents === undefined ? "" : "offered",
    definition.description ?? "",
  ]);
  const hasGates = actions.some(({ definition }) => gatesText(definition) !== "");
  const isOffered = actions.some(({ definition }) => definition.agents !== undefined);
  return output.table(actionColumns(hasGates, isOffered), rows);
}

/** What holds back the runs of an action: `approval, deploys`. */
function gatesText({ approval, concurrency }: Schemas["ListedAction"]["definition"]): string {
  const count = approval && approval.required > 1 ? `${approval.required} approvals` : "approval";
  return [approval ? count : [], concurrency?.group ?? []].flat().join(", ");
}

// A column without text takes no room.
function actionColumns(hasGates: boolean, isOffered: boolean): readonly Column[] {
  return [
    // Commands need the whole name.
    { heading: "ACTION" },
    { heading: "VERSION", dispensable: 1 },
    { heading: "CHANGED", dispensable: 5 },
    { heading: "CALLS", least: 20, dispensable: 4 },
    { heading: hasGates ? "GATES" : "", least: 12, dispensable: 3 },
    { heading: isOffered ? "AGENTS" : "", dispensable: 6 },
    { heading: "DESCRIPTION", least: 20, dispensable: 2 },
  ];
}

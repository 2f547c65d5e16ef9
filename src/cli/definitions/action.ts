/** `action`: stores, shows, lists, deletes and runs actions of an environment. */

import type { Argument } from "commander";
import { present } from "../../client/api.ts";
import type { Client, Schemas, Stored } from "../../client/index.ts";
import { leftOverWarning, typeOfProperty } from "../../words/typed-json.ts";
import {
  type Call,
  calling,
  conditionOf,
  deletingOne,
  type Flags,
  ifVersionOption,
  type ListFlags,
  listing,
  type PutFlags,
  withCommands,
  withPut,
} from "../call.ts";
import { CliCommand, examples, limitOption, OfferingArgument, readName, take, textOption } from "../command.ts";
import { requestText } from "../commands/decide.ts";
import { EXIT, UsageError } from "../exit.ts";
import { fields, instantText, objectText } from "../fields.ts";
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
import { type Column, complain, type Output, plain } from "../output.ts";
import { testText } from "./webhook-endpoint.ts";

interface RunFlags extends Flags, InputFlags, CreatingFlags {}

interface VersionsFlags extends Flags {
  readonly limit: number;
}

export function actionCommand(): CliCommand {
  const action = new CliCommand("action")
    .summary("store, show, list, delete, test and run actions")
    .description(
      "Store, show, list, delete, test and run actions, and list their versions. A stored action holds the webhook that starts " +
        "the work, with its " +
        "secrets. To run it, nobody needs a secret. To store or delete, a token needs the role owner or admin. To run, " +
        "member is enough.",
    )
    .addHelpText(
      "after",
      examples("action-runs action put deploy --body @deploy.json", "action-runs action run deploy --wait"),
    );
  return withCommands(action, [
    putCommand(),
    getCommand(),
    listCommand(),
    versionsCommand(),
    deleteCommand(),
    runCommand(),
    previewCommand(),
    testCommand(),
  ]);
}

function putCommand(): CliCommand {
  const command = new CliCommand("action put")
    .summary("store an action")
    .description(
      "Create or replace an action. A change takes effect within 30 seconds. Secrets are write-only: header values, " +
        "signingSecret and trigger.secrets. null in the place of a secret keeps the stored value.",
    )
    .addArgument(nameArgument());
  return withPut(command, "action")
    .addHelpText(
      "after",
      JSON_HELP +
        examples(
          "action-runs action put deploy --body @deploy.json",
          "action-runs action get deploy --json > deploy.json    (to change it)",
          "action-runs action put deploy --if-version 1795612908373 --body @deploy.json",
        ),
    )
    .action(
      calling<PutFlags, [string]>(async ({ client, output, flags }, name) => {
        const definition = await readObject(flags.body, "--body");
        await show(await client.actions.put(name, definition, conditionOf(flags)), output);
        const warning = leftOverWarning(definition, "or the job can't start");
        if (warning !== null) complain(`The action is stored, but ${warning}`);
      }),
    );
}

function getCommand(): CliCommand {
  return new CliCommand("action get")
    .summary("show an action")
    .description(
      "Show an action, with null in the place of each secret. With --json it is the definition alone, which " +
        "`action put` accepts again. `action list --json` has the version.",
    )
    .addArgument(nameArgument())
    .addHelpText(
      "after",
      examples("action-runs action get deploy", "action-runs action get deploy --json | jq .trigger.url"),
    )
    .action(
      calling<Flags, [string]>(async ({ client, output }, name) => {
        await show(await client.actions.get(name), output);
      }),
    );
}

function listCommand(): CliCommand {
  return new CliCommand("action list")
    .summary("list actions")
    .description("List the actions of the environment by name, without their secrets.")
    .addOption(limitOption())
    .addHelpText("after", examples("action-runs action list", "action-runs action list --json | jq -r '.[].name'"))
    .action(listing(({ client }: Call<ListFlags>) => client.actions.list(), "There are no actions.", actionTable));
}

function versionsCommand(): CliCommand {
  return new CliCommand("action versions")
    .summary("list the versions of an action")
    .description(
      "List the versions of an action, newest first: who stored each, when, and what differs from the version before. A " +
        "secret never shows, so a version with only a new secret shows no difference. With --json each version has its " +
        "definition. The token needs the role owner or admin.",
    )
    .addArgument(nameArgument())
    .addOption(limitOption(20))
    .addHelpText(
      "after",
      examples(
        "action-runs action versions deploy",
        "action-runs action versions deploy --json | jq '.[1].definition' > before.json",
      ),
    )
    .action(
      calling<VersionsFlags, [string]>(async ({ client, output, flags: { limit } }, name) => {
        // For people, one more than is shown, which the last one is compared with.
        const versions = take(client.actions.versions(name), output.isJson ? limit : limit + 1);
        await output.list(versions, "There are no versions.", (all) => versionTable(all, limit, output));
      }),
    );
}

function deleteCommand(): CliCommand {
  return new CliCommand("action delete")
    .summary("delete an action")
    .description("Delete an action, its secrets and its versions. Runs that have begun continue.")
    .addArgument(nameArgument())
    .addOption(ifVersionOption("action"))
    .addHelpText("after", examples("action-runs action delete deploy"))
    .action(deletingOne(({ actions }) => actions));
}

function runCommand(): CliCommand {
  const command = new CliCommand("action run")
    .summary("run an action")
    .description(
      "Create a run of a stored action. The action's webhook starts the work, so your token needs no secret. If the " +
        "action has a trigger, the response has no callback token. Parameters that the action does not accept are a " +
        "usage error (exit code 2). --wait works as for `create`.",
    )
    .addArgument(nameArgument());
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
    .addArgument(nameArgument())
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

/** Shows an action. As JSON it is the definition alone, because `action put` accepts that. */
async function show(action: Stored<Schemas["Action"]>, output: Output): Promise<void> {
  await output.show(action.definition, () => actionText(action, output));
}

function nameArgument(): Argument {
  return new OfferingArgument("<name>", "the action's name", "stored actions").argParser(readName);
}

/** A stored action, with the definition as JSON. */
function actionText({ name, version, definition }: Stored<Schemas["Action"]>, output: Output): string {
  const rows = [
    ["action", plain(name)],
    ["version", plain(String(version))],
    ["definition", objectText(definition)],
  ];
  return fields(rows, output);
}

function versionTable(versions: readonly Schemas["ListedVersion"][], shown: number, output: Output): string {
  const rows = versions.slice(0, shown).map(({ version, changedAt, actorName, definition }, i) => {
    const before = versions[i + 1];
    const members = before === undefined ? [] : changedMembers(before.definition, definition);
    return [
      String(version),
      instantText(changedAt),
      actorName,
      before && members.length === 0 ? "nothing" : members.join(", "),
    ];
  });
  const columns = [
    { heading: "VERSION" },
    { heading: "CHANGED", dispensable: 2 },
    { heading: "BY", least: 8, dispensable: 1 },
    { heading: "DIFFERS IN", least: 12 },
  ];
  return output.table(columns, rows);
}

/** The paths of the members in which two definitions differ. A list counts as a whole. */
function changedMembers(before: unknown, after: unknown, path = ""): readonly string[] {
  if (!isObject(before) || !isObject(after)) return JSON.stringify(before) === JSON.stringify(after) ? [] : [path];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    const below = path === "" ? name : `${path}.${name}`;
    return changedMembers(before[name], after[name], below);
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function actionTable(actions: readonly Schemas["ListedAction"][], output: Output): string {
  const rows = actions.map(({ name, version, changedAt, definition }) => [
    name,
    String(version),
    instantText(changedAt),
    definition.trigger?.url ?? "nothing",
    gatesText(definition),
    definition.description ?? "",
  ]);
  const hasGates = actions.some(({ definition }) => gatesText(definition) !== "");
  return output.table(actionColumns(hasGates), rows);
}

/** What holds back the runs of an action: `approval, deploys`. */
function gatesText({ approval, concurrency }: Schemas["ListedAction"]["definition"]): string {
  const count = approval && approval.required > 1 ? `${approval.required} approvals` : "approval";
  return [approval ? count : [], concurrency?.group ?? []].flat().join(", ");
}

// A column without text takes no room.
function actionColumns(hasGates: boolean): readonly Column[] {
  return [
    // Commands need the whole name.
    { heading: "ACTION" },
    { heading: "VERSION", dispensable: 1 },
    { heading: "CHANGED", dispensable: 5 },
    { heading: "CALLS", least: 20, dispensable: 4 },
    { heading: hasGates ? "GATES" : "", least: 12, dispensable: 3 },
    { heading: "DESCRIPTION", least: 20, dispensable: 2 },
  ];
}

/** `action`: stores, shows, lists, deletes and runs actions of an environment. */

import { type Argument, Option } from "commander";
import type { Schemas, Stored } from "../../client/index.ts";
import { leftOverWarning } from "../../words/typed-json.ts";
import {
  CliCommand,
  examples,
  exiting,
  given,
  limitOption,
  OfferingArgument,
  readName,
  take,
  textOption,
  wholeNumberFrom,
  withConnection,
  withOutput,
} from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { actionTable, actionText } from "../fields.ts";
import { readObject } from "../input.ts";
import {
  type CreatingFlags,
  creatingOptions,
  type InputFlags,
  JSON_HELP,
  readInputs,
  showCreated,
  withCreating,
  withInputs,
} from "../new-run.ts";
import { complain, Output, type OutputFlags, plain } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

interface Flags extends ConnectionFlags, OutputFlags {}

interface PutFlags extends Flags {
  readonly body: string;
  readonly ifVersion?: number;
  readonly ifNew?: boolean;
}

interface DeleteFlags extends Flags {
  readonly ifVersion?: number;
}

interface ListFlags extends Flags {
  readonly limit?: number;
}

interface RunFlags extends Flags, InputFlags, CreatingFlags {}

const VERSION = wholeNumberFrom(1, 2 ** 53 - 1);

export function actionCommand(): CliCommand {
  const action = new CliCommand("action")
    .summary("store, show, list, delete and run actions")
    .description(
      "Store, show, list, delete and run actions. A stored action holds the webhook that starts the work, with its " +
        "secrets. To run it, nobody needs a secret. To store or delete, a token needs the role owner or admin. To run, " +
        "member is enough.",
    )
    .addHelpText(
      "after",
      examples("action-runs action put deploy --body @deploy.json", "action-runs action run deploy --wait"),
    );
  for (const command of [putCommand(), getCommand(), listCommand(), deleteCommand(), runCommand()]) {
    action.addCommand(withOutput(withConnection(command)));
  }
  return action;
}

function putCommand(): CliCommand {
  return new CliCommand("action put")
    .summary("store an action")
    .description(
      "Create or replace an action. A change takes effect within 30 seconds. Secrets are write-only: header values, " +
        "signingSecret and trigger.secrets. null in the place of a secret keeps the stored value.",
    )
    .addArgument(nameArgument())
    .addOption(textOption("--body <json>", "the definition, as a JSON object").makeOptionMandatory())
    .addOption(new Option("--if-version <version>", "only if the action has this version").argParser(VERSION))
    .addOption(new Option("--if-new", "only if there is no such action").conflicts("ifVersion"))
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
      exiting(async (name: string, flags: PutFlags) => {
        const output = new Output(flags);
        const definition = (await readObject(flags.body, "--body")) as Schemas["ActionDefinition"];
        const client = await connect(flags);
        const ifVersion = flags.ifNew ? null : flags.ifVersion;
        await show(await client.actions.put(name, definition, given({ ifVersion })), output);
        const warning = leftOverWarning(definition, "or the job can't start");
        if (warning !== null) complain(`The action is stored, but ${warning}`);
        return EXIT.succeeded;
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
      exiting(async (name: string, flags: Flags) => {
        const output = new Output(flags);
        const client = await connect(flags);
        await show(await client.actions.get(name), output);
        return EXIT.succeeded;
      }),
    );
}

function listCommand(): CliCommand {
  return new CliCommand("action list")
    .summary("list actions")
    .description("List the actions of the environment by name, without their secrets.")
    .addOption(limitOption())
    .addHelpText("after", examples("action-runs action list", "action-runs action list --json | jq -r '.[].name'"))
    .action(
      exiting(async (flags: ListFlags) => {
        const output = new Output(flags);
        const client = await connect(flags);
        const listed = take(client.actions.list(), flags.limit);
        if (output.isJson) {
          await output.array(listed);
          return EXIT.succeeded;
        }
        const actions: Schemas["ListedAction"][] = [];
        for await (const action of listed) actions.push(action);
        await output.line(actions.length === 0 ? "There are no actions." : actionTable(actions, output));
        return EXIT.succeeded;
      }),
    );
}

function deleteCommand(): CliCommand {
  return new CliCommand("action delete")
    .summary("delete an action")
    .description("Delete an action, its secrets and its versions. Runs that have begun continue.")
    .addArgument(nameArgument())
    .addOption(new Option("--if-version <version>", "only if the action has this version").argParser(VERSION))
    .addHelpText("after", examples("action-runs action delete deploy"))
    .action(
      exiting(async (name: string, flags: DeleteFlags) => {
        const output = new Output(flags);
        const client = await connect(flags);
        await client.actions.delete(name, given({ ifVersion: flags.ifVersion }));
        await output.show({ deleted: name }, () => `Deleted ${plain(name)}.`);
        return EXIT.succeeded;
      }),
    );
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
          "action-runs action run deploy -p version=1.4.2 --wait",
          "action-runs action run deploy --parameters @parameters.json --label team:shop",
          "action-runs action run deploy --not-before 2026-11-30T06:00:00+01:00",
        ),
    )
    .action(
      exiting(async (name: string, flags: RunFlags) => {
        const output = new Output(flags);
        const body = await readInputs(flags);
        if ("actionName" in body)
          throw new UsageError("--body: remove actionName. The run has the name of its action.");
        const client = await connect(flags);
        const created = await client.actions.run(name, body, creatingOptions(flags));
        return showCreated(client, created, flags, output, { hasTrigger: created.callback === undefined });
      }),
    );
  return withCreating(command);
}

/** Shows an action. As JSON it is the definition alone, because `action put` accepts that. */
async function show(action: Stored<Schemas["Action"]>, output: Output): Promise<void> {
  await output.show(action.definition, () => actionText(action, output));
}

function nameArgument(): Argument {
  return new OfferingArgument("<name>", "the action's name", "stored actions").argParser(readName);
}

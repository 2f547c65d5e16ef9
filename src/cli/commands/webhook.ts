/** `webhook`: stores, shows, lists, deletes and tests webhook endpoints, and repeats their messages. */

import { type Command, Option } from "commander";
import type { Schemas } from "../../client/index.ts";
import { leftOverWarning } from "../../words/typed-json.ts";
import {
  CliCommand,
  examples,
  exiting,
  given,
  limitOption,
  take,
  textOption,
  wholeNumberFrom,
  withConnection,
  withOutput,
} from "../command.ts";
import { EXIT } from "../exit.ts";
import { complain, Output, plain } from "../output.ts";
import { connect } from "../settings.ts";
import {
  deliveriesCommand,
  enableCommand,
  recoverCommand,
  resendCommand,
  rotateSecretCommand,
  statusCommand,
  testCommand,
} from "./webhook-deliveries.ts";
import {
  BODY_HELP,
  type EndpointFlags,
  endpointTable,
  endpointText,
  nameArgument,
  readDefinition,
} from "./webhook-endpoint.ts";

interface PutFlags extends EndpointFlags {
  readonly body: string;
  readonly ifVersion?: number;
  readonly ifNew?: boolean;
}

interface DeleteFlags extends EndpointFlags {
  readonly ifVersion?: number;
}

interface ListFlags extends EndpointFlags {
  readonly limit?: number;
}

const VERSION = wholeNumberFrom(1, 2 ** 53 - 1);

export function webhookCommand(): CliCommand {
  const webhook = new CliCommand("webhook")
    .summary("store, test and delete webhook endpoints, and repeat their messages")
    .description(
      "Store, show, list, test and delete webhook endpoints, and see and repeat their messages. A webhook endpoint " +
        "tells a program or a chat when a run ends or waits for approval. Requires a token with the role owner or admin.",
    )
    .addHelpText("after", examples("action-runs webhook put chat --body @slack.json", "action-runs webhook test chat"));
  const commands = [
    putCommand(),
    getCommand(),
    listCommand(),
    deleteCommand(),
    testCommand(),
    statusCommand(),
    deliveriesCommand(),
    resendCommand(),
    recoverCommand(),
    enableCommand(),
    rotateSecretCommand(),
  ];
  for (const command of commands) webhook.addCommand(withOutput(withConnection(command)));
  return webhook;
}

function putCommand(): CliCommand {
  return new CliCommand("webhook put")
    .summary("store a webhook endpoint")
    .description(
      "Create or replace a webhook endpoint. A change takes effect within 30 seconds. The url, header values and the " +
        "texts of secrets are write-only. To keep the stored url, send null in its place. Null then keeps the others, " +
        "too. A new endpoint gets a signing secret, which only this response shows; with --json it is the member " +
        "signingSecret. Secrets must not stand on the command line, because other users can read it.",
    )
    .addArgument(nameArgument())
    .addOption(textOption("--body <json>", "the definition, as a JSON object").makeOptionMandatory())
    .addOption(new Option("--if-version <version>", "only if the endpoint has this version").argParser(VERSION))
    .addOption(new Option("--if-new", "only if there is no such endpoint").conflicts("ifVersion"))
    .addHelpText(
      "after",
      BODY_HELP +
        examples(
          "action-runs webhook put chat --body @slack.json",
          "action-runs webhook get chat --json > chat.json    (to change it)",
          "action-runs webhook put chat --if-version 1795612908373 --body @chat.json",
        ),
    )
    .action(
      exiting(async (name: string, flags: PutFlags, command: Command) => {
        const output = new Output(flags);
        const definition = await readDefinition(flags.body, command);
        const client = await connect(flags);
        const ifVersion = flags.ifNew ? null : flags.ifVersion;
        const put = await client.webhookEndpoints.put(name, definition, given({ ifVersion }));
        const { signingSecret } = put;
        await output.show({ ...put.definition, signingSecret }, () => endpointText(put, signingSecret, output));
        const warning = leftOverWarning(definition, "or no message can arrive");
        if (warning !== null) complain(`The endpoint is stored, but ${warning}`);
        return EXIT.succeeded;
      }),
    );
}

function getCommand(): CliCommand {
  return new CliCommand("webhook get")
    .summary("show a webhook endpoint")
    .description(
      "Show a webhook endpoint, with null in the place of its url and of each other secret. With --json it is the " +
        "definition alone, which `webhook put` accepts again. `webhook list --json` has the version.",
    )
    .addArgument(nameArgument())
    .addHelpText("after", examples("action-runs webhook get chat", "action-runs webhook get chat --json | jq .events"))
    .action(
      exiting(async (name: string, flags: EndpointFlags) => {
        const output = new Output(flags);
        const client = await connect(flags);
        const endpoint = await client.webhookEndpoints.get(name);
        await output.show(endpoint.definition, () => endpointText(endpoint, null, output));
        return EXIT.succeeded;
      }),
    );
}

function listCommand(): CliCommand {
  return new CliCommand("webhook list")
    .summary("list webhook endpoints")
    .description(
      "List the webhook endpoints of the environment by name, without their secrets. SENDS is no if a person disabled " +
        "the endpoint. `webhook status` says whether the service did.",
    )
    .addOption(limitOption())
    .addHelpText("after", examples("action-runs webhook list", "action-runs webhook list --json | jq -r '.[].name'"))
    .action(
      exiting(async (flags: ListFlags) => {
        const output = new Output(flags);
        const client = await connect(flags);
        const listed = take(client.webhookEndpoints.list(), flags.limit);
        if (output.isJson) {
          await output.array(listed);
          return EXIT.succeeded;
        }
        const endpoints: Schemas["ListedWebhookEndpoint"][] = [];
        for await (const endpoint of listed) endpoints.push(endpoint);
        await output.line(
          endpoints.length === 0 ? "There are no webhook endpoints." : endpointTable(endpoints, output),
        );
        return EXIT.succeeded;
      }),
    );
}

function deleteCommand(): CliCommand {
  return new CliCommand("webhook delete")
    .summary("delete a webhook endpoint")
    .description(
      "Delete a webhook endpoint, its secrets, its versions and its messages that wait. A message can still be sent for " +
        "up to 30 seconds.",
    )
    .addArgument(nameArgument())
    .addOption(new Option("--if-version <version>", "only if the endpoint has this version").argParser(VERSION))
    .addHelpText("after", examples("action-runs webhook delete chat"))
    .action(
      exiting(async (name: string, flags: DeleteFlags) => {
        const output = new Output(flags);
        const client = await connect(flags);
        await client.webhookEndpoints.delete(name, given({ ifVersion: flags.ifVersion }));
        await output.show({ deleted: name }, () => `Deleted ${plain(name)}.`);
        return EXIT.succeeded;
      }),
    );
}

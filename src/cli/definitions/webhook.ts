/** `webhook`: stores, shows, lists, deletes and tests webhook endpoints, and repeats their deliveries. */

import { leftOverWarning } from "../../words/typed-json.ts";
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
import { CliCommand, examples, limitOption } from "../command.ts";
import { complain } from "../output.ts";
import {
  deliveriesCommand,
  enableCommand,
  recoverCommand,
  resendCommand,
  rotateSecretCommand,
  statusCommand,
  testCommand,
} from "./webhook-deliveries.ts";
import { BODY_HELP, endpointTable, endpointText, nameArgument, readDefinition } from "./webhook-endpoint.ts";

export function webhookCommand(): CliCommand {
  const webhook = new CliCommand("webhook")
    .summary("store, test and delete webhook endpoints, and repeat their messages")
    .description(
      "Store, show, list, test and delete webhook endpoints, and see and repeat their messages. A webhook endpoint " +
        "tells a program or a chat when a run ends or waits for approval. Requires a token with the role owner or admin.",
    )
    .addHelpText("after", examples("action-runs webhook put chat --body @slack.json", "action-runs webhook test chat"));
  return withCommands(webhook, [
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
  ]);
}

function putCommand(): CliCommand {
  const command = new CliCommand("webhook put")
    .summary("store a webhook endpoint")
    .description(
      "Create or replace a webhook endpoint. A change takes effect within 30 seconds. The url, header values and the " +
        "texts of secrets are write-only. To keep the stored url, send null in its place. Null then keeps the others, " +
        "too. A new endpoint gets a signing secret, which only this response shows; with --json it is the member " +
        "signingSecret. Secrets must not stand on the command line, because other users can read it.",
    )
    .addArgument(nameArgument());
  return withPut(command, "endpoint")
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
      calling<PutFlags, [string]>(async ({ client, output, flags, command }, name) => {
        const definition = await readDefinition(flags.body, command);
        const put = await client.webhookEndpoints.put(name, definition, conditionOf(flags));
        const { signingSecret } = put;
        await output.show({ ...put.definition, signingSecret }, () => endpointText(put, signingSecret, output));
        const warning = leftOverWarning(definition, "or no message can arrive");
        if (warning !== null) complain(`The endpoint is stored, but ${warning}`);
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
      calling<Flags, [string]>(async ({ client, output }, name) => {
        const endpoint = await client.webhookEndpoints.get(name);
        await output.show(endpoint.definition, () => endpointText(endpoint, null, output));
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
      listing(
        ({ client }: Call<ListFlags>) => client.webhookEndpoints.list(),
        "There are no webhook endpoints.",
        endpointTable,
      ),
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
    .addOption(ifVersionOption("endpoint"))
    .addHelpText("after", examples("action-runs webhook delete chat"))
    .action(deletingOne(({ webhookEndpoints }) => webhookEndpoints));
}

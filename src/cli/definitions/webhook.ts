/** `webhook`: stores, shows, lists, deletes and tests webhook endpoints, and repeats their deliveries. */

import { withCommands } from "../call.ts";
import { CliCommand, examples } from "../command.ts";
import { definitionCommands } from "./commands.ts";
import {
  deliveriesCommand,
  enableCommand,
  recoverCommand,
  resendCommand,
  rotateSecretCommand,
  statusCommand,
  testCommand,
} from "./webhook-deliveries.ts";
import { ENDPOINT } from "./webhook-endpoint.ts";

export function webhookCommand(): CliCommand {
  const webhook = new CliCommand("webhook")
    .summary("store, test and delete webhook endpoints, and repeat their messages")
    .description(
      "Store, show, list, test and delete webhook endpoints, and see and repeat their messages. A webhook endpoint " +
        "tells a program or a chat when a run ends or waits for approval. Requires a token with the role owner or admin.",
    )
    .addHelpText("after", examples("action-runs webhook put chat --body @slack.json", "action-runs webhook test chat"));
  return withCommands(webhook, [
    ...definitionCommands(ENDPOINT),
    testCommand(),
    statusCommand(),
    deliveriesCommand(),
    resendCommand(),
    recoverCommand(),
    enableCommand(),
    rotateSecretCommand(),
  ]);
}

/** `webhook`: stores, shows, lists, deletes and tests webhook endpoints, and repeats their deliveries. */

import { Option } from "commander";
import { present } from "../../client/api.ts";
import type { Schemas } from "../../client/index.ts";
import { type Call, calling, type Flags, type ListFlags, listing, withCommands } from "../call.ts";
import { CliCommand, examples, limitOption, SuggestingOption, textOption } from "../command.ts";
import { EXIT } from "../exit.ts";
import { fields } from "../fields.ts";
import { plain, wrap } from "../output.ts";
import { runArgument, wholeRunId, wholeRunIdForChange } from "../run-selection.ts";
import { readSince, readUntil } from "../times.ts";
import { definitionCommands, rotatingCommand } from "./commands.ts";
import {
  BODY_HELP,
  deliveryTable,
  ENDPOINT,
  nameArgument,
  readDefinition,
  recoveryText,
  statusText,
  testText,
} from "./webhook-endpoint.ts";

type EndpointDelivery = Schemas["Delivery"];

type State = EndpointDelivery["state"];
type EventType = EndpointDelivery["type"];
type Include = Schemas["RecoveryRequest"]["include"];

/** All of them: TypeScript reports a missing one. */
const STATES = Object.keys({ waiting: true, delivered: true, failed: true } satisfies Record<State, true>);
const INCLUDED = Object.keys({ failed: true, missing: true } satisfies Record<Include, true>);
const EVENTS = Object.keys({
  "action_run.succeeded": true,
  "action_run.failed": true,
  "action_run.cancelled": true,
  "action_run.approval_requested": true,
} satisfies Record<EventType, true>);

interface TestFlags extends Flags {
  readonly type?: EventType;
  readonly run?: string;
  readonly body?: string;
}

interface DeliveriesFlags extends ListFlags {
  readonly state?: State;
}

interface ResendFlags extends Flags {
  readonly type?: EventType;
}

interface RecoverFlags extends Flags {
  readonly since: string;
  readonly until?: string;
  readonly include: Include;
}

/** Whole seconds, so that the same instant can be typed again from the output. */
function inSeconds(read: (text: string) => string) {
  return (text: string) => read(text).replace(/\.\d+Z$/, ".000Z");
}

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

function testCommand(): CliCommand {
  return new CliCommand("webhook test")
    .summary("send one message now")
    .description(
      "Send one message now, and show what the receiver answered. The exit code is 0 only if it was delivered. The " +
        "message is about a made-up run, or with --run about one that has ended or waits for approval. It counts for " +
        "nothing. With --body you try a definition before you store it.",
    )
    .addArgument(nameArgument())
    .addOption(new Option("--type <event>", "the event of the made-up run").choices(EVENTS))
    .addOption(
      new Option(
        "--run <run>",
        "a run that has ended or waits for approval: its id, or its last 6 or more characters",
      ).conflicts("type"),
    )
    .addOption(textOption("--body <json>", "a definition that is not stored, as a JSON object"))
    .addHelpText(
      "after",
      BODY_HELP + examples("action-runs webhook test chat", "action-runs webhook test chat --body @slack.json"),
    )
    .action(
      calling<TestFlags, [string]>(async ({ client, output, flags, command }, name) => {
        const { body, run, type } = flags;
        const definition = body === undefined ? undefined : await readDefinition(body, command);
        const runId = run === undefined ? undefined : await wholeRunId(client, run);
        const result = await client.webhookEndpoints.test(name, present({ type, runId, definition }));
        await output.show(result, () => testText(result, output));
        return result.outcome === "delivered" ? EXIT.succeeded : EXIT.failed;
      }),
    );
}

function statusCommand(): CliCommand {
  return new CliCommand("webhook status")
    .summary("show the health of a webhook endpoint")
    .description(
      "Show whether messages of a webhook endpoint arrive, why the service disabled it, how far its recovery is, and who " +
        "changed it.",
    )
    .addArgument(nameArgument())
    .addHelpText(
      "after",
      examples("action-runs webhook status chat", "action-runs webhook status chat --json | jq -r .health.state"),
    )
    .action(
      calling<Flags, [string]>(async ({ client: { webhookEndpoints }, output }, name) => {
        const status = await webhookEndpoints.status(name);
        if (output.isJson) await output.show(status, String);
        else await output.line(statusText(status, await webhookEndpoints.get(name), output));
      }),
    );
}

function deliveriesCommand(): CliCommand {
  return new CliCommand("webhook deliveries")
    .summary("list the messages of a webhook endpoint")
    .description(
      "List the messages of a webhook endpoint, newest run first, with how often and when they were tried. A message is " +
        "kept for 7 days. With --json each has its newest 10 attempts and what the receiver answered.",
    )
    .addArgument(nameArgument())
    .addOption(new Option("--state <state>", "only messages in this state").choices(STATES))
    .addOption(limitOption(50))
    .addHelpText(
      "after",
      examples(
        "action-runs webhook deliveries chat",
        "action-runs webhook deliveries chat --state failed --json | jq -r '.[].runId'",
      ),
    )
    .action(
      listing(
        ({ client, flags: { state } }: Call<DeliveriesFlags>, name: string) =>
          client.webhookEndpoints.deliveries(name, { state }),
        "No messages match.",
        deliveryTable,
      ),
    );
}

function resendCommand(): CliCommand {
  return new CliCommand("webhook resend")
    .summary("send a message again")
    .description(
      "Send the message about a run again, with the same webhook-id as before. It needs no earlier message. A script " +
        "must give the run's whole id.",
    )
    .addArgument(nameArgument())
    .addArgument(runArgument())
    .addOption(new Option("--type <event>", "which event of the run (default: its newest one)").choices(EVENTS))
    .addHelpText("after", examples("action-runs webhook resend chat 019ab3de-9b55-8003-a8a9-dd2c148ea617"))
    .action(
      calling<ResendFlags, [string, string]>(async ({ client, output, flags }, name, run) => {
        const runId = await wholeRunIdForChange(client, run);
        await client.webhookEndpoints.resend(name, runId, { type: flags.type });
        await output.show({ resent: runId }, () =>
          wrap(`The message about ${plain(runId)} is sent again.`, output.columns),
        );
      }),
    );
}

function recoverCommand(): CliCommand {
  return new CliCommand("webhook recover")
    .summary("send lost messages again")
    .description(
      "Send lost messages again, newest run first and at most 10000. With failed, the command sends the messages that " +
        "the service gave up. With missing, it sends those of runs that the endpoint never heard of, for example because " +
        "it was disabled. They ended at most 7 days ago, or wait for approval. With the same instants, the command goes on where it stopped. " +
        "`webhook status` shows how far it is.",
    )
    .addArgument(nameArgument())
    .addOption(
      new SuggestingOption("--since <when>", "runs that ended since then: 30m, 24h, 7d, yesterday, a date or a time", [
        "1h",
        "24h",
        "today",
        "yesterday",
      ])
        .argParser(inSeconds(readSince))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        "--until <when>",
        "runs that ended until then, the day that you name included (default: all later ones)",
      ).argParser(inSeconds(readUntil)),
    )
    .addOption(new Option("--include <which>", "which messages to send").choices(INCLUDED).makeOptionMandatory())
    .addHelpText("after", examples("action-runs webhook recover chat --since 24h --include failed"))
    .action(
      calling<RecoverFlags, [string]>(async ({ client, output, flags }, name) => {
        const { since, until, include } = flags;
        const recovery = await client.webhookEndpoints.recover(name, { since, include, ...present({ until }) });
        const more = `To see how far it is: action-runs webhook status ${plain(name)}`;
        await output.show(recovery, () => `${fields([["recovery", recoveryText(recovery)]], output)}\n\n${more}`);
      }),
    );
}

function enableCommand(): CliCommand {
  return new CliCommand("webhook enable")
    .summary("enable an endpoint that the service disabled")
    .description(
      "Enable a webhook endpoint that the service disabled, because no message was delivered for days or the receiver " +
        "answered 410. The member disabled of its definition is your own switch, and stays.",
    )
    .addArgument(nameArgument())
    .addHelpText("after", examples("action-runs webhook enable chat"))
    .action(
      calling<Flags, [string]>(async ({ client, output }, name) => {
        await client.webhookEndpoints.enable(name);
        await output.show({ enabled: name }, () => `The service no longer disables ${plain(name)}.`);
      }),
    );
}

function rotateSecretCommand(): CliCommand {
  return rotatingCommand(
    ENDPOINT,
    "Give a webhook endpoint a new signing secret. Only this response shows it; with --json it is the member " +
      "signingSecret. The old secret signs beside it for --grace-period more, so that the receiver can change over. At " +
      "most 3 secrets sign at a time.",
    ({ webhookEndpoints }, name, options) => webhookEndpoints.rotateSecret(name, options),
  );
}

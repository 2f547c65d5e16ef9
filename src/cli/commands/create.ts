/** `create`: makes a run, and with --wait stays until it has ended. */

import { Option } from "commander";
import type { CreatedActionRun, NewActionRun } from "../../client/index.ts";
import { CliCommand } from "../command.ts";
import { UsageError } from "../exit.ts";
import { readMembers, readObject } from "../input.ts";
import {
  examples,
  exiting,
  given,
  repeated,
  textOption,
  wholeNumber,
  withConnection,
  withOutput,
} from "../options.ts";
import { Output, type OutputFlags, plain } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { fields, instant, runText } from "../telling.ts";
import { untilEnded, withWaiting } from "../waiting.ts";

interface Flags extends ConnectionFlags, OutputFlags {
  readonly body?: string;
  readonly entityId?: string;
  readonly parameters?: string;
  readonly param?: readonly string[];
  readonly recommendations?: string;
  readonly timeout?: number;
  readonly heartbeatTimeout?: number;
  readonly trigger?: string;
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
  readonly waitTimeout?: number;
}

const MINUTES = wholeNumber(1, 43_200);

export function createCommand(): CliCommand {
  const command = new CliCommand("create")
    .summary("create a run")
    .description(
      "Create a run. The answer holds the callback's URL and token, which no later answer shows. " +
        "With --wait the command stays until the run has ended, prints it as it is then, and exits by its end, " +
        "or with 7 when the wait ran out. What happens meanwhile is shown on stderr, if that is a terminal " +
        "or with --no-json.",
    )
    .argument("[action-name]", "what is to be done; may be left out where --body names it")
    .addOption(textOption("--body <json>", "the whole request as JSON; other options go over its members"))
    .addOption(new Option("--entity-id <uuid>", "what it is done to"))
    .addOption(
      new Option("-p, --param <name=value>", "one parameter, name:=json for JSON; repeatable").argParser(
        repeated,
      ),
    )
    .addOption(textOption("--parameters <json>", "all parameters, as a JSON object"))
    .addOption(textOption("--recommendations <json>", "a JSON object"))
    .addOption(new Option("--timeout <minutes>", "fails when nothing is reported in time").argParser(MINUTES))
    .addOption(
      new Option("--heartbeat-timeout <minutes>", "fails when silent for so long").argParser(MINUTES),
    )
    .addOption(textOption("--trigger <json>", "the webhook that starts the work, as a JSON object"))
    .addOption(
      new Option("--idempotency-key <key>", "the same key and body give the same run to the same token"),
    )
    .addHelpText(
      "after",
      `\nJSON is given as it is, as @file, or as @- for stdin.\n${examples(
        "action-runs create deploy -p version=1.4.2 -p replicas:=3",
        "action-runs create deploy --parameters @parameters.json --timeout 30",
        "action-runs create --body @examples/shell/create.json --wait",
        "action-runs create deploy --idempotency-key deploy-42 --json",
      )}`,
    )
    .action(exiting(create));
  return withOutput(withConnection(withWaiting(command)));
}

async function create(actionName: string | undefined, flags: Flags): Promise<number> {
  const output = new Output(flags);
  const body = await readBody(actionName, flags);
  const client = await connect(flags);
  const { idempotencyKey } = flags;
  const created = await client.runs.create(body, given({ idempotencyKey }));
  if (!flags.wait) {
    await output.show(created, () => createdText(created, output));
    return 0;
  }
  // JSON is one value, and that is the run as it ended.
  if (!output.isJson) await output.line(`${createdText(created, output)}\n`);
  return untilEnded(client, created.id, output, flags.waitTimeout);
}

async function readBody(actionName: string | undefined, flags: Flags): Promise<NewActionRun> {
  const base = flags.body === undefined ? {} : await readObject(flags.body, "--body");
  const parameters =
    flags.parameters === undefined ? undefined : await readObject(flags.parameters, "--parameters");
  const body = {
    ...base,
    ...given({
      actionName,
      entityId: flags.entityId,
      parameters,
      recommendations:
        flags.recommendations === undefined
          ? undefined
          : await readObject(flags.recommendations, "--recommendations"),
      timeout: flags.timeout,
      heartbeatTimeout: flags.heartbeatTimeout,
      trigger: flags.trigger === undefined ? undefined : await readObject(flags.trigger, "--trigger"),
    }),
  } as Record<string, unknown>;
  if (flags.param !== undefined) {
    body.parameters = { ...(body.parameters as object | undefined), ...readMembers(flags.param, "--param") };
  }
  if (body.actionName === undefined)
    throw new UsageError("Name the action: action-runs create <action-name>");
  // The service is the one that judges it.
  return body as NewActionRun;
}

function createdText(created: CreatedActionRun, output: Output): string {
  const { url, token, expiresAt } = created.callback;
  const callback = [
    ["callback", plain(url)],
    ["token", `${plain(token)} (shown only here)`],
    ["expires", instant(expiresAt)],
  ];
  return `${runText(created, output)}\n${fields(callback, output)}`;
}

/** `create`: creates a run, and with --wait waits until it ends. */

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
      "Create a run. Only this response shows the callback URL and token. " +
        "With --wait the command waits until the run ends, and then prints it. The exit code tells how the run " +
        "ended, or is 7 after --wait-timeout. If stderr is a terminal, or with --no-json, stderr shows the events " +
        "meanwhile.",
    )
    .argument("[action-name]", "what to do; optional if --body names it")
    .addOption(textOption("--body <json>", "the whole request as JSON; other options override its members"))
    .addOption(new Option("--entity-id <uuid>", "the entity that the run is about"))
    .addOption(
      new Option("-p, --param <name=value>", "one parameter as text, or name:=json; repeatable").argParser(
        repeated,
      ),
    )
    .addOption(textOption("--parameters <json>", "all parameters, as a JSON object"))
    .addOption(textOption("--recommendations <json>", "recommendations, as a JSON object"))
    .addOption(
      new Option("--timeout <minutes>", "fail the run if no report comes in time").argParser(MINUTES),
    )
    .addOption(
      new Option(
        "--heartbeat-timeout <minutes>",
        "fail the run if no heartbeat comes for this long",
      ).argParser(MINUTES),
    )
    .addOption(textOption("--trigger <json>", "the webhook that starts the work, as a JSON object"))
    .addOption(
      new Option(
        "--idempotency-key <key>",
        "a repeated create with the same key, body and token returns the same run",
      ),
    )
    .addHelpText(
      "after",
      `\nGive JSON as text, as @file, or as @- for stdin.\n${examples(
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
  // With JSON, stdout holds one value: the run after its end.
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
  // The service validates the body.
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

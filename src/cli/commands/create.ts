/** `create`: creates a run, and with --wait waits until it ends. */

import { Option } from "commander";
import type { NewActionRun } from "../../client/index.ts";
import { CliCommand } from "../command.ts";
import { type CreatingFlags, creatingOptions, showCreated, withCreating } from "../created.ts";
import { UsageError } from "../exit.ts";
import { MINUTES } from "../gate-inputs.ts";
import { readObject } from "../input.ts";
import { examples, exiting, given, OfferingArgument, textOption, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { type InputFlags, JSON_HELP, readInputs, withInputs } from "../run-inputs.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

interface Flags extends ConnectionFlags, OutputFlags, InputFlags, CreatingFlags {
  readonly heartbeatTimeout?: number;
  readonly trigger?: string;
}

export function createCommand(): CliCommand {
  const command = new CliCommand("create")
    .summary("create a run")
    .description(
      "Create a run. Only this response shows the callback URL and token. " +
        "With --wait the command waits until the run ends, and then prints it. The exit code tells how the run " +
        "ended, or is 7 after --wait-timeout. If stderr is a terminal, or with --no-json, stderr shows the events " +
        "meanwhile.",
    )
    .addArgument(new OfferingArgument("[action-name]", "what to do; optional if --body names it", "action names"));
  withInputs(command)
    .addOption(
      new Option("--heartbeat-timeout <minutes>", "fail the run if no heartbeat comes for this long").argParser(
        MINUTES,
      ),
    )
    .addOption(textOption("--trigger <json>", "the webhook that starts the work, as a JSON object"))
    .addHelpText(
      "after",
      JSON_HELP +
        examples(
          "action-runs create deploy -p version=1.4.2 -p replicas:=3",
          "action-runs create deploy --parameters @parameters.json --timeout 30",
          "action-runs create --body @run.json --wait",
          "action-runs create deploy --body @run.json --not-before +2h",
          "action-runs create deploy --label team:shop --idempotency-key deploy-42 --json",
        ),
    )
    .action(exiting(create));
  return withOutput(withConnection(withCreating(command)));
}

async function create(actionName: string | undefined, flags: Flags): Promise<number> {
  const output = new Output(flags);
  const body = await readBody(actionName, flags);
  const client = await connect(flags);
  const created = await client.runs.create(body, creatingOptions(flags));
  return showCreated(client, created, flags, output, { hasTrigger: body.trigger !== undefined });
}

async function readBody(actionName: string | undefined, flags: Flags): Promise<NewActionRun> {
  const { heartbeatTimeout } = flags;
  const inputs = await readInputs(flags);
  const trigger = flags.trigger === undefined ? undefined : await readObject(flags.trigger, "--trigger");
  const body: Record<string, unknown> = { ...inputs, ...given({ actionName, heartbeatTimeout, trigger }) };
  if (body.actionName === undefined) throw new UsageError("Name the action: action-runs create <action-name>");
  // The service validates the body.
  return body as unknown as NewActionRun;
}

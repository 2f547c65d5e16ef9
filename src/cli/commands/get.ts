/** `get`: shows one run, and with --wait waits until it ends. */

import { Option } from "commander";
import { CliCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { examples, exiting, readId, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { runText } from "../telling.ts";
import { untilEnded, withWaiting } from "../waiting.ts";

interface Flags extends ConnectionFlags, OutputFlags {
  readonly details?: boolean;
  readonly wait?: boolean;
  readonly waitTimeout?: number;
}

export function getCommand(): CliCommand {
  const command = new CliCommand("get")
    .summary("show a run")
    .description(
      "Show a run. The exit code is 0, even if the run failed. With --wait the command waits until the run ends, " +
        "and the exit code tells how it ended, or is 7 after --wait-timeout. If stderr is a terminal, or with " +
        "--no-json, stderr shows the events meanwhile.",
    )
    .argument("<run>", "the run's id", readId)
    .addOption(new Option("--details", "also show the action, labels, job page, last heartbeat and cancel"))
    .addHelpText(
      "after",
      examples(
        "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617",
        "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617 --details",
        "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617 --wait --wait-timeout 600 && echo done",
        "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617 --json | jq -r .status",
      ),
    )
    .action(exiting(get));
  return withOutput(withConnection(withWaiting(command)));
}

async function get(id: string, flags: Flags): Promise<number> {
  const output = new Output(flags);
  const client = await connect(flags);
  const include = flags.details ? "details" : undefined;
  if (flags.wait) return untilEnded(client, id, output, { seconds: flags.waitTimeout, include });
  const run = await client.runs.get(id, { include });
  await output.show(run, () => runText(run, output));
  return EXIT.succeeded;
}

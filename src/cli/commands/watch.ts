/** `watch`: shows a run's timeline as it happens. */

import { Option } from "commander";
import { CliCommand } from "../command.ts";
import { exitCodeOfRun } from "../exit.ts";
import { examples, exiting, given, readId, wholeNumberFrom, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags, toJson } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { eventText, runText } from "../telling.ts";

interface Flags extends ConnectionFlags, OutputFlags {
  readonly after?: number;
}

export function watchCommand(): CliCommand {
  const command = new CliCommand("watch")
    .summary("follow a run until it ends")
    .description(
      "Follow a run until it ends: attempts to start it, heartbeats with progress, the end. " +
        "The exit code tells how the run ended. With --json each event is one line (NDJSON).",
    )
    .argument("<run>", "the run's id", readId)
    .addOption(
      new Option("--after <seq>", "only events after this number").argParser(wholeNumberFrom(0, 1e9)),
    )
    .addHelpText(
      "after",
      examples(
        "action-runs watch 01a212de-9b55-8003-a8a9-dd2c148ea617",
        "action-runs watch 01a212de-9b55-8003-a8a9-dd2c148ea617 --json | jq -c 'select(.type == \"heartbeat\")'",
      ),
    )
    .action(exiting(watch));
  return withOutput(withConnection(command));
}

async function watch(id: string, flags: Flags): Promise<number> {
  const output = new Output(flags);
  const client = await connect(flags);
  for await (const event of client.runs.watch(id, given({ after: flags.after }))) {
    await output.line(output.isJson ? toJson(event) : eventText(event, output));
  }
  // Only the run has the error, and with --after there may have been no event.
  const run = await client.runs.get(id);
  if (!output.isJson) await output.line(`\n${runText(run, output)}`);
  return exitCodeOfRun(run.status);
}

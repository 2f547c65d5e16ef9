/** `watch`: shows a run's timeline as it happens. */

import { Option } from "commander";
import { CliCommand } from "../command.ts";
import { EventLines } from "../event-lines.ts";
import { exitCodeOfRun } from "../exit.ts";
import { lasting, lastingEvents } from "../lasting.ts";
import { examples, exiting, wholeNumberFrom, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags, toJson } from "../output.ts";
import { runArgument, wholeRunId } from "../run-id.ts";
import { runText } from "../run-text.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

interface Flags extends ConnectionFlags, OutputFlags {
  readonly after?: number;
}

export function watchCommand(): CliCommand {
  const command = new CliCommand("watch")
    .summary("follow a run until it ends")
    .description(
      "Follow a run until it ends: attempts to start it, heartbeats with progress, the end. On a terminal, the " +
        "heartbeats are one progress bar. If the server goes away, watch says so on stderr and goes on when it is " +
        "back. The exit code tells how the run ended. With --json each event is one line (NDJSON).",
    )
    .addArgument(runArgument())
    .addOption(
      new Option("--after <seq>", "only events after this number").argParser(wholeNumberFrom(0, 1e9)),
    )
    .addHelpText(
      "after",
      examples(
        "action-runs watch 01a212de-9b55-8003-a8a9-dd2c148ea617",
        "action-runs watch 148ea617",
        "action-runs watch 01a212de-9b55-8003-a8a9-dd2c148ea617 --json | jq -c 'select(.type == \"heartbeat\")'",
      ),
    )
    .action(exiting(watch));
  return withOutput(withConnection(command));
}

async function watch(given: string, flags: Flags): Promise<number> {
  const output = new Output(flags);
  const client = await connect(flags);
  const id = await wholeRunId(client, given);
  // From this response on, the address is known to be right.
  await client.runs.get(id);
  const lines = new EventLines(output);
  const say = (sentence: string) => lines.complain(sentence);
  try {
    for await (const event of lastingEvents(client, id, { after: flags.after, say })) {
      if (output.isJson) await output.line(toJson(event));
      else await lines.show(event);
    }
    // Only the run has the error, and with --after there may have been no event.
    const run = await lasting(() => client.runs.get(id), { say });
    lines.clear();
    if (!output.isJson) await output.line(`\n${runText(run, output)}`);
    return exitCodeOfRun(run.status);
  } finally {
    lines.clear();
  }
}

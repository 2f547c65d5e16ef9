/** `watch`: shows a run's timeline, or the changes of all runs, as they happen. */

import { Option } from "commander";
import { changeLine } from "../change-line.ts";
import { CliCommand } from "../command.ts";
import { EventLines } from "../event-lines.ts";
import { EXIT, exitCodeOfRun, UsageError } from "../exit.ts";
import { lasting, lastingChanges, lastingEvents } from "../lasting.ts";
import { examples, exiting, OfferingOption, repeated, withConnection, withOutput } from "../options.ts";
import { complain, Output, type OutputFlags, toJson } from "../output.ts";
import { type WaitingFilter, withGateFilters } from "../run-filters.ts";
import { optionalRunArgument, wholeRunId } from "../run-id.ts";
import { runText } from "../run-text.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

interface Flags extends ConnectionFlags, OutputFlags {
  readonly after?: string;
  readonly actionName?: string;
  readonly label?: readonly string[];
  readonly waiting?: WaitingFilter;
  readonly group?: string;
}

export function watchCommand(): CliCommand {
  const command = new CliCommand("watch")
    .summary("follow a run until it ends, or all runs")
    .description(
      "Follow a run until it ends: attempts to start it, heartbeats with progress, the end. On a terminal, the " +
        "heartbeats are one progress bar that changes in place. The exit code tells how the run ended. Without a " +
        "run, watch follows all runs of the environment and prints a line for each change, until you press Ctrl-C. " +
        "If the server goes away, watch says so on stderr and goes on when it is back. With --json each line is an " +
        "event, or the changed run (NDJSON).",
    )
    .addArgument(optionalRunArgument("without it, all runs"))
    .addOption(
      new Option(
        "--after <position>",
        "of a run: only events after this number; of all runs: changes after this cursor, 0 for all that are kept",
      ),
    )
    .addOption(new OfferingOption("--action-name <name>", "of all runs: only this action's", "action names"))
    .addOption(
      new OfferingOption("--label <text>", "of all runs: only those with this label; repeatable", "labels").argParser(
        repeated,
      ),
    );
  withGateFilters(command, {
    waiting: "of all runs: only those that this gate can hold back, also when they go on",
    group: "of all runs: only those of this concurrency group",
  })
    .addHelpText(
      "after",
      examples(
        "action-runs watch 01a212de-9b55-8003-a8a9-dd2c148ea617",
        "action-runs watch 148ea617",
        "action-runs watch 01a212de-9b55-8003-a8a9-dd2c148ea617 --json | jq -c 'select(.type == \"heartbeat\")'",
        "action-runs watch --action-name deploy",
        "action-runs watch --waiting approval",
        "action-runs watch --json | jq -c 'select(.status == \"failed\")'",
      ),
    )
    .action(
      exiting((given: string | undefined, flags: Flags) =>
        given === undefined ? watchAll(flags) : watch(given, flags),
      ),
    );
  return withOutput(withConnection(command));
}

async function watch(given: string, flags: Flags): Promise<number> {
  const filters = [flags.actionName, flags.label, flags.waiting, flags.group];
  if (filters.some((filter) => filter !== undefined)) {
    throw new UsageError(
      "--action-name, --label, --waiting and --group are for all runs. Leave them out, or leave out the run.",
    );
  }
  const after = flags.after === undefined ? undefined : eventNumber(flags.after);
  const output = new Output(flags);
  const client = await connect(flags);
  const id = await wholeRunId(client, given);
  // From this response on, the address is known to be right.
  await client.runs.get(id);
  const lines = new EventLines(output, () => client.runs.get(id, { include: "details" }));
  const say = (sentence: string) => lines.complain(sentence);
  try {
    for await (const event of lastingEvents(client, id, { after, say })) {
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

/** Until the user stops it, or the server refuses. */
async function watchAll(flags: Flags): Promise<number> {
  const output = new Output(flags);
  const client = await connect(flags);
  const { after = "now", actionName, label, waiting, group } = flags;
  if (process.stderr.isTTY) complain("Follows all runs, also new ones. Ctrl-C stops.");
  const filters = { actionName, label: label && [...label], waiting, group };
  for await (const { runs } of lastingChanges(client, { after, ...filters, say: complain })) {
    for (const run of runs) await output.line(output.isJson ? toJson(run) : changeLine(run, output));
  }
  return EXIT.succeeded;
}

function eventNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--after ${text}: the events of a run have numbers. Use a whole number.`);
}

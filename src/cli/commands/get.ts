/** `get`: shows one run, and with --wait stays until it has ended. */

import { Option } from "commander";
import { CliCommand } from "../command.ts";
import { CommandFailed, EXIT, exitCodeOfRun } from "../exit.ts";
import { examples, exiting, readId, wholeNumber, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { type Client, type ConnectionFlags, connect } from "../settings.ts";
import { runText } from "../telling.ts";

interface Flags extends ConnectionFlags, OutputFlags {
  readonly wait?: boolean;
  readonly waitTimeout?: number;
}

const SECOND_MS = 1000;

export function getCommand(): CliCommand {
  const command = new CliCommand("get")
    .summary("show a run")
    .description("Show a run. Exits 0 however it ended, but with --wait by its end.")
    .argument("<run>", "the run's id", readId)
    .addOption(new Option("--wait", "stay until the run has ended, and exit by its end"))
    .addOption(
      new Option("--wait-timeout <seconds>", "and no longer than this").argParser(wholeNumber(1, 2_592_000)),
    )
    .addHelpText(
      "after",
      examples(
        "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617",
        "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617 --wait --wait-timeout 600 && echo done",
        "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617 --json | jq -r .status",
      ),
    )
    .action(exiting(get));
  return withOutput(withConnection(command));
}

async function get(id: string, flags: Flags): Promise<number> {
  const output = new Output(flags);
  const client = await connect(flags);
  if (flags.wait) return untilEnded(client, id, output, flags.waitTimeout);
  const run = await client.runs.get(id);
  await output.show(run, () => runText(run, output));
  return EXIT.succeeded;
}

/** Shows the run once it has ended; the exit code is its end's. Throws CommandFailed when time is up before. */
export async function untilEnded(
  client: Client,
  id: string,
  output: Output,
  seconds: number | undefined,
): Promise<number> {
  const signal = seconds === undefined ? undefined : AbortSignal.timeout(seconds * SECOND_MS);
  try {
    const run = await client.runs.wait(id, signal === undefined ? {} : { signal });
    await output.show(run, () => runText(run, output));
    return exitCodeOfRun(run.status);
  } catch (thrown) {
    if (!signal?.aborted) throw thrown;
    throw new CommandFailed(`The run ${id} has not ended within ${seconds} seconds.`);
  }
}

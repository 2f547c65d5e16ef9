/**
 * Waits for a run's end, for the commands that make a run and for `get`. stdout is for the run alone, so progress goes
 * to stderr.
 */

import { Option } from "commander";
import { ActionRunsError, type Client, type DetailOptions } from "../client/index.ts";
import type { CliCommand } from "./command.ts";
import { CommandFailed, EXIT, errorSentence, exitCodeOfRun } from "./exit.ts";
import { wholeNumberFrom } from "./options.ts";
import { complain, Output, plain } from "./output.ts";
import { eventText, runText } from "./telling.ts";

const SECOND_MS = 1000;
/** A JavaScript timer fires at once if its milliseconds don't fit into 31 bits. */
const WAIT_MAX_SECONDS = Math.floor((2 ** 31 - 1) / SECOND_MS);

/** Adds the options of a command that can wait. */
export function withWaiting(command: CliCommand): CliCommand {
  return command
    .addOption(new Option("--wait", "wait until the run ends; the exit code tells how"))
    .addOption(
      new Option("--wait-timeout <seconds>", "stop waiting after this time and exit with 7").argParser(
        wholeNumberFrom(1, WAIT_MAX_SECONDS),
      ),
    );
}

/** Shows the run when it has ended, and returns the exit code for its status. Throws CommandFailed after `seconds`. */
export async function untilEnded(
  client: Client,
  id: string,
  output: Output,
  { seconds, include }: { readonly seconds: number | undefined } & DetailOptions,
): Promise<number> {
  const signal = seconds === undefined ? undefined : AbortSignal.timeout(seconds * SECOND_MS);
  const options = signal === undefined ? {} : { signal };
  try {
    if (process.stderr.isTTY || !output.isJson) await tell(client, id, seconds, options);
    const run = await client.runs.wait(id, { ...options, include });
    await output.show(run, () => runText(run, output));
    return exitCodeOfRun(run.status);
  } catch (thrown) {
    if (!signal?.aborted) throw thrown;
    throw new CommandFailed(
      `The run ${id} did not end within ${inSeconds(seconds)}. It continues. To wait again: action-runs get ${id} --wait`,
      EXIT.timedOut,
    );
  }
}

/** Shows people the events until the run ends. The caller shows the ended run. */
async function tell(
  client: Client,
  id: string,
  seconds: number | undefined,
  options: { readonly signal?: AbortSignal },
): Promise<void> {
  const people = new Output({ json: false }, process.stderr);
  const most = seconds === undefined ? "" : `, for at most ${inSeconds(seconds)}`;
  await people.line(
    `Waiting for the run ${plain(id)} to end${most}. Ctrl-C stops waiting. The run continues.`,
  );
  try {
    for await (const event of client.runs.watch(id, options)) await people.line(eventText(event, people));
  } catch (fault) {
    options.signal?.throwIfAborted();
    const isRefused = !(fault instanceof ActionRunsError) || [401, 403, 404].includes(fault.status ?? 0);
    if (isRefused) throw fault;
    complain(`Can't show events, but still waiting: ${errorSentence(fault)}`);
  }
}

function inSeconds(count = 0): string {
  return count === 1 ? "1 second" : `${count} seconds`;
}

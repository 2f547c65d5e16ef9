/**
 * Waiting for a run's end, which `create` and `get` share. stdout is for the run alone: what is waited for, and what
 * happens meanwhile, goes to stderr.
 */

import { Option } from "commander";
import { ActionRunsError } from "../client/index.ts";
import type { CliCommand } from "./command.ts";
import { CommandFailed, EXIT, exitCodeOfRun, sentenceOf } from "./exit.ts";
import { wholeNumber } from "./options.ts";
import { complain, Output } from "./output.ts";
import type { Client } from "./settings.ts";
import { eventText, runText } from "./telling.ts";

const SECOND_MS = 1000;
/** A timer of more milliseconds than fit into 31 bits rings at once. */
const WAIT_MAX_SECONDS = Math.floor((2 ** 31 - 1) / SECOND_MS);

/** Adds the options of a command that can wait. */
export function withWaiting(command: CliCommand): CliCommand {
  return command
    .addOption(new Option("--wait", "stay until the run has ended, and exit by its end"))
    .addOption(
      new Option("--wait-timeout <seconds>", "and no longer than this; then exit with 7").argParser(
        wholeNumber(1, WAIT_MAX_SECONDS),
      ),
    );
}

/** Shows the run once it has ended; the exit code is its end's. Throws CommandFailed when time is up before. */
export async function untilEnded(
  client: Client,
  id: string,
  output: Output,
  seconds: number | undefined,
): Promise<number> {
  const signal = seconds === undefined ? undefined : AbortSignal.timeout(seconds * SECOND_MS);
  const options = signal === undefined ? {} : { signal };
  try {
    if (process.stderr.isTTY || !output.isJson) await tell(client, id, seconds, options);
    const run = await client.runs.wait(id, options);
    await output.show(run, () => runText(run, output));
    return exitCodeOfRun(run.status);
  } catch (thrown) {
    if (!signal?.aborted) throw thrown;
    throw new CommandFailed(
      `The run ${id} did not end within ${inSeconds(seconds)}. It goes on. To wait again: action-runs get ${id} --wait`,
      EXIT.waitedInVain,
    );
  }
}

/** What happens until the run has ended, for people. Whether and how it ended is not for this to say. */
async function tell(
  client: Client,
  id: string,
  seconds: number | undefined,
  options: { readonly signal?: AbortSignal },
): Promise<void> {
  const people = new Output({ json: false }, process.stderr);
  const most = seconds === undefined ? "" : `, for at most ${inSeconds(seconds)}`;
  await people.line(`Waiting for the run ${id} to end${most}. Ctrl-C stops the waiting, not the run.`);
  try {
    for await (const event of client.runs.watch(id, options)) await people.line(eventText(event, people));
  } catch (fault) {
    options.signal?.throwIfAborted();
    const isRefused = !(fault instanceof ActionRunsError) || [401, 403, 404].includes(fault.status ?? 0);
    if (isRefused) throw fault;
    complain(`The events can't be shown, the waiting goes on: ${sentenceOf(fault)}`);
  }
}

function inSeconds(count = 0): string {
  return count === 1 ? "1 second" : `${count} seconds`;
}

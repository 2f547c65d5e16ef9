/**
 * Waits for a run's end, for the commands that make a run and for `get`. stdout is for the run alone, so progress goes
 * to stderr.
 */

import { Option } from "commander";
import { ActionRunsError, type Client, type DetailedActionRun, type DetailOptions } from "../client/index.ts";
import type { CliCommand } from "./command.ts";
import { EventLines } from "./event-lines.ts";
import { CommandFailed, EXIT, errorSentence, exitCodeOfRun } from "./exit.ts";
import { lasting, lastingEvents } from "./lasting.ts";
import { wholeNumberFrom } from "./options.ts";
import { complain, Output, plain } from "./output.ts";
import { runText } from "./run-text.ts";
import { wrap } from "./wrap.ts";

const SECOND_MS = 1000;
/** A JavaScript timer fires at once if its milliseconds don't fit into 31 bits. */
const WAIT_MAX_SECONDS = Math.floor((2 ** 31 - 1) / SECOND_MS);

/** Adds the options of a command that can wait. */
export function withWaiting(command: CliCommand): CliCommand {
  return command
    .addOption(new Option("--wait", "wait until the run ends; the exit code tells how"))
    .addOption(waitTimeoutOption());
}

export function waitTimeoutOption(): Option {
  return new Option("--wait-timeout <seconds>", "stop waiting after this time and exit with 7").argParser(
    wholeNumberFrom(1, WAIT_MAX_SECONDS),
  );
}

export interface UntilEndedOptions extends DetailOptions {
  readonly seconds: number | undefined;
  /** Whether the server has answered before. Otherwise a server that does not answer ends the command. */
  readonly hasAnswered: boolean;
  /** How to show the ended run. Default: with all its members. */
  readonly show?: (run: DetailedActionRun) => Promise<void>;
}

/** Shows the run when it has ended, and returns the exit code for its status. Throws CommandFailed after `seconds`. */
export async function untilEnded(
  client: Client,
  id: string,
  output: Output,
  { seconds, include, hasAnswered, show }: UntilEndedOptions,
): Promise<number> {
  const signal = seconds === undefined ? undefined : AbortSignal.timeout(seconds * SECOND_MS);
  const options = signal === undefined ? {} : { signal };
  const most = seconds === undefined ? "" : `, for at most ${inSeconds(seconds)}`;
  try {
    const people = process.stderr.isTTY || !output.isJson ? new Output({ json: false }, process.stderr) : null;
    const waiting = `Waiting for the run ${plain(id)} to end${most}. Ctrl-C stops waiting. The run continues.`;
    await people?.line(wrap(waiting, people.columns));
    if (!hasAnswered) await client.runs.get(id, options);
    if (people !== null) await showEvents(client, id, people, options);
    const wait = () => client.runs.wait(id, { ...options, include });
    const run = await lasting(wait, { signal, say: complain });
    // On stderr, because stdout may be a file with the run alone.
    await people?.line("");
    await (show === undefined ? output.show(run, () => runText(run, output)) : show(run));
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
async function showEvents(
  client: Client,
  id: string,
  people: Output,
  options: { readonly signal?: AbortSignal },
): Promise<void> {
  const read = () => client.runs.get(id, { ...options, include: "details" });
  const lines = new EventLines(people, read);
  try {
    // Without events there is still the end to wait for.
    const patience = { ...options, say: (sentence: string) => lines.complain(sentence), notAfter: "too_many_watchers" };
    for await (const event of lastingEvents(client, id, patience)) await lines.show(event);
  } catch (fault) {
    options.signal?.throwIfAborted();
    const isRefused = !(fault instanceof ActionRunsError) || [401, 403, 404].includes(fault.status ?? 0);
    if (isRefused) throw fault;
    lines.complain(`Can't show events, but still waiting: ${errorSentence(fault)}`);
  } finally {
    lines.clear();
  }
}

function inSeconds(count = 0): string {
  return count === 1 ? "1 second" : `${count} seconds`;
}

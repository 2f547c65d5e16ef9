/** `exec`: runs a command as the work of a run. */

import { Option } from "commander";
import { CliCommand } from "../command.ts";
import { execute } from "../exec.ts";
import { UsageError } from "../exit.ts";
import { examples, exiting, wholeNumberFrom, withCallbackOptions } from "../options.ts";
import { exitWhenReaderIsGone } from "../output.ts";
import { hideSecrets, withoutSecrets } from "../secret-variables.ts";
import { type CallbackFlags, connectCallback } from "../settings.ts";
import { REPORT_RETRIES } from "./report.ts";

/** A heartbeat that hangs must not hide a cancel for long. */
const BEAT_TIMEOUT_SECONDS = 15;

interface Flags extends CallbackFlags {
  readonly interval: number;
  readonly outputFile?: string;
  readonly keepToken?: boolean;
}

export function execCommand(): CliCommand {
  const command = new CliCommand("exec")
    .summary("run a command as the work of a run")
    .usage("[options] -- <command> [args...]")
    .description(
      "Run a command as the work of a run. exec sends heartbeats while the command runs. Then it reports the exit " +
        "status and the last 16 KiB of the output. If the command fails, the run's error is the first line of the output " +
        "that names a failure, such as `error` or `failed`, or else the last line that is not indented. The output passes through unchanged, but the command writes to a " +
        "pipe, not to a terminal. Signals reach the command too, and the run is then reported as failed. If the run is " +
        "cancelled, exec stops the command.",
    )
    .argument("<command...>", "the command and its arguments, after --")
    .passThroughOptions()
    .addOption(
      new Option("--interval <seconds>", "the time between two heartbeats")
        .default(15)
        .argParser(wholeNumberFrom(1, 86_400)),
    )
    .addOption(
      new Option("--output-file <file>", "a file for the run's output: the command writes a JSON object to it"),
    )
    .addOption(new Option("--keep-token", "let the command see CALLBACK_TOKEN, so that it can send heartbeats"))
    .addHelpText(
      "after",
      `
exec exits with the command's status, or with 128 + the number of the signal
that ended the command. If the service refuses the first heartbeat, the command
does not start: exit code 5 if the run has ended, 3 if the token is refused, 4
if there is no such run, 8 if the run was cancelled. If the command succeeds but
the report fails, the exit code says why: 6 if the server can't be reached.

exec learns from a heartbeat that the run was cancelled. Then it sends SIGTERM
to the command and all that it started, and SIGKILL after two thirds of the
time that the run has left, or after 10 seconds if the run has already ended.
Then it reports the run as failed, and exits with the command's status, or
with 8 if that is 0. If exec gets SIGINT, SIGTERM or SIGHUP, all that the
command started gets it too. On a terminal, signals go to the command alone.
On Windows, exec ends all of them at once, without SIGTERM.

The command does not get CALLBACK_TOKEN, ACTION_RUNS_TOKEN or the variables
whose JSON can hold a trigger's secrets. The report shows *** in place of the
tokens, also if the command prints them percent-encoded or in base64. A
hostile command of the same user can still find them: in the shell or npx that
started exec, in a profile, and, except on Linux, in exec itself. Run such a command
as another user.\n${examples(
        "action-runs exec -- npm test",
        "action-runs exec --interval 10 --output-file result.json -- ./deploy.sh production",
        "action-runs exec --keep-token -- sh -c 'make && action-runs heartbeat --progress 50% && make install'",
      )}`,
    )
    .action(exiting(exec));
  return withCallbackOptions(command, { tokenStdin: false });
}

async function exec(command: readonly string[], flags: Flags): Promise<number> {
  if (command[0] === undefined || command[0] === "") throw new UsageError("The command is missing. Write it after --.");
  // Check the settings before anything starts.
  const report = await connectCallback(flags, { retries: flags.retries ?? REPORT_RETRIES });
  const beats = await connectCallback(
    { ...flags, requestTimeout: Math.min(flags.requestTimeout, BEAT_TIMEOUT_SECONDS) },
    { retries: Math.min(flags.retries ?? 1, 1) },
  );
  // If nobody reads the output, the command decides what to do.
  process.stdout.off("error", exitWhenReaderIsGone);
  const { CALLBACK_TOKEN = "", ACTION_RUNS_TOKEN = "" } = process.env;
  const env = withoutSecrets(process.env, flags.keepToken ? "CALLBACK_TOKEN" : null);
  hideSecrets();
  return execute({
    command,
    env,
    beats,
    report,
    intervalSeconds: flags.interval,
    outputFile: flags.outputFile ?? null,
    secrets: [CALLBACK_TOKEN, ACTION_RUNS_TOKEN],
  });
}

/** `exec`: runs a command as the work of a run. */

import { Option } from "commander";
import { CliCommand } from "../command.ts";
import { execute } from "../exec.ts";
import { UsageError } from "../exit.ts";
import { examples, exiting, wholeNumber, withCallback } from "../options.ts";
import { exitWhenReaderIsGone } from "../output.ts";
import { type CallbackFlags, connectCallback } from "../settings.ts";
import { REPORT_RETRIES } from "./report.ts";

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
      "Run a command as the work of a run: heartbeats while it runs, and a report by its exit status with the last " +
        "4 KiB of its output. Output passes through untouched, though the command sees a pipe and no terminal; " +
        "signals are passed on, and the run is then reported as failed: cancelled by the signal.",
    )
    .argument("<command...>", "the command and its arguments, after --")
    .passThroughOptions()
    .addOption(
      new Option("--interval <seconds>", "between heartbeats").default(30).argParser(wholeNumber(1, 86_400)),
    )
    .addOption(
      new Option("--output-file <file>", "a JSON object that the command writes, for the run's output"),
    )
    .addOption(
      new Option("--keep-token", "leave CALLBACK_TOKEN to the command, to send heartbeats of its own"),
    )
    .addHelpText(
      "after",
      `
Exits as the command did, with 128 and its number where a signal ended it. It is not started where the run does not
take a first heartbeat: 5 when the run has ended, 3 when the token is not taken, 4 when there is no such run. Where
the command succeeded and that can't be reported, the exit code says why: 6 when the server can't be reached.\n${examples(
        "action-runs exec -- npm test",
        "action-runs exec --interval 10 --output-file result.json -- ./deploy.sh production",
        "action-runs exec --keep-token -- sh -c 'make && action-runs heartbeat --progress 50% && make install'",
      )}`,
    )
    .action(exiting(exec));
  return withCallback(command, { tokenStdin: false });
}

async function exec(command: readonly string[], flags: Flags): Promise<number> {
  if (command[0] === undefined || command[0] === "") throw new UsageError("Name the command after --.");
  // Judged once, before anything is started.
  const report = await connectCallback(flags, { retries: flags.retries ?? REPORT_RETRIES });
  const beats = await connectCallback(flags, { retries: Math.min(flags.retries ?? 1, 1) });
  // The command has its own ways when nobody reads its output.
  process.stdout.off("error", exitWhenReaderIsGone);
  const { CALLBACK_TOKEN: token = "", ...rest } = process.env;
  return execute({
    command,
    env: flags.keepToken ? process.env : rest,
    beats,
    report,
    intervalSeconds: flags.interval,
    outputFile: flags.outputFile ?? null,
    secrets: [token],
  });
}

/** `report` and `heartbeat`: what a CI job sends about its run, with the callback URL and token. */

import { Argument, InvalidArgumentError, Option } from "commander";
import { present } from "../../client/api.ts";
import type { Schemas } from "../../client/index.ts";
import { withOutput } from "../call.ts";
import { CliCommand, examples, exiting, textOption, withCallbackOptions } from "../command.ts";
import { TAIL_MAX_BYTES } from "../exec/command-output.ts";
import { CommandFailed, EXIT, errorSentence, isCancelled, UsageError } from "../exit.ts";
import { fields, instantText, STATUS_COLOUR } from "../fields.ts";
import { readObject, readText } from "../input.ts";
import { Output, type OutputFlags, plain } from "../output.ts";
import { runText } from "../run-text.ts";
import { type CallbackFlags, connectCallback, REPORT_RETRIES } from "../settings.ts";

interface ReportFlags extends CallbackFlags, OutputFlags {
  readonly error?: string;
  readonly output?: string;
  readonly idempotencyKey?: string;
}

interface HeartbeatFlags extends CallbackFlags, OutputFlags {
  readonly message?: string;
  readonly progress?: number;
  readonly externalUrl?: string;
  readonly tail?: string;
}

/** CI products' words for a job's end, each with the error to use if none is given. null: the job succeeded. */
const OUTCOMES: ReadonlyMap<string, string | null> = new Map([
  ["succeeded", null],
  ["success", null],
  ["failed", "The job failed."],
  ["failure", "The job failed."],
  ["unstable", "The job was unstable."],
  ["cancelled", "The job was cancelled."],
  ["canceled", "The job was cancelled."],
  ["aborted", "The job was cancelled."],
]);

export function reportCommand(): CliCommand {
  const outcome = new Argument("<outcome>", "how the job ended");
  // For completion and the help only: commander would refuse the capitals that some products use.
  outcome.argChoices = [...OUTCOMES.keys()];
  const command = new CliCommand("report")
    .summary("report how a job ended, from inside the job")
    .description(
      "Report how a job ended, from inside the job. Accepts the words of CI products: succeeded or success; failed, " +
        "failure or unstable; cancelled, canceled or aborted. A cancelled job is a failed run. Case does not matter.",
    )
    .addArgument(outcome)
    .addOption(textOption("--error <text>", "what went wrong: text, @file, or @- for stdin"))
    .addOption(textOption("--output <json>", "the job's result: a JSON object, @file, or @- for stdin"))
    .addOption(new Option("--idempotency-key <key>", "the job's id, so that a repeated report succeeds again"))
    .addHelpText(
      "after",
      examples(
        'action-runs report succeeded --output \'{"url":"https://shop.example"}\'',
        "action-runs report failed --error '3 tests failed' --output @result.json",
        'action-runs report "$JOB_STATUS" --idempotency-key "$CI_JOB_ID"',
      ),
    )
    .action(exiting(report));
  return withOutput(withCallbackOptions(command));
}

async function report(outcome: string, flags: ReportFlags): Promise<number> {
  const output = new Output(flags);
  const usual = OUTCOMES.get(outcome.toLowerCase());
  if (usual === undefined)
    throw new UsageError(`${outcome} is not an outcome. Use one of ${[...OUTCOMES.keys()].join(", ")}.`);
  if (usual === null && flags.error !== undefined) {
    throw new UsageError("--error is only for a failed job. Remove it, or report failed.");
  }
  const result = flags.output === undefined ? undefined : await readObject(flags.output, "--output");
  const error = flags.error === undefined ? (usual ?? "") : await readText(flags.error, "--error");
  const { idempotencyKey, retries = REPORT_RETRIES } = flags;
  const run = await connectCallback(flags, { ...present({ idempotencyKey }), retries });
  const ended = await (usual === null ? run.succeed(result) : run.fail(error, result));
  await output.show(ended, () => runText(ended, output));
  return EXIT.succeeded;
}

export function heartbeatCommand(): CliCommand {
  const command = new CliCommand("heartbeat")
    .summary("send a heartbeat, from inside the job")
    .description(
      "Send a heartbeat, from inside the job. The first heartbeat starts a pending run. If the run was cancelled, the " +
        "exit code is 8, and the job must end.",
    )
    .addOption(new Option("-m, --message <text>", "what the job is doing"))
    .addOption(new Option("--progress <share>", "how much is done: 0 to 1, or 0% to 100%").argParser(readShare))
    .addOption(new Option("--external-url <url>", "the job's page"))
    .addOption(
      textOption(
        "--tail <text>",
        "the newest lines of the job's output, without secrets: text, @file, or @- for stdin",
      ),
    )
    .addHelpText(
      "after",
      examples(
        "action-runs heartbeat",
        "action-runs heartbeat --progress 40% --message 'running the tests'",
        'action-runs heartbeat --external-url "$CI_JOB_URL"',
        "tail -n 50 build.log | action-runs heartbeat --tail @-",
      ),
    )
    .action(exiting(heartbeat));
  return withOutput(withCallbackOptions(command));
}

async function heartbeat(flags: HeartbeatFlags): Promise<number> {
  const output = new Output(flags);
  const { message, progress, externalUrl } = flags;
  // A UTF-16 unit takes a byte at least, so this is all that the service keeps.
  const tail = flags.tail && (await readText(flags.tail, "--tail")).slice(-TAIL_MAX_BYTES).toWellFormed();
  try {
    const run = await connectCallback(flags);
    const result = await run.heartbeat(present({ message, progress, externalUrl, tail }));
    await output.show(result, () => heartbeatText(result, output));
    return result.cancel ? EXIT.stop : EXIT.succeeded;
  } catch (thrown) {
    if (!isCancelled(thrown)) throw thrown;
    throw new CommandFailed(errorSentence(thrown) ?? "", EXIT.stop);
  }
}

function readShare(text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?|\.\d+)(%?)$/.exec(text.trim()) ?? [];
  const share = percent === "%" ? Number(digits) / 100 : Number(digits);
  if (share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError("Use a number from 0 to 1, or from 0% to 100%.");
}

/** The response to a heartbeat. */
function heartbeatText(answer: Schemas["HeartbeatAnswer"], output: Output): string {
  const { status, deadlineAt, cancel, externalUrlRefused, watched } = answer;
  const rows = [
    ["status", output.paint(STATUS_COLOUR[status] ?? "dim", plain(status))],
    ["deadline", instantText(deadlineAt)],
    ["cancel", cancel && `requested; the job must end by ${instantText(cancel.until)}`],
    ["reason", cancel?.reason && plain(cancel.reason)],
    ["page", externalUrlRefused && plain(externalUrlRefused)],
    ["watched", watched ? "somebody follows the run" : null],
  ];
  return fields(rows, output);
}

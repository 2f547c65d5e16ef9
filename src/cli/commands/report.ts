/** `report` and `heartbeat`: what a CI job sends about its run, with the callback URL and token. */

import { InvalidArgumentError } from "commander";
import { present } from "../../client/api.ts";
import type { Schemas } from "../../client/index.ts";
import { command } from "../command.ts";
import { TAIL_MAX_BYTES } from "../exec/command-output.ts";
import { CommandFailed, EXIT, errorSentence, isCancelled, UsageError } from "../exit.ts";
import { readObject, readText } from "../input.ts";
import { argument, CALLBACK, OUTPUT, option, textOption } from "../options.ts";
import { instantText, type Output, plain } from "../output.ts";
import { runText, STATUS_COLOUR } from "../run-text.ts";
import { connectCallback, REPORT_RETRIES } from "../settings.ts";

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

export const reportCommand = command("report", {
  about:
    "Report how a job ended, from inside the job. Accepts the words of CI products: succeeded or success; failed, " +
    "failure or unstable; cancelled, canceled or aborted. A cancelled job is a failed run. Case does not matter.",
  // The choices are for completion and the help: commander would refuse the capitals that some products use.
  arguments: [argument("<outcome>", "how the job ended", { choices: [...OUTCOMES.keys()], read: String })],
  options: [
    textOption("--error <text>", "what went wrong: text, @file, or @- for stdin"),
    textOption("--output <json>", "the job's result: a JSON object, @file, or @- for stdin"),
    option("--idempotency-key <key>", "the job's id, so that a repeated report succeeds again"),
    ...CALLBACK,
    ...OUTPUT,
  ],
  examples: [
    'action-runs report succeeded --output \'{"url":"https://shop.example"}\'',
    "action-runs report failed --error '3 tests failed' --output @result.json",
    'action-runs report "$JOB_STATUS" --idempotency-key "$CI_JOB_ID"',
  ],
  async run({ flags, output }, outcome) {
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
  },
});

export const heartbeatCommand = command("heartbeat", {
  about:
    "Send a heartbeat, from inside the job. The first heartbeat starts a pending run. If the run was cancelled, the " +
    "exit code is 8, and the job must end.",
  options: [
    option("-m, --message <text>", "what the job is doing"),
    option("--progress <share>", "how much is done: 0 to 1, or 0% to 100%", { read: readShare }),
    option("--external-url <url>", "the job's page"),
    textOption("--tail <text>", "the newest lines of the job's output, without secrets: text, @file, or @- for stdin"),
    ...CALLBACK,
    ...OUTPUT,
  ],
  examples: [
    "action-runs heartbeat",
    "action-runs heartbeat --progress 40% --message 'running the tests'",
    'action-runs heartbeat --external-url "$CI_JOB_URL"',
    "tail -n 50 build.log | action-runs heartbeat --tail @-",
  ],
  async run({ flags, output }) {
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
  },
});

function readShare(text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?|\.\d+)(%?)$/.exec(text.trim()) ?? [];
  const share = percent === "%" ? Number(digits) / 100 : Number(digits);
  if (share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError("Use a number from 0 to 1, or from 0% to 100%.");
}

function heartbeatText(answer: Schemas["HeartbeatAnswer"], output: Output): string {
  const { status, deadlineAt, cancel, externalUrlRefused, watched } = answer;
  return output.fields([
    ["status", output.paint(STATUS_COLOUR[status] ?? "dim", plain(status))],
    ["deadline", instantText(deadlineAt)],
    ["cancel", cancel && `requested; the job must end by ${instantText(cancel.until)}`],
    ["reason", cancel?.reason && plain(cancel.reason)],
    ["page", externalUrlRefused && plain(externalUrlRefused)],
    ["watched", watched ? "somebody follows the run" : null],
  ]);
}

/** `get`: shows one run, and with --wait waits until it ends. */

import { Option } from "commander";
import type { ActionRun, DetailedActionRun } from "../../client/index.ts";
import { CliCommand } from "../command.ts";
import { CommandFailed, EXIT } from "../exit.ts";
import { memberAt } from "../member-path.ts";
import { examples, exiting, withConnection, withOutput } from "../options.ts";
import { complain, logLines, Output, type OutputFlags, plainLines, toJson } from "../output.ts";
import { runArgument, wholeRunId } from "../run-id.ts";
import { runText } from "../run-text.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { untilEnded, withWaiting } from "../waiting.ts";

interface Flags extends ConnectionFlags, OutputFlags {
  readonly details?: boolean;
  readonly output?: string;
  readonly wait?: boolean;
  readonly waitTimeout?: number;
}

export function getCommand(): CliCommand {
  const command = new CliCommand("get")
    .summary("show a run")
    .description(
      "Show a run. The exit code is 0, even if the run failed. With --wait the command waits until the run ends, " +
        "and the exit code tells how it ended, or is 7 after --wait-timeout. If stderr is a terminal, or with " +
        "--no-json, stderr shows the events meanwhile. --output prints one member of the run's output: a text as it is, " +
        "but without what a terminal or a CI product would act on, and everything else as JSON.",
    )
    .addArgument(runArgument())
    .addOption(
      new Option(
        "--details",
        "also show the action, labels, job page, last heartbeat and cancel, what the run waits for, its approvals, and why its receiver did not take it",
      ),
    )
    .addOption(
      new Option(
        "--output <member>",
        "print only this member of the run's output: a name, a dotted path or a JSON pointer",
      ).conflicts("details"),
    )
    .addHelpText(
      "after",
      examples(
        "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617",
        "action-runs get 148ea617 --details",
        "action-runs get 148ea617 --output tail",
        "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617 --wait --wait-timeout 600 && echo done",
        "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617 --json | jq -r .status",
      ),
    )
    .action(exiting(get));
  return withOutput(withConnection(withWaiting(command)));
}

async function get(given: string, flags: Flags): Promise<number> {
  const output = new Output(flags);
  const client = await connect(flags);
  const id = await wholeRunId(client, given);
  const include = flags.details ? "details" : undefined;
  let why: DetailedActionRun["details"];
  const show = (run: DetailedActionRun) =>
    flags.output === undefined
      ? output.show(run, () => runText(run, output, why ?? run.details))
      : showMember(run, flags.output, flags, output);
  if (flags.wait) {
    return untilEnded(client, id, output, { seconds: flags.waitTimeout, include, hasAnswered: false, show });
  }
  const onStale = () => complain("the run can't be reached, so its newest changes can be missing. Try again later.");
  const run = await client.runs.get(id, { include, onStale });
  // A pending run should say why. Its details need its coordinator, and the run does not.
  if (run.status === "pending" && !output.isJson && !flags.details && flags.output === undefined) {
    why = (await client.runs.get(id, { include: "details" }).catch(() => run)).details;
  }
  await show(run);
  return EXIT.succeeded;
}

/** A text is printed as text even if stdout is not a terminal. Only --json asks for JSON. */
async function showMember(run: ActionRun, path: string, flags: OutputFlags, output: Output): Promise<void> {
  const value = memberAt(run.output, path);
  if (value === undefined) throw noSuchMember(run, path);
  if (flags.json) return output.line(toJson(value));
  await output.line(
    typeof value === "string" ? logLines(value.replace(/\n$/, "")) : plainLines(JSON.stringify(value, null, 2)),
  );
}

function noSuchMember({ output, status }: ActionRun, path: string): CommandFailed {
  if (output === null) return new CommandFailed(`The run has no output. It is ${status}.`, EXIT.notFound);
  const names = Object.keys(output);
  const those = names.length === 0 ? "It is empty." : `It has ${names.join(", ")}.`;
  return new CommandFailed(`The run's output has no member ${path}. ${those}`, EXIT.notFound);
}

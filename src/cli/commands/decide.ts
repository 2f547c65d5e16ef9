/** `approve`, `reject` and `release`: what people decide about a run that waits. */

import { Option } from "commander";
import type { Client } from "../../client/index.ts";
import { CliCommand, examples, exiting, given, withConnection, withOutput } from "../command.ts";
import { CommandFailed, EXIT, UsageError } from "../exit.ts";
import { ask } from "../input.ts";
import { Output, type OutputFlags } from "../output.ts";
import { runArgument, wholeRunIdForChange } from "../run-selection.ts";
import { runText } from "../run-text.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { approvalText } from "./group.ts";

interface ReleaseFlags extends ConnectionFlags, OutputFlags {
  readonly idempotencyKey?: string;
}

interface RejectFlags extends ReleaseFlags {
  readonly reason?: string;
}

interface ApproveFlags extends RejectFlags {
  readonly yes?: boolean;
}

export function approveCommand(): CliCommand {
  const command = new CliCommand("approve")
    .summary("approve a run that waits for it")
    .description(
      "Approve a run. On a terminal, the command shows the run and the request that will be sent, and asks before it " +
        "approves. If you don't say yes, the exit code is 1. In a script, use --yes. The token must be one that may " +
        "approve. You can't approve your own run unless its action allows that. The run starts when it has all its " +
        "approvals, its time has come and its concurrency group has room. If the run does not wait for an approval, the " +
        "exit code is 5.",
    )
    .addArgument(runArgument())
    .addOption(reasonOption())
    .addOption(new Option("-y, --yes", "approve without a question"))
    .addOption(keyOption("approval"))
    .addHelpText(
      "after",
      examples(
        "action-runs approve 148ea617",
        "action-runs approve 01a212de-9b55-8003-a8a9-dd2c148ea617 --yes --reason 'tested on staging'",
      ),
    )
    .action(exiting(approve));
  return withOutput(withConnection(command));
}

export function rejectCommand(): CliCommand {
  const command = new CliCommand("reject")
    .summary("reject a run that waits for an approval")
    .description(
      "Reject a run. The run ends as cancelled, and its job never starts. One rejection is enough, also after " +
        "approvals. The token must be one that may approve. To end your own run, use `cancel`.",
    )
    .addArgument(runArgument())
    .addOption(reasonOption())
    .addOption(keyOption("rejection"))
    .addHelpText(
      "after",
      examples("action-runs reject 01a212de-9b55-8003-a8a9-dd2c148ea617 --reason 'not before the sale'"),
    )
    .action(exiting(reject));
  return withOutput(withConnection(command));
}

export function releaseCommand(): CliCommand {
  const command = new CliCommand("release")
    .summary("start a run before its time")
    .description(
      "Start a run before its time (--not-before). The run still needs its approvals and a slot of its concurrency " +
        "group. The token needs the role owner or admin.",
    )
    .addArgument(runArgument())
    .addOption(keyOption("release"))
    .addHelpText("after", examples("action-runs release 01a212de-9b55-8003-a8a9-dd2c148ea617"))
    .action(exiting(release));
  return withOutput(withConnection(command));
}

async function approve(text: string, flags: ApproveFlags): Promise<number> {
  const isAsked = !flags.yes;
  if (isAsked && !(process.stdin.isTTY && process.stderr.isTTY)) {
    throw new UsageError(
      "`approve` asks before it approves, but there is no terminal. In a script, use --yes to approve without a question.",
    );
  }
  const client = await connect(flags);
  const id = await wholeRunIdForChange(client, text);
  if (isAsked) await confirm(client, id);
  const run = await client.runs.approve(id, decisionOf(flags));
  const output = new Output(flags);
  await output.show(run, () => runText(run, output));
  return EXIT.succeeded;
}

/** Shows what would start. Throws CommandFailed unless the user says yes. */
async function confirm(client: Client, id: string): Promise<void> {
  const [run, approval] = await Promise.all([client.runs.get(id, { include: "details" }), client.runs.approval(id)]);
  // On stderr, because stdout is for the approved run.
  const people = new Output({ json: false }, process.stderr);
  await people.line(`${runText(run, people)}\n${approvalText(approval, people)}\n`);
  const answer = await ask("Approve this run? (y/N)", { otherwise: "Nothing was approved." });
  if (!/^y(es)?$/i.test(answer)) throw new CommandFailed("Nothing was approved.");
}

async function reject(text: string, flags: RejectFlags): Promise<number> {
  const output = new Output(flags);
  const client = await connect(flags);
  const run = await client.runs.reject(await wholeRunIdForChange(client, text), decisionOf(flags));
  await output.show(run, () => runText(run, output));
  return EXIT.succeeded;
}

async function release(text: string, flags: ReleaseFlags): Promise<number> {
  const output = new Output(flags);
  const client = await connect(flags);
  const run = await client.runs.release(await wholeRunIdForChange(client, text), decisionOf(flags));
  await output.show(run, () => runText(run, output));
  return EXIT.succeeded;
}

/** With the details, which say what the run still waits for. */
function decisionOf({ reason, idempotencyKey }: RejectFlags) {
  return { include: "details", ...given({ reason, idempotencyKey }) } as const;
}

function reasonOption(): Option {
  return new Option("--reason <text>", "why, in one line; all readers of the run see it");
}

function keyOption(what: string): Option {
  return new Option("--idempotency-key <key>", `a repeated ${what} with the same key succeeds again`);
}

/** `approve`, `reject` and `release`: what people decide about a run that waits. */

import { Option } from "commander";
import type { Client, Schemas } from "../../client/index.ts";
import { failsText } from "../../words/waiting.ts";
import { type Call, calling, type Flags, withCall } from "../call.ts";
import { CliCommand, examples } from "../command.ts";
import { UsageError } from "../exit.ts";
import { fields, indent } from "../fields.ts";
import { requireTerminal, requireYes } from "../input.ts";
import { type Output, people, plain, plainLines, readableJson } from "../output.ts";
import { runArgument, wholeRunIdForChange } from "../run-selection.ts";
import { runText } from "../run-text.ts";

interface DecisionFlags extends Flags {
  readonly idempotencyKey?: string;
  readonly throughPause?: true;
  readonly reason?: string;
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
    .action(calling(approve));
  return withCall(command);
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
    .action(calling(reject));
  return withCall(command);
}

export function releaseCommand(): CliCommand {
  const command = new CliCommand("release")
    .summary("start a run before its time, or let it through a pause")
    .description(
      "Start a run before its time (--not-before). The run still needs its approvals and a slot of its concurrency " +
        "group. With --through-pause, the pauses that are in force now hold the run back no longer, and no other gate " +
        "opens. A pause that begins later holds it back again. The token needs the role owner or admin.",
    )
    .addArgument(runArgument())
    .addOption(new Option("--through-pause", "let the run pass the pauses of now; needs --reason"))
    .addOption(reasonOption())
    .addOption(keyOption("release"))
    .addHelpText(
      "after",
      examples(
        "action-runs release 01a212de-9b55-8003-a8a9-dd2c148ea617",
        "action-runs release 148ea617 --through-pause --reason 'the fix for the outage'",
      ),
    )
    .action(calling(release));
  return withCall(command);
}

async function release({ client, output, flags }: Call<DecisionFlags>, text: string): Promise<undefined> {
  const { throughPause, reason } = flags;
  if (throughPause && reason === undefined) {
    throw new UsageError("Say with --reason why this run passes the pause. All readers of the run see the reason.");
  }
  if (!throughPause && reason !== undefined) {
    throw new UsageError("--reason belongs to --through-pause. Use both, or neither.");
  }
  const id = await wholeRunIdForChange(client, text);
  const run = await client.runs.release(id, { ...decisionOf(flags), throughPause });
  await output.show(run, () => runText(run, output));
}

async function approve({ client, output, flags }: Call<DecisionFlags>, text: string): Promise<undefined> {
  if (!flags.yes) requireTerminal("approve", "--yes to approve without a question");
  const id = await wholeRunIdForChange(client, text);
  if (!flags.yes) await confirm(client, id);
  const run = await client.runs.approve(id, decisionOf(flags));
  await output.show(run, () => runText(run, output));
}

/** Shows what would start, on stderr. Throws CommandFailed unless the user says yes. */
async function confirm(client: Client, id: string): Promise<void> {
  const [run, approval] = await Promise.all([client.runs.get(id, { include: "details" }), client.runs.approval(id)]);
  const output = people();
  await output.line(`${runText(run, output)}\n${approvalText(approval, output)}\n`);
  await requireYes("Approve this run?", "Nothing was approved.");
}

async function reject({ client, output, flags }: Call<DecisionFlags>, text: string): Promise<undefined> {
  const run = await client.runs.reject(await wholeRunIdForChange(client, text), decisionOf(flags));
  await output.show(run, () => runText(run, output));
}

/** With the details, which say what the run still waits for. */
function decisionOf({ reason, idempotencyKey }: DecisionFlags) {
  return { include: "details", reason, idempotencyKey } as const;
}

function reasonOption(): Option {
  return new Option("--reason <text>", "why, in one line; all readers of the run see it");
}

function keyOption(what: string): Option {
  return new Option("--idempotency-key <key>", `a repeated ${what} with the same key succeeds again`);
}

/** An approver may take a run for one of today's action. */
const CHANGED: ReadonlyMap<boolean | null, string> = new Map([
  [true, "The action has changed since. This run stays as it was created, and is sent as below."],
  [null, "The service can't say now whether the action has changed since. The run is sent as below."],
]);

/** What an approver must see besides the run: the request as it will be sent. */
export function approvalText(
  { action, request, allowSelf, tokens, until }: Schemas["RunApproval"],
  output: Output,
): string {
  const rows = [
    ["if not approved", until && failsText(until, Date.now())],
    ["approvers", tokens && `only the tokens ${tokens.map(plain).join(", ")}`],
    ["note", CHANGED.get(action.isChanged)],
    ["own run", allowSelf ? "the run's creator may approve it too" : null],
  ] as const;
  return requestText(request, output, rows);
}

/** A request as it will be sent, below `first`. */
export function requestText(
  request: Schemas["RequestPreview"] | null,
  output: Output,
  first: readonly (readonly [string, string | null | undefined])[] = [],
): string {
  const rows = [
    ...first,
    ["request", request && plain(`${request.method} ${request.url ?? "an address with a secret"}`)],
    ["headers", request && jsonText(request.headers)],
    ["payload", request && jsonText(request.payload)],
  ] as const;
  const shown = fields(rows, output);
  return request === null ? shown : `${shown}\n\nnull stands in the place of each secret.`;
}

function jsonText(value: unknown): string {
  return indent(plainLines(readableJson(value)));
}

/** `ops purge`: removes old runs of an environment. It shows first how many would go, and asks. */

import { Option } from "commander";
import type { Schemas } from "../../client/index.ts";
import { type Call, calling, type Flags, withCall } from "../call.ts";
import { CliCommand, examples, wholeNumberFrom } from "../command.ts";
import { CommandFailed, UsageError } from "../exit.ts";
import { fields, instantText } from "../fields.ts";
import { isConfirmed } from "../input.ts";
import { type Output, people } from "../output.ts";

interface PurgeFlags extends Flags {
  readonly days?: number;
  readonly dryRun?: true;
  readonly yes?: true;
}

export function purgeCommand(): CliCommand {
  const command = new CliCommand("ops purge")
    .summary("remove old runs of an environment")
    .description(
      "Keep the runs that have ended for so many days, and remove the others. Nothing brings them back. On a terminal, " +
        "the command shows how many these are, and asks. In a script, use --yes. The work goes on by itself: without " +
        "--days, the command shows how far it is.",
    )
    .addOption(
      new Option("--days <count>", "how many days after its end a run is kept").argParser(wholeNumberFrom(0, 3650)),
    )
    .addOption(new Option("--dry-run", "only show how many runs would go"))
    .addOption(new Option("-y, --yes", "purge without a question"))
    .addHelpText(
      "after",
      examples("action-runs ops purge --env production --days 7 --dry-run", "action-runs ops purge --env production"),
    )
    .action(calling(purge));
  return withCall(command);
}

async function purge({ client, output, flags }: Call<PurgeFlags>): Promise<undefined> {
  const { days, dryRun, yes } = flags;
  const { operator } = client;
  const show = (state: Schemas["Purge"]) => output.show(state, () => purgeText(state, output));
  if (days === undefined) {
    if (dryRun || yes) throw new UsageError("Say with --days for how many days runs are kept.");
    await show(await operator.newestPurge());
    return;
  }
  if (dryRun) {
    await show(await operator.purge(days, { dryRun }));
    return;
  }
  if (!yes) {
    if (!(process.stdin.isTTY && process.stderr.isTTY)) {
      throw new UsageError("`ops purge` asks first, but there is no terminal. In a script, use --yes.");
    }
    const asking = people();
    await asking.line(`${purgeText(await operator.purge(days, { dryRun: true }), asking)}\n`);
    const otherwise = "Nothing was purged.";
    if (!(await isConfirmed("Remove these runs for ever?", { otherwise }))) throw new CommandFailed(otherwise);
  }
  await show(await operator.purge(days));
}

function purgeText({ days, shortened, remaining, requestedAt, completedAt }: Schemas["Purge"], output: Output): string {
  const isDryRun = requestedAt === null;
  return fields(
    [
      ["kept for", `${days} days`],
      ["kept shorter", `${shortened} runs`],
      [isDryRun ? "would go" : "to be removed", `${remaining} runs`],
      ["requested", isDryRun ? null : instantText(requestedAt)],
      ["complete", isDryRun ? null : completedAt === null ? "not yet" : instantText(completedAt)],
    ],
    output,
  );
}

/** `group`: lists the concurrency groups of an environment, and its pauses. */

import type { ConcurrencyGroup } from "../../client/index.ts";
import { CliCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { groupTable, pauseTable } from "../gate-text.ts";
import { limitOption, take } from "../limits.ts";
import { examples, exiting, given, OfferingOption, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

interface Flags extends ConnectionFlags, OutputFlags {}

interface ListFlags extends Flags {
  readonly group?: string;
  readonly limit?: number;
}

export function groupCommand(): CliCommand {
  const group = new CliCommand("group")
    .summary("list concurrency groups and pauses")
    .description(
      "List the concurrency groups of the environment, and what is paused. Runs of a group take turns, as their action " +
        "says. To pause a group, use `pause`.",
    )
    .addHelpText("after", examples("action-runs group list", "action-runs group pauses"));
  for (const command of [listCommand(), pausesCommand()]) {
    group.addCommand(withOutput(withConnection(command)));
  }
  return group;
}

function listCommand(): CliCommand {
  return new CliCommand("group list")
    .summary("list concurrency groups")
    .description(
      "List the concurrency groups that have open runs, one line for each key: how many runs may run at once, how many " +
        "run now, and how many wait. To see the runs that wait, use `list --group NAME --waiting any`.",
    )
    .addOption(new OfferingOption("--group <name>", "only this group", "concurrency groups"))
    .addOption(limitOption())
    .addHelpText(
      "after",
      examples("action-runs group list", "action-runs group list --group deploys --json | jq '.[].waiters'"),
    )
    .action(
      exiting(async (flags: ListFlags) => {
        const output = new Output(flags);
        const client = await connect(flags);
        const listed = take(client.concurrencyGroups.list(given({ group: flags.group })), flags.limit);
        if (output.isJson) {
          await output.array(listed);
          return EXIT.succeeded;
        }
        const groups: ConcurrencyGroup[] = [];
        for await (const group of listed) groups.push(group);
        await output.line(groups.length === 0 ? "No run is in a concurrency group." : groupTable(groups, output));
        return EXIT.succeeded;
      }),
    );
}

function pausesCommand(): CliCommand {
  return new CliCommand("group pauses")
    .summary("list what is paused")
    .description("List the pauses of the environment: who paused what, why, and until when.")
    .addHelpText("after", examples("action-runs group pauses"))
    .action(
      exiting(async (flags: Flags) => {
        const output = new Output(flags);
        const client = await connect(flags);
        const pauses = await client.pauses.list();
        await output.show(pauses, () => (pauses.length === 0 ? "Nothing is paused." : pauseTable(pauses, output)));
        return EXIT.succeeded;
      }),
    );
}

/** `bulk`: shows, follows and stops bulk operations, which `cancel` and `retry` start. */

import { Option } from "commander";
import type { Schemas } from "../../client/index.ts";
import { type Call, calling, type Flags, type ListFlags, listing, showing, withCommands } from "../call.ts";
import { CliCommand, examples, limitOption, readId } from "../command.ts";
import { waitTimeoutOption } from "../follow.ts";
import { followBulk, itemTable, operationTable, operationText } from "./bulk-operation.ts";

type Outcome = NonNullable<Schemas["BulkItem"]["outcome"]>;

interface ItemFlags extends ListFlags {
  readonly outcome?: Outcome;
}

interface WaitFlags extends Flags {
  readonly waitTimeout?: number;
}

/** All outcomes: TypeScript reports a missing one. */
const OUTCOMES = Object.keys({ accepted: true, skipped: true, failed: true } satisfies Record<Outcome, true>);
const ID = "019ab3de-9b55-8003-a8a9-dd2c148ea617";

export function bulkCommand(): CliCommand {
  const bulk = new CliCommand("bulk")
    .summary("show, follow and stop bulk operations")
    .description(
      "Show, follow and stop bulk operations. A bulk operation cancels or retries many runs. To start one, give `cancel` " +
        "or `retry` several runs or a filter. The service keeps an operation for 30 days after its end.",
    )
    .addHelpText("after", examples("action-runs bulk list", `action-runs bulk wait ${ID}`));
  return withCommands(bulk, [listCommand(), getCommand(), itemsCommand(), cancelCommand(), waitCommand()]);
}

function listCommand(): CliCommand {
  return new CliCommand("bulk list")
    .summary("list bulk operations, newest first")
    .description("List bulk operations, newest first: those that run, and those that ended in the last 30 days.")
    .addOption(limitOption(20))
    .addHelpText(
      "after",
      examples(
        "action-runs bulk list",
        "action-runs bulk list --json | jq -r '.[] | select(.status == \"running\") | .id'",
      ),
    )
    .action(
      listing(
        ({ client }: Call<ListFlags>) => client.bulkOperations.list(),
        "There are no bulk operations.",
        operationTable,
      ),
    );
}

function getCommand(): CliCommand {
  return new CliCommand("bulk get")
    .summary("show a bulk operation")
    .description(
      "Show a bulk operation: its filter, how far it is, and for a cancel how the accepted runs have ended. The exit " +
        "code is 0, also if the operation was stopped.",
    )
    .argument("<id>", "the operation's id", readId)
    .addHelpText("after", examples(`action-runs bulk get ${ID}`, `action-runs bulk get ${ID} --json | jq .counts`))
    .action(showing(({ bulkOperations }, id) => bulkOperations.get(id), operationText));
}

function itemsCommand(): CliCommand {
  return new CliCommand("bulk items")
    .summary("list the runs of a bulk operation")
    .description(
      "List the runs of a bulk operation, in the order in which it first tries them. A run is accepted, skipped with the " +
        "code of the reason, failed if the service could not decide, or undecided. A retry also shows the new run.",
    )
    .argument("<id>", "the operation's id", readId)
    .addOption(new Option("--outcome <outcome>", "only runs with this outcome").choices(OUTCOMES))
    .addOption(limitOption())
    .addHelpText(
      "after",
      examples(
        `action-runs bulk items ${ID} --outcome skipped`,
        `action-runs bulk items ${ID} --outcome accepted --json | jq -r '.[].newRunId'`,
      ),
    )
    .action(
      listing(
        ({ client, flags: { outcome } }: Call<ItemFlags>, id: string) => client.bulkOperations.items(id, { outcome }),
        "No runs match.",
        itemTable,
      ),
    );
}

function cancelCommand(): CliCommand {
  return new CliCommand("bulk cancel")
    .summary("stop a bulk operation")
    .description(
      "Stop a bulk operation. A retry finishes up to 25 runs first. What it has done stays done, and it leaves the other " +
        "runs alone. An operation that has ended stays as it is.",
    )
    .argument("<id>", "the operation's id", readId)
    .addHelpText("after", examples(`action-runs bulk cancel ${ID}`))
    .action(showing(({ bulkOperations }, id) => bulkOperations.cancel(id), operationText));
}

function waitCommand(): CliCommand {
  return new CliCommand("bulk wait")
    .summary("follow a bulk operation until it ends")
    .description(
      "Follow a bulk operation until it ends, and show it. The exit code is that of the `cancel` or `retry` that started " +
        "it, or 7 after --wait-timeout. Ctrl-C stops waiting, and the operation goes on.",
    )
    .argument("<id>", "the operation's id", readId)
    .addOption(waitTimeoutOption())
    .addHelpText("after", examples(`action-runs bulk wait ${ID} --wait-timeout 600`))
    .action(
      calling<WaitFlags, [string]>(async ({ client, output, flags }, id) => {
        const operation = await client.bulkOperations.get(id);
        return followBulk(client, operation, output, { isOwn: false, seconds: flags.waitTimeout });
      }),
    );
}

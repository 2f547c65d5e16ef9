/** `summary`: counts runs by status. */

import { CliCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { examples, exiting, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { type FilterFlags, filterOf, withFilters } from "../run-filters.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { summaryTable } from "../telling.ts";

interface Flags extends ConnectionFlags, OutputFlags, FilterFlags {}

export function summaryCommand(): CliCommand {
  const command = new CliCommand("summary")
    .summary("count runs by status")
    .description("Count the runs of each status. 1000+ means 1000 or more: the service counts no further.");
  withFilters(command)
    .addHelpText(
      "after",
      examples(
        "action-runs summary --since today",
        "action-runs summary --action-name deploy --label team:shop",
        "action-runs summary --json | jq .failed",
      ),
    )
    .action(
      exiting(async (flags: Flags) => {
        const output = new Output(flags);
        const client = await connect(flags);
        const counts = await client.runs.summary(filterOf(flags));
        await output.show(counts, () => summaryTable(counts, output));
        return EXIT.succeeded;
      }),
    );
  return withOutput(withConnection(command));
}

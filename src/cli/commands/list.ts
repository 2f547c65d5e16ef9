/** `list`: lists runs, newest first. */

import { Option } from "commander";
import type { Client, DetailedActionRun } from "../../client/index.ts";
import { CliCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { limitOption, take } from "../limits.ts";
import { examples, exiting, given, withConnection, withOutput } from "../options.ts";
import { complain, Output, type OutputFlags } from "../output.ts";
import { type FilterFlags, filterOf, statusOption, withFilters } from "../run-filters.ts";
import { runTable } from "../run-table.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

interface Flags extends ConnectionFlags, OutputFlags, FilterFlags {
  readonly limit: number;
  readonly all?: boolean;
}

const PAGE_MAX = 200;

export function listCommand(): CliCommand {
  const command = new CliCommand("list")
    .summary("list runs, newest first")
    .description(
      "List runs, newest first. Shows 50 runs, unless --limit or --all says otherwise. The table " +
        "says what a pending run waits for, or why its receiver did not take it. With --waiting or --group, each run of " +
        "the JSON has its details.",
    )
    .addOption(statusOption());
  withFilters(command)
    .addOption(limitOption(50))
    .addOption(new Option("--all", "show all runs"))
    .addHelpText(
      "after",
      examples(
        "action-runs list --status running --status pending",
        "action-runs list --label team:shop --label nightly",
        "action-runs list --since 24h --status failed",
        "action-runs list --waiting approval",
        "action-runs list --action-name deploy --created-after 2026-11-01T00:00:00Z --all --json",
        "action-runs list --status failed --json | jq -r '.[].error'",
      ),
    )
    .action(exiting(list));
  return withOutput(withConnection(command));
}

async function list(flags: Flags): Promise<number> {
  const output = new Output(flags);
  const client = await connect(flags);
  const limit = flags.all ? Number.POSITIVE_INFINITY : flags.limit;
  if (output.isJson) {
    await output.array(take(matching(client, flags, limit), limit));
    return EXIT.succeeded;
  }
  const runs: DetailedActionRun[] = [];
  // Ask for one more than is shown, to know whether there are more.
  for await (const run of take(matching(client, flags, limit + 1, true), limit + 1)) runs.push(run);
  const shown = runs.slice(0, limit);
  await output.line(shown.length === 0 ? "No runs match." : runTable(shown, output));
  if (runs.length > shown.length) process.stderr.write("There are more runs. Use --limit or --all.\n");
  return EXIT.succeeded;
}

function matching(
  client: Client,
  flags: Flags,
  limit: number,
  hasDetails = flags.waiting !== undefined || flags.group !== undefined,
): AsyncIterable<DetailedActionRun> {
  let isSaid = false;
  function onStale() {
    if (!isSaid) complain("the newest changes can be missing from this list. Try again later.");
    isSaid = true;
  }
  return client.runs.list(
    { ...filterOf(flags), ...given({ include: hasDetails ? "details" : undefined }), limit: Math.min(limit, PAGE_MAX) },
    { onStale },
  );
}

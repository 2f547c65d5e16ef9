/** `list`: lists runs, newest first. */

import { Option } from "commander";
import type { ActionRun, Client } from "../../client/index.ts";
import { CliCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import {
  examples,
  exiting,
  given,
  repeated,
  repeatedOf,
  wholeNumberFrom,
  withConnection,
  withOutput,
} from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { runTable } from "../telling.ts";

type Status = ActionRun["status"];

interface Flags extends ConnectionFlags, OutputFlags {
  readonly status?: readonly Status[];
  readonly actionName?: string;
  readonly entityId?: string;
  readonly triggeredBy?: string;
  readonly createdAfter?: string;
  readonly createdBefore?: string;
  readonly label?: readonly string[];
  readonly limit: number;
  readonly all?: boolean;
}

/** All statuses: TypeScript reports a missing one. */
const STATUSES = Object.keys({
  pending: true,
  running: true,
  succeeded: true,
  failed: true,
  cancelled: true,
} satisfies Record<Status, true>) as readonly Status[];
const PAGE_MAX = 200;

export function listCommand(): CliCommand {
  const status = new Option("--status <status>", "only runs with this status; repeatable").argParser(
    repeatedOf(STATUSES),
  );
  // For completion, because commander can't combine choices with a repeatable option.
  status.argChoices = [...STATUSES];
  const command = new CliCommand("list")
    .summary("list runs, newest first")
    .description("List runs, newest first. Shows 50 runs, unless --limit or --all says otherwise.")
    .addOption(status)
    .addOption(new Option("--action-name <name>", "only runs of this action"))
    .addOption(new Option("--entity-id <uuid>", "only runs about this entity"))
    .addOption(new Option("--triggered-by <name>", "only runs that this token created"))
    .addOption(
      new Option("--created-after <time>", "only runs created after this time, such as 2026-01-31T12:00:00Z"),
    )
    .addOption(new Option("--created-before <time>", "only runs created before this time"))
    .addOption(
      new Option(
        "--label <text>",
        "only runs with this label; repeat it to show only runs that have all of the labels",
      ).argParser(repeated),
    )
    .addOption(
      new Option("-n, --limit <count>", "show at most this many")
        .default(50)
        .argParser(wholeNumberFrom(1, 1e9)),
    )
    .addOption(new Option("--all", "show all runs"))
    .addHelpText(
      "after",
      examples(
        "action-runs list --status running --status pending",
        "action-runs list --label team:shop --label nightly",
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
  const runs: ActionRun[] = [];
  // Ask for one more than is shown, to know whether there are more.
  for await (const run of take(matching(client, flags, limit + 1), limit + 1)) runs.push(run);
  const shown = runs.slice(0, limit);
  await output.line(shown.length === 0 ? "No runs match." : runTable(shown, output));
  if (runs.length > shown.length) process.stderr.write("There are more runs. Use --limit or --all.\n");
  return EXIT.succeeded;
}

function matching(client: Client, flags: Flags, limit: number): AsyncIterable<ActionRun> {
  const { status, actionName, entityId, triggeredBy, createdAfter, createdBefore, label } = flags;
  return client.runs.list({
    ...given({
      status: status && [...status],
      actionName,
      entityId,
      triggeredBy,
      createdAfter,
      createdBefore,
      label: label && [...label],
    }),
    limit: Math.min(limit, PAGE_MAX),
  });
}

/** The first `count` things. The rest is not requested. */
export async function* take<T>(things: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let left = count;
  for await (const thing of things) {
    yield thing;
    if (--left <= 0) return;
  }
}

/**
 * `ops purge` removes old runs of an environment. It shows first how many would go, and asks. `ops erase` erases an
 * environment or a project. Its name is always typed: none of the settings may choose it.
 */

import { Argument, InvalidArgumentError, Option } from "commander";
import type { Schemas } from "../../client/index.ts";
import { type Call, calling, type Flags, withCall } from "../call.ts";
import { CliCommand, examples, wholeNumberFrom } from "../command.ts";
import { CommandFailed, UsageError } from "../exit.ts";
import { fields, instantText } from "../fields.ts";
import { ask, requireTerminal, requireYes } from "../input.ts";
import { type Output, people, plain } from "../output.ts";

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
    requireTerminal("ops purge", "--yes to purge without a question");
    const asking = people();
    await asking.line(`${purgeText(await operator.purge(days, { dryRun: true }), asking)}\n`);
    await requireYes(`Remove these runs of ${client.scope} for ever?`, "Nothing was purged.");
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

interface EraseFlags extends Flags {
  readonly confirm?: string;
  readonly reason?: string;
  readonly show?: true;
}

const SCOPE = /^[a-z0-9][a-z0-9-]*(\/[a-z0-9][a-z0-9-]*){1,2}$/;

export function opsEraseCommand(): CliCommand {
  return new CliCommand("ops erase")
    .summary("erase an environment or a project")
    .description(
      "Erase an environment with its runs, definitions, tokens and audit, or a project with all its environments. You " +
        "can't undo this. On a terminal, the command asks you to type the name again. In a script, use --confirm. The " +
        "erasure goes on by itself for about an hour. With --show, only show how far it is.",
    )
    .addArgument(new Argument("<scope>", "org/project/env, or org/project").argParser(readScope))
    .addOption(new Option("--confirm <scope>", "the same name again, instead of the question"))
    .addOption(new Option("--reason <text>", "why, in one line; the record of the erasure keeps it"))
    .addOption(new Option("--show", "show how far the erasure is").conflicts(["confirm", "reason"]))
    .addHelpText(
      "after",
      examples("action-runs ops erase acme/shop/staging", "action-runs ops erase acme/shop/staging --show"),
    )
    .action(
      calling<EraseFlags, [string]>(
        async ({ client: { operator }, output, flags }, scope) => {
          if (!flags.show) await requireConfirmed(scope, flags);
          const { reason } = flags;
          const erasure = flags.show ? await operator.erasure(scope) : await operator.erase(scope, { reason });
          await output.show(erasure, () => fields(rowsOf(erasure), output));
          return undefined;
        },
        { needsEnv: false, needsProject: false },
      ),
    );
}

function readScope(text: string): string {
  if (SCOPE.test(text)) return text;
  throw new InvalidArgumentError("Give org/project/env for an environment, or org/project for a whole project.");
}

async function requireConfirmed(scope: string, { confirm }: EraseFlags): Promise<void> {
  if (confirm === scope) return;
  if (confirm !== undefined) throw new UsageError(`--confirm: this is not the name of what you erase. Give ${scope}.`);
  requireTerminal("ops erase", `--confirm ${scope} to erase without a question`);
  const otherwise = "Nothing was erased.";
  if ((await ask(`This erases ${scope} for ever. Type its name`, { otherwise })) !== scope)
    throw new CommandFailed(otherwise);
}

function rowsOf({ scope, status, deletesAgainAt, completedAt, environments, archivePrefix }: Schemas["Erasure"]) {
  return [
    ["scope", plain(scope)],
    ["status", plain(status)],
    ["deletes again", deletesAgainAt === null ? "an hour after the first deletion" : instantText(deletesAgainAt)],
    ["erased", completedAt === null ? "not yet" : instantText(completedAt)],
    ...(environments === null ? [] : [["still to erase", String(environments)]]),
    ...(archivePrefix === null ? [] : [["in the archive", plain(archivePrefix)]]),
  ];
}

/** `pause` and `resume`: hold back the runs of a concurrency group, or all runs with a gate, and let them go again. */

import { Option } from "commander";
import { WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { CliCommand } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { pausedText, pauseText } from "../gate-text.ts";
import { readLater } from "../later.ts";
import { examples, exiting, given, OfferingArgument, readName, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags, plain } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

interface Flags extends ConnectionFlags, OutputFlags {
  readonly wholeEnv?: boolean;
}

interface PauseFlags extends Flags {
  readonly reason: string;
  readonly until?: string;
}

export function pauseCommand(): CliCommand {
  const command = new CliCommand("pause")
    .summary("hold back the runs of a group, or of the environment")
    .description(
      "Pause a concurrency group: no run of the group starts until `resume` or --until. With --whole-env, no run of the " +
        "environment that has a time, an approval or a concurrency group starts. Runs without these gates, and runs " +
        "that started before, go on. A second pause replaces the first one. The token needs the role owner or admin.",
    )
    .addArgument(groupArgument("the group to pause"))
    .addOption(wholeEnvOption())
    .addOption(
      new Option("--reason <text>", "why, in one line; all readers of a waiting run see it").makeOptionMandatory(),
    )
    .addOption(
      new Option("--until <when>", "when the pause ends by itself: +30m, +2h, +1d, or a time with an offset").argParser(
        readLater,
      ),
    )
    .addHelpText(
      "after",
      examples(
        "action-runs pause deploys --reason lunch --until +1h",
        "action-runs pause --whole-env --reason 'deploy freeze' --until 2026-12-27T00:00:00+01:00",
      ),
    )
    .action(exiting(pause));
  return withOutput(withConnection(command));
}

export function resumeCommand(): CliCommand {
  const command = new CliCommand("resume")
    .summary("end a pause")
    .description(
      "End the pause of a concurrency group, or with --whole-env that of the environment. The runs that wait start as " +
        "their gates allow. If there is no such pause, the exit code is 4.",
    )
    .addArgument(groupArgument("the group to resume"))
    .addOption(wholeEnvOption())
    .addHelpText("after", examples("action-runs resume deploys", "action-runs resume --whole-env"))
    .action(exiting(resume));
  return withOutput(withConnection(command));
}

async function pause(name: string | undefined, flags: PauseFlags): Promise<number> {
  const output = new Output(flags);
  const group = pausedGroup(name, flags);
  const client = await connect(flags);
  const { reason, until } = flags;
  const paused = await client.pauses.put(group, { reason, ...given({ until }) });
  await output.show(paused, () => pauseText(paused, output));
  return EXIT.succeeded;
}

async function resume(name: string | undefined, flags: Flags): Promise<number> {
  const output = new Output(flags);
  const group = pausedGroup(name, flags);
  const client = await connect(flags);
  await client.pauses.delete(group);
  await output.show({ resumed: group }, () => `Resumed ${plain(pausedText(group))}.`);
  return EXIT.succeeded;
}

/** What the API calls it. Throws UsageError unless there is exactly one of both. */
function pausedGroup(name: string | undefined, { wholeEnv }: Flags): string {
  if (wholeEnv && name === undefined) return WHOLE_ENVIRONMENT;
  if (!wholeEnv && name !== undefined) return name;
  throw new UsageError(
    "Name a concurrency group, or use --whole-env for all runs of the environment that have a gate.",
  );
}

function groupArgument(about: string): OfferingArgument {
  return new OfferingArgument("[group]", about, "concurrency groups").argParser(readName);
}

function wholeEnvOption(): Option {
  return new Option("--whole-env", "all runs of the environment that have any gate");
}

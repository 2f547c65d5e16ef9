/** `group`, `pause` and `resume`: lists concurrency groups and pauses, holds back runs, and lets them go again. */

import { Option } from "commander";
import { present } from "../../client/api.ts";
import { type Client, type Schemas, WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { type Call, calling, type Flags, type ListFlags, listing, withCall, withCommands } from "../call.ts";
import { CliCommand, examples, limitOption, OfferingArgument, OfferingOption, readName } from "../command.ts";
import { UsageError } from "../exit.ts";
import { fields, instantText, words } from "../fields.ts";
import { type Column, type Output, plain } from "../output.ts";
import { readLater } from "../times.ts";

type Pause = Schemas["Pause"];

interface GroupFlags extends ListFlags {
  readonly group?: string;
}

export function groupCommand(): CliCommand {
  const group = new CliCommand("group")
    .summary("list concurrency groups and pauses")
    .description(
      "List the concurrency groups of the environment, and what is paused. Runs of a group take turns, as their action " +
        "says. To pause a group, use `pause`.",
    )
    .addHelpText("after", examples("action-runs group list", "action-runs group pauses"));
  return withCommands(group, [listCommand(), pausesCommand()]);
}

function listCommand(): CliCommand {
  return new CliCommand("group list")
    .summary("list concurrency groups")
    .description(
      "List the concurrency groups of runs and of stored actions, one line for each key with open runs: how many runs may " +
        "run at once, how many run now, and how many wait. To see the runs that wait, use `list --group NAME --waiting any`.",
    )
    .addOption(new OfferingOption("--group <name>", "only this group", "concurrency groups"))
    .addOption(limitOption())
    .addHelpText(
      "after",
      examples("action-runs group list", "action-runs group list --group deploys --json | jq '.[].waiters'"),
    )
    .action(
      listing(
        ({ client, flags: { group } }: Call<GroupFlags>) => client.concurrencyGroups.list({ group }),
        "No action has a concurrency group.",
        groupTable,
      ),
    );
}

function pausesCommand(): CliCommand {
  return new CliCommand("group pauses")
    .summary("list what is paused")
    .description(
      "List the pauses of the environment, also planned ones: who paused what, why, from when and until when.",
    )
    .addHelpText("after", examples("action-runs group pauses"))
    .action(
      calling<Flags>(async ({ client, output }) => {
        const pauses = await client.pauses.list();
        await output.show(pauses, () => (pauses.length === 0 ? "Nothing is paused." : pauseTable(pauses, output)));
      }),
    );
}

interface ResumeFlags extends Flags {
  readonly wholeEnv?: boolean;
  readonly from?: string;
}

interface PauseFlags extends ResumeFlags {
  readonly reason: string;
  readonly until?: string;
}

export function pauseCommand(): CliCommand {
  const command = new CliCommand("pause")
    .summary("hold back the runs of a group, or of the environment")
    .description(
      "Pause a concurrency group: no run of the group starts until `resume` or --until. With --whole-env, no run of the " +
        "environment that has a time, an approval or a concurrency group starts. Runs without these gates, and runs " +
        "that started before, go on. With --from, the pause begins later, at most 90 days ahead. A second pause with the " +
        "same --from replaces the first one, and so does one without it. The token needs the role owner or admin.",
    )
    .addArgument(groupArgument("the group to pause"))
    .addOption(wholeEnvOption())
    .addOption(
      new Option("--reason <text>", "why, in one line; all readers of a waiting run see it").makeOptionMandatory(),
    )
    .addOption(
      new Option("--from <when>", 'when the pause begins: 2h, tomorrow, "friday 18:00", a date or a time').argParser(
        readLater,
      ),
    )
    .addOption(
      new Option(
        "--until <when>",
        'when the pause ends by itself: 30m, 2h, tomorrow, "friday 18:00", a date or a time',
      ).argParser(readLater),
    )
    .addHelpText(
      "after",
      examples(
        "action-runs pause deploys --reason lunch --until 1h",
        "action-runs pause --whole-env --reason 'the weekend' --from 'friday 18:00' --until 'monday 06:00'",
      ),
    )
    .action(
      calling<PauseFlags, [string | undefined]>(async ({ client, output, flags }, name) => {
        const { reason, from, until } = flags;
        const paused = await client.pauses.put(pausedGroup(name, flags), { reason, ...present({ from, until }) });
        await output.show(paused, () => pauseText(paused, output));
      }),
    );
  return withCall(command);
}

export function resumeCommand(): CliCommand {
  const command = new CliCommand("resume")
    .summary("end a pause")
    .description(
      "End the pauses of a concurrency group, or with --whole-env those of the environment. Planned pauses stay. With " +
        "--from, end or remove only the pause that begins then, as `group pauses` shows it. The runs that wait start as " +
        "their gates allow. If there is no such pause, the exit code is 4.",
    )
    .addArgument(groupArgument("the group to resume"))
    .addOption(wholeEnvOption())
    .addOption(
      new Option("--from <when>", "only the pause that begins then, as `group pauses` shows it").argParser(readLater),
    )
    .addHelpText(
      "after",
      examples("action-runs resume deploys", "action-runs resume --whole-env --from 2026-12-24T12:00:00Z"),
    )
    .action(
      calling<ResumeFlags, [string | undefined]>(async ({ client, output, flags }, name) => {
        const group = pausedGroup(name, flags);
        await client.pauses.delete(group, present({ from: await exactFrom(client, group, flags.from) }));
        await output.show({ resumed: group }, () => `Resumed ${plain(pausedText(group))}.`);
      }),
    );
  return withCall(command);
}

/** Tables show whole seconds. A pause that began at once has a more precise instant. */
async function exactFrom(client: Client, group: string, from: string | undefined): Promise<string | undefined> {
  if (from === undefined) return undefined;
  const secondOf = (instant: string) => Math.floor(Date.parse(instant) / 1000);
  const pauses = await client.pauses.list();
  return pauses.find((one) => one.group === group && secondOf(one.from) === secondOf(from))?.from ?? from;
}

/** What the API calls it. Throws UsageError unless there is exactly one of both. */
function pausedGroup(name: string | undefined, { wholeEnv }: ResumeFlags): string {
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

const GROUP_COLUMNS: readonly Column[] = [
  // Commands need the whole name.
  { heading: "GROUP" },
  { heading: "KEY", least: 12, dispensable: 1 },
  { heading: "LIMIT", dispensable: 2 },
  { heading: "RUNNING" },
  { heading: "WAITING" },
  { heading: "PAUSED", least: 12, dispensable: 3 },
];
const PAUSE_COLUMNS: readonly Column[] = [
  { heading: "GROUP" },
  { heading: "STATE", dispensable: 4 },
  { heading: "FROM", dispensable: 3 },
  { heading: "UNTIL", dispensable: 1 },
  { heading: "BY", least: 8, dispensable: 2 },
  { heading: "REASON", least: 20 },
];

function groupTable(groups: readonly Schemas["ConcurrencyGroup"][], output: Output): string {
  const rows = groups.map(({ group, key, limit, holders, waiters, paused }) => [
    group,
    key ?? "",
    String(limit),
    String(holders),
    String(waiters),
    paused ?? "",
  ]);
  return output.table(GROUP_COLUMNS, rows, (column, cell) => (column === 5 && cell !== "" ? "yellow" : null));
}

function pauseTable(pauses: readonly Pause[], output: Output): string {
  const rows = pauses.map((pause) => [
    pausedText(pause.group),
    pause.active ? "paused" : "planned",
    instantText(pause.from),
    pause.until === null ? "resumed" : instantText(pause.until),
    byText(pause),
    pause.reason,
  ]);
  return output.table(PAUSE_COLUMNS, rows);
}

function pauseText(pause: Pause, output: Output): string {
  const rows = [
    [pause.active ? "paused" : "planned", plain(pausedText(pause.group))],
    ["reason", plain(pause.reason)],
    ["until", pause.until === null ? "somebody resumes it" : instantText(pause.until)],
    ["by", plain(byText(pause))],
    [pause.active ? "since" : "begins", instantText(pause.from)],
    ["warning", pause.warning === undefined ? null : plain(pause.warning)],
  ];
  return fields(rows, output);
}

/** What a pause holds back. */
function pausedText(group: string): string {
  return group === WHOLE_ENVIRONMENT ? "the whole environment" : group;
}

function byText({ by, via }: Pause): string {
  return words(by, via === null ? "" : `via ${via}`);
}

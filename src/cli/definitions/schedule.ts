/** `schedule`: stores, shows, lists and deletes schedules, says when they start runs, and runs one now. */

import { Option } from "commander";
import { present } from "../../client/api.ts";
import type { Schemas, Stored } from "../../client/index.ts";
import { calling, type Flags, withCommands } from "../call.ts";
import { CliCommand, examples, OfferingOption, repeated } from "../command.ts";
import { fields, indent, instantText, words } from "../fields.ts";
import { readObject } from "../input.ts";
import {
  type CreatingFlags,
  creatingOptions,
  JSON_HELP,
  type ParameterFlags,
  readParameterFlags,
  showCreated,
  withCreating,
  withParameters,
} from "../new-run.ts";
import { type Column, type Output, plain } from "../output.ts";
import { definitionCommands, nameArgument, type PutFlags, type Told } from "./commands.ts";
import { SCHEDULES } from "./files.ts";

interface MemberFlags extends PutFlags, ParameterFlags {
  readonly action?: string;
  readonly cron?: string;
  readonly timezone?: string;
  readonly label?: readonly string[];
}

const SCHEDULE: Told<Schemas["ListedSchedule"]> = {
  kind: SCHEDULES,
  noun: "schedule",
  example: "nightly",
  suggested: "schedules",
  about: {
    put:
      "The action must have a trigger. Your token is the creator of the runs. When it is revoked or expires, the service " +
      "disables the schedule, and a put with another token enables it. Options override the members of --body. All " +
      "members that you leave out have their defaults.",
    get: "",
    list: ", with the next time of each.",
    delete: " and its versions. Runs that it has started continue.",
  },
  putExamples: [
    "action-runs schedule put nightly --action backup --cron '30 2 * * *' --timezone Europe/Berlin",
    "action-runs schedule put nightly --body @nightly.json",
  ],
  getExample: "action-runs schedule get nightly --json | jq -r .cron",
  bodyHelp: JSON_HELP,
  table: scheduleTable,
  orElse: "no run can start",
  withMembers: (command) =>
    withParameters(
      command
        .addOption(new OfferingOption("--action <name>", "the stored action that it runs", "stored actions"))
        .addOption(
          new Option(
            "--cron <times>",
            "minute, hour, day of the month, month and day of the week, or @daily and others",
          ),
        )
        .addOption(new Option("--timezone <name>", "the time zone of --cron, such as Europe/Berlin or UTC"))
        .addOption(
          new OfferingOption("--label <text>", "a label of its runs; repeatable", "labels").argParser(repeated),
        ),
    ),
  read: async (flags: MemberFlags) => {
    const base = flags.body === undefined ? {} : await readObject(flags.body, "--body");
    const { action, cron, timezone, label } = flags;
    const parameters = await readParameterFlags(flags, base.parameters);
    return { ...base, ...present({ action, cron, timezone, parameters, labels: label && [...label] }) };
  },
};

export function scheduleCommand(): CliCommand {
  const schedule = new CliCommand("schedule")
    .summary("store, show, list, delete and run schedules")
    .description(
      "Store, show, list, delete and run schedules, and list their versions. A schedule runs a stored action at its times. " +
        "While a run of it is open, its times are skipped. To store or delete, a token needs the role owner or admin.",
    )
    .addHelpText("after", examples(...SCHEDULE.putExamples, "action-runs schedule status nightly"));
  return withCommands(schedule, [...definitionCommands(SCHEDULE), statusCommand(), runCommand()]);
}

function statusCommand(): CliCommand {
  return new CliCommand("schedule status")
    .summary("show the next times of a schedule")
    .description(
      "Show the next five times of a schedule, what became of the last one, whether somebody disabled the schedule, and " +
        "who changed it.",
    )
    .addArgument(nameArgument(SCHEDULE))
    .addHelpText(
      "after",
      examples(
        "action-runs schedule status nightly",
        "action-runs schedule status nightly --json | jq -r '.nextTimes[].local'",
        "action-runs list --label schedule:nightly    (its runs)",
      ),
    )
    .action(
      calling<Flags, [string]>(async ({ client: { schedules }, output }, name) => {
        const status = await schedules.status(name);
        if (output.isJson) await output.show(status, String);
        else await output.line(statusText(status, await schedules.get(name), output));
      }),
    );
}

function runCommand(): CliCommand {
  const command = new CliCommand("schedule run")
    .summary("run the action of a schedule now")
    .description(
      "Create a run of the action now, with the parameters and labels of the schedule. You are its creator. The times of " +
        "the schedule stay as they are, also if this run is still open. --wait works as for `create`.",
    )
    .addArgument(nameArgument(SCHEDULE))
    .addHelpText("after", examples("action-runs schedule run nightly --wait"))
    .action(
      calling<Flags & CreatingFlags, [string]>(async ({ client, output, flags }, name) => {
        const { action, parameters = {}, labels = [] } = (await client.schedules.get(name)).definition;
        const body = { parameters, labels: [...labels, `schedule:${name}`] };
        const created = await client.actions.run(action, body, creatingOptions(flags));
        return showCreated(client, created, flags, output, { hasTrigger: created.callback === undefined });
      }),
    );
  return withCreating(command);
}

// A column without text takes no room.
const COLUMNS: readonly Column[] = [
  // Commands need the whole name.
  { heading: "SCHEDULE" },
  { heading: "NEXT" },
  { heading: "ACTION", least: 12, dispensable: 1 },
  { heading: "CRON", least: 12, dispensable: 2 },
  { heading: "TIME ZONE", dispensable: 3 },
  { heading: "VERSION", dispensable: 5 },
  { heading: "CHANGED", dispensable: 4 },
];

export function scheduleTable(schedules: readonly Schemas["ListedSchedule"][], output: Output): string {
  const rows = schedules.map(({ name, version, changedAt, nextAt, definition }) => [
    name,
    nextAt === null ? "disabled" : instantText(nextAt),
    definition.action,
    definition.cron,
    definition.timezone,
    String(version),
    instantText(changedAt),
  ]);
  return output.table(COLUMNS, rows, (column, cell) => (column === 1 && cell === "disabled" ? "yellow" : null));
}

/** `schedule`: its definition says whether a person disabled it. */
function statusText(
  status: Schemas["ScheduleStatus"],
  { definition }: Stored<Schemas["Schedule"]>,
  output: Output,
): string {
  const { disabledAt, disabledReason, nextTimes, lastTime } = status;
  const { action, cron, timezone } = definition;
  const off =
    disabledAt === null
      ? definition.disabled && "by its definition"
      : words("by the service at", `${instantText(disabledAt)}:`, plain(disabledReason ?? ""));
  const times = nextTimes.map(({ at, local }) => `${instantText(at)}  ${plain(local.replace(/:00\.000/, ""))}`);
  const rows = [
    ["schedule", `${plain(status.name)}, version ${plain(String(status.version))}`],
    ["runs", `${plain(action)} at ${plain(cron)} in ${plain(timezone)}`],
    ["disabled", off ? output.paint("yellow", off) : "no"],
    ["next times", indent(times.join("\n"))],
    ["last time", lastTime && lastText(lastTime)],
    ["changed", `${instantText(status.changedAt)} by ${plain(status.changedBy)}`],
    ["created", `by ${plain(status.createdBy)}`],
  ];
  return fields(
    rows.map(([name, value]) => [name || "", value || null]),
    output,
  );
}

function lastText({ at, outcome, runId }: NonNullable<Schemas["ScheduleStatus"]["lastTime"]>): string {
  return words(instantText(at), plain(outcome), runId && `· run ${plain(runId)}`);
}

/** `schedule`: stores, shows, lists and deletes schedules, says when they start runs, and runs one now. */

import { present } from "../../client/api.ts";
import type { Schemas, Stored } from "../../client/index.ts";
import { calling, group } from "../command.ts";
import {
  CREATING,
  creatingOptions,
  JSON_HELP,
  PARAMETERS,
  readParameterFlags,
  showCreated,
} from "../commands/new-run.ts";
import { readObject } from "../input.ts";
import { type FlagsOf, option, repeated } from "../options.ts";
import { indent, instantText, type Output, plain, words } from "../output.ts";
import { definitionCommands, nameArgument, type Told } from "./commands.ts";
import { SCHEDULES } from "./files.ts";

const MEMBERS = [
  option("--action <name>", "the stored action that it runs", { offers: "stored actions" }),
  option("--cron <times>", "minute, hour, day of the month, month and day of the week, or @daily and others"),
  option("--timezone <name>", "the time zone of --cron, such as Europe/Berlin or UTC"),
  option("--label <text>", "a label of its runs; repeatable", { offers: "labels", read: repeated }),
  ...PARAMETERS,
] as const;

const SCHEDULE: Told = {
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
  members: MEMBERS,
  read: async (flags: { readonly body?: string | undefined } & Partial<FlagsOf<typeof MEMBERS>>) => {
    const base = flags.body === undefined ? {} : await readObject(flags.body, "--body");
    const { action, cron, timezone, label } = flags;
    const parameters = await readParameterFlags(flags, base.parameters);
    return { ...base, ...present({ action, cron, timezone, parameters, labels: label && [...label] }) };
  },
};

const NAME = nameArgument(SCHEDULE);

const status = calling("schedule status", {
  about:
    "Show the next five times of a schedule. Also shows what became of the last one, whether somebody disabled the " +
    "schedule, and who changed it.",
  arguments: [NAME],
  examples: [
    "action-runs schedule status nightly",
    "action-runs schedule status nightly --json | jq -r '.nextTimes[].local'",
    "action-runs list --label schedule:nightly    (its runs)",
  ],
  async run({ client: { schedules }, output }, name) {
    const status = await schedules.status(name);
    await output.show(status, async () => statusText(status, await schedules.get(name), output));
  },
});

const run = calling("schedule run", {
  about:
    "Run the action of a schedule now, with its parameters and labels. You are the run's creator. The times of the " +
    "schedule stay as they are, also if this run is still open. --wait works as for `create`.",
  arguments: [NAME],
  options: CREATING,
  examples: ["action-runs schedule run nightly --wait"],
  async run(call, name) {
    const { client, flags } = call;
    const { action, parameters = {}, labels = [] } = (await client.schedules.get(name)).definition;
    const body = { parameters, labels: [...labels, `schedule:${name}`] };
    return showCreated(call, await client.actions.run(action, body, creatingOptions(flags)));
  },
});

export const scheduleCommand = group("schedule", {
  about:
    "Store, show, list, delete and run schedules, and list their versions. A schedule runs a stored action at its times. " +
    "While a run of it is open, its times are skipped. To store or delete, a token needs the role owner or admin.",
  examples: [...SCHEDULE.putExamples, "action-runs schedule status nightly"],
  commands: [...definitionCommands(SCHEDULE), status, run],
});

export function scheduleTable(schedules: readonly Schemas["ListedSchedule"][], output: Output): string {
  return output.table(schedules, [
    // Commands need the whole name.
    ["SCHEDULE", ({ name }) => name],
    [
      "NEXT",
      ({ nextAt }) => (nextAt === null ? "disabled" : instantText(nextAt)),
      { colour: (cell) => cell === "disabled" && "yellow" },
    ],
    ["ACTION", ({ definition }) => definition.action, { least: 12, dispensable: 1 }],
    ["CRON", ({ definition }) => definition.cron, { least: 12, dispensable: 2 }],
    ["TIME ZONE", ({ definition }) => definition.timezone, { dispensable: 3 }],
    ["VERSION", ({ version }) => version, { dispensable: 5 }],
    ["CHANGED", ({ changedAt }) => instantText(changedAt), { dispensable: 4 }],
  ]);
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
  return output.fields([
    ["schedule", `${plain(status.name)}, version ${plain(String(status.version))}`],
    ["runs", `${plain(action)} at ${plain(cron)} in ${plain(timezone)}`],
    ["disabled", off ? output.paint("yellow", off) : "no"],
    ["next times", indent(times.join("\n"))],
    [
      "last time",
      lastTime &&
        words(instantText(lastTime.at), plain(lastTime.outcome), lastTime.runId && `· run ${plain(lastTime.runId)}`),
    ],
    ["changed", `${instantText(status.changedAt)} by ${plain(status.changedBy)}`],
    ["created", `by ${plain(status.createdBy)}`],
  ]);
}

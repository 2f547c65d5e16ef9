/** `group`: lists the concurrency groups of an environment, and its pauses. */

import { Option } from "commander";
import { type Schemas, WHOLE_ENVIRONMENT } from "../../client/index.ts";
import {
  CliCommand,
  examples,
  exiting,
  given,
  limitOption,
  OfferingArgument,
  OfferingOption,
  readName,
  take,
  withConnection,
  withOutput,
} from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { fields, indent, instantText } from "../fields.ts";
import { type Column, Output, type OutputFlags, plain, plainLines, readableJson } from "../output.ts";
import { words } from "../run-text.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { readLater } from "../times.ts";

type Pause = Schemas["Pause"];

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
        const groups: Schemas["ConcurrencyGroup"][] = [];
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

/* SECTION: `pause` and `resume`: hold back the runs of a concurrency group, or all runs with a gate, and let them go again. */

interface ResumeFlags extends ConnectionFlags, OutputFlags {
  readonly wholeEnv?: boolean;
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

async function resume(name: string | undefined, flags: ResumeFlags): Promise<number> {
  const output = new Output(flags);
  const group = pausedGroup(name, flags);
  const client = await connect(flags);
  await client.pauses.delete(group);
  await output.show({ resumed: group }, () => `Resumed ${plain(pausedText(group))}.`);
  return EXIT.succeeded;
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

/* SECTION: Shows approvals, concurrency groups and pauses to people. Every text from the service passes through `plain`. */

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
  { heading: "SINCE", dispensable: 3 },
  { heading: "UNTIL", dispensable: 1 },
  { heading: "BY", least: 8, dispensable: 2 },
  { heading: "REASON", least: 20 },
];

/** An approver may take a run for one of today's action. */
const CHANGED: ReadonlyMap<boolean | null, string> = new Map([
  [true, "The action has changed since. This run stays as it was created, and is sent as below."],
  [null, "The service can't say now whether the action has changed since. The run is sent as below."],
]);

/** What an approver must see besides the run: the request as it will be sent. */
export function approvalText({ action, request, allowSelf }: Schemas["RunApproval"], output: Output): string {
  const rows = [
    ["note", CHANGED.get(action.isChanged)],
    ["own run", allowSelf ? "the run's creator may approve it too" : null],
    ["request", request && plain(`${request.method} ${request.url ?? "an address with a secret"}`)],
    ["headers", request && jsonText(request.headers)],
    ["payload", request && jsonText(request.payload)],
  ];
  const shown = fields(rows, output);
  return request === null ? shown : `${shown}\n\nnull stands in the place of each secret.`;
}

function jsonText(value: unknown): string {
  return indent(plainLines(readableJson(value)));
}

export function groupTable(groups: readonly Schemas["ConcurrencyGroup"][], output: Output): string {
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

export function pauseTable(pauses: readonly Pause[], output: Output): string {
  const rows = pauses.map((pause) => [
    pausedText(pause.group),
    instantText(pause.at),
    pause.until === null ? "resumed" : instantText(pause.until),
    byText(pause),
    pause.reason,
  ]);
  return output.table(PAUSE_COLUMNS, rows);
}

export function pauseText(pause: Pause, output: Output): string {
  const rows = [
    ["paused", plain(pausedText(pause.group))],
    ["reason", plain(pause.reason)],
    ["until", pause.until === null ? "somebody resumes it" : instantText(pause.until)],
    ["by", plain(byText(pause))],
    ["since", instantText(pause.at)],
  ];
  return fields(rows, output);
}

/** What a pause holds back. */
export function pausedText(group: string): string {
  return group === WHOLE_ENVIRONMENT ? "the whole environment" : group;
}

function byText({ by, via }: Pause): string {
  return words(by, via === null ? "" : `via ${via}`);
}

/** `group`, `pause` and `resume`: lists concurrency groups and pauses, holds back runs, and lets them go again. */

import { present } from "../../client/api.ts";
import { type Client, type Schemas, WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { group, listing, showing } from "../command.ts";
import { UsageError } from "../exit.ts";
import { argument, limitOption, option, readLater, readName } from "../options.ts";
import { instantText, type Output, plain, words } from "../output.ts";

type Pause = Schemas["Pause"];

const list = listing("group list", {
  summary: "list concurrency groups",
  about:
    "List the concurrency groups of runs and of stored actions, one line for each key with open runs: how many runs may " +
    "run at once, how many run now, and how many wait. To see the runs that wait, use `list --group NAME --waiting any`.",
  options: [option("--group <name>", "only this group", { offers: "concurrency groups" }), limitOption()],
  examples: ["action-runs group list", "action-runs group list --group deploys --json | jq '.[].waiters'"],
  list: ({ client, flags }) => client.concurrencyGroups.list({ group: flags.group }),
  none: "No action has a concurrency group.",
  table: (groups: readonly Schemas["ConcurrencyGroup"][], output) =>
    output.table(groups, [
      // Commands need the whole name.
      ["GROUP", ({ group }) => group],
      ["KEY", ({ key }) => key, { least: 12, dispensable: 1 }],
      ["LIMIT", ({ limit }) => limit, { dispensable: 2 }],
      ["RUNNING", ({ holders }) => holders],
      ["WAITING", ({ waiters }) => waiters],
      ["PAUSED", ({ paused }) => paused, { least: 12, dispensable: 3, colour: (cell) => cell !== "" && "yellow" }],
    ]),
});

const pauses = showing("group pauses", {
  summary: "list what is paused",
  about: "List the pauses of the environment, also planned ones: who paused what, why, from when and until when.",
  examples: ["action-runs group pauses"],
  ask: ({ client }) => client.pauses.list(),
  text: (paused, output) => (paused.length === 0 ? "Nothing is paused." : pauseTable(paused, output)),
});

export const groupCommand = group("group", {
  summary: "list concurrency groups and pauses",
  about:
    "List the concurrency groups of the environment, and what is paused. Runs of a group take turns, as their action " +
    "says. To pause a group, use `pause`.",
  examples: ["action-runs group list", "action-runs group pauses"],
  commands: [list, pauses],
});

const groupArgument = (about: string) => argument("[group]", about, { offers: "concurrency groups", read: readName });
const WHOLE_ENV = option("--whole-env", "all runs of the environment that have any gate");

export const pauseCommand = showing("pause", {
  summary: "hold back the runs of a group, or of the environment",
  about:
    "Pause a concurrency group: no run of the group starts until `resume` or --until. With --whole-env, no run of the " +
    "environment that has a time, an approval or a concurrency group starts. Runs without these gates, and runs " +
    "that started before, go on. With --from, the pause begins later, at most 90 days ahead. A second pause with the " +
    "same --from replaces the first one, and so does one without it. The token needs the role owner or admin.",
  arguments: [groupArgument("the group to pause")],
  options: [
    WHOLE_ENV,
    option("--reason <text>", "why, in one line; all readers of a waiting run see it", { isMandatory: true }),
    option("--from <when>", 'when the pause begins: 2h, tomorrow, "friday 18:00", a date or a time', {
      read: readLater,
    }),
    option("--until <when>", 'when the pause ends by itself: 30m, 2h, tomorrow, "friday 18:00", a date or a time', {
      read: readLater,
    }),
  ],
  examples: [
    "action-runs pause deploys --reason lunch --until 1h",
    "action-runs pause --whole-env --reason 'the weekend' --from 'friday 18:00' --until 'monday 06:00'",
  ],
  ask: async ({ client, flags: { wholeEnv, reason, from, until } }, name) =>
    client.pauses.put(pausedGroup(name, wholeEnv), { reason, ...present({ from, until }) }),
  text: pauseText,
});

export const resumeCommand = showing("resume", {
  summary: "end a pause",
  about:
    "End the pauses of a concurrency group, or with --whole-env those of the environment. Planned pauses stay. With " +
    "--from, end or remove only the pause that begins then, as `group pauses` shows it. The runs that wait start as " +
    "their gates allow. If there is no such pause, the exit code is 4.",
  arguments: [groupArgument("the group to resume")],
  options: [
    WHOLE_ENV,
    option("--from <when>", "only the pause that begins then, as `group pauses` shows it", { read: readLater }),
  ],
  examples: ["action-runs resume deploys", "action-runs resume --whole-env --from 2026-12-24T12:00:00Z"],
  async ask({ client, flags: { wholeEnv, from } }, name) {
    const resumed = pausedGroup(name, wholeEnv);
    await client.pauses.delete(resumed, present({ from: await exactFrom(client, resumed, from) }));
    return { resumed };
  },
  text: ({ resumed }) => `Resumed ${plain(pausedText(resumed))}.`,
});

/** Tables show whole seconds. A pause that began at once has a more precise instant. */
async function exactFrom(client: Client, group: string, from: string | undefined): Promise<string | undefined> {
  if (from === undefined) return undefined;
  const secondOf = (instant: string) => Math.floor(Date.parse(instant) / 1000);
  const pauses = await client.pauses.list();
  return pauses.find((one) => one.group === group && secondOf(one.from) === secondOf(from))?.from ?? from;
}

/** What the API calls it. Throws UsageError unless there is exactly one of both. */
function pausedGroup(name: string | undefined, wholeEnv = false): string {
  if (wholeEnv && name === undefined) return WHOLE_ENVIRONMENT;
  if (!wholeEnv && name !== undefined) return name;
  throw new UsageError(
    "Name a concurrency group, or use --whole-env for all runs of the environment that have a gate.",
  );
}

function pauseTable(pauses: readonly Pause[], output: Output): string {
  return output.table(pauses, [
    ["GROUP", ({ group }) => pausedText(group)],
    ["STATE", ({ active }) => (active ? "paused" : "planned"), { dispensable: 4 }],
    ["FROM", ({ from }) => instantText(from), { dispensable: 3 }],
    ["UNTIL", ({ until }) => (until === null ? "resumed" : instantText(until)), { dispensable: 1 }],
    ["BY", byText, { least: 8, dispensable: 2 }],
    ["REASON", ({ reason }) => reason, { least: 20 }],
  ]);
}

function pauseText(pause: Pause, output: Output): string {
  return output.fields([
    [pause.active ? "paused" : "planned", plain(pausedText(pause.group))],
    ["reason", plain(pause.reason)],
    ["until", pause.until === null ? "somebody resumes it" : instantText(pause.until)],
    ["by", plain(byText(pause))],
    [pause.active ? "since" : "begins", instantText(pause.from)],
    ["warning", pause.warning === undefined ? null : plain(pause.warning)],
  ]);
}

/** What a pause holds back. */
function pausedText(group: string): string {
  return group === WHOLE_ENVIRONMENT ? "the whole environment" : group;
}

function byText({ by, via }: Pause): string {
  return words(by, via === null ? "" : `via ${via}`);
}

/** `list`, `summary`, `get` and `watch`: read runs, and follow them. */

import { present } from "../../client/api.ts";
import type { Schemas } from "../../client/index.ts";
import { countText } from "../../words/statuses.ts";
import { valueBelow } from "../../words/typed-json.ts";
import { type ApiCall, calling, showing, take } from "../command.ts";
import { CommandFailed, EXIT, exitCodeOfRun, UsageError } from "../exit.ts";
import { eventLinesOn, lasting, lastingChanges, lastingEvents, untilEnded, WAITING, whyOf } from "../follow.ts";
import { limitOption, option, repeated } from "../options.ts";
import { complain, logLines, plainLines, toJson } from "../output.ts";
import { FILTERS, filterOf, gateFilters, OPTIONAL_RUN, RUN, STATUS, wholeRunId } from "../run-selection.ts";
import { changeLine, runTable, runText, STATUS_COLOUR } from "../run-text.ts";

type DetailedActionRun = Schemas["DetailedActionRun"];

const PAGE_MAX = 200;

export const listCommand = calling("list", {
  about:
    "List runs, newest first. Shows 50 runs, unless --limit or --all says otherwise. The table says what a pending run " +
    "waits for, or why its receiver did not take it. With --waiting or --group, each run of the JSON has its details.",
  options: [
    STATUS,
    ...FILTERS,
    option("--text <text>", "only runs whose JSON, title or subject contains this text of 2 to 100 characters"),
    limitOption(50),
    option("--all", "show all runs"),
  ],
  examples: [
    "action-runs list --status running --status pending",
    "action-runs list --label team:shop --label nightly",
    "action-runs list --since 24h --status failed",
    "action-runs list --waiting approval",
    "action-runs list --text 'disk is full' --since 'last tuesday'",
    "action-runs list --action-name deploy --created-after 2026-11-01T00:00:00Z --all --json",
    "action-runs list --status failed --json | jq -r '.[].error'",
  ],
  async run({ client, output, flags }) {
    const limit = flags.all ? Number.POSITIVE_INFINITY : flags.limit;
    // For people, ask for one more than is shown, to know whether there are more.
    const most = output.isJson ? limit : limit + 1;
    const hasDetails = !output.isJson || flags.waiting !== undefined || flags.group !== undefined;
    let isSaid = false;
    function onStale() {
      if (!isSaid) complain("the newest changes can be missing from this list. Try again later.");
      isSaid = true;
    }
    const more = present({ text: flags.text, include: hasDetails ? "details" : undefined } as const);
    const found = client.runs.list({ ...filterOf(flags), ...more, limit: Math.min(most, PAGE_MAX) }, { onStale });
    let hasMore = false;
    await output.list(take(found, most), "No runs match.", (runs) => {
      hasMore = runs.length > limit;
      return runTable(runs.slice(0, limit), output);
    });
    if (hasMore) process.stderr.write("There are more runs. Use --limit or --all.\n");
  },
});

export const summaryCommand = showing("summary", {
  about: "Count runs by status. 1000+ means 1000 or more: the service counts no further.",
  options: FILTERS,
  examples: [
    "action-runs summary --since today",
    "action-runs summary --action-name deploy --label team:shop",
    "action-runs summary --json | jq .failed",
  ],
  ask: ({ client, flags }) => client.runs.summary(filterOf(flags)),
  text: (counts, output) =>
    output.table(Object.entries(counts), [
      ["STATUS", ([status]) => status, { colour: (cell) => STATUS_COLOUR[cell] }],
      ["RUNS", ([, count]) => countText(count, String)],
    ]),
});

export const getCommand = calling("get", {
  about:
    "Show a run. The exit code is 0, even if the run failed. With --wait the command waits until the run ends, " +
    "and the exit code tells how it ended, or is 7 after --wait-timeout. If stderr is a terminal, or with " +
    "--no-json, stderr shows the events meanwhile. --output prints one member of the run's output: a text as it is, " +
    "but without what a terminal or a CI product would act on, and everything else as JSON.",
  arguments: [RUN],
  options: [
    option(
      "--details",
      "also show the action, labels, job page, last heartbeat and cancel, what the run waits for, its approvals, why its receiver did not take it, and its automatic retry",
    ),
    option("--output <member>", "print only this member of the run's output: a name, a dotted path or a JSON pointer", {
      conflicts: ["details"],
    }),
    ...WAITING,
  ],
  examples: [
    "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617",
    "action-runs get 148ea617 --details",
    "action-runs get 148ea617 --output tail",
    "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617 --wait --wait-timeout 600 && echo done",
    "action-runs get 01a212de-9b55-8003-a8a9-dd2c148ea617 --json | jq -r .status",
  ],
  async run({ client, output, flags }, text) {
    const id = await wholeRunId(client, text);
    const include = flags.details ? "details" : undefined;
    const show = (run: DetailedActionRun, why: DetailedActionRun["details"]) =>
      flags.output === undefined
        ? output.show(run, () => runText(run, output, why))
        : output.line(memberText(run, flags.output, flags.json === true));
    if (flags.wait) {
      return untilEnded(client, id, output, { seconds: flags.waitTimeout, include, hasAnswered: false, show });
    }
    const onStale = () => complain("the run can't be reached, so its newest changes can be missing. Try again later.");
    const run = await client.runs.get(id, { include, onStale });
    const why = output.isJson || flags.output !== undefined ? run.details : await whyOf(client, run);
    await show(run, why);
  },
});

/** A text is printed as text even if stdout is not a terminal. Only --json asks for JSON. */
function memberText(run: Schemas["ActionRun"], path: string, isJson: boolean): string {
  const value = memberAt(run.output, path);
  if (value === undefined) throw noSuchMember(run, path);
  if (isJson) return toJson(value);
  return typeof value === "string" ? logLines(value.replace(/\n$/, "")) : plainLines(JSON.stringify(value, null, 2));
}

function noSuchMember({ output, status }: Schemas["ActionRun"], path: string): CommandFailed {
  if (output === null) return new CommandFailed(`The run has no output. It is ${status}.`, EXIT.notFound);
  const names = Object.keys(output);
  const those = names.length === 0 ? "It is empty." : `It has ${names.join(", ")}.`;
  return new CommandFailed(`The run's output has no member ${path}. ${those}`, EXIT.notFound);
}

/** By its name, a dotted path or a JSON pointer (RFC 6901). A name is first taken as it is: it may contain dots. */
export function memberAt(value: unknown, path: string): unknown {
  if (!path.startsWith("/")) return valueBelow(value, [path]) ?? valueBelow(value, path.split("."));
  const names = path.slice(1).split("/");
  const unescaped = names.map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  return valueBelow(value, unescaped);
}

const WATCHED = [
  option(
    "--after <position>",
    "of a run: only events after this number; of all runs: changes after this cursor, 0 for all that are kept",
  ),
  option("--action-name <name>", "of all runs: only this action's", { offers: "action names" }),
  option("--label <text>", "of all runs: only those with this label; repeatable", { offers: "labels", read: repeated }),
  ...gateFilters(
    "of all runs: only those that this gate can hold back, also when they go on",
    "of all runs: only those of this concurrency group",
  ),
] as const;

export const watchCommand = calling("watch", {
  about:
    "Follow a run until it ends, or all runs. You see attempts to start it, heartbeats with progress, the lines that its " +
    "job prints, and the end. On a terminal, the heartbeats are one progress bar that changes in place. The exit code tells how the run " +
    "ended. Without a run, watch follows all runs of the environment and prints a line for each change, until you " +
    "press Ctrl-C. If the server goes away, watch says so on stderr and goes on when it is back. With --json each " +
    "line is an event, or the changed run (NDJSON), without the lines.",
  arguments: [OPTIONAL_RUN],
  options: WATCHED,
  examples: [
    "action-runs watch 01a212de-9b55-8003-a8a9-dd2c148ea617",
    "action-runs watch 148ea617",
    "action-runs watch 01a212de-9b55-8003-a8a9-dd2c148ea617 --json | jq -c 'select(.type == \"heartbeat\")'",
    "action-runs watch --action-name deploy",
    "action-runs watch --waiting approval",
    "action-runs watch --json | jq -c 'select(.status == \"failed\")'",
  ],
  run: (call, text) => (text === undefined ? watchAll(call) : watch(call, text)),
});

async function watch({ client, output, flags }: ApiCall<typeof WATCHED>, text: string): Promise<number> {
  const filters = [flags.actionName, flags.label, flags.waiting, flags.group];
  if (filters.some((filter) => filter !== undefined)) {
    throw new UsageError(
      "--action-name, --label, --waiting and --group are for all runs. Leave them out, or leave out the run.",
    );
  }
  const after = flags.after === undefined ? undefined : eventNumber(flags.after);
  const id = await wholeRunId(client, text);
  // From this response on, the address is known to be right.
  await client.runs.get(id);
  const lines = eventLinesOn(output, () => client.runs.get(id, { include: "details" }));
  const say = lines.complain;
  // With JSON, programs read events, and a tail is not an event.
  const onTail = output.isJson ? undefined : lines.showTail;
  try {
    for await (const event of lastingEvents(client, id, { after, say, onTail })) {
      if (output.isJson) await output.line(toJson(event));
      else await lines.show(event);
    }
    // Only the run has the error, and with --after there may have been no event.
    const run = await lasting(() => client.runs.get(id), { say });
    lines.clear();
    if (!output.isJson) await output.line(`\n${runText(run, output, await whyOf(client, run))}`);
    return exitCodeOfRun(run.status);
  } finally {
    lines.clear();
  }
}

async function watchAll({ client, output, flags }: ApiCall<typeof WATCHED>): Promise<undefined> {
  const { after = "now", actionName, label, waiting, group } = flags;
  if (process.stderr.isTTY) complain("Follows all runs, also new ones. Ctrl-C stops.");
  const filters = { actionName, label: label && [...label], waiting, group };
  for await (const { runs } of lastingChanges(client, { after, ...filters, say: complain })) {
    for (const run of runs) await output.line(output.isJson ? toJson(run) : changeLine(run, output));
  }
}

function eventNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--after ${text}: the events of a run have numbers. Use a whole number.`);
}

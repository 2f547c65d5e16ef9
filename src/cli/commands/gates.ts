/** What holds back runs: decisions about one of them, pauses that hold back many, and concurrency groups. */

import { present } from "../../client/api.ts";
import { type Client, type Schemas, WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { failsText } from "../../words/waiting.ts";
import { group, listing, showing } from "../command.ts";
import { UsageError } from "../exit.ts";
import { requireTerminal, requireYes } from "../input.ts";
import { argument, limitOption, option, readLater, readName } from "../options.ts";
import { indent, instantText, type Output, people, plain, plainLines, readableJson, words } from "../output.ts";
import { RUN, wholeRunIdForChange } from "../run-selection.ts";
import { runText } from "../run-text.ts";

const REASON = option("--reason <text>", "why, in one line; all readers of the run see it");
const KEY = "--idempotency-key <key>";

/** With the details, which say what the run still waits for. */
function decisionOf({ reason, idempotencyKey }: Readonly<Record<"reason" | "idempotencyKey", string | undefined>>) {
  return { include: "details", reason, idempotencyKey } as const;
}

export const approveCommand = showing("approve", {
  about:
    "Approve a run that waits for it. On a terminal, the command shows the run and the request that will be sent, and asks before it " +
    "approves. If you don't say yes, the exit code is 1. In a script, use --yes. The token must be one that may " +
    "approve. You can't approve your own run unless its action allows that. The run starts when it has all its " +
    "approvals, its time has come and its concurrency group has room. If the run does not wait for an approval, the " +
    "exit code is 5.",
  arguments: [RUN],
  options: [
    REASON,
    option("-y, --yes", "approve without a question"),
    option(KEY, "a repeated approval with the same key succeeds again"),
  ],
  examples: [
    "action-runs approve 148ea617",
    "action-runs approve 01a212de-9b55-8003-a8a9-dd2c148ea617 --yes --reason 'tested on staging'",
  ],
  async ask({ client: { runs }, client, flags }, text) {
    if (!flags.yes) requireTerminal("approve", "--yes to approve without a question");
    const id = await wholeRunIdForChange(client, text);
    if (!flags.yes) {
      const [run, approval] = await Promise.all([runs.get(id, { include: "details" }), runs.approval(id)]);
      const asking = people();
      await asking.line(`${runText(run, asking)}\n${approvalText(approval, asking)}\n`);
      await requireYes("Approve this run?", "Nothing was approved.");
    }
    return runs.approve(id, decisionOf(flags));
  },
  text: runText,
});

export const rejectCommand = showing("reject", {
  about:
    "Reject a run that waits for an approval. The run ends as cancelled, and its job never starts. One rejection is enough, also after " +
    "approvals. The token must be one that may approve. To end your own run, use `cancel`.",
  arguments: [RUN],
  options: [REASON, option(KEY, "a repeated rejection with the same key succeeds again")],
  examples: ["action-runs reject 01a212de-9b55-8003-a8a9-dd2c148ea617 --reason 'not before the sale'"],
  ask: async ({ client, flags }, text) =>
    client.runs.reject(await wholeRunIdForChange(client, text), decisionOf(flags)),
  text: runText,
});

export const releaseCommand = showing("release", {
  about:
    "Start a run before its time (--not-before), or let it through a pause. The run still needs its approvals and a slot of its concurrency " +
    "group. With --through-pause, the pauses that are in force now hold the run back no longer, and no other gate " +
    "opens. A pause that begins later holds it back again. The token needs the role owner or admin.",
  arguments: [RUN],
  options: [
    option("--through-pause", "let the run pass the pauses of now; needs --reason"),
    REASON,
    option(KEY, "a repeated release with the same key succeeds again"),
  ],
  examples: [
    "action-runs release 01a212de-9b55-8003-a8a9-dd2c148ea617",
    "action-runs release 148ea617 --through-pause --reason 'the fix for the outage'",
  ],
  async ask({ client, flags }, text) {
    const { throughPause, reason } = flags;
    if (throughPause && reason === undefined) {
      throw new UsageError("Say with --reason why this run passes the pause. All readers of the run see the reason.");
    }
    if (!throughPause && reason !== undefined) {
      throw new UsageError("--reason belongs to --through-pause. Use both, or neither.");
    }
    const id = await wholeRunIdForChange(client, text);
    return client.runs.release(id, { ...decisionOf(flags), throughPause });
  },
  text: runText,
});

/** An approver may take a run for one of today's action. */
const CHANGED: ReadonlyMap<boolean | null, string> = new Map([
  [true, "The action has changed since. This run stays as it was created, and is sent as below."],
  [null, "The service can't say now whether the action has changed since. The run is sent as below."],
]);

/** What an approver must see besides the run: the request as it will be sent. */
export function approvalText(
  { action, request, allowSelf, tokens, until }: Schemas["RunApproval"],
  output: Output,
): string {
  return requestText(request, output, [
    ["if not approved", until && failsText(until, Date.now())],
    ["approvers", tokens && `only the tokens ${tokens.map(plain).join(", ")}`],
    ["note", CHANGED.get(action.isChanged)],
    ["own run", allowSelf ? "the run's creator may approve it too" : null],
  ]);
}

/** A request as it will be sent, below `first`. */
export function requestText(
  request: Schemas["RequestPreview"] | null,
  output: Output,
  first: readonly (readonly [string, string | null | undefined])[] = [],
): string {
  const rows = [
    ...first,
    ["request", request && plain(`${request.method} ${request.url ?? "an address with a secret"}`)],
    ["headers", request && jsonText(request.headers)],
    ["payload", request && jsonText(request.payload)],
  ] as const;
  const shown = output.fields(rows);
  return request === null ? shown : `${shown}\n\nnull stands in the place of each secret.`;
}

function jsonText(value: unknown): string {
  return indent(plainLines(readableJson(value)));
}

type Pause = Schemas["Pause"];

const list = listing("group list", {
  about:
    "List the concurrency groups of runs and of stored actions. Each key with open runs has a line: how many runs may run " +
    "at once, how many run now, and how many wait. To see the runs that wait, use `list --group NAME --waiting any`.",
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
  about: "List what is paused or will be: by whom, why, from when and until when.",
  examples: ["action-runs group pauses"],
  ask: ({ client }) => client.pauses.list(),
  text: (paused, output) => (paused.length === 0 ? "Nothing is paused." : pauseTable(paused, output)),
});

export const groupCommand = group("group", {
  about:
    "List concurrency groups and pauses. Runs of a group take turns, as their action " +
    "says. To pause a group, use `pause`.",
  examples: ["action-runs group list", "action-runs group pauses"],
  commands: [list, pauses],
});

const groupArgument = (about: string) => argument("[group]", about, { offers: "concurrency groups", read: readName });
const WHOLE_ENV = option("--whole-env", "all runs of the environment that have any gate");

export const pauseCommand = showing("pause", {
  about:
    "Hold back the runs of a concurrency group, or of the environment. None starts until `resume` or --until. With --whole-env, no run of the " +
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

function pausedText(group: string): string {
  return group === WHOLE_ENVIRONMENT ? "the whole environment" : group;
}

function byText({ by, via }: Pause): string {
  return words(by, via === null ? "" : `via ${via}`);
}

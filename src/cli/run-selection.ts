/** Which run a command is about: its id, or on a terminal the end of its id. */

import { InvalidArgumentError } from "commander";
import { present } from "../client/api.ts";
import type { Client, Schemas } from "../client/index.ts";
import { shortAge } from "../words/durations.ts";
import { RUN_FILTER_NAMES, type RunFilterName, type RunFilters } from "../words/run-filters.ts";
import { SINCE_PRESETS } from "../words/since.ts";
import { STATUSES } from "../words/statuses.ts";
import { WAITING_FILTERS } from "../words/waiting.ts";
import { take } from "./command.ts";
import { CommandFailed, EXIT, UsageError } from "./exit.ts";
import { argument, type FlagsOf, option, readId, readPast, readSince, readUntil, repeated } from "./options.ts";
import { people } from "./output.ts";

type ActionRun = Schemas["ActionRun"];

/** Among so many runs a short id is looked for, newest first. */
const NEWEST = 5000;
const PAGE_MAX = 200;
const SHORT_MIN_CHARACTERS = 6;
const WHOLE_CHARACTERS = 36;
const LISTED_MAX = 10;

const RUN_ARGUMENT = "the run's id, or its last 6 or more characters";

export const RUN = argument("<run>", RUN_ARGUMENT, { read: readId });
export const OPTIONAL_RUN = argument("[run]", `${RUN_ARGUMENT}; without it, all runs`, { read: readId });

/** The whole id for a text that may be the end of one. Throws if no run or several runs match. */
export async function wholeRunId(client: Client, text: string): Promise<string> {
  if (!isShort(text)) return text;
  const end = text.toLowerCase();
  if (end.length < SHORT_MIN_CHARACTERS) {
    throw new UsageError(
      `${text} is too short. Use the whole id, or at least its last ${SHORT_MIN_CHARACTERS} characters.`,
    );
  }
  const found: ActionRun[] = [];
  let seen = 0;
  for await (const run of take(client.runs.list({ limit: PAGE_MAX }), NEWEST)) {
    seen++;
    if (run.id.endsWith(end)) found.push(run);
  }
  const [only, ...others] = found;
  if (only === undefined) {
    const where = seen < NEWEST ? `None of the ${seen} runs here` : `None of the newest ${NEWEST} runs`;
    throw new CommandFailed(`${where} has an id that ends with ${text}. Use the whole id.`, EXIT.notFound);
  }
  if (others.length === 0) return only.id;
  const output = people();
  const table = output.table(found.slice(0, LISTED_MAX), [
    ["RUN", ({ id }) => id],
    ["STATUS", ({ status }) => status],
    ["AGE", ({ createdAt }) => shortAge(Date.now() - Date.parse(createdAt)), { dispensable: 1 }],
    ["ACTION", ({ actionName }) => actionName, { least: 8 }],
  ]);
  await output.line(table);
  throw new UsageError(`${found.length} runs have ids that end with ${text}. Use more of the id.`);
}

/** For a command that changes something: in a script, the same short id can mean another run tomorrow. */
export async function wholeRunIdForChange(client: Client, text: string): Promise<string> {
  if (isShort(text) && !(process.stdin.isTTY && process.stdout.isTTY)) {
    throw new UsageError(
      `${text} is not a whole id. A script must use the whole id, because a short one can mean another run later.`,
    );
  }
  return wholeRunId(client, text);
}

/** Whether the text can only be a part of an id. The service refuses every other text that is no id. */
function isShort(text: string): boolean {
  return text.length < WHOLE_CHARACTERS && /^[0-9a-f-]+$/i.test(text);
}

export function gateFilters(aboutWaiting: string, aboutGroup: string) {
  return [
    option("--waiting <gate>", aboutWaiting, { choices: WAITING_FILTERS }),
    option("--group <name>", aboutGroup, { offers: "concurrency groups" }),
  ] as const;
}

/** For completion too, because commander can't combine choices with a repeatable option. */
export const STATUS = option("--status <status>", "only runs with this status; repeatable", {
  choices: STATUSES,
  read(text, before) {
    if (STATUSES.some((status) => status === text)) return repeated(text, before);
    throw new InvalidArgumentError(`Use one of ${STATUSES.join(", ")}.`);
  },
});

/** The filters of lists, counts and bulk operations. The service checks the values. Counts have no status. */
export const FILTERS = [
  option("--action-name <name>", "only runs of this action", { offers: "action names" }),
  option("--entity-id <uuid>", "only runs about this entity"),
  option("--subject <text>", "only runs with exactly this subject", { offers: "subjects" }),
  option("--triggered-by <name>", "only runs that this token or person created", { offers: "creators" }),
  option("--since <when>", 'only runs created since then: 30m, 24h, 7d, yesterday, "last tuesday", a date or a time', {
    suggests: SINCE_PRESETS,
    conflicts: ["createdAfter"],
    read: readSince,
  }),
  option("--until <when>", "only runs created until then, the day that you name included", {
    suggests: ["yesterday", "24h"],
    conflicts: ["createdBefore"],
    read: readUntil,
  }),
  option("--created-after <time>", "only runs created after this instant", { read: readPast }),
  option("--created-before <time>", "only runs created before this instant", { read: readPast }),
  option("--label <text>", "only runs with this label; repeat it to show only runs that have all of the labels", {
    offers: "labels",
    read: repeated,
  }),
  ...gateFilters("only runs that wait for this, or for any gate", "only runs of this concurrency group"),
] as const;

export type FilterFlags = FlagsOf<typeof FILTERS> & Partial<FlagsOf<readonly [typeof STATUS]>>;

export function filterOf({
  since,
  until,
  createdAfter = since,
  createdBefore = until,
  ...flags
}: FilterFlags): RunFilters {
  const given: Readonly<Record<RunFilterName, unknown>> = { status: undefined, ...flags, createdAfter, createdBefore };
  return present(Object.fromEntries(RUN_FILTER_NAMES.map((name) => [name, given[name]])));
}

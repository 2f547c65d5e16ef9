/** Which run a command is about: its id, or on a terminal the end of its id. */

import { Argument, Option } from "commander";
import { present } from "../client/api.ts";
import type { Client, Schemas } from "../client/index.ts";
import { shortAge } from "../words/durations.ts";
import { RUN_FILTER_NAMES, type RunFilters } from "../words/run-filters.ts";
import { SINCE_PRESETS } from "../words/since.ts";
import { STATUSES } from "../words/statuses.ts";
import { WAITING_FILTERS } from "../words/waiting.ts";
import { type CliCommand, OfferingOption, readId, repeated, repeatedOf, SuggestingOption, take } from "./command.ts";
import { CommandFailed, EXIT, UsageError } from "./exit.ts";
import { people } from "./output.ts";
import { readPast, readSince, readUntil } from "./times.ts";

type ActionRun = Schemas["ActionRun"];

/** Among so many runs a short id is looked for, newest first. */
const NEWEST = 5000;
const PAGE_MAX = 200;
const SHORT_MIN_CHARACTERS = 6;
const WHOLE_CHARACTERS = 36;
/** How many ids an ambiguous one lists. */
const LISTED_MAX = 10;

const RUN_ARGUMENT = "the run's id, or its last 6 or more characters";

/** The argument `<run>`. */
export function runArgument(): Argument {
  return new Argument("<run>", RUN_ARGUMENT).argParser(readId);
}

/** The same for a command that can do without. `otherwise`: what it then does. */
export function optionalRunArgument(otherwise: string): Argument {
  return new Argument("[run]", `${RUN_ARGUMENT}; ${otherwise}`).argParser(readId);
}

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
  await listCandidates(found);
  throw new UsageError(`${found.length} runs have ids that end with ${text}. Use more of the id.`);
}

/**
 * Like `wholeRunId`, for a command that changes something. A script must give the whole id, because the same short id
 * can mean another run tomorrow.
 */
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

async function listCandidates(runs: readonly ActionRun[]): Promise<void> {
  const columns = ["RUN", "STATUS", { heading: "AGE", dispensable: 1 }, { heading: "ACTION", least: 8 }];
  const rows = runs
    .slice(0, LISTED_MAX)
    .map(({ id, status, createdAt, actionName }) => [
      id,
      status,
      shortAge(Date.now() - Date.parse(createdAt)),
      actionName,
    ]);
  const output = people();
  await output.line(output.table(columns, rows));
}

/**
 * The filters that lists, counts and changes of many runs share. The service checks the values. Counts have no status,
 * because they count each one.
 */
export interface FilterFlags extends RunFilters {
  /** Instants, although the user may have typed 24h. */
  readonly since?: string;
  readonly until?: string;
}

/** What the options of gates choose. */
const CHOSEN = {
  waiting: "only runs that wait for this, or for any gate",
  group: "only runs of this concurrency group",
};

export function withGateFilters(command: CliCommand, about = CHOSEN): CliCommand {
  return command
    .addOption(new Option("--waiting <gate>", about.waiting).choices(WAITING_FILTERS))
    .addOption(new OfferingOption("--group <name>", about.group, "concurrency groups"));
}

export function statusOption(): Option {
  const option = new Option("--status <status>", "only runs with this status; repeatable").argParser(
    repeatedOf(STATUSES),
  );
  // For completion, because commander can't combine choices with a repeatable option.
  option.argChoices = [...STATUSES];
  return option;
}

export function withFilters(command: CliCommand): CliCommand {
  command
    .addOption(new OfferingOption("--action-name <name>", "only runs of this action", "action names"))
    .addOption(new Option("--entity-id <uuid>", "only runs about this entity"))
    .addOption(new OfferingOption("--subject <text>", "only runs with exactly this subject", "subjects"))
    .addOption(new OfferingOption("--triggered-by <name>", "only runs that this token or person created", "creators"))
    .addOption(
      new SuggestingOption(
        "--since <when>",
        'only runs created since then: 30m, 24h, 7d, yesterday, "last tuesday", a date or a time',
        SINCE_PRESETS,
      )
        .conflicts("createdAfter")
        .argParser(readSince),
    )
    .addOption(
      new SuggestingOption("--until <when>", "only runs created until then, the day that you name included", [
        "yesterday",
        "24h",
      ])
        .conflicts("createdBefore")
        .argParser(readUntil),
    )
    .addOption(new Option("--created-after <time>", "only runs created after this instant").argParser(readPast))
    .addOption(new Option("--created-before <time>", "only runs created before this instant").argParser(readPast))
    .addOption(
      new OfferingOption(
        "--label <text>",
        "only runs with this label; repeat it to show only runs that have all of the labels",
        "labels",
      ).argParser(repeated),
    );
  return withGateFilters(command);
}

export function filterOf({
  since,
  until,
  createdAfter = since,
  createdBefore = until,
  ...flags
}: FilterFlags): RunFilters {
  const given: Readonly<Record<string, unknown>> = { ...flags, createdAfter, createdBefore };
  return present(Object.fromEntries(RUN_FILTER_NAMES.map((name) => [name, given[name]])));
}

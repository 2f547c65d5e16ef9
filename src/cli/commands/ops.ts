/** `ops`: what the operator of the service does and looks at. All of it needs ROOT_TOKEN but `scrape-targets`. */

import { InvalidArgumentError } from "commander";
import { nearest } from "../../base/near-names.ts";
import { ActionRunsError, type Client, type Schemas } from "../../client/index.ts";
import { calling, group, inTurns, showing } from "../command.ts";
import { CommandFailed, EXIT, errorSentence, UsageError } from "../exit.ts";
import { ask, requireTerminal, requireYes } from "../input.ts";
import { argument, option, wholeNumberFrom } from "../options.ts";
import { instantText, type Output, people, plain } from "../output.ts";

type Place = Schemas["EnvironmentDatabase"];

const readNumber = wholeNumberFrom(0, 63);
/** A change gets into a database within seconds. */
const LAGS_AFTER_MS = 60_000;

/** A mistyped name must make nothing. An environment is known if it ever had a run, or has definitions. */
async function requireKnown({ operator, places, scope }: Client, otherwise = ""): Promise<Place> {
  const place = await operator.place();
  if (!place.isNew) return place;
  const known = (await Array.fromAsync(places({ limit: 200 }))).map(({ project, envName }) => `${project}/${envName}`);
  if (known.includes(scope)) return place;
  const near = nearest(scope, known);
  const meant = near === undefined ? "" : ` Did you mean ${plain(near)}?`;
  throw new CommandFailed(`There is no environment ${scope}.${meant}${otherwise}`, EXIT.notFound);
}

const databases = calling("ops databases", {
  about: "List the databases, or the environments that live in one.",
  subject: "service",
  arguments: [argument("[database]", "the number of a database", { read: readNumber })],
  examples: ["action-runs ops databases", "action-runs ops databases 1 --json"],
  async run({ client: { operator }, output }, number) {
    if (number === undefined) {
      await output.list(operator.databases(), "There are no databases.", databaseTable);
    } else {
      await output.list(operator.environments(number), "No environment lives there.", (environments) =>
        output.table(environments, [
          ["PROJECT", ({ project }) => project],
          ["ENVIRONMENT", ({ envName }) => envName],
        ]),
      );
    }
  },
});

function databaseTable(databases: readonly Schemas["Database"][], output: Output): string {
  return output.table(databases, [
    ["NUMBER", ({ number }) => number],
    [
      "STATUS",
      ({ status, warnings }) => [status, ...warnings].join(", "),
      { colour: (cell) => cell !== "ready" && "yellow" },
    ],
    ["SIZE", ({ sizeBytes }) => (sizeBytes === null ? "" : bytesText(sizeBytes))],
    ["TAKES NEW", ({ takesNewEnvironments }) => (takesNewEnvironments ? "yes" : "no")],
    ["CHECKED", ({ checkedAt }) => checkedAt && instantText(checkedAt), { dispensable: 1 }],
  ]);
}

const move = showing("ops move", {
  about:
    "Move an environment to another database. The move goes on by itself. The number of the database where it lives " +
    "cancels it. Without a number, show where it lives and how far its move is.",
  arguments: [argument("[database]", "the number of the database", { read: readNumber })],
  options: [option("--new", "choose the database of an environment that has nothing yet")],
  examples: ["action-runs ops move 1 --env production", "action-runs ops move --env production"],
  async ask({ client, flags }, number) {
    const otherwise = " With --new, you choose its database before that.";
    const known = flags.new ? null : await requireKnown(client, otherwise);
    return number === undefined ? (known ?? client.operator.place()) : client.operator.move(number);
  },
  text: placeText,
});

function placeText(place: Place, output: Output): string {
  const { database, move, sizeBytes, unreplicatedRuns, oldestUnreplicatedAt } = place;
  return output.fields([
    ["database", String(database)],
    ["move", move && `from ${move.from} to ${move.to}: ${move.isCancelled ? "cancelled, " : ""}${plain(move.status)}`],
    ["runs to copy", move && String(move.remaining ?? "")],
    ["stores", bytesText(sizeBytes)],
    ["waits for D1", unreplicatedRuns === 0 ? "nothing" : lagText(unreplicatedRuns, oldestUnreplicatedAt)],
  ]);
}

function lagText(runs: number, since: string | null): string {
  return `${runs} runs${since === null ? "" : ` since ${instantText(since)}`}`;
}

const resync = showing("ops resync", {
  about:
    "Rebuild an environment, or with --database a whole database, from the journals. Use this after you restored the " +
    "database. The work goes on by itself. Repeat the command to see how many runs remain.",
  subject: ({ database }) => (database === undefined ? "environment" : "service"),
  options: [option("--database <number>", "all environments of this database", { read: readNumber })],
  examples: ["action-runs ops resync --env production", "action-runs ops resync --database 1"],
  async ask({ client, flags: { database } }) {
    if (database !== undefined) return resyncAll(client, database);
    await requireKnown(client);
    return client.operator.resync();
  },
  text: ({ remaining }) => `${remaining} runs remain.`,
});

async function resyncAll({ operator }: Client, database: number) {
  const sum = { environments: 0, remaining: 0 };
  for (let cursor: string | undefined; ; ) {
    const { environments, remaining, next } = await operator.resyncDatabase(database, { cursor });
    sum.environments += environments;
    sum.remaining += remaining;
    if (next === null) return sum;
    cursor = next;
  }
}

const scrapeTargets = showing("ops scrape-targets", {
  about:
    "Print what Prometheus must scrape, in the form of its http_sd and file_sd. A viewer's token " +
    "of a project gives the targets of that project, and ROOT_TOKEN gives all.",
  subject: "service",
  examples: ["action-runs ops scrape-targets --profile shop > shop.json"],
  async ask({ client }) {
    const { protocol, host, pathname } = new URL(client.baseUrl);
    return (await Array.fromAsync(client.places({ limit: 200 }))).map(({ project, envName }) => ({
      targets: [host],
      labels: {
        __scheme__: protocol.slice(0, -1),
        __metrics_path__: `${pathname.replace(/\/$/, "")}/${project}/envs/${envName}/metrics`,
        project,
        environment: envName,
      },
    }));
  },
  text: (targets) => JSON.stringify(targets, null, 2),
});

const status = showing("ops status", {
  about:
    "Show what needs the operator. That is whether the service is ready, its databases, and the environments whose " +
    "changes wait for D1 for over a minute or that are nearly full. It asks each environment. The exit code is 1 if anything is wrong.",
  subject: "service",
  examples: ["action-runs ops status", "action-runs ops status --json | jq .environments"],
  async ask({ client }) {
    const { operator } = client;
    const problem = await problemOf(async () => {
      const { degraded = [] } = await operator.readiness();
      const parts = degraded.map((one) => ("archive" in one ? "the archive" : `database ${one.database}`));
      return parts.length === 0 ? null : `The service is ready, but not ${parts.join(", ")}.`;
    });
    // Without the control database there is no list.
    const databases = await Array.fromAsync(operator.databases()).catch((error: unknown) => {
      if (problem === null) throw error;
      return [];
    });
    const environments = await lagging(client, databases);
    const areReady = databases.every(({ status, warnings }) => status === "ready" && warnings.length === 0);
    const isWell = problem === null && environments.length === 0 && areReady;
    return { isWell, problem, databases, environments };
  },
  text: ({ problem, databases, environments }, output) =>
    [
      problem === null ? "The service is ready." : plain(problem),
      databaseTable(databases, output),
      ...environments.map((one) => `${plain(one.project)}/${plain(one.envName)}: ${plain(one.problem)}`),
    ].join("\n"),
  exitCode: ({ isWell }) => (isWell ? EXIT.succeeded : EXIT.failed),
});

async function lagging({ operator }: Client, databases: readonly Schemas["Database"][]) {
  const found: (Schemas["Place"] & { readonly problem: string })[] = [];
  for (const { number } of databases) {
    const environments = await Array.fromAsync(operator.environments(number));
    const asked = await inTurns(environments, async ({ project, envName }) => {
      const problem = await problemOf(async () => placeProblem(await operator.place({ project, envName })));
      return problem === null ? [] : [{ project, envName, problem }];
    });
    found.push(...asked.flat());
  }
  return found;
}

function placeProblem({ sizeBytes, warnings, unreplicatedRuns, oldestUnreplicatedAt }: Place): string | null {
  const isLate = oldestUnreplicatedAt !== null && Date.now() - Date.parse(oldestUnreplicatedAt) > LAGS_AFTER_MS;
  const late = isLate ? `${lagText(unreplicatedRuns, oldestUnreplicatedAt)} wait for D1` : "";
  const large = warnings.length === 0 ? "" : `stores ${bytesText(sizeBytes)}, ${warnings.join()}`;
  return [late, large].filter(Boolean).join("; ") || null;
}

/** What `look` finds, or why it can't look. */
async function problemOf(look: () => Promise<string | null>): Promise<string | null> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof ActionRunsError && error.status === 503) return errorSentence(error);
    if (error instanceof ActionRunsError && error.code === "environment_erasing") return null;
    throw error;
  }
}

function bytesText(bytes: number): string {
  return bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

const purge = showing("ops purge", {
  about:
    "Remove old runs of an environment. Runs are kept for --days after their end. Nothing brings the others back. On a terminal, " +
    "the command shows how many these are, and asks. In a script, use --yes. The work goes on by itself: without " +
    "--days, the command shows how far it is.",
  options: [
    option("--days <count>", "how many days after its end a run is kept", { read: wholeNumberFrom(0, 3650) }),
    option("--dry-run", "only show how many runs would go"),
    option("-y, --yes", "purge without a question"),
  ],
  examples: ["action-runs ops purge --env production --days 7 --dry-run", "action-runs ops purge --env production"],
  async ask({ client: { operator, scope }, flags: { days, dryRun, yes } }) {
    if (days === undefined) {
      if (dryRun || yes) throw new UsageError("Say with --days for how many days runs are kept.");
      return operator.newestPurge();
    }
    if (!dryRun && !yes) {
      requireTerminal("ops purge", "--yes to purge without a question");
      const asking = people();
      await asking.line(`${purgeText(await operator.purge(days, { dryRun: true }), asking)}\n`);
      await requireYes(`Remove these runs of ${scope} for ever?`, "Nothing was purged.");
    }
    return operator.purge(days, { dryRun });
  },
  text: purgeText,
});

function purgeText({ days, shortened, remaining, requestedAt, completedAt }: Schemas["Purge"], output: Output): string {
  const isDryRun = requestedAt === null;
  return output.fields([
    ["kept for", `${days} days`],
    ["kept shorter", `${shortened} runs`],
    [isDryRun ? "would go" : "to be removed", `${remaining} runs`],
    ["requested", isDryRun ? null : instantText(requestedAt)],
    ["complete", isDryRun ? null : completedAt === null ? "not yet" : instantText(completedAt)],
  ]);
}

const SCOPE = /^[a-z0-9][a-z0-9-]*(\/[a-z0-9][a-z0-9-]*){1,2}$/;

/** The name is always typed: none of the settings may choose it. */
const erase = showing("ops erase", {
  about:
    "Erase an environment with its runs, definitions, tokens and audit, or a project with all its environments. You " +
    "can't undo this. On a terminal, the command asks you to type the name again. In a script, use --confirm. The " +
    "erasure goes on by itself for about an hour. With --show, only show how far it is.",
  subject: "service",
  arguments: [argument("<scope>", "org/project/env, or org/project", { read: readScope })],
  options: [
    option("--confirm <scope>", "the same name again, instead of the question"),
    option("--reason <text>", "why, in one line; the record of the erasure keeps it"),
    option("--show", "show how far the erasure is", { conflicts: ["confirm", "reason"] }),
  ],
  examples: ["action-runs ops erase acme/shop/staging", "action-runs ops erase acme/shop/staging --show"],
  async ask({ client: { operator }, flags: { show, confirm, reason } }, scope) {
    if (show) return operator.erasure(scope);
    await requireConfirmed(scope, confirm);
    return operator.erase(scope, { reason });
  },
  text: erasureText,
});

function readScope(text: string): string {
  if (SCOPE.test(text)) return text;
  throw new InvalidArgumentError("Give org/project/env for an environment, or org/project for a whole project.");
}

async function requireConfirmed(scope: string, confirm: string | undefined): Promise<void> {
  if (confirm === scope) return;
  if (confirm !== undefined) throw new UsageError(`--confirm: this is not the name of what you erase. Give ${scope}.`);
  requireTerminal("ops erase", `--confirm ${scope} to erase without a question`);
  const otherwise = "Nothing was erased.";
  if ((await ask(`This erases ${scope} for ever. Type its name`, { otherwise })) !== scope)
    throw new CommandFailed(otherwise);
}

function erasureText(erasure: Schemas["Erasure"], output: Output): string {
  const { scope, status, deletesAgainAt, completedAt, environments, archivePrefix } = erasure;
  return output.fields([
    ["scope", plain(scope)],
    ["status", plain(status)],
    ["deletes again", deletesAgainAt === null ? "an hour after the first deletion" : instantText(deletesAgainAt)],
    ["erased", completedAt === null ? "not yet" : instantText(completedAt)],
    ["still to erase", environments === null ? null : String(environments)],
    ["in the archive", archivePrefix && plain(archivePrefix)],
  ]);
}

export const opsCommand = group("ops", {
  about:
    "Operate the service: databases, moves, resyncs, purges, erasures, what to scrape. These commands require ROOT_TOKEN " +
    "as the token, but for scrape-targets.",
  examples: ["action-runs ops status", "action-runs ops move 1 --env production"],
  commands: [status, databases, scrapeTargets, erase, move, resync, purge],
});

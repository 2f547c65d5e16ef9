/** `ops`: what the operator of the service does and looks at. All of it needs ROOT_TOKEN but `scrape-targets`. */

import { Option } from "commander";
import { nearest } from "../../base/near-names.ts";
import { ActionRunsError, type Client, type Schemas } from "../../client/index.ts";
import { calling, type Flags, withCall } from "../call.ts";
import { CliCommand, examples, wholeNumberFrom } from "../command.ts";
import { CommandFailed, EXIT, errorSentence } from "../exit.ts";
import { fields, instantText } from "../fields.ts";
import { type Output, plain } from "../output.ts";
import { opsEraseCommand, purgeCommand } from "./ops-removal.ts";

type Place = Schemas["EnvironmentDatabase"];

const readNumber = wholeNumberFrom(0, 63);
/** For what belongs to the whole service. */
const OF_SERVICE = { needsEnv: false, needsProject: false };
/** How many environments `status` asks at once. */
const ASKED_AT_ONCE = 8;
/** A change gets into a database within seconds. */
const LAGS_AFTER_MS = 60_000;

export function opsCommand(): CliCommand {
  const ops = new CliCommand("ops")
    .summary("operate the service: databases, moves, resyncs, purges, erasures, what to scrape")
    .description("Operate the service. These commands require ROOT_TOKEN as the token, but for scrape-targets.")
    .addHelpText("after", examples("action-runs ops status", "action-runs ops move 1 --env production"));
  for (const command of [statusCommand(), databasesCommand(), scrapeTargetsCommand(), opsEraseCommand()]) {
    ops.addCommand(withCall(command, OF_SERVICE));
  }
  for (const command of [moveCommand(), resyncCommand()]) ops.addCommand(withCall(command));
  ops.addCommand(purgeCommand());
  return ops;
}

/**
 * Refuses a name that nobody uses, because a mistyped one must make nothing. An environment is known if it ever had a
 * run, or has definitions.
 */
async function requireKnown({ operator, places, scope }: Client, otherwise = ""): Promise<Place> {
  const place = await operator.place();
  if (!place.isNew) return place;
  const known = (await Array.fromAsync(places({ limit: 200 }))).map(({ project, envName }) => `${project}/${envName}`);
  if (known.includes(scope)) return place;
  const near = nearest(scope, known);
  const meant = near === undefined ? "" : ` Did you mean ${plain(near)}?`;
  throw new CommandFailed(`There is no environment ${scope}.${meant}${otherwise}`, EXIT.notFound);
}

function databasesCommand(): CliCommand {
  return new CliCommand("ops databases")
    .summary("list the databases, or the environments of one")
    .description("List the databases. With the number of one, list the environments that live there.")
    .argument("[database]", "the number of a database", readNumber)
    .addHelpText("after", examples("action-runs ops databases", "action-runs ops databases 1 --json"))
    .action(
      calling<Flags, [number | undefined]>(async ({ client, output }, number) => {
        const { operator } = client;
        if (number === undefined) {
          await output.list(operator.databases(), "There are no databases.", databaseTable);
        } else {
          await output.list(operator.environments(number), "No environment lives there.", (environments) =>
            output.table(
              ["PROJECT", "ENVIRONMENT"],
              environments.map(({ project, envName }) => [project, envName]),
            ),
          );
        }
        return undefined;
      }, OF_SERVICE),
    );
}

function databaseTable(databases: readonly Schemas["Database"][], output: Output): string {
  const rows = databases.map(({ number, status, sizeBytes, warnings, takesNewEnvironments, checkedAt }) => [
    String(number),
    [status, ...warnings].join(", "),
    sizeBytes === null ? "" : bytesText(sizeBytes),
    takesNewEnvironments ? "yes" : "no",
    checkedAt === null ? "" : instantText(checkedAt),
  ]);
  const columns = ["NUMBER", "STATUS", "SIZE", "TAKES NEW", { heading: "CHECKED", dispensable: 1 }];
  return output.table(columns, rows, (column, cell) => (column === 1 && cell !== "ready" ? "yellow" : null));
}

interface MoveFlags extends Flags {
  readonly new?: true;
}

function moveCommand(): CliCommand {
  return new CliCommand("ops move")
    .summary("move an environment to another database")
    .description(
      "Begin to move the environment to a database, which goes on by itself. The number of the database where it lives " +
        "cancels a move. Without a number, show where it lives and how far its move is.",
    )
    .argument("[database]", "the number of the database", readNumber)
    .addOption(new Option("--new", "choose the database of an environment that has nothing yet"))
    .addHelpText("after", examples("action-runs ops move 1 --env production", "action-runs ops move --env production"))
    .action(
      calling<MoveFlags, [number | undefined]>(async ({ client, output, flags }, number) => {
        const known = flags.new
          ? null
          : await requireKnown(client, " With --new, you choose its database before that.");
        const place =
          number === undefined ? (known ?? (await client.operator.place())) : await client.operator.move(number);
        await output.show(place, () => fields(placeRows(place), output));
        return undefined;
      }),
    );
}

function placeRows({ database, move, sizeBytes, unreplicatedRuns, oldestUnreplicatedAt }: Place): string[][] {
  return [
    ["database", String(database)],
    ...(move === null
      ? []
      : [
          ["move", `from ${move.from} to ${move.to}: ${move.isCancelled ? "cancelled, " : ""}${plain(move.status)}`],
          ["runs to copy", move.remaining === null ? "" : String(move.remaining)],
        ]),
    ["stores", bytesText(sizeBytes)],
    ["waits for D1", unreplicatedRuns === 0 ? "nothing" : lagText(unreplicatedRuns, oldestUnreplicatedAt)],
  ];
}

function lagText(runs: number, since: string | null): string {
  return `${runs} runs${since === null ? "" : ` since ${instantText(since)}`}`;
}

interface ResyncFlags extends Flags {
  readonly database?: number;
}

function resyncCommand(): CliCommand {
  return new CliCommand("ops resync")
    .summary("rebuild an environment, or a whole database, from the journals")
    .description(
      "Write every run of the environment to its database again, after you restored that database. With --database, do " +
        "so for every environment of a database. The work goes on by itself. Repeat the command to see how many runs remain.",
    )
    .addOption(new Option("--database <number>", "all environments of this database").argParser(readNumber))
    .addHelpText("after", examples("action-runs ops resync --env production", "action-runs ops resync --database 1"))
    .action(
      calling<ResyncFlags>(
        async ({ client, output, flags: { database } }) => {
          if (database === undefined) await requireKnown(client);
          const done = database === undefined ? await client.operator.resync() : await resyncAll(client, database);
          await output.show(done, () => `${done.remaining} runs remain.`);
          return undefined;
        },
        ({ database }) => (database === undefined ? {} : OF_SERVICE),
      ),
    );
}

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

function scrapeTargetsCommand(): CliCommand {
  return new CliCommand("ops scrape-targets")
    .summary("print what Prometheus must scrape")
    .description(
      "Print the environments that your token opens, in the form of Prometheus's http_sd and file_sd. A viewer's token " +
        "of a project gives the targets of that project, and ROOT_TOKEN gives all.",
    )
    .addHelpText("after", examples("action-runs ops scrape-targets --profile shop > shop.json"))
    .action(
      calling<Flags>(async ({ client, output }) => {
        const { protocol, host, pathname } = new URL(client.baseUrl);
        const targets = (await Array.fromAsync(client.places({ limit: 200 }))).map(({ project, envName }) => ({
          targets: [host],
          labels: {
            __scheme__: protocol.slice(0, -1),
            __metrics_path__: `${pathname.replace(/\/$/, "")}/${project}/envs/${envName}/metrics`,
            project,
            environment: envName,
          },
        }));
        await output.show(targets, () => JSON.stringify(targets, null, 2));
        return undefined;
      }, OF_SERVICE),
    );
}

function statusCommand(): CliCommand {
  return new CliCommand("ops status")
    .summary("show what needs the operator")
    .description(
      "Show whether the service is ready, its databases, and the environments whose changes wait for D1 for over a minute " +
        "or that are nearly full. It asks each environment. The exit code is 1 if anything is wrong.",
    )
    .addHelpText("after", examples("action-runs ops status", "action-runs ops status --json | jq .environments"))
    .action(
      calling<Flags>(async ({ client, output }) => {
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
        const isWell =
          problem === null &&
          environments.length === 0 &&
          databases.every(({ status, warnings }) => status === "ready" && warnings.length === 0);
        await output.show({ isWell, problem, databases, environments }, () =>
          [
            problem === null ? "The service is ready." : plain(problem),
            databaseTable(databases, output),
            ...environments.map((one) => `${plain(one.project)}/${plain(one.envName)}: ${plain(one.problem)}`),
          ].join("\n"),
        );
        return isWell ? EXIT.succeeded : EXIT.failed;
      }, OF_SERVICE),
    );
}

/** The environments of these databases that the operator should look at. */
async function lagging({ operator }: Client, databases: readonly Schemas["Database"][]) {
  const found: (Schemas["Place"] & { readonly problem: string })[] = [];
  for (const { number } of databases) {
    const environments = await Array.fromAsync(operator.environments(number));
    for (let n = 0; n < environments.length; n += ASKED_AT_ONCE) {
      const asked = environments.slice(n, n + ASKED_AT_ONCE).map(async ({ project, envName }) => {
        const problem = await problemOf(async () => placeProblem(await operator.place({ project, envName })));
        return problem === null ? [] : [{ project, envName, problem }];
      });
      found.push(...(await Promise.all(asked)).flat());
    }
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

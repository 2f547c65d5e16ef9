/**
 * `npm run migrate`: applies the migrations to every D1 database that wrangler.toml binds, and writes each one's number
 * into it. `npm run deploy` runs this first, so a database under a wrong binding stops the deploy, and so does one that is
 * not bound although environments live there.
 */

import { once } from "node:events";
import { parseArgs } from "node:util";
import { runToEnd, spawnChild } from "./children.ts";
import { migrateLocally } from "./server.ts";
import {
  type BoundDatabase,
  CONFIG,
  collect,
  databasesIn,
  NUMBERS_IN_USE,
  numbering,
  ROOT,
  requireAllBound,
  requireNumber,
  WRANGLER,
} from "./wrangler.ts";

const USAGE = `npm run migrate                     the databases of the account
npm run migrate -- --local          those of \`npm start\`
                   --persist-to DIR the local ones in this folder
                   --config FILE    those of another configuration than wrangler.toml`;

/** With the account and the questions of the person who runs this. `pipe`: its output is read and not shown. */
async function runWithAccount(stdout: "inherit" | "pipe", ...args: readonly string[]): Promise<string> {
  const child = spawnChild(process.execPath, ["--no-warnings", WRANGLER, "d1", ...args], {
    cwd: ROOT,
    stdio: ["inherit", stdout, "inherit"],
  });
  const printed = collect(child);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`wrangler d1 ${args.join(" ")} failed.\n${printed()}`);
  return printed();
}

async function migrateRemote(config: string): Promise<void> {
  const databases = await databasesIn(config);
  const flags = ["--remote", "--config", config];
  for (const { binding } of databases) await runWithAccount("inherit", "migrations", "apply", binding, ...flags);
  for (const bound of databases) {
    const inUse = await number(bound, flags);
    if (bound.number === 0) requireAllBound(databases, inUse);
  }
}

/** Writes a database's number, and throws if it has another one. Returns the numbers in use that the database knows. */
async function number(bound: BoundDatabase, flags: readonly string[]): Promise<D1Output["results"]> {
  const command = ["--command", [...numbering(bound.number), NUMBERS_IN_USE].join("; "), "--json", "--yes"];
  const printed = await runWithAccount("pipe", "execute", bound.binding, ...command, ...flags);
  const [, read, used] = JSON.parse(printed) as readonly Partial<D1Output>[];
  requireNumber(bound, read?.results?.[0]?.number);
  console.log(`${bound.binding} is number ${bound.number}.`);
  return used?.results ?? [];
}

/** What wrangler prints of one statement. */
interface D1Output {
  readonly results: readonly { readonly number: number }[];
}

function sayNothingIsDeployed(error: unknown): never {
  throw new Error(`${error instanceof Error ? error.message : error}\nNothing was deployed.`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      local: { type: "boolean" },
      "persist-to": { type: "string" },
      config: { type: "string", default: CONFIG },
    },
  });
  const { config, "persist-to": persistTo } = values;
  if (values.help) console.log(USAGE);
  else if (values.local)
    await migrateLocally({ config, mustBindAll: true, ...(persistTo !== undefined && { persistTo }) });
  else await migrateRemote(config).catch(sayNothingIsDeployed);
  return 0;
}

runToEnd(main);

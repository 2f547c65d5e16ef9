/**
 * Runs wrangler for the commands of this folder: without an account, without questions, without sending data anywhere.
 * Knows which D1 databases `wrangler.toml` binds, and what is wrong if one says that it has another number.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { spawnChild } from "./children.ts";

/** The project's folder. Every command runs there, wherever the user typed it. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

// The `wrangler` command runs this file in another process. We run the file directly, so that it receives our signals
// and stops its runtime before it exits.
export const WRANGLER = createRequire(import.meta.url).resolve("wrangler");

const QUIET_AND_LOCAL = { CI: "true", WRANGLER_HIDE_BANNER: "true", WRANGLER_SEND_METRICS: "false" };

/** Runs wrangler to its end. Throws with its output if it fails. */
export async function runWrangler(args: readonly string[]): Promise<void> {
  const child = spawnChild(process.execPath, ["--no-warnings", WRANGLER, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...QUIET_AND_LOCAL },
  });
  const printed = collect(child);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`wrangler ${args.join(" ")} failed:\n${printed()}`);
}

/** Collects a child's output. */
export function collect(child: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

export const CONFIG = join(ROOT, "wrangler.toml");
const NAME = /^DB(?:_([1-9]|[1-5]\d|6[0-3]))?$/;

/** `DB`, which is number 0, or one of `DB_1` to `DB_63`. */
export interface BoundDatabase {
  readonly binding: string;
  readonly number: number;
  /** Names its file on this machine, as wrangler does. */
  readonly localId: string;
}

/** An entry of `[[d1_databases]]`. */
interface Entry {
  readonly binding: string;
  readonly database_id?: string;
  readonly preview_database_id?: string;
}

/** Loaded only by who needs it, because wrangler takes a second to load. */
export const loadWrangler = () => import("wrangler");

/** The databases of a configuration, in the order of their numbers. Throws if one has a name that the service ignores. */
export async function databasesIn(config = CONFIG): Promise<readonly BoundDatabase[]> {
  const { unstable_readConfig } = await loadWrangler();
  const read = unstable_readConfig({ config }, { hideWarnings: true });
  const bound: readonly Entry[] = read.d1_databases;
  return bound
    .map(({ binding, database_id, preview_database_id }) => ({
      binding,
      number: numberOf(binding),
      localId: preview_database_id ?? database_id ?? binding,
    }))
    .sort((a, b) => a.number - b.number);
}

/** Two statements: a database without a number gets this one, and the second returns the number that it has. */
export function numbering(number: number): readonly [string, string] {
  return [
    `INSERT INTO database_number (id, number) VALUES (1, ${number}) ON CONFLICT DO NOTHING`,
    "SELECT number FROM database_number",
  ];
}

/** Throws if the database is another one than its binding says. `found`: the number that it has. */
export function requireNumber({ binding, number }: Pick<BoundDatabase, "binding" | "number">, found: unknown): void {
  if (found === number) return;
  throw new Error(
    `The database that is bound as ${binding} says that it is number ${found}, so the binding points to the wrong database. ` +
      `Compare the database_id of ${binding} with the others in wrangler.toml, and correct it.`,
  );
}

/** A statement for the control database: the numbers of the databases in which environments live. */
export const NUMBERS_IN_USE = "SELECT DISTINCT database AS number FROM environments";

/** Throws if an environment lives in a database that is not bound, because then nobody could list its runs. */
export function requireAllBound(
  databases: readonly BoundDatabase[],
  inUse: readonly { readonly number?: unknown }[],
): void {
  const missing = inUse.map(({ number }) => number).filter((number) => databases.every((db) => db.number !== number));
  if (missing.length === 0) return;
  throw new Error(
    `Environments live in database ${missing.join(", ")}, which wrangler.toml does not bind. Bind it under its number, ` +
      "or move its environments away first.",
  );
}

function numberOf(binding: string): number {
  const name = NAME.exec(binding);
  if (name !== null) return Number(name[1] ?? 0);
  throw new Error(
    `wrangler.toml binds a D1 database as ${binding}, which the service does not use. Name it DB, or DB_1 to DB_63.`,
  );
}

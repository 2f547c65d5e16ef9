/** Migrates a D1 database, and writes its number into it. The caller says how statements reach it. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Bound, loadWrangler, ROOT } from "./wrangler.ts";

export type Row = Readonly<Record<string, string | number | null>>;

/** Runs statements in one transaction, and returns the rows of each. */
export type Batch = (statements: readonly string[]) => Promise<readonly (readonly Row[])[]>;

export const CONTROL: Bound = { binding: "DB", number: 0 };

const MIGRATIONS = join(ROOT, "migrations");
/** As `wrangler d1 migrations apply` makes it, so that its commands find what was applied. */
const APPLIED_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;
const APPLIED = "SELECT name FROM d1_migrations";
const SELECT_NUMBER = "SELECT number FROM database_number";
/** A statement for the control database: the numbers of the databases in which environments live. */
export const NUMBERS_IN_USE = "SELECT DISTINCT database AS number FROM environments";

/** Applies what is missing, each migration in a transaction of its own. Returns the names of those that it applied. */
export async function migrate(batch: Batch, bound: Bound): Promise<readonly string[]> {
  const [, applied = []] = await batch([APPLIED_TABLE, APPLIED]);
  const missing = missingAmong(applied);
  for (const name of missing) {
    const { unstable_splitSqlQuery } = await loadWrangler();
    const queries = unstable_splitSqlQuery(readFileSync(join(MIGRATIONS, name), "utf8"));
    await batch([...queries, `INSERT INTO d1_migrations (name) VALUES ('${name}')`]);
  }
  const number = `INSERT INTO database_number (id, number) VALUES (1, ${bound.number}) ON CONFLICT DO NOTHING`;
  const [, found = []] = await batch([number, SELECT_NUMBER]);
  requireNumber(bound, found[0]?.number);
  return missing;
}

function missingAmong(applied: readonly Row[]): readonly string[] {
  const names = new Set(applied.map(({ name }) => name));
  return readdirSync(MIGRATIONS)
    .filter((name) => /^\w+\.sql$/.test(name) && !names.has(name))
    .sort();
}

/** What a database is, before anything changes it. */
export interface DatabaseState {
  readonly number: number | null;
  readonly missing: readonly string[];
  /** Whether no table has a row, besides those that migrations and numbers leave. */
  readonly isEmpty: boolean;
  /** The numbers of databases in which environments live. Only the control database knows any. */
  readonly inUse: readonly number[];
}

export async function lookAt(batch: Batch): Promise<DatabaseState> {
  const [rows = []] = await batch([
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*'",
  ]);
  const tables = rows.map(({ name }) => String(name));
  const read = async (table: string, select: string) =>
    tables.includes(table) ? ((await batch([select]))[0] ?? []) : [];
  const holding = tables.filter((name) => name !== "d1_migrations" && name !== "database_number");
  const holdsRows = holding.map((name) => `EXISTS (SELECT 1 FROM "${name.replaceAll('"', '""')}")`).join(" OR ");
  const [held] = holding.length === 0 ? [] : ((await batch([`SELECT ${holdsRows} AS held`]))[0] ?? []);
  const [numbered] = await read("database_number", SELECT_NUMBER);
  return {
    number: numbered === undefined ? null : Number(numbered.number),
    missing: missingAmong(await read("d1_migrations", APPLIED)),
    isEmpty: (held?.held ?? 0) === 0,
    inUse: (await read("environments", NUMBERS_IN_USE)).map(({ number }) => Number(number)),
  };
}

/** Throws if the database is another one than its binding says. `found`: the number that it has. */
export function requireNumber({ binding, number }: Bound, found: unknown): void {
  if (found === number) return;
  throw new Error(
    `The database that is bound as ${binding} says that it is number ${found}, so the binding leads to the wrong ` +
      "database. Bind the database that has this number.",
  );
}

/** Throws if an environment lives in a database that is not bound, because then nobody could list its runs. */
export function requireAllBound(databases: readonly Bound[], inUse: readonly number[]): void {
  const missing = inUse.filter((number) => databases.every((db) => db.number !== number));
  if (missing.length === 0) return;
  throw new Error(
    `Environments live in database ${missing.join(", ")}, which is not bound. Bind it under its number, or move its ` +
      "environments away first.",
  );
}

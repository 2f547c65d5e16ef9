/** The database with a number for a request: the question to it is counted, and what is wrong becomes a response. */

import type { Hops } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { boundDatabase, mustAskForNumber, NotBound } from "../settings/bound-database.ts";
import { type Databases, databaseNumbered } from "../settings/databases.ts";
import { isUnmigrated } from "./d1-errors.ts";
import { readD1 } from "./read-d1.ts";

/**
 * Null if no database is bound under this number, or if the one that is has not this number. Throws
 * `database_unavailable`.
 */
export async function databaseThatSays(env: Databases, hops: Hops, number: number): Promise<D1Database | null> {
  const db = databaseNumbered(env, number);
  // Almost always, because an isolate asks a database once.
  if (db === null || !mustAskForNumber(env, number)) return db;
  return readD1(hops, () => boundDatabase(env, number)).catch((error: ApiError) => {
    if (error.cause instanceof NotBound || isUnmigrated(error.cause)) return null;
    throw error;
  });
}

/** The same, of the database where an environment lives. Throws `database_not_bound` as well. */
export async function requireDatabaseNumbered(env: Databases, hops: Hops, number: number): Promise<D1Database> {
  const db = await databaseThatSays(env, hops, number);
  if (db !== null) return db;
  throw new ApiError(
    "database_not_bound",
    `Database ${number} is not bound. The operator must bind it as ${bindingOf(number)}, and run \`npm run migrate\`.`,
  );
}

/** The same, of a database that the operator names. A repeated request can't help, so this throws `database_unknown`. */
export async function requireNamedDatabase(env: Databases, hops: Hops, number: number): Promise<D1Database> {
  const db = await databaseThatSays(env, hops, number);
  if (db !== null) return db;
  throw new ApiError(
    "database_unknown",
    `Database ${number} is not bound. Choose another database, or bind this one as ${bindingOf(number)} and run \`npm run migrate\`.`,
  );
}

function bindingOf(number: number): string {
  return number === 0 ? "DB" : `DB_${number}`;
}

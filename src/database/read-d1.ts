/** Reads D1 for a request: counted, with a timeout, and without D1's own errors. Finds a database by its number. */
import { Timeout, within } from "../base/time.ts";
import { ApiError } from "../http/errors.ts";
import type { Hops } from "../http/request-context.ts";
import { boundDatabase, type Databases, databaseNumbered, mustAskForNumber, NotBound } from "../settings/databases.ts";
import { isDatabaseFull, isUnmigrated } from "./d1-errors.ts";

const READ_MAX_MS = 5000;

export const DATABASE_FULL =
  "The database is full. Remove older runs with POST …/purge, or move environments to another database.";

/** Retries a read that takes over 5 s once. Throws `database_unavailable`, or `storage_full` for a write. */
export async function readD1<T>(hops: Hops, read: () => Promise<T>): Promise<T> {
  try {
    return await timed(hops, read).catch((error: unknown) => {
      if (error instanceof Timeout) return timed(hops, read);
      throw error;
    });
  } catch (error) {
    if (isDatabaseFull(error)) throw new ApiError("storage_full", DATABASE_FULL, { cause: error });
    throw new ApiError("database_unavailable", undefined, { cause: error });
  }
}

function timed<T>(hops: Hops, read: () => Promise<T>): Promise<T> {
  hops.d1++;
  return within(READ_MAX_MS, read());
}

/** Null if none is bound under the number, or if that one has another number. Throws `database_unavailable`. */
export async function confirmedDatabase(env: Databases, hops: Hops, number: number): Promise<D1Database | null> {
  const db = databaseNumbered(env, number);
  // Almost always, because an isolate asks a database once.
  if (db === null || !mustAskForNumber(env, number)) return db;
  return readD1(hops, () => boundDatabase(env, number)).catch((error: ApiError) => {
    if (error.cause instanceof NotBound || isUnmigrated(error.cause)) return null;
    throw error;
  });
}

/** What to do, by the error: about the database of an environment, or about one that the operator names. */
const UNBOUND = {
  database_not_bound: (binding: string) => `The operator must bind it as ${binding}, and run \`npm run migrate\`.`,
  database_unknown: (binding: string) =>
    `Choose another database, or bind this one as ${binding} and run \`npm run migrate\`.`,
};

/** The same. Throws `unbound` as well: after `database_unknown`, a repeated request can't help. */
export async function requireDatabaseNumbered(
  env: Databases,
  hops: Hops,
  number: number,
  unbound: keyof typeof UNBOUND = "database_not_bound",
): Promise<D1Database> {
  const db = await confirmedDatabase(env, hops, number);
  if (db !== null) return db;
  const advice = UNBOUND[unbound](number === 0 ? "DB" : `DB_${number}`);
  throw new ApiError(unbound, `Database ${number} is not bound. ${advice}`);
}

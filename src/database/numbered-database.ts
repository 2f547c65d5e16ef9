/**
 * The database with a number, if it is bound and says itself that it has this number. Two bindings that were mixed up
 * would otherwise mix the runs of environments.
 */

import type { Hops } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { type Databases, databaseNumbered, hasSeveralDatabases } from "../settings/databases.ts";
import { readD1 } from "./read-d1.ts";

/**
 * Per isolate: the bindings under which a database has said its number. Remembered for good, because a binding changes
 * only with a deploy, which starts new isolates, and a database never changes its number. What failed is asked again,
 * because the operator may mend it by a migration.
 */
const checked = new Map<number, true>();

export const NUMBER = "SELECT number FROM database_number";

/** Null if no database is bound under this number, or if it says another one. Throws `database_unavailable`. */
export async function databaseThatSays(
  env: Databases,
  hops: Hops,
  number: number,
): Promise<D1Database | null> {
  const db = databaseNumbered(env, number);
  if (db === null || !hasSeveralDatabases(env) || checked.has(number)) return db;
  if (!(await saysNumber(db, hops, number))) return null;
  checked.set(number, true);
  return db;
}

/** The same. Throws `database_not_bound` as well. */
export async function requireDatabaseNumbered(
  env: Databases,
  hops: Hops,
  number: number,
): Promise<D1Database> {
  const db = await databaseThatSays(env, hops, number);
  if (db === null) throw new ApiError("database_not_bound", notBound(number));
  return db;
}

async function saysNumber(db: D1Database, hops: Hops, number: number): Promise<boolean> {
  const says = await readD1(hops, () => db.prepare(NUMBER).first<number>("number")).catch((error) => {
    if (isUnmigrated((error as ApiError).cause)) return null;
    throw error;
  });
  return isNumberOf(says, number);
}

/** `says`: null if the database knows no number. The control database has none before its first migration by number. */
export function isNumberOf(says: number | null, number: number): boolean {
  return says === null ? number === 0 : says === number;
}

/** Whether D1 refused a statement because a migration is missing. */
export function isUnmigrated(cause: unknown): boolean {
  return /no such (table|column)/.test(String(cause));
}

function notBound(number: number): string {
  return `Database ${number}, where this environment's runs are, is not bound. The operator must bind it as DB_${number} and migrate it.`;
}

/** Finds a database by its number, and makes sure that it is the one that has this number. */

import { type Databases, databaseNumbered, hasSeveralDatabases } from "./databases.ts";

/** The database is not bound, or the binding leads to a database that has another number. */
export class NotBound extends Error {
  constructor(number: number, said: number | null) {
    super(
      said === null
        ? `database ${number} is not bound`
        : `the binding of database ${number} leads to database ${said}: correct wrangler.toml`,
    );
  }
}

/**
 * The databases of this isolate that have said their number. Bindings never change while an isolate lives, so one
 * question is enough. A wrong number is asked for again, because `npm run migrate` can still write the right one.
 */
const confirmed = new Set<number>();

/** Whether the next call of `boundDatabase` asks the database for its number. */
export function mustAskForNumber(env: Databases, number: number): boolean {
  return hasSeveralDatabases(env) && !confirmed.has(number);
}

/**
 * The database with this number. Throws NotBound, or what D1 threw when it was asked for its number. With one database
 * there is nothing to confuse, so nothing is asked.
 */
export async function boundDatabase(env: Databases, number: number): Promise<D1Database> {
  const db = databaseNumbered(env, number);
  if (db === null) throw new NotBound(number, null);
  if (mustAskForNumber(env, number)) {
    const said = await db.prepare("SELECT number FROM database_number").first<number>("number");
    if (said !== number) throw new NotBound(number, said);
    confirmed.add(number);
  }
  return db;
}

/** For tests, which have several deployments in one isolate. */
export function forgetNumbers(): void {
  confirmed.clear();
}

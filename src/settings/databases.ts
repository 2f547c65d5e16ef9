/** Which D1 databases are bound: `DB`, number 0, and any of `DB_1` to `DB_63`; and whether each has its number. */
import type { Env } from "./env.ts";

export const DATABASE_MAX = 63;

export type Databases = Pick<Env, "DB" | "NEW_ENVIRONMENTS" | `DB_${number}`>;

export function databaseNumbered(env: Databases, number: number): D1Database | null {
  if (number === 0) return env.DB;
  return (isNumber(number) && env[`DB_${number}`]) || null;
}

/** Bindings never change while an isolate lives, and each request asks for them. */
const bound = new WeakMap<object, readonly number[]>();

/** The numbers of all bound databases, in order. Only 0 in most deployments. */
export function boundDatabases(env: Databases): readonly number[] {
  const known = bound.get(env);
  if (known !== undefined) return known;
  const all = Array.from({ length: DATABASE_MAX + 1 }, (_, number) => number);
  const numbers = all.filter((number) => databaseNumbered(env, number) !== null);
  bound.set(env, numbers);
  return numbers;
}

/** Otherwise no request asks where an environment lives. */
export function hasSeveralDatabases(env: Databases): boolean {
  return boundDatabases(env).length > 1;
}

/** The databases in which new environments live: NEW_ENVIRONMENTS, or 0 if it is not valid. */
export function databasesForNew(env: Databases): readonly number[] {
  const listed = listedForNew(env);
  return listed.length > 0 && listed.every((number) => databaseNumbered(env, number) !== null) ? listed : [0];
}

export function newEnvironmentsFault(env: Databases): string | null {
  const wrong = listedForNew(env).find((number) => databaseNumbered(env, number) === null);
  if (wrong === undefined) return null;
  const what = isNumber(wrong)
    ? `database ${wrong}, which is not bound`
    : "something that is not a number from 0 to 63";
  return `NEW_ENVIRONMENTS names ${what}. List numbers of bound databases, separated by commas.`;
}

function listedForNew(env: Databases): readonly number[] {
  const text = (env.NEW_ENVIRONMENTS ?? "").trim();
  if (text === "") return [];
  return text.split(",").map((part) => (/^\s*\d{1,2}\s*$/.test(part) ? Number(part) : Number.NaN));
}

function isNumber(number: number): boolean {
  return Number.isInteger(number) && number >= 0 && number <= DATABASE_MAX;
}

/** The database is not bound, or the binding leads to a database that has another number. */
export class NotBound extends Error {}

/** These have said their number to this isolate. A wrong one is asked for again: `npm run migrate` can write it. */
const confirmed = new Set<number>();

/** Whether the next call of `boundDatabase` asks the database for its number. */
export function mustAskForNumber(env: Databases, number: number): boolean {
  return hasSeveralDatabases(env) && !confirmed.has(number);
}

/** Throws NotBound, or what D1 threw. A single database is not asked for its number. */
export async function boundDatabase(env: Databases, number: number): Promise<D1Database> {
  const db = databaseNumbered(env, number);
  if (db === null) throw new NotBound(`database ${number} is not bound`);
  if (mustAskForNumber(env, number)) {
    const actual = await db.prepare("SELECT number FROM database_number").first<number>("number");
    if (actual !== number) throw new NotBound(`the binding of database ${number} leads to database ${actual}`);
    confirmed.add(number);
  }
  return db;
}

/** For tests, which have several deployments in one isolate. */
export function forgetNumbers(): void {
  confirmed.clear();
}
